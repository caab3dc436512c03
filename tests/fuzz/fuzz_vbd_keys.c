/* SPDX-License-Identifier: MIT */
/*
 * fuzz_vbd_keys.c - whatever a frontend writes, wiring is in range or absent
 *
 * Input: a byte of offer, then lines KEY=VALUE; values have any other bytes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "common/err.h"
#include "tests/fuzz/keys.h"
#include "toolstack/supervisor/vbd_wiring.c" /* the real one */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct blk_wiring *w, const struct vbd_offer *offer)
{
    if (w->nr_queues < 1 || w->nr_queues > offer->nr_queues ||
        w->ring_pages < 1 || w->ring_pages > 1u << offer->ring_order_max ||
        (w->ring_pages & (w->ring_pages - 1)) || w->abi >= BLK_ABIS)
        abort();
    for (uint32_t i = 0; i < w->nr_queues; i++)
        if (w->queue[i].port < 1 || w->queue[i].port > XBKEYS_PORT_MAX)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct keys in = { (const char *)data + 1, size - 1 };
    struct vbd_offer offer;
    struct blk_wiring w;
    struct err e = { 0 };

    if (size == 0)
        return 0;
    offer.nr_queues = data[0] % BLK_QUEUES_MAX + 1;
    offer.ring_order_max = data[0] / BLK_QUEUES_MAX % (BLK_RING_ORDER_MAX + 1);
    if (vbd_wiring_parse(read_key, &in, &offer, &w, &e) == 0)
        check(&w, &offer);
    else if (e.rc == 0 || !e.text[0])
        abort(); /* an error without words */
    return 0;
}
