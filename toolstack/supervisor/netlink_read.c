/* SPDX-License-Identifier: MIT */
/*
 * netlink_read.c - what the kernel tells of a network device
 */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>

#include "toolstack/supervisor/netlink.h"

static const void *sized(const struct nlattr *a, size_t bytes)
{
    return mnl_attr_get_payload_len(a) == bytes ? mnl_attr_get_payload(a)
                                                : NULL;
}

static void read_u32(const struct nlattr *a, uint32_t *out)
{
    const void *from = sized(a, sizeof(*out));

    if (from)
        memcpy(out, from, sizeof(*out));
}

static uint8_t read_u8(const struct nlattr *a)
{
    const uint8_t *from = sized(a, 1);

    return from ? *from : 0;
}

static void read_text(const struct nlattr *a, char *out, size_t out_bytes)
{
    size_t len = strnlen(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));

    if (len < out_bytes) {
        memcpy(out, mnl_attr_get_payload(a), len);
        out[len] = 0;
    }
}

static void read_tap(const struct nlattr *data, struct nl_link *out)
{
    uint32_t attached = 0, detached = 0;
    const struct nlattr *a;

    mnl_attr_for_each_nested(a, data)
    {
        switch (mnl_attr_get_type(a)) {
        case IFLA_TUN_TYPE:
            out->tap = read_u8(a) == IFF_TAP;
            break;
        case IFLA_TUN_NUM_QUEUES:
            read_u32(a, &attached);
            break;
        case IFLA_TUN_NUM_DISABLED_QUEUES:
            read_u32(a, &detached);
            break;
        default:
            break;
        }
    }
    out->nr_queues = attached + detached;
}

static void read_bridge(const struct nlattr *data, struct nl_link *out)
{
    const struct nlattr *a;

    mnl_attr_for_each_nested(a, data)
    {
        const void *vlan = sized(a, sizeof(out->default_vlan));

        if (mnl_attr_get_type(a) == IFLA_BR_VLAN_FILTERING)
            out->vlan_filtering = read_u8(a) != 0;
        else if (mnl_attr_get_type(a) == IFLA_BR_VLAN_DEFAULT_PVID && vlan)
            memcpy(&out->default_vlan, vlan, sizeof(out->default_vlan));
    }
}

static void read_info(const struct nlattr *info, struct nl_link *out)
{
    const struct nlattr *a, *data = NULL;

    mnl_attr_for_each_nested(a, info)
    {
        if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
            read_text(a, out->kind, sizeof(out->kind));
        else if (mnl_attr_get_type(a) == IFLA_INFO_DATA)
            data = a;
    }
    if (data && strcmp(out->kind, NL_TUN) == 0)
        read_tap(data, out);
    else if (data && strcmp(out->kind, NL_BRIDGE) == 0)
        read_bridge(data, out);
}

static void read_one(const struct nlattr *a, struct nl_link *out)
{
    uint32_t master = 0;

    switch (mnl_attr_get_type(a)) {
    case IFLA_IFNAME:
        read_text(a, out->name, sizeof(out->name));
        break;
    case IFLA_IFALIAS:
        read_text(a, out->alias, sizeof(out->alias));
        break;
    case IFLA_MTU:
        read_u32(a, &out->mtu);
        break;
    case IFLA_MASTER:
        read_u32(a, &master);
        out->master = (int)master;
        break;
    case IFLA_CARRIER:
        out->carrier = read_u8(a) != 0;
        break;
    case IFLA_ADDRESS:
        if (sized(a, ETH_ALEN))
            memcpy(out->mac, sized(a, ETH_ALEN), ETH_ALEN);
        break;
    case IFLA_LINKINFO:
        read_info(a, out);
        break;
    default:
        break;
    }
}

int nl_read_link(const struct nlmsghdr *m, struct nl_link *out)
{
    const struct ifinfomsg *i = mnl_nlmsg_get_payload(m);
    const struct nlattr *a;

    *out = (struct nl_link){ 0 };
    if (m->nlmsg_type != RTM_NEWLINK ||
        m->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(*i))
        return -EBADMSG;
    out->index = i->ifi_index;
    out->up = i->ifi_flags & IFF_UP;
    mnl_attr_for_each(a, m, sizeof(*i)) read_one(a, out);
    return out->index > 0 && out->name[0] ? 0 : -EBADMSG;
}
