/* SPDX-License-Identifier: MIT */
/*
 * net_rings.c - the rings and event channels of all queues of a vif
 */
#include "backends/net/net_rings.h"

#include <errno.h>

#include "common/err.h"
#include "common/evt.h"

int net_rings_open(struct net_rings *r, uint16_t domid, uint32_t nr_queues,
                   struct err *e)
{
    int rc;

    *r = (struct net_rings){ .domid = domid, .nr_queues = nr_queues };
    rc = gnt_open(&r->gnt, e);
    for (uint32_t i = 0; rc == 0 && i < nr_queues; i++) {
        rc = evt_open(domid, &r->queue[i].tx_evt, e);
        if (rc == 0)
            rc = evt_open(domid, &r->queue[i].rx_evt, e);
    }
    return rc;
}

void net_rings_close(struct net_rings *r)
{
    net_rings_unlink(r);
    for (uint32_t i = 0; i < r->nr_queues; i++) {
        evt_close(r->queue[i].tx_evt);
        evt_close(r->queue[i].rx_evt);
    }
    gnt_close(r->gnt);
    *r = (struct net_rings){ 0 };
}

/* Without events of their own, both rings are told of by the first. */
static int bind(struct net_rings *r, const struct net_wiring *w, uint32_t i,
                struct err *e)
{
    struct net_link *l = &r->queue[i].link;
    int rc = evt_bind(r->queue[i].tx_evt, w->queue[i].tx_port, &l->tx_port, e);

    l->tx_evt = l->rx_evt = r->queue[i].tx_evt;
    l->rx_port = l->tx_port;
    if (rc < 0 || !w->split)
        return rc;
    l->rx_port = 0; /* until it is bound */
    l->rx_evt = r->queue[i].rx_evt;
    return evt_bind(l->rx_evt, w->queue[i].rx_port, &l->rx_port, e);
}

static int link_one(struct net_rings *r, const struct net_wiring *w, uint32_t i,
                    struct err *e)
{
    struct net_link *l = &r->queue[i].link;
    int rc = gnt_map(r->gnt, r->domid, w->queue[i].tx_ref, &r->queue[i].tx, e);

    if (rc == 0)
        rc = gnt_map(r->gnt, r->domid, w->queue[i].rx_ref, &r->queue[i].rx, e);
    *l = (struct net_link){
        .tx_ring = r->queue[i].tx.va,
        .rx_ring = r->queue[i].rx.va,
        .wiring = *w,
    };
    return rc < 0 ? rc : bind(r, w, i, e);
}

int net_rings_link(struct net_rings *r, const struct net_wiring *w,
                   struct err *e)
{
    int rc = 0;

    if (w->nr_queues == 0 || w->nr_queues > r->nr_queues)
        return fail(e, -EINVAL, "multi-queue-num-queues: %u, want 1..%u",
                    w->nr_queues, r->nr_queues);
    if (w->headroom > NET_HEADROOM_MAX)
        return fail(e, -EINVAL, "xdp-headroom: %u bytes, want 0..%u",
                    w->headroom, NET_HEADROOM_MAX);
    for (uint32_t i = 0; rc == 0 && i < w->nr_queues; i++)
        rc = link_one(r, w, i, e);
    if (rc < 0)
        net_rings_unlink(r);
    else
        r->nr_linked = w->nr_queues;
    return rc;
}

static void unlink_one(struct net_rings *r, uint32_t i)
{
    struct net_link *l = &r->queue[i].link;

    if (l->rx_port && l->rx_evt != l->tx_evt)
        evt_unbind(l->rx_evt, l->rx_port);
    if (l->tx_port)
        evt_unbind(l->tx_evt, l->tx_port);
    gnt_unmap(r->gnt, &r->queue[i].tx);
    gnt_unmap(r->gnt, &r->queue[i].rx);
    *l = (struct net_link){ 0 };
}

void net_rings_unlink(struct net_rings *r)
{
    for (uint32_t i = 0; i < r->nr_queues; i++)
        unlink_one(r, i);
    r->nr_linked = 0;
}
