/* SPDX-License-Identifier: MIT */
/*
 * fuzz_vif_keys.c - whatever a frontend writes, wiring is in range or absent
 *
 * Input: a byte of offer, then lines KEY=VALUE; values have any other bytes.
 */
#include <stdint.h>

#include "common/err.h"
#include "tests/fuzz/keys.h"
#include "tests/fuzz/must.h"
#include "toolstack/supervisor/vif_wiring.c" /* the real ones */
#include "toolstack/supervisor/xbkeys.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct net_wiring *w, uint32_t nr_queues)
{
    static const struct net_wiring none;

    MUST(w->nr_queues >= 1 && w->nr_queues <= nr_queues);
    MUST(w->headroom <= VIF_HEADROOM_MAX);
    MUST(w->sg <= 1 && w->gso_v4 <= w->sg && w->gso_v6 <= w->sg);
    MUST(w->csum_v4 <= 1 && w->csum_v6 <= 1);
    MUST(w->rx_notify <= 1 && w->split <= 1);
    for (uint32_t i = 0; i < w->nr_queues; i++) {
        MUST(w->queue[i].tx_port >= 1);
        MUST(w->queue[i].tx_port <= XBKEYS_PORT_MAX);
        MUST(w->queue[i].rx_port >= 1);
        MUST(w->queue[i].rx_port <= XBKEYS_PORT_MAX);
        MUST(w->split || w->queue[i].tx_port == w->queue[i].rx_port);
    }
    for (uint32_t i = w->nr_queues; i < NET_QUEUES_MAX; i++)
        MUST(memcmp(&w->queue[i], &none.queue[i], sizeof(w->queue[i])) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct keys keys = { (const char *)data + 1, size - 1 };
    struct net_wiring w;
    struct err e = { 0 };
    uint32_t nr_queues;
    uint16_t headroom;

    if (size == 0)
        return 0;
    nr_queues = data[0] % NET_QUEUES_MAX + 1;
    if (vif_wiring_parse(read_key, &keys, nr_queues, &w, &e) == 0)
        check(&w, nr_queues);
    else
        MUST(e.rc != 0 && e.text[0]); /* an error has words */
    if (vif_wiring_headroom(read_key, &keys, &headroom, NULL) == 0)
        MUST(headroom <= VIF_HEADROOM_MAX);
    return 0;
}
