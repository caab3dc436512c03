/* SPDX-License-Identifier: MIT */
/*
 * netlook.c - where a guest stands with one of its cards
 */
#include "toolstack/cli/netlook.h"

#include <stdio.h>

#include "common/checked.h"
#include "toolstack/cli/columns.h"
#include "toolstack/cli/devlook.h"

void net_look(struct store *s, uint16_t domid, struct columns_network *n)
{
    static const char *const state[] = { "state" };
    static const char *const port[] = { "event-channel", "event-channel-tx",
                                        "queue-0/event-channel",
                                        "queue-0/event-channel-tx" };
    static const char *const tx[] = { "tx-ring-ref", "queue-0/tx-ring-ref" };
    static const char *const rx[] = { "rx-ring-ref", "queue-0/rx-ring-ref" };
    char dir[64];

    snprintf(dir, sizeof(dir), "/local/domain/%u/device/vif/%u", domid,
             n->devid);
    n->state = devlook_first(s, dir, state, ARRAY_SIZE(state));
    n->port = devlook_first(s, dir, port, ARRAY_SIZE(port));
    n->tx_ring = devlook_first(s, dir, tx, ARRAY_SIZE(tx));
    n->rx_ring = devlook_first(s, dir, rx, ARRAY_SIZE(rx));
    snprintf(n->backend, sizeof(n->backend),
             "/local/domain/0/backend/fh-vif/%u/%u", domid, n->devid);
}
