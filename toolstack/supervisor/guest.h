/* SPDX-License-Identifier: MIT */
/*
 * guest.h - one guest's life, from createdomain to the last trace of it
 *
 *               ┌───────────────── restart ──────────────────┐
 *               ▼                                            │
 *   NEW ──▶ BUILDING ──▶ LAUNCHING ──▶ RUNNING ──▶ ENDED ──▶ WAITING
 *               └─▶ PAUSED ──┘ └▶RECEIVING─▲ │       ▲├─ preserve ▶ KEPT
 *                                        │ ▼         │└─ destroy ─▶ GONE
 *                                      SUSPENDED ────┘
 *
 * Any state goes to GONE by destroy, or when the domain vanishes; by way of
 * ENDING while its devices' backends end.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

struct err;
struct guest;
struct moveproc;
struct rundir;
struct run_state;
struct vm_config;

/*
 * A domain's event channels are taken so many times in a slice of time; a
 * guest that rings more waits until it is over.
 */
#define GUEST_RINGS_MAX 256u
#define GUEST_RINGS_SLICE_MS 64u

enum guest_state {
    GUEST_NEW,
    GUEST_BUILDING,  /* hypercalls and xenstore; no event comes meanwhile */
    GUEST_PAUSED,    /* built; the steward is not placed yet */
    GUEST_LAUNCHING, /* the steward runs, and is fed */
    GUEST_RECEIVING, /* its steward takes it from another host */
    GUEST_RUNNING,   /* its kernel runs */
    GUEST_SUSPENDED, /* its vCPUs stand still, as it was asked for */
    GUEST_ENDED,     /* it shut down; on_* decides */
    GUEST_KEPT,      /* stopped, kept for whoever wants to look */
    GUEST_WAITING,   /* for the time of the next restart */
    GUEST_ENDING,    /* no domain is left; its devices' backends end */
    GUEST_GONE,      /* nothing is left of it */
    GUEST_STATES
};

struct guest_times { /* of the last launch; us */
    uint64_t hypercalls, xenstore, load, launch, total;
};

struct guest_options {
    bool paused;   /* stop in PAUSED until guest_resume() */
    bool adopting; /* guest_adopt() is what comes next */
    struct moveproc
        *receive;            /* the guest comes by it; taken by guest_start() */
    bool receive_check;      /* and will not stay */
    const char *log_dir;     /* NAME.log goes there */
    const char *blk_program; /* a disk's backend; NULL: the installed one */
    const char *net_program; /* a card's; the same */
    const char *migrate_program, *tokens_dir; /* the same */
    uint64_t start_us; /* when the command began, CLOCK_MONOTONIC */
    /* Once: the guest runs (or is PAUSED, or adopted), or never will. */
    void (*outcome)(void *arg, struct guest *g, const struct err *failed);
    /* The guest is GONE; failed is NULL after an ordinary end. */
    void (*gone)(void *arg, const struct err *failed);
    /* Replace this process, soon; the guest may be left. */
    int (*reload)(void *arg, struct err *e);
    void *arg;
};

/*
 * Open what a guest needs on this host.  cfg and dir must outlive the guest; a
 * rename changes them.
 * Nothing of the guest exists yet; its sockets listen.
 */
int guest_open(uv_loop_t *loop, struct vm_config *cfg, struct rundir *dir,
               const struct guest_options *o, struct guest **out,
               struct err *e);

/* A guest that comes is not wanted: answer with the words; takes p. */
void guest_refuse_mover(struct moveproc *p, const struct err *why);

/* Make the guest.  Its outcome() may be called before this returns. */
void guest_start(struct guest *g);

/*
 * Take over the running domain of a supervisor that died; what it measured
 * comes from what that one wrote down, not from the guest.  After an error the
 * domain is as it was, but for
 *
 *   -EPROTO     its launch was not over: it was removed; guest_start() it
 */
int guest_adopt(struct guest *g, uint16_t domid, const struct run_state *left,
                struct err *e);

/*
 * Ask its kernel to power off; what has no kernel yet is destroyed.
 *
 *   -EBUSY      it is suspended, and hears nothing
 */
int guest_stop(struct guest *g, const char *how, struct err *e);

/* The same, and it is not made anew, however its kernel then ends. */
int guest_stop_for_good(struct guest *g, struct err *e);

/* Destroy the domain and every trace of it, whatever it does. */
void guest_destroy(struct guest *g);
/*
 * The same, of one that did not stop when it was asked; but not of one that is
 * on its way to another host: a transfer is cancelled, and one that is cut is
 * kept, for it may be all that there is of the guest.
 */
void guest_stop_now(struct guest *g);

/*
 * Have this process replaced under the running guest: reload() is asked for it.
 *
 *   -EBUSY      a launch is not over, or it ended: guest_may_leave()
 */
int guest_reload(struct guest *g, struct err *e);
int guest_may_leave(const struct guest *g, struct err *e);
/* Give back our side of the domain and leave it as it is; then take it again.
 */
void guest_leave(struct guest *g);
void guest_return(struct guest *g);

/*
 * Ask its kernel to suspend.  Within a minute the guest is SUSPENDED, or an
 * event "unsuspended" says why not and it runs on.
 *
 *   -EBUSY      it does not run, was asked already, or to stop
 */
int guest_suspend(struct guest *g, struct err *e);

/* Let a SUSPENDED guest go on, as if nothing had been: -EBUSY, -EPERM. */
int guest_wake(struct guest *g, struct err *e);

int guest_pause(struct guest *g, struct err *e);
int guest_resume(struct guest *g, struct err *e); /* PAUSED: launch */

/* After gone(); the memory goes when the loop has closed the handles. */
void guest_close(struct guest *g); /* NULL: no-op */

const char *guest_state_name(enum guest_state s);

uint16_t guest_domid(const struct guest *g);
struct json_object *guest_info(struct guest *g); /* the caller's to put */

#endif
