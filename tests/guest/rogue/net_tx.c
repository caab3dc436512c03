/* SPDX-License-Identifier: MIT */
/*
 * net_tx.c - packets that must be dropped, or that end the vif, and alone
 *
 * Every slot is to be answered; a packet that ends the vif need not be.  What
 * the backend of Linux does otherwise is in linux_want: it counts slots behind
 * the first, so it takes one or two more.
 */
#include "rogue.h"

#include <stddef.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#include "frames.h"

/* Outcomes, as bits. */
#define W_OK 1u    /* taken: each slot answered without an error */
#define W_DROP 2u  /* refused: each slot answered, and one with an error */
#define W_FATAL 4u /* the vif stops, and says why */
#define W_REPLY 8u /* taken, and dom0 replied */
#define W_ANY (W_OK | W_DROP)

#define ZERO 0x10000u /* a size of 0, where 0 means "as it is" */
#define OTHER_DOMAIN 5u
#define EXTRAS 3u

enum ref_kind { GOOD, BOGUS, EMPTY, REVOKED, OTHERS };

struct bad {
    enum frame_kind frame;
    uint32_t data, blank;       /* frame_make() */
    uint32_t total;             /* the size that the first slot tells */
    uint32_t slots, part;       /* how many; bytes of each but the first */
    uint32_t at;                /* the slot that is bad, from 1 on; 0: none */
    uint32_t off, size;         /* of that slot */
    enum ref_kind ref;          /* of that slot */
    uint16_t flags;             /* of the first */
    uint32_t unfinished;        /* more_data in the last */
    uint32_t nr_extras, repeat; /* repeat: of the last extra */
    struct nic_extra extra[EXTRAS];
    uint32_t want, linux_want; /* 0: the same */
};

struct answers {
    uint32_t ok, error, dropped, null, others, missing;
};

static uint8_t page_of_others[PAGE] __attribute__((aligned(4096)));

static uint32_t make_ref(enum ref_kind kind)
{
    uint32_t ref;

    switch (kind) {
    case BOGUS:
        return 0xfffffff0u;
    case EMPTY:
        return XEN_REF_END + 1;
    case REVOKED:
        ref = xen_grant(page_of_others, 0, 0);
        xen_grant_end(ref);
        return ref;
    default:
        return xen_grant(page_of_others, OTHER_DOMAIN, 0);
    }
}

static uint32_t put_extras(struct nic *n, const struct bad *b)
{
    uint32_t nr = b->nr_extras + b->repeat;

    for (uint32_t i = 0; i < nr; i++)
        nic_put_extra(n, 0, &b->extra[i < b->nr_extras ? i : b->nr_extras - 1]);
    return nr;
}

/* Bytes and place in the frame of slot i of nr. */
static void cut(const struct bad *b, uint32_t len, uint32_t nr, uint32_t i,
                uint32_t *pos, uint32_t *bytes)
{
    uint32_t behind = (nr - 1) * b->part,
             first = len > behind ? len - behind : 0;

    if (!b->part) { /* by pages */
        *pos = i * PAGE;
        *bytes = len > *pos ? len - *pos : 0;
        if (*bytes > PAGE)
            *bytes = PAGE;
    } else {
        *pos = i ? first + (i - 1) * b->part : 0;
        *bytes = i ? b->part : first;
    }
}

/* Put it on the ring; *others: a grant to take back.  Slots that it took. */
static uint32_t put_packet(struct nic *n, const struct bad *b, uint32_t *others)
{
    uint32_t len = frame_make(n, b->frame, b->data, (int)b->blank);
    uint32_t nr = b->slots ? b->slots : (len + PAGE - 1) / PAGE, used = nr;

    *others = 0;
    for (uint32_t i = 0; i < nr; i++) {
        struct nic_slot s = { .id = (uint16_t)i };
        uint32_t pos, bytes, size;

        cut(b, len, nr, i, &pos, &bytes);
        s.off = (uint16_t)(pos % PAGE);
        size = i ? bytes : b->total ? b->total : len;
        s.flags = i ? 0 : b->flags;
        if (i + 1 < nr || b->unfinished)
            s.flags |= NETTXF_more_data;
        if (b->nr_extras && !i)
            s.flags |= NETTXF_extra_info;
        if (b->at == i + 1) {
            s.off = b->off ? (uint16_t)b->off : s.off;
            size = b->size ? b->size : size;
        }
        if (b->at == i + 1 && b->ref != GOOD)
            s.ref = *others = make_ref(b->ref);
        else
            s.ref = frame_ref(pos / PAGE % FRAME_PAGES);
        s.size = (uint16_t)size; /* ZERO becomes 0 */
        nic_put(n, 0, &s);
        if (!i)
            used += put_extras(n, b);
    }
    return used;
}

