/* SPDX-License-Identifier: MIT */
/*
 * guest_move.h - a guest that is on its way to another host, or from one; for
 * guest*.c alone
 *
 *   guest_move.c       what both have: the process, its events, what is told
 *   guest_leaves.c     the source
 *   guest_comes.c      the destination
 *   guest_reach.c      does the destination reach its disks?
 *   guest_plan.c       what the source tells the destination beforehand
 *   guest_resolve.c    a transfer that was cut
 *
 * How this works: freehold-migrate has the control page's commands and the
 * doorbell while it runs, and says what it wants done (migrate/relay.h); we
 * have neither.  When it has ended, what its last event said is done
 * (source.h and dest.h have the ends), or, without one, what the page says.
 * Between two of them a guest may be FENCED or READY: g->move stays, without
 * a process.
 */
#ifndef GUEST_MOVE_H
#define GUEST_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "abi/steward_abi.h"
#include "toolstack/supervisor/moveproc.h"

struct err;
struct guest;
struct guest_reach;
struct json_object;

#define GUEST_MOVE_HEX 33u /* a session in hex, NUL included */
#define GUEST_MOVE_WHY 512u

enum guest_move_role { GUEST_LEAVES, GUEST_COMES };

struct guest_move {
    struct guest *guest; /* NULL: it is closing */
    enum guest_move_role role;
    struct moveproc *proc;     /* NULL: none runs */
    struct guest_reach *reach; /* D: NULL: not begun */
    bool check;                /* nothing is to move */
    bool wants_gone;           /* destroy was asked for meanwhile */
    bool has_suspended;        /* the guest, for us */
    bool asked;                /* it was asked to suspend, and has not */
    bool draining;             /* the process waits for its disks */
    bool told_cancel;          /* the steward, by us */
    char state[24];            /* what info says of it */
    char session[GUEST_MOVE_HEX];
    char end[16]; /* the process' last word; "": none yet */
    char why[GUEST_MOVE_WHY];
    uint64_t begun_us, since_us; /* CLOCK_MONOTONIC, CLOCK_REALTIME */
    uint64_t paused_us, done_us; /* CLOCK_MONOTONIC; 0: not yet */
    uint64_t epoch, nr_epochs, sent_pages, ram_pages, bytes, bytes_per_s;
    uint64_t left_pages, downtime_ms;
    int peer_fd;      /* we are the process' peer; -1: we are not */
    uv_timer_t timer; /* the page is looked at until it has settled */
    uint32_t nr_looks;
    uint32_t nr_tokens, nr_notes; /* of this process: it may be endless */
};

/* ---- guest_move.c ---- */

int guest_move_new(struct guest *g, enum guest_move_role role, struct err *e);
/* Drop it, and its process; the guest goes on, or is over. */
void guest_move_drop(struct guest *g);

/* Hand the doorbell over, and have the process' events: takes p. */
int guest_move_begin(struct guest *g, struct moveproc *p, struct err *e);

/* The doorbell is ours again; false: the guest, or a process, has it still. */
bool guest_move_take_bell(struct guest *g);

/* state as words; a constant or the process' own. */
void guest_move_state(struct guest_move *m, const char *state);
void guest_move_tell(struct guest_move *m);
/* The last event of it: "migration-end". */
void guest_move_tell_end(struct guest_move *m, const char *end);

/* The guest ends in the midst of it: tell so. */
void guest_move_cut(struct guest_move *m);

/* Of "info": the object, or NULL. */
struct json_object *guest_move_info(struct guest *g);
/*
 * May this method be done now?
 *
 *   -EBUSY      it would do harm
 */
int guest_move_bars(struct guest *g, const char *method,
                    struct json_object *params, struct err *e);
/* migrate, migrate_cancel, resolve; -ENOSYS without words: none of them. */
int guest_move_call(struct guest *g, const char *method,
                    struct json_object *params, struct err *e);
/* A transfer that goes on: ask for its end. */
void guest_move_cancel(struct guest *g);

/* The doorbell rang: the page that is looked at may have settled. */
void guest_move_rang(struct guest *g);
/* Tell the steward to, once; no process is there to say it. */
void guest_move_give_up(struct guest_move *m);
/* Look at the page every second until it has settled. */
void guest_move_watch_page(struct guest_move *m);

/*
 * A look, unless a process speaks for the page.  settle() acts on what the page
 * says, if that is an end, and is false else.  True: it was the last look.
 */
bool guest_move_waits_in_vain(struct guest_move *m,
                              bool (*settle)(struct guest_move *m));

/* What the steward's page says of a transfer, enum fh_move_state. */
uint32_t guest_move_page_state(const struct guest *g);
/* Keep the token on the page, if it is one. */
void guest_move_keep_page(struct guest *g);
int guest_move_tokens_dir(struct guest *g, struct err *e); /* a descriptor */

/* ---- guest_leaves.c ---- */

int guest_leaves_begin(struct guest *g, struct json_object *params,
                       struct err *e);
void guest_leaves_event(struct guest_move *m, const char *name);
/* The process has ended. */
void guest_leaves_ended(struct guest_move *m);
/* The page is to settle; by the timer and the doorbell. */
void guest_leaves_look(struct guest_move *m);
/* guest_suspend.c: it suspended; it will not. */
void guest_leaves_slept(struct guest *g);
/* guest_devs.c: its disks may have nothing in flight. */
void guest_leaves_drained(struct guest *g);
void guest_leaves_awake(struct guest *g, const char *why);
/* Suspended to be moved: does it run at the other host by now, for all we know?
 */
bool guest_leaves_may_have_left(const struct guest *g);
/* A supervisor before us had one. */
void guest_leaves_adopt(struct guest *g);

/* ---- guest_comes.c ---- */

/* Its steward is RECEIVING: answer, and go on. */
void guest_comes_begin(struct guest *g);
/* It could not be made: answer with the words. */
void guest_comes_refuse(struct guest *g, const struct err *why);
void guest_comes_event(struct guest_move *m, const char *name,
                       struct json_object *o);
void guest_comes_ended(struct guest_move *m);
void guest_comes_look(struct guest_move *m);
/* destroy, in order: true when it is under way. */
bool guest_comes_leave(struct guest *g);
/* guest_adopt(), of one that was not here yet. */
void guest_comes_adopt(struct guest *g);

/* ---- guest_reach.c ---- */

/* missing: an array of words, one a server that cannot be reached; not to keep.
 */
typedef void guest_reach_done(struct guest *g, struct json_object *missing);
/*
 * done() runs once, at once or from the loop, unless guest_reach_stop() comes
 * first; that has to come, in done() or later, and lets go of the memory.
 */
int guest_reach(struct guest *g, guest_reach_done *done,
                struct guest_reach **out, struct err *e);
void guest_reach_stop(struct guest_reach *r); /* NULL: no-op */

/* ---- guest_plan.c ---- */

/* What PLAN says; the caller's to put. */
int guest_plan(struct guest *g, struct json_object **out, struct err *e);

/* ---- guest_resolve.c ---- */

int guest_resolve(struct guest *g, struct json_object *params, struct err *e);
int guest_resolve_receive(struct guest *g, struct json_object *params,
                          struct err *e);
/* The process asks whether that session is ours. */
void guest_resolve_session(struct guest_move *m);
/* The descriptors of "fds", taken; moveproc_fds_close() when done. */
int guest_resolve_fds(struct guest *g, struct json_object *params,
                      struct moveproc_fds *out, struct err *e);
void guest_resolve_close(struct moveproc_fds *fds);

#endif
