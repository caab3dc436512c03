/* SPDX-License-Identifier: MIT */
/*
 * xbdev.h - a device between its guest and its backend: the states of xenbus
 *
 *           what it serves       its keys           serves
 *   STARTING ───────────▶ WAITING ─────▶ CONNECTING ─────▶ CONNECTED
 *                          ▲  ▲  └───────────┴───────────────┤ it closed, or
 *           it comes again │  └─── it came again ──┐         │ broke a rule
 *                          └───── CLOSED ◀──── CLOSING ◀─────┘
 *                                      drained, and it closed
 *
 *   any of these ── its backend is given up ──▶ FAILED
 *   any, FAILED too ── detached, or the guest ended ──▶ GONE
 *
 * How this works: the guest's state is looked at, at most every 10 ms however
 * often it writes it, and every second if it comes and goes without end; and
 * every state of ours has an answer to each of its.
 * What a backend does meanwhile (belink.h) moves nothing that the guest sees
 * unless it has to: one that is started again goes on with the same rings.
 * Nothing is Closed while the backend may have requests of the guest.  What a
 * kind of device writes, reads and starts is in its ops.
 *
 * Loop thread only.
 */
#ifndef XBDEV_H
#define XBDEV_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "toolstack/supervisor/belink.h"
#include "toolstack/supervisor/vbd_state.h"

struct err;
struct store;

#define XBDEV_WHY_BYTES 256u

struct xbdev_ops {
    /* Write what a frontend reads before it writes its keys, and InitWait. */
    int (*offer)(void *arg, struct err *e);
    /* What it reads before it uses the device, and Connected; also again. */
    int (*connected)(void *arg, struct err *e);
    /* Is dom0's side ready for the guest's keys?  What makes it so is written
       into the backend's directory, of a foreign device.  NULL: it is. */
    bool (*may_connect)(void *arg);
    /* Read its keys and hand them to the backend; or what is bad in them. */
    int (*wire)(void *arg, struct err *e);
    void (*unwire)(void *arg); /* have the backend let go: DISCONNECT */
    /* Reconfiguring: read again what may change.  NULL: no such device. */
    void (*reconfigure)(void *arg);
    void (*moved)(void *arg); /* state, or why, is another */
    /* Have the backend end; xbdev_ended() follows.  false: there is none. */
    bool (*end)(void *arg);
    /* From the loop; what else there is to undo, then xbdev_gone(). */
    void (*ended)(void *arg);
    void (*gone)(void *arg);
};

struct xbdev_spec {           /* copied, but for what */
    const char *what;         /* "disk" */
    char name[96];            /* GUEST/DEVICE, for logs */
    char token[24];           /* of its watches */
    char front[64], back[64]; /* directories, absolute */
    uint16_t ready;  /* BIT(state) of a frontend that has written its keys */
    bool foreign;    /* somebody else made the backend's directory, and removes
                        it; what is written there is heeded */
    bool keeps_back; /* until GONE: a script reads it */
};

struct xbdev { /* embedded; written by xbdev*.c alone */
    uv_loop_t *loop;
    struct xbdev_spec spec;
    const struct xbdev_ops *ops;
    void *arg;
    enum vbd_state state;
    char why[XBDEV_WHY_BYTES];
    struct store *store; /* NULL: none that knows the guest */
    uv_timer_t look;     /* runs from a watch to the look it asks for */
    uv_timer_t deadline; /* of a guest that is to let go */
    uint32_t nr_handles;
    void (*closed)(void *arg);
    uint64_t looked_ms;
    uint64_t paced_ms; /* since when it has made us do this much: */
    uint32_t nr_paced;
    bool open;      /* the backend has what it serves */
    bool wired;     /* the backend has the guest's rings, or may */
    bool leaving;   /* it was told to let go of them */
    bool front_out; /* the guest has closed since it was wired */
    bool broken;    /* we closed, not the guest */
    bool unwritten; /* the guest has not been told of our state */
    bool detaching;
    bool ending;    /* what remains is the backend's end */
    uint8_t reconf; /* the guest is Reconfiguring; and was answered */
};

void xbdev_init(struct xbdev *x, uv_loop_t *loop, const struct xbdev_spec *spec,
                const struct xbdev_ops *ops, void *arg);
/* Its directories are there: look at the guest's.  STARTING, when the caller
   has started the rest: xbdev_started(). */
int xbdev_watch(struct xbdev *x, struct store *s, struct err *e);
void xbdev_started(struct xbdev *x, const char *why);
/* Go on by what xenstore says. */
void xbdev_adopt(struct xbdev *x, struct store *s);

/* xenstored ended: NULL; or a connection to the same. */
void xbdev_set_store(struct xbdev *x, struct store *s);
void xbdev_fired(struct xbdev *x); /* a watch with its token */

/* ---- what the backend does ---- */

/* It has what it serves; anew: what the guest was told has changed. */
void xbdev_opened(struct xbdev *x, enum belink_opened how, bool anew);
void xbdev_connected(struct xbdev *x);
void xbdev_disconnected(struct xbdev *x);
void xbdev_broken(struct xbdev *x, const char *why); /* printable */
/* What a guest was told when it was connected has changed. */
void xbdev_changed(struct xbdev *x);
void xbdev_died(struct xbdev *x, const char *why);
void xbdev_failed(struct xbdev *x, const struct err *e); /* FAILED */
/* Does one that follows go on with the guest's rings, if it can? */
bool xbdev_is_served(const struct xbdev *x);

/* ---- what the operator does ---- */

/*
 * Take it from the guest: it is asked to let go, and when it does, GONE
 * follows.  force: GONE, whatever the guest does.  A guest that has not in
 * 10 s is told of by moved(); it may still.
 */
void xbdev_detach(struct xbdev *x, bool force);
/* The guest's domain is over: end the backend; the nodes stay. */
void xbdev_end(struct xbdev *x);
/* All is undone: GONE; the caller frees it. */
void xbdev_gone(struct xbdev *x);

/* closed() when nothing of it is used any more. */
void xbdev_close(struct xbdev *x, void (*closed)(void *arg));

#endif
