/* SPDX-License-Identifier: MIT */
/*
 * vif_nodes.c - a network card's two directories in xenstore
 */
#include "toolstack/supervisor/vif_nodes.h"

#include <inttypes.h>
#include <stdio.h>

#include <xen/io/xenbus.h>

#include "common/store.h"
#include "toolstack/supervisor/vmviftext.h"
#include "toolstack/supervisor/xbnodes.h"

#define SCRIPTS "/etc/xen/scripts"
#define RATE_BYTES 40u

void vif_dirs_of(uint16_t domid, uint32_t devid, char front[64], char back[64])
{
    snprintf(front, 64, "/local/domain/%u/device/vif/%u", domid, devid);
    snprintf(back, 64, "/local/domain/0/backend/" VIF_BACKEND_KIND "/%u/%u",
             domid, devid);
}

static void put_mac(struct store_tree *t, const char *dir, const uint8_t *mac)
{
    char text[VMVIF_MAC_TEXT];

    vmvif_mac_text(mac, text);
    xbnodes_put(t, dir, "mac", "%s", text);
}

static void put_text(struct store_tree *t, const char *dir, const char *leaf,
                     const char *text)
{
    if (text && text[0])
        xbnodes_put(t, dir, leaf, "%s", text);
}

static void put_front(const struct vif_options *o, struct store_tree *t)
{
    const struct vm_vif *v = o->spec;

    store_tree_write(t, o->front, "");
    store_tree_owned(t, o->front, o->domid);
    xbnodes_put(t, o->front, "backend", "%s", o->back);
    xbnodes_put(t, o->front, "backend-id", "0");
    xbnodes_put(t, o->front, "state", "%u", XenbusStateInitialising);
    xbnodes_put(t, o->front, "handle", "%u", v->devid);
    put_mac(t, o->front, v->mac);
    if (v->mtu)
        xbnodes_put(t, o->front, "mtu", "%u", v->mtu);
    xbnodes_put(t, o->front, "trusted", o->trusted ? "1" : "0");
}

static void put_script(const struct vif_options *o, struct store_tree *t)
{
    const char *script = o->spec->script;

    if (script && script[0])
        xbnodes_put(t, o->back, "script", "%s%s",
                    script[0] == '/' ? "" : SCRIPTS "/", script);
}

static void put_back(const struct vif_options *o, struct store_tree *t)
{
    const struct vm_vif *v = o->spec;

    store_tree_write(t, o->back, "");
    store_tree_readable(t, o->back, o->domid);
    xbnodes_put(t, o->back, "frontend", "%s", o->front);
    xbnodes_put(t, o->back, "frontend-id", "%u", o->domid);
    xbnodes_put(t, o->back, "online", "1");
    xbnodes_put(t, o->back, "state", "%u", XenbusStateInitialising);
    xbnodes_put(t, o->back, "handle", "%u", v->devid);
    xbnodes_put(t, o->back, "type", "vif");
    put_mac(t, o->back, v->mac);
    put_script(o, t);
    put_text(t, o->back, "bridge", v->bridge);
    put_text(t, o->back, "vifname", v->name);
    put_text(t, o->back, "ip", v->ip);
    put_text(t, o->back, "gatewaydev", v->gateway);
    put_text(t, o->back, "vlan", v->vlan);
    if (v->mtu)
        xbnodes_put(t, o->back, "mtu", "%u", v->mtu);
    if (v->rate_bytes)
        xbnodes_put(t, o->back, "rate", "%" PRIu64 ",%u", v->rate_bytes,
                    v->rate_usecs);
    xbnodes_put(t, o->back, "hotplug-status", "%s", "");
}

int vif_nodes_make(const struct vif_options *o, bool show, struct store *s,
                   struct err *e)
{
    struct store_tree *t = NULL;
    int rc = store_remove(s, o->front, e); /* of an earlier one of this name */

    if (rc == 0)
        rc = store_remove(s, o->back, e);
    if (rc == 0)
        rc = store_tree_new(&t, e);
    if (rc == 0)
        put_back(o, t); /* first: a guest that sees its own finds it */
    if (rc == 0 && show)
        put_front(o, t);
    return xbnodes_commit(t, rc, e);
}

void vif_nodes_remove(const struct vif_options *o, struct store *s)
{
    store_remove(s, o->front, NULL);
    store_remove(s, o->back, NULL);
}

int vif_remove_all(uint16_t domid, struct store *s, struct err *e)
{
    char path[64];

    snprintf(path, sizeof(path),
             "/local/domain/0/backend/" VIF_BACKEND_KIND "/%u", domid);
    return store_remove(s, path, e);
}

/* What else a script of xl's writes. */
static void put_attached(const struct vif_options *o, uint32_t mtu, bool show,
                         struct store *s, struct store_tree *t)
{
    xbnodes_put(t, o->back, "mtu", "%u", mtu);
    /* not into one that the guest removed */
    if (show || xbnodes_state(o->front, s))
        xbnodes_put(t, o->front, "mtu", "%u", mtu);
    xbnodes_put(t, o->back, "hotplug-status", "connected");
}

/*
 * Not offered: multicast control and a control ring, for a bridge does the
 * one, and the other is for hashes that a tap does not take.
 */
int vif_nodes_offer(const struct vif_options *o, uint32_t mtu, bool show,
                    struct store *s, struct err *e)
{
    static const char *const feature[] = {
        "feature-rx-copy",
        "feature-sg",
        "feature-gso-tcpv4",
        "feature-gso-tcpv6",
        "feature-xdp-headroom",
        "feature-ipv6-csum-offload",
        "feature-split-event-channels",
    };
    struct store_tree *t = NULL;
    int rc = store_tree_new(&t, e);

    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < sizeof(feature) / sizeof(feature[0]); i++)
        xbnodes_put(t, o->back, feature[i], "1");
    xbnodes_put(t, o->back, "feature-rx-flip", "0");
    xbnodes_put(t, o->back, "multi-queue-max-queues", "%u", o->nr_queues);
    if (show)
        put_front(o, t);
    if (!o->foreign)
        put_attached(o, mtu, show, s, t);
    xbnodes_put(t, o->back, "state", "%u", XenbusStateInitWait);
    return xbnodes_commit(t, rc, e);
}

int vif_nodes_connected(const struct vif_options *o, struct err *e)
{
    return xbnodes_set(o->back, XenbusStateConnected, NULL, false, e);
}

void vif_nodes_rate(const struct vif_options *o, uint64_t bytes, uint32_t usecs,
                    struct store *s)
{
    char path[80], value[RATE_BYTES];

    snprintf(path, sizeof(path), "%s/rate", o->back);
    snprintf(value, sizeof(value), "%" PRIu64 ",%u", bytes, usecs);
    if (bytes)
        store_write(s, path, value, NULL);
    else
        store_remove(s, path, NULL);
}
