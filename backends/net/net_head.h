/* SPDX-License-Identifier: MIT */
/*
 * net_head.h - what the head of a packet is, and what offloads ask of it
 *
 * The tap's header (struct virtio_net_hdr, host's byte order) and netif.h's
 * flags say the same in two ways: where the checksum is that somebody has to
 * fill in, and in what pieces to segment.  Neither is believed: what a guest
 * asks for must fit its packet, or the tap would refuse it; and what comes by
 * the tap may be another guest's work.
 */
#ifndef NET_HEAD_H
#define NET_HEAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <linux/virtio_net.h>

#include "backends/net/net_check.h"
#include "backends/net/net_ctl.h"

#define NET_HEAD_BYTES 128u

enum net_l3 {
    NET_L3_OTHER, /* neither of the next */
    NET_L3_ARP,
    NET_L3_IPV4,
    NET_L3_IPV6,
    NET_L3_SNAP, /* an Ethernet type in an 802.2 SNAP header */
    NET_L3_CUT,  /* its header is not whole, or has an impossible length; or
                    there are more than two VLAN tags */
};

struct net_head {
    uint8_t bytes[NET_HEAD_BYTES];
    uint32_t len;       /* of bytes[] */
    uint32_t frame_len; /* of the packet */
    enum net_l3 l3;
    uint16_t l3_off;
    bool has_l4;      /* IPv4, IPv6: l4_* hold, and l4_off < frame_len */
    bool fragment;    /* of a larger one: the first, or another */
    bool later;       /* another: what is at l4_off is no header */
    uint8_t l4_proto; /* IPPROTO_*, behind extension headers */
    uint16_t l4_off;  /* may be outside bytes[] */
};

/* Gather and parse the head of a packet that is in nr pieces. */
void net_head_read(struct net_head *h, const struct iovec *data, uint32_t nr);

/*
 * A guest's packet for the tap: the header that goes before it.  Where the
 * guest wants segments and does not say csum_blank, as some do, the checksum
 * of the pseudo header is written into data, as netback does.
 *
 * Returns NULL, or why the packet must be dropped: its checksum or GSO request
 * does not fit what it is.  h: of this packet.
 */
const char *net_head_to_tap(const struct net_packet *p,
                            const struct net_head *h, const struct iovec *data,
                            uint32_t nr, struct virtio_net_hdr *out);

struct net_head_rx {   /* what a guest is told of a packet */
    uint16_t flags;    /* NETRXF_csum_blank, NETRXF_data_validated; the first
                          response's, to which more_data and extra_info come */
    uint16_t gso_size; /* 0: no GSO extra */
    uint8_t gso_type;  /* XEN_NETIF_GSO_TYPE_* */
};

/*
 * The tap's packet for a guest that takes what the wiring says.  A checksum
 * that the guest does not fill in, or could not by its own rules (it knows TCP
 * and UDP, unfragmented and untagged), is filled in here, in frame.  A tagged
 * packet that is to be segmented goes in one piece, for the guest's driver
 * drops GSO behind a tag, and the tap cannot be told to segment those alone.
 *
 * Returns NULL, or why the packet must be dropped: too short, or too long;
 * header and packet do not fit; it is to be segmented and the guest cannot.
 */
const char *net_head_to_guest(const struct net_wiring *takes,
                              const struct virtio_net_hdr *hdr, uint8_t *frame,
                              uint32_t len, struct net_head_rx *out);

#endif
