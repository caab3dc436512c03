/* SPDX-License-Identifier: MIT */
/*
 * vifplace.c - a vif's tap and its place in dom0: name, bridge, MTU, VLANs
 */
#include "toolstack/supervisor/vifplace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/net/net_ctl.h"
#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/bridgevlan.h"
#include "toolstack/supervisor/tapdev.h"
#include "toolstack/supervisor/tapfence.h"
#include "toolstack/supervisor/vifdev.h"

#define USUAL_BRIDGE "xenbr0"

/* The largest that no bridge takes for its own; as xl's scripts. */
static const uint8_t port_mac[ETH_ALEN] = {
    0xfe, 0xff, 0xff, 0xff, 0xff, 0xff
};

struct host { /* the devices there are */
    struct nl *nl;
    struct nl_link *all;
    int nr;
};

static int look_around(struct host *h, struct err *e)
{
    int rc = nl_open(&h->nl, e);

    if (rc < 0)
        return rc;
    h->nr = nl_list(h->nl, &h->all, e);
    return h->nr < 0 ? h->nr : 0;
}

static void look_no_more(struct host *h)
{
    free(h->all);
    nl_close(h->nl);
}

static const struct nl_link *named(const struct host *h, const char *name)
{
    for (int i = 0; i < h->nr; i++)
        if (name[0] && strcmp(h->all[i].name, name) == 0)
            return &h->all[i];
    return NULL;
}

static bool is_bridge(const struct nl_link *l)
{
    return strcmp(l->kind, NL_BRIDGE) == 0;
}

bool vifplace_has_script(const struct vifdev_spec *s)
{
    return !s->bare && s->vif->script && s->vif->script[0];
}

bool vifplace_is_others(const struct vifdev_spec *s)
{
    return s->bare || vifplace_has_script(s);
}

void vifplace_usual_name(const struct vifdev_spec *s, char out[IFNAMSIZ])
{
    snprintf(out, IFNAMSIZ, "vif%u.%u", s->domid, s->devid & 0xffffu);
}

/* ---- its name ---- */

static bool is_of(const struct nl_link *l, const struct vifdev_spec *s)
{
    struct tapdev_owner o;

    return tapdev_owner(l, &o) && o.domid == s->domid && o.devid == s->devid;
}

/*
 * What an earlier life of it left: a device of this very domain, or one of the
 * wanted names that this guest had under another number, and nobody serves.
 */
static bool is_left_over(const struct nl_link *l, const struct vifdev_spec *s,
                         const char *own, const char *usual)
{
    struct tapdev_owner o;

    if (!tapdev_owner(l, &o) || o.devid != s->devid)
        return false;
    if (o.domid == s->domid)
        return true;
    return strcmp(o.guest, s->guest) == 0 && l->nr_queues == 0 &&
           (strcmp(l->name, own) == 0 || strcmp(l->name, usual) == 0);
}

static int remove_left_over(struct host *h, const struct vifdev_spec *s,
                            const char *own, const char *usual, struct err *e)
{
    for (int i = 0; i < h->nr; i++) {
        struct nl_link *l = &h->all[i];
        int rc;

        if (!is_left_over(l, s, own, usual))
            continue;
        log_warn("vif %s/vif-%u: %s was left over: removed", s->guest, s->devid,
                 l->name);
        rc = nl_delete(h->nl, l, e);
        if (rc < 0)
            return rc;
        l->name[0] = 0; /* no more */
    }
    return 0;
}

static int is_taken(const struct nl_link *l, const struct vifdev_spec *s,
                    struct err *e)
{
    struct tapdev_owner o;

    if (tapdev_owner(l, &o))
        return fail(e, -EEXIST,
                    "vif %s/vif-%u: %s: guest %s has a device of that name "
                    "(its vif-%u, domain %u): name another in vifname=",
                    s->guest, s->devid, l->name, o.guest, o.devid, o.domid);
    return fail(e, -EEXIST,
                "vif %s/vif-%u: %s: there is a device of that name, and it is "
                "no guest's: rename or remove it, or name another in vifname=",
                s->guest, s->devid, l->name);
}

/* The name, free to be taken. */
static int claim(struct host *h, const struct vifdev_spec *s,
                 char out[IFNAMSIZ], struct err *e)
{
    const char *own = s->vif->name ? s->vif->name : "";
    const struct nl_link *l;
    int rc;

    if (own[0] && !tapdev_name_good(own))
        return fail(e, -EINVAL,
                    "vif %s/vif-%u: vifname=%.80s: want a device's name: 1..%u "
                    "characters, none of / : %% or space",
                    s->guest, s->devid, own, IFNAMSIZ - 1);
    vifplace_usual_name(s, out);
    rc = remove_left_over(h, s, own, out, e);
    if (rc < 0)
        return rc;
    l = named(h, own);
    /* xl's scripts rename it themselves, and want it called as usual. */
    if (own[0] && !vifplace_is_others(s))
        snprintf(out, IFNAMSIZ, "%.15s", own);
    if (!l)
        l = named(h, out);
    return l ? is_taken(l, s, e) : 0;
}

/* ---- its bridge ---- */

