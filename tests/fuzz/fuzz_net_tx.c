/* SPDX-License-Identifier: MIT */
/*
 * fuzz_net_tx.c - a guest that writes anything into its transmit ring, its
 * indices and its pages, before and while we look
 *
 * Input: what the rules are, then steps, each of them what the guest does
 * before the backend's next pass: bytes for the ring, or for the pages that
 * packets are read from.  Slots that are checked must be inside their pages and
 * be the packet; what goes to the tap must be what the tap takes, from an
 * address that is allowed; answers must be one a slot, in their places.
 */
#include "backends/net/net_check.h"
#include "backends/net/net_head.h"
#include "backends/net/net_journal.h"
#include "backends/net/net_ring.h"
#include "backends/net/net_spoof.h"
#include "common/checked.h"
#include "common/err.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes);

#define PAGES 8u /* of the guest; any reference is one of them */

struct setup {
    uint32_t first_index;
    uint8_t flags; /* 1: any MAC; 2: addresses; 4: and IPv6 */
    uint8_t pad[3];
};

struct step {
    uint32_t req_prod_by; /* how far it moves; mostly little */
    uint32_t rsp_event;
    uint16_t at, len; /* bytes that follow go to the ring from here on */
    uint8_t flags;    /* 1: to the pages; 2: killed, and resumes */
    uint8_t enough;   /* slots of the pass */
    uint16_t pad;
};

static struct {
    struct net_ring ring;
    struct net_journal_queue journal;
    uint8_t shared[PAGE_BYTES] __attribute__((aligned(4096)));
    uint8_t page[PAGES][PAGE_BYTES];
    struct net_rules rules;
    struct net_wire_tx wire[NET_RING_SLOTS];
    struct net_pass pass;
    struct err err;
    bool broken;
} t;

static uint32_t *word(uint32_t at)
{
    return (uint32_t *)(void *)(t.shared + at);
}

/* A private copy of a packet's slots, each with nothing behind its end. */
static uint32_t copy(const struct net_packet *p, struct iovec *to)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < p->nr_slots; i++) {
        const struct net_slot *s = &t.pass.slot[p->first_slot + i];

        MUST(s->len > 0 && s->off + s->len <= PAGE_BYTES);
        to[i].iov_len = s->len;
        to[i].iov_base = malloc(s->len);
        memcpy(to[i].iov_base, t.page[s->ref % PAGES] + s->off, s->len);
        sum += s->len;
    }
    MUST(sum == p->len && sum >= NET_FRAME_MIN);
    return p->nr_slots;
}

