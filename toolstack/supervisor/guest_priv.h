/* SPDX-License-Identifier: MIT */
/*
 * guest_priv.h - a guest's insides, for guest*.c alone
 */
#ifndef GUEST_PRIV_H
#define GUEST_PRIV_H

#include "common/err.h"
#include "toolstack/supervisor/guest.h"
#include "toolstack/supervisor/hyp.h"
#include "toolstack/supervisor/load.h"

struct bell { /* the watch on one domain's event channels */
    uv_poll_t poll;
    uv_timer_t slice;    /* runs from its first ring to its end */
    uint32_t nr_rings;   /* in this slice */
    uint32_t nr_handles; /* not yet closed; the last one frees us */
    struct guest *guest; /* NULL: closing */
};

enum guest_sleep {                    /* what is known of a suspend to come */
                   GUEST_SLEEP_NONE,  /* it was not asked for one */
                   GUEST_SLEEP_ASKED, /* it was, and has time */
                   GUEST_SLEEP_LATE,  /* one that comes now is cancelled */
};

struct guest {
    uv_loop_t *loop;
    struct vm_config *cfg; /* a rename changes its name */
    struct rundir *dir;
    struct guest_options opt;
    enum guest_state state;
    const char *why;   /* it is in this state */
    uint64_t moved_us; /* since when, CLOCK_REALTIME */

    struct hyp *hyp;
    struct storewatch *watch;
    struct store *store; /* of watch; NULL: xenstored ended */
    struct gnt *gnt;
    struct console *console;
    struct api *api;
    /* paused, launch, no xenstore: look after it; waiting: restart */
    uv_timer_t timer;
    uv_timer_t unheard; /* runs from a request to stop to its answer's time */
    uv_timer_t suspending; /* the same, for a request to suspend */
    enum guest_sleep sleep;
    uint32_t command_seq; /* of the steward; waits for it: command_op != 0 */
    uint32_t command_op;
    uint32_t transfer; /* enum fh_transfer, as the steward said last */
    uint32_t nr_handles;

    /* Of the current domain; all zero (domid: none) in between. */
    uint16_t domid;
    struct hyp_ports ports; /* the guest's ends */
    struct evt *evt;
    struct bell *bell;
    uint32_t doorbell, console_port; /* our ends; 0: not bound */
    bool stale;                      /* the xenstored that knew it ended */
    struct load load;
    struct load_identity identity;
    uint64_t unpaused_us, alive_us, quiet_since_us;
    uint32_t nr_rings; /* of the doorbell, for the watchdog */

    bool receives;           /* it comes from another host, and has not */
    bool leaves;             /* it is on its way to another */
    struct guest_move *move; /* guest_move.h; NULL: it stays here */
    struct guest_dev *devs;  /* guest_devs.h */
    bool devs_listed;        /* they are the guest's, not the next build's */
    uint32_t devs_seen;      /* BIT(enum devfile_kind): ever in the list */

    uint16_t left_domid; /* from guest_leave() to guest_return() */
    uint32_t left_console_port;

    struct guest_times times;
    uint32_t nr_restarts, quick_deaths;
    bool reported;   /* outcome() was called */
    bool wants_gone; /* destroy was asked for */
    const char *end_why;
    struct err failed; /* why it is GONE; rc 0: an ordinary end */
};

uint64_t guest_now_us(void);   /* CLOCK_MONOTONIC */
uint64_t guest_clock_us(void); /* CLOCK_REALTIME */

/*
 * guest.c: the only writer of g->state.  A move that the table there forbids
 * is our own bug.  why is a constant.
 */
void guest_move(struct guest *g, enum guest_state to, const char *why);
/* Tell whoever waits for the outcome; the first one counts. */
void guest_report(struct guest *g, const struct err *failed);
/* The end, from any state; failed NULL after an ordinary one. */
void guest_end(struct guest *g, const char *why, const struct err *failed);
/* The last of its devices' backends may have ended. */
void guest_devs_ended(struct guest *g);
/* The one timer; what it is for depends on the state.  repeat_ms 0: once. */
void guest_arm(struct guest *g, uint32_t after_ms, uint32_t repeat_ms);
#define GUEST_HEAR_MS 10000u /* a kernel's time to answer */
#define GUEST_LOOK_MS 1000u  /* how often a domain is looked at unasked */