static void take_answers(struct nic *n, uint32_t nr, struct answers *a)
{
    for (uint32_t i = 0; i < nr; i++) {
        int32_t status = nic_take(n, 0, a->missing ? 0 : BUS_WAIT_MS);

        switch (status) {
        case NETIF_RSP_OKAY:
            a->ok++;
            break;
        case NETIF_RSP_ERROR:
            a->error++;
            break;
        case NETIF_RSP_DROPPED:
            a->dropped++;
            break;
        case NETIF_RSP_NULL:
            a->null++;
            break;
        case NIC_NOTHING:
            a->missing++;
            break;
        default:
            a->others++;
            break;
        }
    }
}

static void say_answers(const struct answers *a, struct line *why)
{
    const struct {
        uint32_t n;
        const char *what;
    } part[] = { { a->ok, " ok " },           { a->error, " error " },
                 { a->dropped, " dropped " }, { a->null, " null " },
                 { a->others, " unknown " },  { a->missing, " missing " } };

    line_add(why, "answers ");
    for (uint32_t i = 0; i < sizeof(part) / sizeof(part[0]); i++)
        if (part[i].n) {
            line_number(why, part[i].n);
            line_add(why, part[i].what);
        }
}

/* Linux's vif is still Connected, but takes nothing any more. */
static int is_deaf(struct nic *n)
{
    uint32_t nr;

    while (nic_take(n, 0, 300) != NIC_NOTHING)
        ;
    frame_put(n, 0, frame_make(n, FRAME_PING, 100, 0), 0, &nr);
    nic_push(n, 0);
    return nic_take(n, 0, 1500) == NIC_NOTHING;
}

static int came_to_its_end(struct nic *n, struct line *why)
{
    uint32_t state;

    if (rogue_peer_is_linux) {
        line_add(why, "its vif ");
        state = (uint32_t)is_deaf(n);
        line_add(why, state ? "takes no more" : "goes on");
        return (int)state;
    }
    state = bus_await(&n->bus, XB_GONE, BUS_WAIT_MS);
    say_state(&n->bus, state, why);
    return (state == 5 || state == 6) && has_reason(&n->bus);
}

static int judge(struct nic *n, const struct bad *b, uint32_t want,
                 uint32_t used, struct line *why)
{
    struct answers a = { .ok = 0 };

    if (want == W_FATAL)
        return came_to_its_end(n, why);
    take_answers(n, used, &a);
    say_answers(&a, why);
    if (a.missing || a.others) {
        say_state(&n->bus, bus_state(&n->bus), why);
        return 0;
    }
    if (a.error || a.dropped)
        return (want & W_DROP) != 0;
    if (want & W_REPLY && !frame_answered(n, b->frame, BUS_WAIT_MS)) {
        line_add(why, "no reply ");
        return 0;
    }
    return (want & (W_OK | W_REPLY)) != 0;
}

static int send_bad(struct nic *n, const void *arg, struct line *why)
{
    const struct bad *b = arg;
    uint32_t others, used, want = b->want;
    int ok;

    if (rogue_peer_is_linux && b->linux_want)
        want = b->linux_want;
    if (want == W_FATAL && !net_connect(n, why))
        return 0;
    used = put_packet(n, b, &others);
    nic_push(n, 0);
    ok = judge(n, b, want, used, why);
    frame_done(n);
    if (others >= XEN_REF_FIRST && others < XEN_REF_END)
        xen_grant_end(others);
    return ok;
}

/* Each of 18 slots in turn has a reference that is none. */
static int ref_each_slot(struct nic *n, const void *arg, struct line *why)
{
    for (uint32_t at = 1; at <= 18; at++) {
        struct bad b = { .frame = FRAME_PING,
                         .data = 1000,
                         .slots = 18,
                         .part = 40,
                         .at = at,
                         .ref = at & 1 ? BOGUS : REVOKED,
                         .want = W_DROP };

        why->len = 0;
        if (!send_bad(n, &b, why) || !frame_serves(n, why)) {
            line_add(why, " slot ");
            line_number(why, at);
            return 0;
        }
    }
    (void)arg;
    return 1;
}

/*
 * Linux wants the Ethernet header in the first slot, and drops what has it in
 * several; ours puts packets together first.
 */
static uint32_t want_of_first(uint32_t bytes)
{
    return rogue_peer_is_linux && bytes < 14 ? W_DROP : W_REPLY;
}

