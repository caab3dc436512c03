/* SPDX-License-Identifier: MIT */
/*
 * net_spoof.c - may this guest send a packet from that address?
 */
#include "backends/net/net_spoof.h"

#include <netinet/in.h>
#include <string.h>

#include "common/checked.h"

#define MAC_BYTES 6u
#define MAC_SOURCE 6u /* in a frame */

/* In an ARP packet of Ethernet and IPv4. */
#define ARP_OP 6u
#define ARP_MAC 8u
#define ARP_IP 14u

/* ICMPv6 types. */
#define MLD_REPORT 131u
#define MLD_DONE 132u
#define ND_ROUTER_SOLICIT 133u
#define ND_ROUTER_ADVERT 134u
#define ND_SOLICIT 135u
#define ND_ADVERT 136u
#define ND_REDIRECT 137u
#define MLD2_REPORT 143u
#define ND_TARGET 8u /* in a solicitation or an advertisement */

static const uint8_t nobody[16];

static bool is_listed(const struct net_rules *rules, const uint8_t *address,
                      bool is_v6)
{
    uint32_t nr = MIN_OF(rules->nr_addresses, NET_ADDRESSES_MAX);

    for (uint32_t i = 0; i < nr; i++)
        if (!rules->address[i].is_v6 == !is_v6 &&
            !rules->address[i].any_link_local &&
            memcmp(rules->address[i].bytes, address, is_v6 ? 16 : 4) == 0)
            return true;
    return false;
}

static bool is_link_local(const uint8_t *v6)
{
    return v6[0] == 0xfe && (v6[1] & 0xc0) == 0x80;
}

static bool takes_any_link_local(const struct net_rules *rules)
{
    uint32_t nr = MIN_OF(rules->nr_addresses, NET_ADDRESSES_MAX);

    for (uint32_t i = 0; i < nr; i++)
        if (rules->address[i].any_link_local)
            return true;
    return false;
}

/* fe80::, and the MAC with ff:fe in its middle and its second bit turned. */
static bool is_of_mac(const uint8_t *v6, const uint8_t *mac)
{
    const uint8_t made[16] = {
        0xfe,          0x80,   0,      0,    0,    0,      0,      0,
        mac[0] ^ 0x02, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5],
    };

    return memcmp(v6, made, sizeof(made)) == 0;
}

/* An IPv6 address that the guest may have. */
static bool is_own_v6(const struct net_rules *rules, const uint8_t *v6)
{
    return is_listed(rules, v6, true) || is_of_mac(v6, rules->mac) ||
           (is_link_local(v6) && takes_any_link_local(rules));
}

/* len bytes of the transport header are there to be read. */
static bool has_l4(const struct net_head *h, uint32_t len)
{
    return h->has_l4 && range_inside(h->l4_off, len, h->len);
}

/* A request from 0.0.0.0 asks if an address is free. */
static const char *arp(const struct net_rules *rules, const struct net_head *h)
{
    const uint8_t *a = h->bytes + h->l3_off;
    bool is_request = a[ARP_OP] == 0 && a[ARP_OP + 1] == 1;

    if (!rules->any_mac && memcmp(a + ARP_MAC, rules->mac, MAC_BYTES))
        return "ARP of another MAC address";
    if (!rules->nr_addresses || is_listed(rules, a + ARP_IP, false) ||
        (is_request && memcmp(a + ARP_IP, nobody, 4) == 0))
        return NULL;
    return "ARP of another IPv4 address";
}

/* What a host sends that has no address yet. */
static bool is_ipv4_start(const struct net_head *h)
{
    static const uint8_t bootp[] = { 0, 68, 0, 67 }; /* ports: from, to */
    static const uint8_t all[] = { 255, 255, 255, 255 };
    const uint8_t *to = h->bytes + h->l3_off + 16;

    if (h->l4_proto == IPPROTO_IGMP)
        return to[0] >> 4 == 14;
    return h->l4_proto == IPPROTO_UDP && !h->fragment &&
           has_l4(h, sizeof(bootp)) && memcmp(to, all, sizeof(all)) == 0 &&
           memcmp(h->bytes + h->l4_off, bootp, sizeof(bootp)) == 0;
}

static const char *ipv4(const struct net_rules *rules, const struct net_head *h)
{
    const uint8_t *from = h->bytes + h->l3_off + 12;

    if (is_listed(rules, from, false) ||
        (memcmp(from, nobody, 4) == 0 && is_ipv4_start(h)))
        return NULL;
    return "another IPv4 address";
}

/* From ::, and to multicast addresses alone. */
static bool is_ipv6_start(const struct net_head *h)
{
    uint8_t type;

    if (h->bytes[h->l3_off + 24] != 0xff || h->l4_proto != IPPROTO_ICMPV6 ||
        h->fragment || !has_l4(h, 1))
        return false;
    type = h->bytes[h->l4_off];
    return type == ND_SOLICIT || type == ND_ROUTER_SOLICIT ||
           type == MLD_REPORT || type == MLD_DONE || type == MLD2_REPORT;
}

/* Of neighbour discovery: what does not say anything of others. */
static const char *icmpv6(const struct net_rules *rules,
                          const struct net_head *h)
{
    const uint8_t *icmp = h->bytes + h->l4_off;
    const uint8_t *target = icmp + ND_TARGET;

    if (!has_l4(h, 1))
        return "ICMPv6 whose header is not there";
    if (icmp[0] < ND_ROUTER_SOLICIT || icmp[0] > ND_REDIRECT)
        return NULL;
    if (h->fragment)
        return "neighbour discovery in a fragment";
    if (icmp[0] == ND_ROUTER_ADVERT || icmp[0] == ND_REDIRECT)
        return "a router's word";
    if (icmp[0] != ND_ADVERT)
        return NULL;
    if (has_l4(h, ND_TARGET + 16) && is_own_v6(rules, target))
        return NULL;
    return "advertisement of another IPv6 address";
}

static const char *ipv6(const struct net_rules *rules, const struct net_head *h)
{
    const uint8_t *from = h->bytes + h->l3_off + 8;
    bool may = is_own_v6(rules, from) ||
               (memcmp(from, nobody, 16) == 0 && is_ipv6_start(h));

    if (!may)
        return "another IPv6 address";
    if (h->later) /* neighbour discovery is never put together (RFC 6980) */
        return NULL;
    if (!h->has_l4)
        return "IPv6 headers that are too long, or do not end";
    return h->l4_proto == IPPROTO_ICMPV6 ? icmpv6(rules, h) : NULL;
}

static const char *by_address(const struct net_rules *rules,
                              const struct net_head *h)
{
    switch (h->l3) {
    case NET_L3_IPV4:
        return ipv4(rules, h);
    case NET_L3_IPV6:
        return ipv6(rules, h);
    case NET_L3_SNAP:
        return "802.2 SNAP, behind which there may be IP";
    case NET_L3_CUT:
        return "headers that are not whole";
    case NET_L3_ARP:
    case NET_L3_OTHER:
        break;
    }
    return NULL;
}

const char *net_spoof(const struct net_rules *rules, const struct net_head *h)
{
    const char *why = NULL;

    if (h->len < NET_FRAME_MIN)
        return "smaller than an Ethernet header";
    if (!rules->any_mac && memcmp(h->bytes + MAC_SOURCE, rules->mac, MAC_BYTES))
        return "another MAC address";
    if (h->l3 == NET_L3_ARP)
        why = arp(rules, h);
    if (!why && rules->nr_addresses)
        why = by_address(rules, h);
    return why;
}
