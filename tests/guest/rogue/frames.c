/* SPDX-License-Identifier: MIT */
/*
 * frames.c - the frames that the rogue guest sends
 */
#include "frames.h"

#include <xen/xen.h>

#include <xen/io/netif.h>

#define ETH 14u
#define IP4 20u
#define IP6 40u
#define PROTO_ICMP 1
#define PROTO_TCP 6
#define PROTO_UDP 17
#define CLOSED_PORT 9u
#define OUR_PORT 4660u

static const uint8_t peer_ip[4] = { 192, 168, 177, 1 };

uint8_t frame_pages[FRAME_PAGES][PAGE] __attribute__((aligned(4096)));
static uint32_t refs[FRAME_PAGES];
static uint16_t sequence; /* of the last echo request */
static uint32_t sent_data;

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t sum_more(uint32_t sum, const uint8_t *p, uint32_t len)
{
    for (; len > 1; p += 2, len -= 2)
        sum += get16(p);
    if (len)
        sum += (uint32_t)*p << 8;
    return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void put_our_ip(const struct nic *n, uint8_t *p)
{
    memcpy(p, peer_ip, 3);
    p[3] = n->mac[5];
}

static uint8_t *put_ethernet(const struct nic *n, uint32_t type)
{
    uint8_t *f = frame_pages[0];
    uint8_t any = 0;

    for (uint32_t i = 0; i < 6; i++)
        any |= n->peer_mac[i];
    if (any)
        memcpy(f, n->peer_mac, 6);
    else
        memset(f, 0xff, 6);
    memcpy(f + 6, n->mac, 6);
    put16(f + 12, type);
    return f + ETH;
}

static uint32_t make_arp(const struct nic *n)
{
    static const uint8_t head[8] = { 0, 1, 8, 0, 6, 4, 0, 1 };
    uint8_t *p = put_ethernet(n, 0x0806);

    memset(frame_pages[0], 0xff, 6);
    memset(p, 0, 46);
    memcpy(p, head, 8);
    memcpy(p + 8, n->mac, 6);
    put_our_ip(n, p + 14);
    memcpy(p + 24, peer_ip, 4);
    return 60;
}

/* An IPv4 header for so many bytes behind it, which it returns. */
static uint8_t *put_ip4(const struct nic *n, uint8_t proto, uint32_t len)
{
    static uint16_t id;
    uint8_t *p = put_ethernet(n, 0x0800);

    memset(p, 0, IP4);
    p[0] = 0x45;
    put16(p + 2, IP4 + len);
    put16(p + 4, ++id);
    p[8] = 64;
    p[9] = proto;
    put_our_ip(n, p + 12);
    memcpy(p + 16, peer_ip, 4);
    put16(p + 10, (uint16_t)~sum_fold(sum_more(0, p, IP4)));
    return p + IP4;
}

static uint8_t *put_ip6(const struct nic *n, uint8_t proto, uint32_t len)
{
    uint8_t *p = put_ethernet(n, 0x86dd);

    memset(p, 0, IP6);
    p[0] = 0x60;
    put16(p + 4, len);
    p[6] = proto;
    p[7] = 64;
    p[8] = p[24] = 0xfd;
    p[22] = 0x66;
    p[23] = 1;
    p[39] = 1;
    return p + IP6;
}

static void fill(uint8_t *p, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        p[i] = (uint8_t)(i * 7 + sequence);
}

static uint32_t make_ping(const struct nic *n, uint32_t data)
{
    uint8_t *p = put_ip4(n, PROTO_ICMP, 8 + data);

    memset(p, 0, 8);
    p[0] = 8;
    put16(p + 4, 0x7265);
    put16(p + 6, ++sequence);
    fill(p + 8, data);
    put16(p + 2, (uint16_t)~sum_fold(sum_more(0, p, 8 + data)));
    return ETH + IP4 + 8 + data;
}

/* The checksum of TCP or UDP, or with blank only that of the pseudo-header. */
static void put_sum(uint8_t *ip, uint32_t addresses, uint8_t proto, uint8_t *p,
                    uint32_t at, uint32_t len, int blank)
{
    uint32_t sum = sum_more(proto + len, ip, addresses);

    put16(p + at, 0);
    if (blank)
        put16(p + at, sum_fold(sum));
    else
        put16(p + at, (uint16_t)~sum_fold(sum_more(sum, p, len)));
}

static uint32_t make_udp(const struct nic *n, uint32_t data, int blank)
{
    uint8_t *p = put_ip4(n, PROTO_UDP, 8 + data);

    put16(p, OUR_PORT);
    put16(p + 2, CLOSED_PORT);
    put16(p + 4, 8 + data);
    fill(p + 8, data);
    put_sum(p - 8, 8, PROTO_UDP, p, 6, 8 + data, blank);
    return ETH + IP4 + 8 + data;
}

static uint32_t make_tcp(const struct nic *n, uint32_t data, int blank, int six)
{
    uint32_t len = 20 + data;
    uint8_t *p = six ? put_ip6(n, PROTO_TCP, len) : put_ip4(n, PROTO_TCP, len);

    memset(p, 0, 20);
    put16(p, OUR_PORT);
    put16(p + 2, CLOSED_PORT);
    put16(p + 6, ++sequence);
    p[12] = 5 << 4;
    p[13] = 2; /* SYN */
    put16(p + 14, 1024);
    fill(p + 20, data);
    put_sum(six ? p - 32 : p - 8, six ? 32 : 8, PROTO_TCP, p, 16, len, blank);
    return ETH + (six ? IP6 : IP4) + len;
}

uint32_t frame_make(const struct nic *n, enum frame_kind kind, uint32_t data,
                    int blank)
{
    sent_data = data;
    switch (kind) {
    case FRAME_ARP:
        return make_arp(n);
    case FRAME_PING:
        return make_ping(n, data);
    case FRAME_UDP:
        return make_udp(n, data, blank);
    case FRAME_TCP:
    case FRAME_TCP6:
        return make_tcp(n, data, blank, kind == FRAME_TCP6);
    default:
        fill(put_ethernet(n, 0x88b5), data); /* for experiments: IEEE 802 */
        return ETH + data;
    }
}

uint32_t frame_ref(uint32_t page)
{
    if (!refs[page])
        refs[page] = xen_grant(frame_pages[page], 0, 1);
    return refs[page];
}

void frame_done(struct nic *n)
{
    for (uint32_t i = 0; i < FRAME_PAGES; i++) {
        if (refs[i] && xen_grant_end(refs[i]) != 0)
            n->held++;
        refs[i] = 0;
    }
}

int frame_put(struct nic *n, uint32_t q, uint32_t len, uint32_t flags,
              uint32_t *nr_slots)
{
    *nr_slots = (len + PAGE - 1) / PAGE;
    if (len > 65535 || *nr_slots > FRAME_PAGES)
        return -1;
    for (uint32_t i = 0; i < *nr_slots; i++) {
        uint32_t left = len - i * PAGE;
        struct nic_slot s = {
            .ref = frame_ref(i),
            .id = (uint16_t)i,
            .flags = (uint16_t)(i ? 0 : flags),
            .size = (uint16_t)(i == 0        ? len
                               : left < PAGE ? left
                                             : PAGE),
        };

        if (i + 1 < *nr_slots)
            s.flags |= NETTXF_more_data;
        nic_put(n, q, &s);
    }
    return 0;
}

static int is_answer(struct nic *n, enum frame_kind kind, const uint8_t *f,
                     uint32_t len)
{
    const uint8_t *ip = f + ETH, *p = ip + IP4;

    if (len < FRAME_HEAD || memcmp(f, n->mac, 6) != 0)
        return 0;
    if (kind == FRAME_ARP) {
        if (get16(f + 12) != 0x0806 || get16(ip + 6) != 2 ||
            memcmp(ip + 14, peer_ip, 4) != 0)
            return 0;
        memcpy(n->peer_mac, ip + 8, 6);
        return 1;
    }
    if (get16(f + 12) != 0x0800 || memcmp(ip + 12, peer_ip, 4) != 0)
        return 0;
    if (kind == FRAME_TCP)
        return ip[9] == PROTO_TCP && get16(p) == CLOSED_PORT &&
               get16(p + 2) == OUR_PORT && p[13] & 4;
    if (kind != FRAME_PING || ip[9] != PROTO_ICMP || p[0] != 0 ||
        get16(p + 6) != sequence || len != FRAME_HEAD + sent_data)
        return 0;
    for (uint32_t i = 0; i < sent_data; i++)
        if (p[8 + i] != (uint8_t)(i * 7 + sequence))
            return 0;
    return 1;
}

int frame_answered(struct nic *n, enum frame_kind kind, uint32_t ms)
{
    static uint8_t got[FRAME_PAGES * PAGE];
    uint64_t until = xen_now_ns() + ms * XEN_MS;

    while (xen_now_ns() < until)
        for (uint32_t q = 0; q < n->nr_queues; q++) {
            int32_t len = nic_receive(n, q, got, sizeof(got),
                                      n->nr_queues == 1 ? 200 : 20);

            if (len > 0 && is_answer(n, kind, got, (uint32_t)len))
                return 1;
        }
    return 0;
}

static int ask(struct nic *n, uint32_t q, enum frame_kind kind, uint32_t data,
               struct line *why)
{
    /* dom0's bridge may forget a frame while its port comes up. */
    for (uint32_t tries = 0; tries < 4; tries++) {
        uint32_t len = frame_make(n, kind, data, 0), nr;
        int32_t status = 0;

        frame_put(n, q, len, 0, &nr);
        nic_push(n, q);
        for (uint32_t i = 0; i < nr && status == 0; i++)
            status = nic_take(n, q, BUS_WAIT_MS);
        if (status != 0) {
            line_add(why, status == NIC_NOTHING ? "no answer on the ring"
                                                : "refused: ");
            if (status != NIC_NOTHING)
                line_signed(why, status);
            return 0;
        }
        if (frame_answered(n, kind, 2000))
            return 1;
    }
    line_add(why, "nothing came back");
    return 0;
}

int frame_serves(struct nic *n, struct line *why)
{
    int ok = 1;

    for (uint32_t q = 0; q < n->nr_queues && ok; q++) {
        ok = ask(n, q, FRAME_ARP, 0, why);
        if (ok)
            ok = ask(n, q, FRAME_PING, 900, why);
    }
    frame_done(n);
    return ok;
}
