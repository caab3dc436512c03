/* SPDX-License-Identifier: MIT */
/*
 * vbd_wiring.c - what a guest's block frontend writes, checked
 */
#include "toolstack/supervisor/vbd_wiring.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

static int read_protocol(const struct xbkeys *k, struct blk_wiring *out)
{
    char *text = k->read(k->arg, "protocol");
    int rc = 0;

    if (!text || strcmp(text, "x86_32-abi") == 0)
        out->abi = BLK_ABI_X86_32;
    else if (strcmp(text, "x86_64-abi") == 0)
        out->abi = BLK_ABI_X86_64;
    else
        rc = fail(k->e, -EINVAL,
                  "protocol: got \"%.40s\", want x86_32-abi or x86_64-abi",
                  text);
    free(text);
    return rc;
}

/* One page may have either name; more are numbered. */
static int read_refs(const struct xbkeys *k, bool is_numbered, uint32_t nr,
                     uint32_t *ref)
{
    char name[16];
    int rc = 0;

    if (!is_numbered)
        return xbkeys_want(k, "ring-ref", 0, UINT32_MAX, ref);
    for (uint32_t i = 0; i < nr && rc == 0; i++) {
        snprintf(name, sizeof(name), "ring-ref%u", i);
        rc = xbkeys_want(k, name, 0, UINT32_MAX, &ref[i]);
    }
    return rc;
}

static int read_queue(struct xbkeys *k, bool is_numbered, uint32_t number,
                      struct blk_wiring *out)
{
    int rc;

    if (out->nr_queues > 1)
        snprintf(k->dir, sizeof(k->dir), "queue-%u/", number);
    rc = read_refs(k, is_numbered, out->ring_pages, out->queue[number].ref);
    if (rc == 0)
        rc = xbkeys_want(k, "event-channel", 1, XBKEYS_PORT_MAX,
                         &out->queue[number].port);
    return rc;
}

int vbd_wiring_parse(xbkeys_read *read, void *arg,
                     const struct vbd_offer *offer, struct blk_wiring *out,
                     struct err *e)
{
    struct xbkeys k = { .read = read, .arg = arg, .e = e };
    uint32_t nr_queues = 1, order = 0;
    bool is_numbered;
    int rc;

    *out = (struct blk_wiring){ 0 };
    rc = read_protocol(&k, out);
    if (rc == 0)
        rc = xbkeys_get(&k, "multi-queue-num-queues", 1, offer->nr_queues,
                        &nr_queues);
    if (rc >= 0)
        rc =
            xbkeys_get(&k, "ring-page-order", 0, offer->ring_order_max, &order);
    is_numbered = rc == 1;
    if (rc >= 0) {
        out->nr_queues = (uint8_t)nr_queues;
        out->ring_pages = (uint16_t)(1u << order);
        rc = 0;
    }
    for (uint32_t i = 0; i < nr_queues && rc == 0; i++)
        rc = read_queue(&k, is_numbered, i, out);
    if (rc < 0)
        *out = (struct blk_wiring){ 0 };
    return rc;
}
