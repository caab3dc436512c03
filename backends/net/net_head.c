/* SPDX-License-Identifier: MIT */
/*
 * net_head.c - what the head of a packet is, and what offloads ask of it
 *
 * Sources: Linux 6.12, net/core/skbuff.c (skb_checksum_setup: which packets
 * may have a checksum blank), include/linux/virtio_net.h (what the tap
 * refuses); IEEE 802.1Q, RFC 791, 8200, 1042.
 */
#include "backends/net/net_head.h"

#include <netinet/in.h>
#include <string.h>

#include "backends/net/net_csum.h"
#include "common/checked.h"

#define ETHER_BYTES 14u
#define TAG_BYTES 4u
#define TAGS_MAX 2u
#define TYPE_IPV4 0x0800u
#define TYPE_ARP 0x0806u
#define TYPE_IPV6 0x86ddu
#define TYPE_MIN 0x0600u /* below: a length (IEEE 802.3) */
#define ARP_BYTES 28u
#define IPV4_BYTES 20u
#define IPV6_BYTES 40u
#define TCP_BYTES 20u
#define TCP_FLAGS 13u
#define TCP_CWR 0x80u
#define TCP_CSUM 16u
#define UDP_BYTES 8u
#define UDP_CSUM 6u

static uint16_t be16(const struct net_head *h, uint32_t at)
{
    return (uint16_t)(h->bytes[at] << 8 | h->bytes[at + 1]);
}

static bool has(const struct net_head *h, uint32_t at, uint32_t len)
{
    return range_inside(at, len, h->len);
}

