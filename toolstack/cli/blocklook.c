/* SPDX-License-Identifier: MIT */
/*
 * blocklook.c - where a guest stands with one of its disks
 */
#include "toolstack/cli/blocklook.h"

#include <stdio.h>

#include "common/checked.h"
#include "toolstack/cli/columns.h"
#include "toolstack/cli/devlook.h"

void block_look(struct store *s, uint16_t domid, struct columns_block *b)
{
    static const char *const state[] = { "state" };
    static const char *const port[] = { "event-channel",
                                        "queue-0/event-channel" };
    static const char *const ring[] = { "ring-ref", "ring-ref0",
                                        "queue-0/ring-ref",
                                        "queue-0/ring-ref0" };
    char dir[64];

    b->domid = domid;
    snprintf(dir, sizeof(dir), "/local/domain/%u/device/vbd/%u", domid,
             b->devid);
    b->state = devlook_first(s, dir, state, ARRAY_SIZE(state));
    b->port = devlook_first(s, dir, port, ARRAY_SIZE(port));
    b->ring = devlook_first(s, dir, ring, ARRAY_SIZE(ring));
    snprintf(b->backend, sizeof(b->backend),
             "/local/domain/0/backend/fh-vbd/%u/%u", domid, b->devid);
}