/* As tun_get_user() and virtio_net_hdr_to_skb() of Linux 6.12 have it. */
static void check_tap(const struct virtio_net_hdr *v, uint32_t len)
{
    uint8_t kind = v->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;

    MUST((v->flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0);
    if (v->flags)
        MUST(v->csum_start >= 34 && v->csum_start + v->csum_offset + 2u <= len);
    if (v->gso_type == VIRTIO_NET_HDR_GSO_NONE) {
        MUST(v->gso_size == 0 && v->hdr_len == 0);
        return;
    }
    MUST(kind == VIRTIO_NET_HDR_GSO_TCPV4 || kind == VIRTIO_NET_HDR_GSO_TCPV6);
    MUST(v->flags && v->csum_offset == 16);
    MUST(v->hdr_len >= v->csum_start + 20u && v->hdr_len < len);
    MUST(v->gso_size >= NET_GSO_MIN && v->gso_size < UINT16_MAX);
    MUST(len - v->hdr_len > v->gso_size);
}

/* What the rules are for, said once more and plainly. */
static void check_source(const struct net_head *h)
{
    const uint8_t *ip = h->bytes + h->l3_off;

    if (!t.rules.any_mac)
        MUST(memcmp(h->bytes + 6, t.rules.mac, 6) == 0);
    if (!t.rules.nr_addresses)
        return;
    MUST(h->l3 != NET_L3_CUT && h->l3 != NET_L3_SNAP);
    if (h->l3 == NET_L3_IPV4)
        MUST(memcmp(ip + 12, t.rules.address[0].bytes, 4) == 0 ||
             memcmp(ip + 12, "\0\0\0", 4) == 0);
    if (h->l3 == NET_L3_ARP)
        MUST(memcmp(ip + 14, t.rules.address[0].bytes, 4) == 0 ||
             (memcmp(ip + 14, "\0\0\0", 4) == 0 && ip[7] == 1));
}

static void one_packet(const struct net_packet *p)
{
    struct iovec data[NET_SLOTS_MAX];
    struct virtio_net_hdr v;
    struct net_head h;
    int16_t status = NETIF_RSP_ERROR;
    uint32_t nr = 0;

    MUST(p->nr_wires > 0 && p->nr_slots <= NET_SLOTS_MAX);
    MUST((p->drop == NULL) == (p->nr_slots > 0));
    if (!p->drop) {
        nr = copy(p, data);
        net_head_read(&h, data, nr);
        MUST(h.frame_len == p->len);
        MUST(h.len == MIN_OF(h.frame_len, NET_HEAD_BYTES));
        MUST(!h.has_l4 || h.l4_off < h.frame_len);
        if (!net_spoof(&t.rules, &h)) {
            check_source(&h);
            if (!net_head_to_tap(p, &h, data, nr, &v)) {
                check_tap(&v, p->len);
                status = NETIF_RSP_OKAY;
            }
        }
    }
    while (nr > 0)
        free(data[--nr].iov_base);
    net_ring_answer_tx(&t.ring, p->nr_wires, status);
}

static void one_pass(uint32_t enough)
{
    uint32_t before = t.journal.tx_cons, slots = 0, wires = 0;
    int nr = net_ring_take_tx(&t.ring, enough, t.wire), rc;

    if (nr < 0) {
        t.broken = true;
        return;
    }
    MUST(nr <= (int)NET_RING_SLOTS);
    rc = net_check(t.wire, (uint32_t)nr, &t.pass, &t.err);
    MUST(t.pass.nr_packets <= (uint32_t)nr && t.pass.nr_slots <= (uint32_t)nr);
    for (uint32_t i = 0; i < t.pass.nr_packets; i++) {
        MUST(t.pass.packet[i].drop || t.pass.packet[i].first_slot == slots);
        one_packet(&t.pass.packet[i]);
        slots += t.pass.packet[i].nr_slots;
        wires += t.pass.packet[i].nr_wires;
    }
    MUST(slots == t.pass.nr_slots);
    net_ring_push(&t.ring);
    MUST(*word(8) == before + wires && t.journal.tx_prod == before + wires);
    if (rc == 0)
        MUST(t.journal.tx_cons == before + wires && (uint32_t)nr == wires);
    else
        MUST(t.err.text[0] && t.journal.tx_cons - before >= wires);
    t.broken = rc < 0;
}

/* Whatever was left is answered, and nothing else. */
static void resume(void)
{
    t.broken =
        net_ring_attach(&t.ring, NET_RING_TX, t.shared, &t.journal, true) < 0;
    net_ring_answer_tx(&t.ring, net_ring_taken(&t.ring), NETIF_RSP_DROPPED);
    net_ring_push(&t.ring);
    MUST(*word(8) == t.journal.tx_cons);
}

static bool one_step(void)
{
    uint8_t *to = t.shared + 64;
    uint32_t room = PAGE_BYTES - 64;
    struct step s;

    if (!input(&s, sizeof(s)))
        return false;
    if (s.flags & 1) {
        to = t.page[0];
        room = sizeof(t.page);
    }
    *word(0) += s.req_prod_by;
    *word(12) = s.rsp_event;
    s.at = (uint16_t)(s.at % room);
    s.len = (uint16_t)MIN_OF(s.len, MIN_OF(room - s.at, left));
    input(to + s.at, s.len);
    if (s.flags & 2)
        resume();
    if (!t.broken)
        one_pass(s.enough + 1u);
    if (!t.broken)
        net_ring_arm(&t.ring);
    return !t.broken;
}

static bool start(void)
{
    struct setup how;

    memset(&t, 0, sizeof(t));
    if (!input(&how, sizeof(how)))
        return false;
    memcpy(t.rules.mac, "\x00\x16\x3e\x01\x02\x03", 6);
    t.rules.any_mac = how.flags & 1;
    if (how.flags & 2) {
        t.rules.nr_addresses = how.flags & 4 ? 2 : 1;
        memcpy(t.rules.address[0].bytes, "\x0a\0\0\x05", 4);
        t.rules.address[1].is_v6 = 1;
        memcpy(t.rules.address[1].bytes, "\x20\x01\x0d\xb8", 4);
        t.rules.address[1].bytes[15] = 5;
    }
    *word(0) = *word(8) = how.first_index;
    return net_ring_attach(&t.ring, NET_RING_TX, t.shared, &t.journal, false) ==
           0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes)
{
    in = data;
    left = data_bytes;
    if (start())
        while (one_step())
            ;
    return 0;
}