static bool is_tag(uint16_t type)
{
    return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

static void gather(struct net_head *h, const struct iovec *data, uint32_t nr)
{
    for (uint32_t i = 0; i < nr; i++) {
        uint32_t piece =
            (uint32_t)MIN_OF(data[i].iov_len, NET_HEAD_BYTES - h->len);

        if (piece)
            memcpy(h->bytes + h->len, data[i].iov_base, piece);
        h->len += piece;
        h->frame_len += (uint32_t)data[i].iov_len;
    }
}

/* IEEE 802's hardware type is as good to Linux as Ethernet's. */
static enum net_l3 read_arp(const struct net_head *h)
{
    static const uint8_t ether[] = { 0, 1 }, ieee802[] = { 0, 6 };
    static const uint8_t mac_ipv4[] = { 8, 0, 6, 4 };
    const uint8_t *arp = h->bytes + h->l3_off;

    if (!has(h, h->l3_off, ARP_BYTES) ||
        (memcmp(arp, ether, 2) && memcmp(arp, ieee802, 2)) ||
        memcmp(arp + 2, mac_ipv4, sizeof(mac_ipv4)))
        return NET_L3_CUT;
    return NET_L3_ARP;
}

static enum net_l3 read_ipv4(struct net_head *h)
{
    const uint8_t *ip = h->bytes + h->l3_off;
    uint32_t ip_bytes;
    uint16_t place;

    if (!has(h, h->l3_off, IPV4_BYTES) || ip[0] >> 4 != 4)
        return NET_L3_CUT;
    ip_bytes = (ip[0] & 15) * 4u;
    if (ip_bytes < IPV4_BYTES || h->l3_off + ip_bytes > h->frame_len)
        return NET_L3_CUT;
    place = be16(h, h->l3_off + 6u);
    h->fragment = place & 0x3fff; /* more follow, or some came before */
    h->later = place & 0x1fff;
    h->l4_proto = ip[9];
    h->l4_off = (uint16_t)(h->l3_off + ip_bytes);
    h->has_l4 = h->l4_off < h->frame_len;
    return NET_L3_IPV4;
}

/* Bytes of the extension header at off, 8 or more; 0: it is none. */
static uint32_t extension_bytes(const struct net_head *h, uint8_t proto,
                                uint32_t off)
{
    switch (proto) {
    case IPPROTO_HOPOPTS:
    case IPPROTO_ROUTING:
    case IPPROTO_DSTOPTS:
        return (h->bytes[off + 1] + 1u) * 8;
    case IPPROTO_AH:
        return (h->bytes[off + 1] + 2u) * 4;
    case IPPROTO_FRAGMENT:
        return 8;
    default:
        return 0;
    }
}

static bool is_extension(uint8_t proto)
{
    return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING ||
           proto == IPPROTO_DSTOPTS || proto == IPPROTO_AH ||
           proto == IPPROTO_FRAGMENT;
}

/* Each header moves on by 8 bytes or more, within h->bytes. */
static enum net_l3 read_ipv6(struct net_head *h)
{
    uint32_t off = h->l3_off + IPV6_BYTES;
    uint8_t proto;

    if (!has(h, h->l3_off, IPV6_BYTES) || h->bytes[h->l3_off] >> 4 != 6)
        return NET_L3_CUT;
    proto = h->bytes[h->l3_off + 6];
    while (!h->later && has(h, off, 8)) {
        uint32_t bytes = extension_bytes(h, proto, off);

        if (bytes == 0)
            break;
        if (proto == IPPROTO_FRAGMENT) {
            h->fragment |= (be16(h, off + 2) & 0xfff9) != 0;
            h->later |= (be16(h, off + 2) & 0xfff8) != 0;
        }
        proto = h->bytes[off];
        off += bytes;
    }
    if (is_extension(proto) && !h->later)
        return NET_L3_IPV6; /* and has no l4 that we can see */
    h->l4_proto = proto;
    h->l4_off = (uint16_t)off;
    h->has_l4 = off < h->frame_len;
    return NET_L3_IPV6;
}

static enum net_l3 read_l3(struct net_head *h, uint16_t type)
{
    static const uint8_t snap[] = { 0xaa, 0xaa, 3 };

    switch (type) {
    case TYPE_ARP:
        return read_arp(h);
    case TYPE_IPV4:
        return read_ipv4(h);
    case TYPE_IPV6:
        return read_ipv6(h);
    default:
        break;
    }
    if (is_tag(type))
        return NET_L3_CUT;
    if (type < TYPE_MIN && has(h, h->l3_off, sizeof(snap)) &&
        memcmp(h->bytes + h->l3_off, snap, sizeof(snap)) == 0)
        return NET_L3_SNAP;
    return NET_L3_OTHER;
}

void net_head_read(struct net_head *h, const struct iovec *data, uint32_t nr)
{
    uint32_t off = ETHER_BYTES;
    uint16_t type;

    h->len = h->frame_len = 0;
    h->l3 = NET_L3_CUT;
    h->l3_off = h->l4_off = 0;
    h->l4_proto = 0;
    h->has_l4 = h->fragment = h->later = false;
    gather(h, data, nr);
    if (h->len < ETHER_BYTES)
        return;
    type = be16(h, off - 2);
    for (uint32_t i = 0; i < TAGS_MAX && is_tag(type); i++) {
        if (!has(h, off, TAG_BYTES))
            return;
        off += TAG_BYTES;
        type = be16(h, off - 2);
    }
    h->l3_off = (uint16_t)off;
    h->l3 = read_l3(h, type);
}

/*
 * Where the checksum of its transport header is, from that header on; 0: it
 * has none that netif.h's flags can speak of.
 */
static uint32_t csum_offset(const struct net_head *h)
{
    uint32_t l4_bytes = h->frame_len - h->l4_off;

    if ((h->l3 != NET_L3_IPV4 && h->l3 != NET_L3_IPV6) || !h->has_l4 ||
        h->fragment)
        return 0;
    if (h->l4_proto == IPPROTO_TCP && l4_bytes >= TCP_BYTES)
        return TCP_CSUM;
    if (h->l4_proto == IPPROTO_UDP && l4_bytes >= UDP_BYTES)
        return UDP_CSUM;
    return 0;
}

/* Bytes of all headers of a TCP packet; 0: it is none, or not whole. */
static uint32_t tcp_headers(const struct net_head *h)
{
    uint32_t tcp_bytes;

    if (csum_offset(h) != TCP_CSUM || !has(h, h->l4_off, TCP_BYTES))
        return 0;
    tcp_bytes = (h->bytes[h->l4_off + 12] >> 4) * 4u;
    if (tcp_bytes < TCP_BYTES || h->l4_off + tcp_bytes > h->frame_len)
        return 0;
    return h->l4_off + tcp_bytes;
}

static uint16_t pseudo_sum(const struct net_head *h)
{
    const uint8_t *ip = h->bytes + h->l3_off;
    uint32_t l4_bytes = h->frame_len - h->l4_off;

    if (h->l3 == NET_L3_IPV4)
        return net_csum_pseudo(ip + 12, ip + 16, 4, h->l4_proto, l4_bytes);
    return net_csum_pseudo(ip + 8, ip + 24, 16, h->l4_proto, l4_bytes);
}

/* Two bytes that may be in two pieces; they are inside. */
static void put_u16(const struct iovec *data, uint32_t nr, uint32_t at,
                    uint16_t value)
{
    uint8_t bytes[sizeof(value)];
    uint32_t done = 0;

    memcpy(bytes, &value, sizeof(value));
    for (uint32_t i = 0; i < nr && done < sizeof(bytes); i++) {
        uint8_t *piece = data[i].iov_base;

        while (done < sizeof(bytes) && at < data[i].iov_len)
            piece[at++] = bytes[done++];
        at -= (uint32_t)data[i].iov_len;
    }
}

static bool gso_fits(const struct net_head *h, uint8_t netif_type)
{
    return h->l3 ==
           (netif_type == XEN_NETIF_GSO_TYPE_TCPV4 ? NET_L3_IPV4 : NET_L3_IPV6);
}

/* One segment is no GSO; the tap and netfront want more than one. */
static bool is_several(const struct net_head *h, uint32_t headers,
                       uint32_t gso_size)
{
    return h->frame_len - headers > gso_size;
}

static void tap_gso(const struct net_packet *p, const struct net_head *h,
                    uint32_t headers, struct virtio_net_hdr *out)
{
    if (!is_several(h, headers, p->gso_size))
        return;
    out->gso_type = p->gso_type == XEN_NETIF_GSO_TYPE_TCPV4
                        ? VIRTIO_NET_HDR_GSO_TCPV4
                        : VIRTIO_NET_HDR_GSO_TCPV6;
    if (h->bytes[h->l4_off + TCP_FLAGS] & TCP_CWR)
        out->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
    out->gso_size = p->gso_size;
    out->hdr_len = (uint16_t)headers;
}

const char *net_head_to_tap(const struct net_packet *p,
                            const struct net_head *h, const struct iovec *data,
                            uint32_t nr, struct virtio_net_hdr *out)
{
    uint32_t headers = 0, offset;

    *out = (struct virtio_net_hdr){ 0 };
    if (!p->csum_blank && !p->gso_size)
        return NULL;
    offset = csum_offset(h);
    if (offset == 0)
        return "a checksum is asked for that its headers do not have";
    if (p->gso_size) {
        headers = tcp_headers(h);
        if (headers == 0 || !gso_fits(h, p->gso_type))
            return "GSO is asked for, and it is not TCP of that kind";
        tap_gso(p, h, headers, out);
    }
    if (!p->csum_blank)
        put_u16(data, nr, h->l4_off + offset, pseudo_sum(h));
    out->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    out->csum_start = h->l4_off;
    out->csum_offset = (uint16_t)offset;
    return NULL;
}

/* netfront finds neither checksum nor segments behind one. */
static bool is_tagged(const struct net_head *h)
{
    return h->l3_off > ETHER_BYTES;
}

static bool takes_csum(const struct net_wiring *takes, const struct net_head *h)
{
    if (is_tagged(h))
        return false;
    return h->l3 == NET_L3_IPV4 ? takes->csum_v4 : takes->csum_v6;
}

static const char *guest_gso(const struct net_wiring *takes,
                             const struct virtio_net_hdr *hdr,
                             const struct net_head *h, struct net_head_rx *out)
{
    uint8_t kind = hdr->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
    uint32_t headers = tcp_headers(h);
    bool v4 = kind == VIRTIO_NET_HDR_GSO_TCPV4;

    if (!v4 && kind != VIRTIO_NET_HDR_GSO_TCPV6)
        return "the tap's GSO is of no known kind";
    if (hdr->gso_size < NET_GSO_MIN || hdr->gso_size == UINT16_MAX)
        return "the tap's GSO is of an impossible size";
    out->gso_type = v4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
    if (headers == 0 || !gso_fits(h, out->gso_type))
        return "the tap wants GSO, and it is not TCP of that kind";
    if (!is_several(h, headers, hdr->gso_size))
        return NULL;
    if (is_tagged(h))
        return NULL; /* in one, which who ends its connection takes */
    if (!(v4 ? takes->gso_v4 : takes->gso_v6) || !takes_csum(takes, h))
        return "to be segmented, which the guest does not";
    out->gso_size = hdr->gso_size;
    return NULL;
}

/* NEEDS_CSUM: by the guest, who finds the place himself; else here. */
static const char *guest_csum(const struct net_wiring *takes,
                              const struct virtio_net_hdr *hdr,
                              const struct net_head *h, uint8_t *frame,
                              struct net_head_rx *out)
{
    uint32_t offset = csum_offset(h);
    uint32_t end = (uint32_t)hdr->csum_start + hdr->csum_offset + 2;

    if (hdr->csum_start < ETHER_BYTES || end > h->frame_len)
        return "the tap wants a checksum outside the packet";
    if (offset && hdr->csum_start == h->l4_off && hdr->csum_offset == offset &&
        takes_csum(takes, h)) {
        out->flags = NETRXF_csum_blank | NETRXF_data_validated;
        return NULL;
    }
    if (out->gso_size)
        return "the tap's GSO has its checksum elsewhere";
    net_csum_fill(frame, h->frame_len, hdr->csum_start, hdr->csum_offset, true);
    return NULL;
}

const char *net_head_to_guest(const struct net_wiring *takes,
                              const struct virtio_net_hdr *hdr, uint8_t *frame,
                              uint32_t len, struct net_head_rx *out)
{
    struct iovec whole = { .iov_base = frame, .iov_len = len };
    struct virtio_net_hdr asked = *hdr;
    struct net_head h;
    const char *why;

    *out = (struct net_head_rx){ 0 };
    if (len < NET_FRAME_MIN || len > NET_FRAME_RX_MAX)
        return "the tap's packet is too short or too long";
    if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) &&
        hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE) {
        if (hdr->flags & VIRTIO_NET_HDR_F_DATA_VALID)
            out->flags = NETRXF_data_validated;
        return NULL; /* nothing is asked: its head is not looked at */
    }
    net_head_read(&h, &whole, 1);
    if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
        why = guest_gso(takes, hdr, &h, out);
        if (why)
            return why;
        if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
            put_u16(&whole, 1, h.l4_off + TCP_CSUM, pseudo_sum(&h));
            asked.csum_start = h.l4_off;
            asked.csum_offset = TCP_CSUM;
        }
    }
    return guest_csum(takes, &asked, &h, frame, out);
}