static void list_bridges(const struct host *h, char *out, size_t bytes)
{
    size_t used = 0;

    out[0] = 0;
    for (int i = 0; i < h->nr && used + 2 + IFNAMSIZ < bytes; i++)
        if (is_bridge(&h->all[i]))
            used += (size_t)snprintf(out + used, bytes - used, "%s%s",
                                     used ? ", " : "", h->all[i].name);
}

/* xenbr0 is eth0 where dom0's card was renamed to make room for the bridge. */
static const struct nl_link *old_style(const struct host *h, const char *want)
{
    const struct nl_link *l;
    char name[IFNAMSIZ];

    if (strncmp(want, "xenbr", 5))
        return NULL;
    snprintf(name, sizeof(name), "eth%.12s", want + 5);
    l = named(h, name);
    return l && is_bridge(l) ? l : NULL;
}

static int find_bridge(const struct host *h, const struct vifdev_spec *s,
                       const struct nl_link **out, struct err *e)
{
    const char *want =
        s->vif->bridge && s->vif->bridge[0] ? s->vif->bridge : USUAL_BRIDGE;
    const struct nl_link *l = named(h, want);
    char others[128];

    if (!l)
        l = old_style(h, want);
    if (!l) {
        list_bridges(h, others, sizeof(others));
        return fail(e, -ENODEV,
                    "vif %s/vif-%u: bridge %.40s: there is none of that name: "
                    "make it (ip link add %.40s type bridge), or name another "
                    "in bridge= (%s%s)",
                    s->guest, s->devid, want, want,
                    others[0] ? "there is " : "there is none yet", others);
    }
    if (!is_bridge(l))
        return fail(e, -EINVAL,
                    "vif %s/vif-%u: bridge %s: it is no bridge but %s%s: name "
                    "one in bridge=, or for Open vSwitch say "
                    "script=vif-openvswitch",
                    s->guest, s->devid, l->name,
                    l->kind[0] ? "of the kind " : "a network card", l->kind);
    *out = l;
    return 0;
}

/* ---- attach it ---- */

/* Ours, and known as ours, before anything else becomes of it. */
static int mark(struct host *h, const struct vifdev_spec *s,
                struct nl_link *tap, int fd, struct err *e)
{
    struct tapdev_owner o = { .devid = s->devid, .domid = s->domid };
    char alias[128];
    int rc;

    snprintf(o.guest, sizeof(o.guest), "%s", s->guest);
    tapdev_alias(&o, alias);
    rc = nl_set_alias(h->nl, tap, alias, e);
    if (rc == 0)
        rc = nl_set_mac(h->nl, tap, port_mac, e);
    if (rc == 0)
        rc = tapdev_persist(tap->name, fd, e);
    return rc;
}

/* dom0's own filter sees bridged frames where br_netfilter is loaded. */
static void warn_of_iptables(const struct vifdev_spec *s)
{
    FILE *f = fopen("/proc/sys/net/bridge/bridge-nf-call-iptables", "r");

    if (f && fgetc(f) == '1')
        log_info("vif %s/vif-%u: dom0's iptables see its frames "
                 "(net.bridge.bridge-nf-call-iptables is 1): a FORWARD policy "
                 "of DROP stops them, and only script=vif-bridge adds rules",
                 s->guest, s->devid);
    if (f)
        fclose(f);
}

static int attach(struct host *h, const struct vifdev_spec *s,
                  const struct nl_link *tap, const struct nl_link *bridge,
                  struct err *e)
{
    const char *vlan = s->vif->vlan;
    uint32_t mtu =
        s->vif->mtu ? s->vif->mtu
                    : (bridge->mtu < NET_MTU_MAX ? bridge->mtu : NET_MTU_MAX);
    /* The bridge's MTU follows that of its ports, so ours is set before. */
    int rc = nl_set_mtu(h->nl, tap, mtu, e);

    if (rc == 0)
        rc = nl_no_addresses(h->nl, tap, e);
    if (rc == 0)
        rc = nl_set_master(h->nl, tap, bridge, e);
    if (rc == 0 && vlan && vlan[0])
        rc = bridgevlan_set(h->nl, tap, bridge, vlan, e);
    if (rc == 0)
        rc = nl_set_up(h->nl, tap, true, e);
    if (rc == 0)
        warn_of_iptables(s);
    return rc;
}

/* The backend's own look is the first: without this one it is served, too. */
static void fence(struct host *h, const struct vifdev_spec *s,
                  const struct nl_link *tap)
{
    struct err e = { 0 };

    if (!s->any_mac && tapfence_set(h->nl, tap, s->vif->mac, &e) < 0)
        log_info("vif %s/vif-%u: its backend alone looks at its addresses: %s",
                 s->guest, s->devid, e.text);
}

/* The tap is there; make of it what it is to be. */
static int settle(struct host *h, const struct vifdev_spec *s,
                  const struct nl_link *bridge, const char *name, int fd,
                  struct vifplace *out, struct err *e)
{
    int rc = nl_find(h->nl, name, &out->tap, e);

