/* SPDX-License-Identifier: MIT */
/*
 * fake_vif.h - cards without nodes, taps and backends, for tests of who has
 * them
 *
 * It stands in for vif.c, by --wrap; its header lists what is to be wrapped.
 * A card opens in the next turn of the loop, and goes in the next, unless it
 * is told otherwise.
 */
#ifndef FAKE_VIF_H
#define FAKE_VIF_H

#include <stdbool.h>

#include "toolstack/supervisor/vbd.h"
#include "toolstack/supervisor/vif.h"

#define FAKE_VIFS_MAX 32u
#define FAKE_VIF_PID 0x3ffffff0 /* the first one's: no process has it */

struct fake_vif {    /* stays readable after vif_close() */
    struct vif *vif; /* NULL: closed */
    struct vif_options o;
    struct vm_vif spec; /* its numbers, as they were at vif_open() */
    bool started, adopted, detached, ended, gone, has_store;
    struct beproc_id id;
    uint32_t nr_fired;
    uint64_t rate_bytes;
    uint32_t rate_usecs;
};

extern struct fake_vifs {
    uint32_t nr; /* opened so far */
    struct fake_vif one[FAKE_VIFS_MAX];
    int start_rc;       /* vif_start() fails with it */
    const char *refuse; /* or it is FAILED, and why */
    bool silent;        /* it stays STARTING */
    bool holds;         /* the guest does not let go of it */
    bool slow;          /* what ended is not gone before fake_vif_end() */
    struct vif_figures figures;
    uint32_t nr_removed;   /* vif_remove_all() */
    uint16_t taps_removed; /* vifdev_remove_left()'s last */
} fake_vifs;

void fake_vifs_fresh(void);
void fake_vif_move(struct fake_vif *f, enum vbd_state s, const char *why);
void fake_vif_end(struct fake_vif *f); /* GONE, from the loop */

#endif
