/* SPDX-License-Identifier: MIT */
/*
 * vif_wiring.c - what a guest's network frontend writes, checked
 */
#include "toolstack/supervisor/vif_wiring.h"

#include <stdbool.h>
#include <stdio.h>

#include "common/err.h"

/* Any number but 0 says yes, as netback has it. */
static int read_flag(const struct xbkeys *k, const char *name, uint8_t *out)
{
    uint32_t value = 0;
    int rc = xbkeys_get(k, name, 0, UINT32_MAX, &value);

    *out = value != 0;
    return rc < 0 ? rc : 0;
}

static int read_headroom(const struct xbkeys *k, uint16_t *out)
{
    uint32_t value = 0;
    int rc = xbkeys_get(k, "xdp-headroom", 0, VIF_HEADROOM_MAX, &value);

    *out = (uint16_t)value;
    return rc < 0 ? rc : 0;
}

/* What it takes: segments larger than a slot are of several. */
static int read_features(const struct xbkeys *k, struct net_wiring *out)
{
    uint8_t no_csum_v4 = 0;
    uint32_t rx_copy;
    int rc = xbkeys_want(k, "request-rx-copy", 1, UINT32_MAX, &rx_copy);

    if (rc == 0)
        rc = read_flag(k, "feature-rx-notify", &out->rx_notify);
    if (rc == 0)
        rc = read_flag(k, "feature-sg", &out->sg);
    if (rc == 0)
        rc = read_flag(k, "feature-gso-tcpv4", &out->gso_v4);
    if (rc == 0)
        rc = read_flag(k, "feature-gso-tcpv6", &out->gso_v6);
    if (rc == 0)
        rc = read_flag(k, "feature-no-csum-offload", &no_csum_v4);
    if (rc == 0)
        rc = read_flag(k, "feature-ipv6-csum-offload", &out->csum_v6);
    if (rc == 0)
        rc = read_headroom(k, &out->headroom);
    out->csum_v4 = !no_csum_v4;
    /* Who segments writes sums, so one goes with the other. */
    out->gso_v4 = out->gso_v4 && out->sg && out->csum_v4;
    out->gso_v6 = out->gso_v6 && out->sg && out->csum_v6;
    return rc;
}

/* The first queue says whether each ring has a port of its own. */
static int read_ports(const struct xbkeys *k, uint32_t number,
                      struct net_wiring *out)
{
    uint32_t *tx = &out->queue[number].tx_port;
    uint32_t *rx = &out->queue[number].rx_port;
    int rc;

    if (number == 0) {
        rc = xbkeys_get(k, "event-channel-tx", 1, XBKEYS_PORT_MAX, tx);
        if (rc < 0)
            return rc;
        out->split = rc == 1;
    }
    if (!out->split) {
        rc = xbkeys_want(k, "event-channel", 1, XBKEYS_PORT_MAX, tx);
        *rx = *tx;
        return rc;
    }
    rc =
        number ? xbkeys_want(k, "event-channel-tx", 1, XBKEYS_PORT_MAX, tx) : 0;
    return rc < 0 ? rc
                  : xbkeys_want(k, "event-channel-rx", 1, XBKEYS_PORT_MAX, rx);
}

static int read_queue(struct xbkeys *k, uint32_t number, struct net_wiring *out)
{
    int rc;

    if (out->nr_queues > 1)
        snprintf(k->dir, sizeof(k->dir), "queue-%u/", number);
    rc = xbkeys_want(k, "tx-ring-ref", 0, UINT32_MAX,
                     &out->queue[number].tx_ref);
    if (rc == 0)
        rc = xbkeys_want(k, "rx-ring-ref", 0, UINT32_MAX,
                         &out->queue[number].rx_ref);
    return rc < 0 ? rc : read_ports(k, number, out);
}

int vif_wiring_parse(xbkeys_read *read, void *arg, uint32_t nr_queues,
                     struct net_wiring *out, struct err *e)
{
    struct xbkeys k = { .read = read, .arg = arg, .e = e };
    uint32_t nr = 1;
    int rc;

    *out = (struct net_wiring){ 0 };
    rc = read_features(&k, out);
    if (rc == 0)
        rc = xbkeys_get(&k, "multi-queue-num-queues", 1, nr_queues, &nr);
    if (rc >= 0) {
        out->nr_queues = (uint8_t)nr;
        rc = 0;
    }
    for (uint32_t i = 0; i < nr && rc == 0; i++)
        rc = read_queue(&k, i, out);
    if (rc < 0)
        *out = (struct net_wiring){ 0 };
    return rc;
}

int vif_wiring_headroom(xbkeys_read *read, void *arg, uint16_t *out,
                        struct err *e)
{
    struct xbkeys k = { .read = read, .arg = arg, .e = e };

    return read_headroom(&k, out);
}