    if (rc == 0)
        rc = mark(h, s, &out->tap, fd, e);
    if (rc == 0)
        fence(h, s, &out->tap);
    if (rc == 0 && bridge)
        rc = attach(h, s, &out->tap, bridge, e);
    else if (rc == 0 && s->vif->mtu)
        rc = nl_set_mtu(h->nl, &out->tap, s->vif->mtu, e);
    if (rc == 0)
        rc = nl_get(h->nl, out->tap.index, &out->tap, e);
    return rc;
}

int vifplace_make(const struct vifdev_spec *s, int *fds, struct vifplace *out,
                  struct err *e)
{
    const struct nl_link *bridge = NULL;
    struct host h = { 0 };
    char name[IFNAMSIZ];
    int rc;

    *out = (struct vifplace){ 0 };
    if (s->vif->mtu > NET_MTU_MAX)
        return fail(e, -EINVAL, "vif %s/vif-%u: mtu=%u: want at most %u",
                    s->guest, s->devid, s->vif->mtu, NET_MTU_MAX);
    rc = look_around(&h, e);
    if (rc == 0 && !vifplace_is_others(s))
        rc = find_bridge(&h, s, &bridge, e);
    if (rc == 0)
        rc = claim(&h, s, name, e);
    if (rc == 0)
        rc = tapdev_make(name, s->nr_queues, fds, e);
    if (rc < 0)
        goto out;
    rc = settle(&h, s, bridge, name, fds[0], out, e);
    if (rc < 0) {
        tapdev_close(fds, s->nr_queues);
        vifplace_remove(s, out); /* it may have been made to stay */
        goto out;
    }
    if (bridge)
        memcpy(out->bridge, bridge->name, sizeof(out->bridge));
out:
    look_no_more(&h);
    return rc;
}

/* ---- one that is there ---- */

static void see_bridge(struct nl *nl, struct vifplace *p)
{
    struct nl_link l;

    p->bridge[0] = 0;
    if (p->tap.master && nl_get(nl, p->tap.master, &l, NULL) == 0)
        memcpy(p->bridge, l.name, sizeof(p->bridge));
}

int vifplace_find(const struct vifdev_spec *s, struct vifplace *out,
                  struct err *e)
{
    struct host h = { 0 };
    int rc = look_around(&h, e);

    *out = (struct vifplace){ 0 };
    for (int i = 0; i < h.nr && !out->tap.index; i++)
        if (is_of(&h.all[i], s))
            out->tap = h.all[i];
    if (rc == 0 && !out->tap.index)
        rc = fail(e, -ENODEV,
                  "vif %s/vif-%u: its tap is gone (one of domain %u)", s->guest,
                  s->devid, s->domid);
    if (rc == 0)
        see_bridge(h.nl, out);
    look_no_more(&h);
    return rc;
}

int vifplace_look(const struct vifdev_spec *s, struct vifplace *p,
                  struct err *e)
{
    struct nl_link now;
    struct nl *nl = NULL;
    int rc = nl_open(&nl, e);

    if (rc == 0)
        rc = nl_get(nl, p->tap.index, &now, e);
    if (rc == 0 && !is_of(&now, s))
        rc = fail(e, -ENODEV, "vif %s/vif-%u: %s is no tap of its any more",
                  s->guest, s->devid, now.name);
    if (rc == 0) {
        p->tap = now;
        see_bridge(nl, p);
    }
    nl_close(nl);
    return rc;
}

void vifplace_leave(const struct vifplace *p)
{
    struct err e = { 0 };
    struct nl *nl = NULL;

    if (nl_open(&nl, &e) < 0 || nl_set_up(nl, &p->tap, false, &e) < 0 ||
        (p->tap.master && nl_set_master(nl, &p->tap, NULL, &e) < 0))
        log_warn("%s", e.text);
    nl_close(nl);
}

void vifplace_remove(const struct vifdev_spec *s, struct vifplace *p)
{
    struct err e = { 0 };
    struct nl *nl = NULL;

    if (p->tap.index && vifplace_look(s, p, NULL) == 0 &&
        (nl_open(&nl, &e) < 0 || nl_delete(nl, &p->tap, &e) < 0))
        log_err("%s", e.text);
    nl_close(nl);
    *p = (struct vifplace){ 0 };
}

static void remove_left(uint16_t domid, const uint32_t *devid)
{
    struct tapdev_owner o;
    struct host h = { 0 };
    struct err e = { 0 };

    if (look_around(&h, &e) < 0)
        log_err("%s", e.text);
    for (int i = 0; i < h.nr; i++) {
        if (!tapdev_owner(&h.all[i], &o) || o.domid != domid ||
            (devid && o.devid != *devid))
            continue;
        if (nl_delete(h.nl, &h.all[i], &e) < 0)
            log_err("%s", e.text);
        else
            log_info("vif %s/vif-%u: %s of domain %u was left over: removed",
                     o.guest, o.devid, h.all[i].name, domid);
    }
    look_no_more(&h);
}

void vifdev_remove_left(uint16_t domid)
{
    remove_left(domid, NULL);
}

void vifdev_remove_left_of(uint16_t domid, uint32_t devid)
{
    remove_left(domid, &devid);
}