/* guest_launch.c: unpause it.  After an error call guest_launch_failed(). */
int guest_launch(struct guest *g, struct err *e);
void guest_launch_failed(struct guest *g, const struct err *e);
/* Look at the control page and do what it asks for. */
void guest_serve_steward(struct guest *g);
/* Its kernel ran, whatever the page says. */
void guest_launch_over(struct guest *g);
/* The timer, while it is launched. */
void guest_look_after_launch(struct guest *g);
/* Xen's word: its domain suspended, and nobody resumed it. */
bool guest_is_asleep(struct guest *g);

/* guest_fate.c: something happened to some domain; was it ours? */
void guest_look(struct guest *g);

/* One of the domain's event channels rang; port is our end. */
void guest_rang(struct guest *g, uint32_t port);

/*
 * guest_domain.c: an empty domain with its tree, its doorbell bound, the files
 * open.  After an error call guest_domain_remove().
 */
int guest_domain_build(struct guest *g, struct err *e);
/* The steward is ready: connect what the kernel will look for, and offer. */
int guest_domain_introduce(struct guest *g, struct err *e);
int guest_domain_measured(struct guest *g, struct err *e);
/* It is on its way to another host, or no longer: for the next supervisor. */
int guest_domain_leaves(struct guest *g, bool leaves, struct err *e);
/* The guest came from another host: take down what it is. */
int guest_domain_came(struct guest *g, struct err *e);
/* Connect to a running domain (g->domid, g->ports.console). */
void guest_domain_adopt(struct guest *g);
/* Give back our side of the domain; a no-op without one. */
void guest_domain_let_go(struct guest *g);
/* And remove the domain and its tree. */
void guest_domain_remove(struct guest *g);

/* guest_store.c: connect, and watch xenstored itself. */
int guest_store_open(struct guest *g, struct err *e);
void guest_store_close(struct guest *g);
/* A domain that we did not make under this xenstored: does it know it? */
void guest_store_check(struct guest *g);
/*
 * Try to connect again; and see that the domain is looked at until then, or
 * for as long as it is suspended.
 */
void guest_store_look(struct guest *g);
/* -ESTALE when the guest's kernel no longer hears what is written there. */
int guest_store_want(const struct guest *g, const char *what, struct err *e);
/* Ask the kernel for "poweroff" or "reboot".  -ESTALE, -ENOTCONN. */
int guest_store_ask(struct guest *g, const char *how, struct err *e);

/* guest_suspend.c: its domain suspended itself.  True: that is dealt with. */
bool guest_slept(struct guest *g);
/* An earlier supervisor may have asked for a suspend. */
void guest_suspend_adopt(struct guest *g);
/* It was asked to, and is no longer meant to: one that comes is cancelled. */
void guest_suspend_late(struct guest *g);
/* Whatever was asked for, it no longer is. */
void guest_suspend_forget(struct guest *g);

/* guest_steward.c: the doorbell rang; the API's method "steward". */
void guest_steward_rang(struct guest *g);
int guest_steward_call(struct guest *g, struct json_object *params,
                       struct err *e);
void guest_steward_adopt(struct guest *g);
/* Have it give up whatever it does.  -ENOTCONN: it cannot be told. */
int guest_steward_cancel(struct guest *g, struct err *e);

/* guest_tune.c: before createdomain, and before the first unpause. */
int guest_find_pool(struct guest *g, uint32_t *out, struct err *e);
int guest_place(struct guest *g, struct err *e);
uint64_t guest_target_kib(struct guest *g); /* as it was asked last */
/* Its methods; -ENOSYS without words: none of them. */
int guest_tune(struct guest *g, const char *method, struct json_object *params,
               struct err *e);

/* guest_info.c: tell every subscriber; takes what, NULL: no more to say. */
void guest_event(struct guest *g, const char *method, struct json_object *what);

/* The API's methods. */
int guest_call(void *arg, const char *method, struct json_object *params,
               struct json_object **result, struct err *e);

#endif
