/* SPDX-License-Identifier: MIT */
/*
 * bridgevlan.c - vlan= of a vif, and a bridge's port made so
 */
#include "toolstack/supervisor/bridgevlan.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <libmnl/libmnl.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>

#include "common/err.h"
#include "toolstack/supervisor/netlink.h"

struct term { /* first, first + step, ... last */
    unsigned long first, last, step;
    uint8_t flags;
};

static bool take_number(const char **s, unsigned long *out)
{
    char *end;

    if (!isdigit((unsigned char)**s))
        return false;
    *out = strtoul(*s, &end, 10); /* too large is ULONG_MAX */
    *s = end;
    return true;
}

static bool take_range(const char **s, struct term *t)
{
    unsigned long more;

    if (!take_number(s, &t->first))
        return false;
    t->last = t->first;
    t->step = 1;
    if (**s == '-') {
        ++*s;
        return take_number(s, &t->last);
    }
    if (**s == '+') {
        ++*s;
        if (!take_number(s, &t->step) || *(*s)++ != 'x' ||
            !take_number(s, &more))
            return false;
        t->last = t->step > BRIDGEVLAN_MAX || more > BRIDGEVLAN_MAX
                      ? BRIDGEVLAN_MAX + 1
                      : t->first + t->step * more;
    }
    return true;
}

static bool take_term(const char **s, struct term *t)
{
    const char *start = *s;

    t->flags = BRIDGEVLAN_IN;
    if (!take_range(s, t))
        return false;
    if (**s == 'u') {
        t->flags |= BRIDGE_VLAN_INFO_UNTAGGED;
        ++*s;
    } else if (**s == 'p') {
        t->flags |= BRIDGE_VLAN_INFO_UNTAGGED | BRIDGE_VLAN_INFO_PVID;
        for (; start < *s; start++)
            if (!isdigit((unsigned char)*start))
                return false; /* a range is no PVID */
        ++*s;
    }
    return **s == '/' || **s == 0;
}

static bool is_good(const struct term *t)
{
    return t->first >= 1 && t->step >= 1 && t->first <= t->last &&
           t->last <= BRIDGEVLAN_MAX;
}

int bridgevlan_parse(const char *text, struct bridgevlans *out, struct err *e)
{
    uint32_t nr_terms = 0, nr_pvids = 0;
    const char *s = text;
    struct term t;

    *out = (struct bridgevlans){ 0 };
    for (;; s++) {
        if (!take_term(&s, &t))
            return fail(e, -EINVAL,
                        "vlan=%.80s: want VLANs as 10 or 10p/20 or "
                        "10p/100+10x4, /5-9u",
                        text);
        if (!is_good(&t))
            return fail(e, -ERANGE,
                        "vlan=%.80s: want numbers of 1..%u, the smaller first",
                        text, BRIDGEVLAN_MAX);
        for (unsigned long id = t.first; id <= t.last; id += t.step)
            out->of[id] |= t.flags;
        nr_terms++;
        nr_pvids += (t.flags & BRIDGE_VLAN_INFO_PVID) != 0;
        if (*s == 0)
            break;
    }
    if (nr_terms == 1 && nr_pvids == 0 && t.flags == BRIDGEVLAN_IN &&
        t.first == t.last) {
        out->of[t.first] |= BRIDGE_VLAN_INFO_UNTAGGED | BRIDGE_VLAN_INFO_PVID;
        nr_pvids = 1;
    }
    if (nr_pvids != 1)
        return fail(e, -EINVAL, "vlan=%.80s: %u of them have a p, want one",
                    text, nr_pvids);
    return 0;
}

static void put_one(struct nlmsghdr *m, uint32_t id, unsigned int flags)
{
    const struct bridge_vlan_info info = {
        .flags = (uint16_t)(flags & ~BRIDGEVLAN_IN), .vid = (uint16_t)id
    };

    mnl_attr_put(m, IFLA_BRIDGE_VLAN_INFO, sizeof(info), &info);
}

void bridgevlan_put(struct nlmsghdr *m, const struct bridgevlans *v)
{
    struct nlattr *spec = mnl_attr_nest_start(m, IFLA_AF_SPEC);
    uint32_t last;

    for (uint32_t id = 1; id <= BRIDGEVLAN_MAX; id = last + 1) {
        last = id;
        if (!v->of[id])
            continue;
        while (last < BRIDGEVLAN_MAX && v->of[last + 1] == v->of[id])
            last++;
        if (last == id) {
            put_one(m, id, v->of[id]);
        } else {
            put_one(m, id, v->of[id] | BRIDGE_VLAN_INFO_RANGE_BEGIN);
            put_one(m, last, v->of[id] | BRIDGE_VLAN_INFO_RANGE_END);
        }
    }
    mnl_attr_nest_end(m, spec);
}

/* A bridge puts each new port into this one. */
static int leave_default(struct nl *n, const struct nl_link *port, uint32_t id,
                         struct err *e)
{
    struct bridgevlans v = { 0 };

    v.of[id] = BRIDGEVLAN_IN;
    bridgevlan_put(nl_begin(n, RTM_DELLINK, AF_BRIDGE, port->index), &v);
    return nl_ask(n, port->name, "leave the bridge's default VLAN", e);
}

int bridgevlan_set(struct nl *n, const struct nl_link *port,
                   const struct nl_link *bridge, const char *text,
                   struct err *e)
{
    uint32_t usual = bridge->default_vlan;
    struct bridgevlans v;
    int rc = bridgevlan_parse(text, &v, e);

    if (rc < 0)
        return rc;
    if (!bridge->vlan_filtering)
        return fail(e, -EOPNOTSUPP,
                    "%s: vlan=%.80s: bridge %s does not look at VLANs: turn "
                    "that on (ip link set %s type bridge vlan_filtering 1), or "
                    "leave vlan= out",
                    port->name, text, bridge->name, bridge->name);
    if (usual && usual <= BRIDGEVLAN_MAX && !v.of[usual])
        rc = leave_default(n, port, usual, e);
    if (rc < 0)
        return rc;
    bridgevlan_put(nl_begin(n, RTM_SETLINK, AF_BRIDGE, port->index), &v);
    return nl_ask(n, port->name, "make it of its VLANs (vlan=)", e);
}
