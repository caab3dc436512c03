/* SPDX-License-Identifier: MIT */
/*
 * fuzz_net_head.c - a packet that comes by the tap, with a header that says
 * anything
 *
 * Another guest may have made it.  Whatever it is, the guest is told nothing
 * that it could not follow, and nothing outside the packet is written.
 *
 * Input: what the guest takes, the tap's header, the frame.
 */
#include "backends/net/net_head.h"
#include "common/checked.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes);

struct setup {
    uint8_t takes; /* 1, 2: GSO; 4, 8: checksums */
    uint8_t grow;  /* in 256 bytes, so that small inputs make large frames */
    struct virtio_net_hdr hdr;
};

static struct net_wiring takes;
static struct net_head_rx rx;

/* What netfront does with it: checksum_setup(), xennet_set_skb_gso(). */
static void check_told(const uint8_t *frame, uint32_t len)
{
    struct iovec whole = { (void *)(uintptr_t)frame, len };
    struct net_head h;
    bool v4;

    MUST((rx.flags & ~(NETRXF_csum_blank | NETRXF_data_validated)) == 0);
    MUST(!(rx.flags & NETRXF_csum_blank) || (rx.flags & NETRXF_data_validated));
    MUST(!rx.gso_size || (rx.flags & NETRXF_csum_blank));
    if (!(rx.flags & NETRXF_csum_blank))
        return;
    net_head_read(&h, &whole, 1);
    v4 = h.l3 == NET_L3_IPV4;
    MUST(v4 || h.l3 == NET_L3_IPV6);
    MUST(h.has_l4 && !h.fragment && (v4 ? takes.csum_v4 : takes.csum_v6));
    MUST((h.l4_proto == 6 && h.l4_off + 20u <= len) ||
         (h.l4_proto == 17 && h.l4_off + 8u <= len));
    if (!rx.gso_size)
        return;
    MUST(h.l4_proto == 6 && (v4 ? takes.gso_v4 : takes.gso_v6));
    MUST(rx.gso_type ==
         (v4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6));
    MUST(rx.gso_size >= NET_GSO_MIN && rx.gso_size < len);
}

/* No more than one field of two bytes. */
static void check_written(const uint8_t *before, const uint8_t *after,
                          uint32_t len)
{
    uint32_t first = 0, last = len;

    while (first < len && before[first] == after[first])
        first++;
    while (last > first && before[last - 1] == after[last - 1])
        last--;
    MUST(last - first <= 2 && (first == last || first >= NET_FRAME_MIN));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes)
{
    struct setup how;
    uint8_t *frame, *before;
    uint32_t len, given;
    const char *why;

    in = data;
    left = data_bytes;
    if (!input(&how, sizeof(how)))
        return 0;
    takes = (struct net_wiring){ .gso_v4 = how.takes & 1,
                                 .gso_v6 = how.takes & 2,
                                 .csum_v4 = how.takes & 4,
                                 .csum_v6 = how.takes & 8 };
    given = (uint32_t)MIN_OF(left, 4096u);
    len = given + how.grow * 257u; /* up to beyond NET_FRAME_RX_MAX */
    frame = calloc(1, len + 1);
    before = malloc(len + 1);
    input(frame, given);
    memcpy(before, frame, len);
    frame = realloc(frame, len ? len : 1);
    why = net_head_to_guest(&takes, &how.hdr, frame, len, &rx);
    check_written(before, frame, len);
    if (why)
        MUST(memcmp(before, frame, len) == 0 || len > NET_FRAME_MIN);
    else
        check_told(frame, len);
    free(frame);
    free(before);
    return 0;
}