/* A ping whose headers are spread over 18 slots: 2 bytes in each, 3, 4 ... */
static int split_heads(struct nic *n, const void *arg, struct line *why)
{
    (void)arg;
    for (uint32_t part = 2; part <= 60; part += part < 8 ? 1 : 13) {
        uint32_t first = 17 * part < FRAME_HEAD ? FRAME_HEAD - 17 * part : 1;
        struct bad b = { .frame = FRAME_PING,
                         .data = first + 17 * part - FRAME_HEAD,
                         .slots = 18,
                         .part = part,
                         .want = want_of_first(first) };

        why->len = 0;
        if (!send_bad(n, &b, why)) {
            line_add(why, " bytes a slot ");
            line_number(why, part);
            return 0;
        }
    }
    return 1;
}

/* The first slot ends anywhere in the headers. */
static int tiny_first(struct nic *n, const void *arg, struct line *why)
{
    (void)arg;
    for (uint32_t first = 1; first <= 34; first += 3) {
        /* 42 + data = first + 17 * 60 */
        struct bad b = { .frame = FRAME_PING,
                         .data = first + 17 * 60 - FRAME_HEAD,
                         .slots = 18,
                         .part = 60,
                         .want = want_of_first(first) };

        why->len = 0;
        if (!send_bad(n, &b, why)) {
            line_add(why, " first slot ");
            line_number(why, first);
            return 0;
        }
    }
    return 1;
}

/* The same packet from 20 to 127 bytes, in 18 slots. */
static int short_in_many(struct nic *n, const void *arg, struct line *why)
{
    (void)arg;
    for (uint32_t len = 20; len <= 127; len += 7) {
        struct bad b = { .frame = FRAME_NOISE,
                         .data = len - 14,
                         .slots = 18,
                         .part = 1,
                         .want = W_ANY };

        why->len = 0;
        if (!send_bad(n, &b, why)) {
            line_add(why, " bytes ");
            line_number(why, len);
            return 0;
        }
    }
    return 1;
}

#define BAD(...)                                                               \
    &(const struct bad)                                                        \
    {                                                                          \
        __VA_ARGS__                                                            \
    }
#define SEND(title, ...)                                                       \
    { .name = title, .net = send_bad, .arg = BAD(__VA_ARGS__) }
#define FATAL(title, ...)                                                      \
    { .name = title,                                                           \
      .net = send_bad,                                                         \
      .arg = BAD(.want = W_FATAL, __VA_ARGS__),                                \
      .flags = ROW_ALONE | ROW_FATAL }
#define PING .frame = FRAME_PING, .data = 1000
#define DROP .want = W_DROP
#define ANY .want = W_ANY
#define MORE XEN_NETIF_EXTRA_FLAG_MORE
#define GSO(bytes, kind)                                                       \
    .flags = NETTXF_csum_blank | NETTXF_data_validated, .nr_extras = 1,        \
    .extra = { { .type = 1, .gso_size = bytes, .gso_type = kind } }
#define TCP .frame = FRAME_TCP, .data = 3000, .blank = 1
#define BLANK .flags = NETTXF_csum_blank | NETTXF_data_validated

