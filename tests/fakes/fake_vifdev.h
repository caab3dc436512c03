/* SPDX-License-Identifier: MIT */
/*
 * fake_vifdev.h - a vif's device in dom0 that the test holds
 *
 * Exports what vifdev.h does, by --wrap.  A device outlives the object that
 * made it, as a persistent tap does; its queues are pipes.
 */
#ifndef FAKE_VIFDEV_H
#define FAKE_VIFDEV_H

#include <stdbool.h>
#include <stdint.h>

extern struct fake_vifdev {
    bool there;        /* the tap */
    bool late;         /* done() waits for fake_vifdev_done() */
    const char *fails; /* words of the open that fails; NULL: it is attached */
    int fails_at_once; /* its rc instead */
    int queues_fail;   /* vifdev_queues(): rc */
    bool bare;         /* the last one: made for somebody else to attach */
    char guest[80];    /* as it was told */
    uint32_t nr_opened, nr_adopted, nr_rested, nr_removed;
    uint32_t live; /* objects not closed */
} fake_vifdev;

void fake_vifdev_reset(void);
void fake_vifdev_done(void); /* what waits is done */

#endif
