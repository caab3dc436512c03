/* SPDX-License-Identifier: MIT */
/*
 * vif.h - one network card of a guest: its xenstore nodes, its tap, its backend
 *
 *             tap and backend    its keys           serves
 *   STARTING ───────────▶ WAITING ─────▶ CONNECTING ─────▶ CONNECTED
 *                          ▲  ▲  └───────────┴───────────────┤ it closed, or
 *           it comes again │  └─── it came again ──┐         │ broke a rule
 *                          └───── CLOSED ◀──── CLOSING ◀─────┘
 *
 *   any of these ── its backend is given up ──▶ FAILED
 *   any, FAILED too ── detached, or the guest ended ──▶ GONE
 *
 * The same rules as for a disk (vbd.h).  Loop thread only; nothing here needs a
 * guest of ours: where the directories are is the caller's to say.
 */
#ifndef VIF_H
#define VIF_H

#include <stdbool.h>

#include <uv.h>

#include "backends/net/net_journal.h"
#include "toolstack/supervisor/beproc.h"
#include "toolstack/supervisor/vbd_state.h"
#include "toolstack/supervisor/vmvif.h"

struct err;
struct store;
struct vif;

struct vif_ops {
    /* Where its files are, now: "/run/freehold/NAME/vif-DEVID". */
    void (*base)(void *arg, char out[BE_BASE_BYTES]);
    /* Another process serves it: vif_process() is to be written down. */
    void (*started)(void *arg);
    /* vif_state(), vif_why() or vif_stalled() is another. */
    void (*moved)(void *arg);
    /* GONE: vif_close() is what remains to do. */
    void (*gone)(void *arg);
};

struct vif_options {
    const struct vm_vif *spec; /* outlives it; has a MAC address */
    const char *program;       /* NULL: the backend that is installed */
    char name[96];             /* GUEST/vif-DEVID, for logs */
    char guest[80];            /* for a script: the domain's name */
    uint16_t domid;
    uint8_t nr_queues;        /* to offer at most */
    bool any_mac;             /* frames of other source addresses go through */
    bool trusted;             /* what the guest's driver is told */
    bool hot;                 /* its guest runs, and is shown what stands */
    char front[64], back[64]; /* directories, absolute */
    bool foreign; /* xl made the backend's directory, and removes it; it also
                     attaches the tap, and says so by hotplug-status */
};

#define VIF_BACKEND_KIND "fh-vif"

/* Ours, as we name them, in a guest of ours. */
void vif_dirs_of(uint16_t domid, uint32_t devid, char front[64], char back[64]);
/* What is left of a domain's vifs; absent is as good. */
int vif_remove_all(uint16_t domid, struct store *s, struct err *e);

/* Check the spec; nothing is written or started. */
int vif_open(uv_loop_t *loop, const struct vif_options *o,
             const struct vif_ops *ops, void *arg, struct vif **out,
             struct err *e);
/* Make the nodes (not foreign ones), the tap (vifdev.h), and start the backend.
   After an error nothing of it is there. */
int vif_start(struct vif *v, struct store *s, struct err *e);
/* Go on with what an earlier supervisor left, by what xenstore says. */
void vif_adopt(struct vif *v, struct store *s, const struct beproc_id *id);

/* xenstored ended: NULL; the card serves on.  Or a connection to the same. */
void vif_set_store(struct vif *v, struct store *s);
/* A watch fired whose token is vif_token(). */
void vif_fired(struct vif *v);
const char *vif_token(const struct vif *v);

/* As vbd_detach(), vbd_end(), vbd_close(). */
void vif_detach(struct vif *v, bool force);
void vif_end(struct vif *v);
void vif_close(struct vif *v);

/* The guest's egress: bytes in each interval of so many microseconds; 0: none.
 */
void vif_set_rate(struct vif *v, uint64_t bytes, uint32_t usecs);

enum vbd_state vif_state(const struct vif *v);
const char *vif_why(const struct vif *v);
bool vif_stalled(const struct vif *v);    /* the guest takes no packets */
const char *vif_tap(const struct vif *v); /* the device's name in dom0 */
/* Where that is attached: as asked for until it is. */
const char *vif_bridge(const struct vif *v);
uint32_t vif_mtu(const struct vif *v); /* bytes */
struct beproc_id vif_process(const struct vif *v);

struct vif_figures {
    uint32_t nr_queues; /* 0: not connected */
    uint32_t nr_restarts;
    struct net_wiring wiring; /* as negotiated, if connected */
    struct net_stats sum;     /* of all queues; the backend's word */
};
void vif_figures(struct vif *v, struct vif_figures *out);

#endif