/* clang-format off */
static const struct row rows[] = {
    SEND("net-size-0",            PING, .total = ZERO, DROP),
    SEND("net-size-13",           PING, .total = 13, DROP),
    SEND("net-size-14",           PING, .total = 14, ANY),
    SEND("net-slot-over-rest",    PING, .slots = 2, .part = 500, .at = 2, .size = 2000, DROP),
    SEND("net-slot-all-of-it",    PING, .slots = 2, .part = 500, .at = 2, .size = 1042, ANY),
    SEND("net-slot-0-second",     PING, .slots = 2, .part = 500, .at = 2, .size = ZERO, ANY),
    SEND("net-slot-0-middle",     PING, .slots = 5, .part = 100, .at = 3, .size = ZERO, ANY),
    SEND("net-slot-0-last",       PING, .slots = 5, .part = 100, .at = 5, .size = ZERO, ANY),
    SEND("net-18-slots",          PING, .slots = 18, .part = 50, .want = W_REPLY),
    SEND("net-19-slots",          PING, .slots = 19, .part = 50, DROP, .linux_want = W_ANY | W_REPLY),
    SEND("net-ref-bogus",         PING, .at = 1, .ref = BOGUS, DROP),
    SEND("net-ref-empty",         PING, .at = 1, .ref = EMPTY, DROP),
    SEND("net-ref-revoked",       PING, .at = 1, .ref = REVOKED, DROP),
    SEND("net-ref-others",        PING, .at = 1, .ref = OTHERS, DROP),
    { .name = "net-ref-each-slot",   .net = ref_each_slot },
    { .name = "net-split-heads",     .net = split_heads },
    { .name = "net-tiny-first",      .net = tiny_first },
    { .name = "net-short-in-many",   .net = short_in_many },
    SEND("net-udp-blank",         .frame = FRAME_UDP, .data = 100, .blank = 1, BLANK, .want = W_OK),
    SEND("net-tcp-blank",         .frame = FRAME_TCP, .data = 100, .blank = 1, BLANK, .want = W_REPLY),
    SEND("net-arp-blank",         .frame = FRAME_ARP, BLANK, ANY),
    SEND("net-noise-blank",       .frame = FRAME_NOISE, .data = 200, BLANK, ANY),
    SEND("net-ping-blank",        PING, BLANK, ANY),
    SEND("net-ip-cut-blank",      .frame = FRAME_TCP, .data = 100, BLANK, .total = 20, ANY),
    SEND("net-tcp-cut-blank",     .frame = FRAME_TCP, .data = 100, BLANK, .total = 40, ANY),
    SEND("net-all-flags",         .frame = FRAME_TCP, .data = 100, .blank = 1, .flags = 0xfff3, ANY),
    SEND("net-gso-udp",           .frame = FRAME_UDP, .data = 3000, .blank = 1, GSO(1000, 1), ANY),
    SEND("net-gso-arp",           .frame = FRAME_ARP, GSO(1000, 1), ANY),
    SEND("net-gso-noise",         .frame = FRAME_NOISE, .data = 3000, GSO(1000, 2), ANY),
    SEND("net-gso-v6-on-v4",      TCP, GSO(1000, 2), ANY),
    SEND("net-gso-v4-on-v6",      .frame = FRAME_TCP6, .data = 3000, .blank = 1, GSO(1000, 1), ANY),
    SEND("net-gso-1",             TCP, GSO(1, 1), ANY),
    SEND("net-gso-65535",         TCP, GSO(65535, 1), ANY),
    SEND("net-gso-over-packet",   TCP, GSO(9000, 1), ANY),
    SEND("net-gso-not-blank",     .frame = FRAME_TCP, .data = 3000, .nr_extras = 1,
         .extra = { { .type = 1, .gso_size = 1000, .gso_type = 1 } }, ANY),
    SEND("net-gso-short-packet",  TCP, GSO(1000, 1), .total = 30, .slots = 1, ANY),
    SEND("net-gso-twice",         TCP, .flags = NETTXF_csum_blank | NETTXF_data_validated, .nr_extras = 2,
         .extra = { { .type = 1, .flags = MORE, .gso_size = 0, .gso_type = 77 },
                    { .type = 1, .gso_size = 1000, .gso_type = 1 } }, ANY),
    SEND("net-mcast-unasked",     PING, .nr_extras = 1, .extra = { { .type = 2 } }, ANY),
    SEND("net-hash-unasked",      PING, .nr_extras = 1, .extra = { { .type = 4 } }, ANY),
};
ROW_GROUP(net_tx_group, "net-packets", rows);

static const struct row fatal_rows[] = {
    FATAL("net-size-65535",       PING, .total = 65535),
    FATAL("net-size-4097",        PING, .total = 4097),
    FATAL("net-offset-4095",      PING, .at = 1, .off = 4095),
    FATAL("net-offset-65535",     PING, .at = 1, .off = 65535),
    FATAL("net-second-crosses",   PING, .slots = 2, .part = 500, .at = 2, .off = 4000),
    FATAL("net-rest-crosses",     PING, .slots = 2, .part = 100, .total = 8000),
    FATAL("net-20-slots",         PING, .slots = 20, .part = 50, .linux_want = W_ANY | W_REPLY),
    FATAL("net-22-slots",         PING, .slots = 22, .part = 40),
    FATAL("net-256-slots",        PING, .slots = 256, .part = 4, .unfinished = 1),
    FATAL("net-more-at-end",      PING, .slots = 3, .part = 100, .unfinished = 1),
    FATAL("net-extra-missing",    PING, .flags = NETTXF_extra_info),
    FATAL("net-extra-0",          PING, .nr_extras = 1, .extra = { { .type = 0 } }),
    FATAL("net-extra-6",          PING, .nr_extras = 1, .extra = { { .type = 6 } }),
    FATAL("net-extra-255",        PING, .nr_extras = 1, .extra = { { .type = 255 } }),
    FATAL("net-extra-loop",       PING, .nr_extras = 1, .repeat = 254,
          .extra = { { .type = 1, .flags = MORE, .gso_size = 1000, .gso_type = 1 } }),
    FATAL("net-gso-0",            TCP, GSO(0, 1)),
    FATAL("net-gso-type-0",       TCP, GSO(1000, 0)),
    FATAL("net-gso-type-3",       TCP, GSO(1000, 3)),
    FATAL("net-gso-type-255",     TCP, GSO(1000, 255)),
};
/* clang-format on */
ROW_GROUP(net_fatal_group, "net-fatal", fatal_rows);
