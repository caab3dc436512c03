/* SPDX-License-Identifier: MIT */
/*
 * blocklook.c - where a guest stands with one of its disks
 */
#include "toolstack/cli/blocklook.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/checked.h"
#include "common/store.h"
#include "toolstack/cli/columns.h"

static int read_number(struct store *s, uint16_t domid, uint32_t devid,
                       const char *node)
{
    char path[96], *text, *end;
    unsigned long n = ULONG_MAX;

    snprintf(path, sizeof(path), "/local/domain/%u/device/vbd/%u/%s", domid,
             devid, node);
    text = store_read(s, path);
    if (text && isdigit((unsigned char)*text)) {
        n = strtoul(text, &end, 10);
        n = *end ? ULONG_MAX : n;
    }
    free(text);
    return n <= INT_MAX ? (int)n : -1;
}

/* Of the first of these nodes that is a number. */
static int read_first(struct store *s, uint16_t domid, uint32_t devid,
                      const char *const *node, uint32_t nr)
{
    int n = -1;

    for (uint32_t i = 0; i < nr && n < 0; i++)
        n = read_number(s, domid, devid, node[i]);
    return n;
}

void block_look(struct store *s, uint16_t domid, struct columns_block *b)
{
    static const char *const port[] = { "event-channel",
                                        "queue-0/event-channel" };
    static const char *const ring[] = { "ring-ref", "ring-ref0",
                                        "queue-0/ring-ref",
                                        "queue-0/ring-ref0" };

    b->domid = domid;
    b->state = read_number(s, domid, b->devid, "state");
    b->port = read_first(s, domid, b->devid, port, ARRAY_SIZE(port));
    b->ring = read_first(s, domid, b->devid, ring, ARRAY_SIZE(ring));
    snprintf(b->backend, sizeof(b->backend),
             "/local/domain/0/backend/fh-vbd/%u/%u", domid, b->devid);
}
