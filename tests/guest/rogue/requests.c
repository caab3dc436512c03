/* SPDX-License-Identifier: MIT */
/*
 * requests.c - requests that must be answered with an error, and alone
 */
#include "rogue.h"

#include <stddef.h>

#include <xen/xen.h>

#include <xen/io/blkif.h>

/* Answers, as bits. */
#define A_OK 1u
#define A_ERROR 2u
#define A_NOSUP 4u
#define A_ANY 7u

#define RD BLKIF_OP_READ
#define WR BLKIF_OP_WRITE
#define IND BLKIF_OP_INDIRECT
#define DISCARD BLKIF_OP_DISCARD
#define OTHER_DOMAIN 5u
#define NEVER_GRANTED (XEN_REF_END + 1)

enum ref_kind { GOOD, BOGUS, EMPTY, REVOKED, READONLY, OTHERS, REF_KINDS };
enum place { FROM_START, FROM_END }; /* what a sector is counted from */

struct bad {
    uint8_t op, inner, flag;
    uint16_t nr_segs;
    enum place place;
    uint64_t sector, nr_sectors;
    uint8_t first, last;
    enum ref_kind ref, list; /* of data; of the pages of an indirect one */
    uint8_t which;           /* segment or list page that is bad; 0: all */
    uint8_t want;
};

static uint8_t list_pages[8][PAGE] __attribute__((aligned(4096)));

static uint32_t make_ref(enum ref_kind kind, void *page)
{
    uint32_t ref;

    switch (kind) {
    case BOGUS:
        return 0xfffffff0u;
    case EMPTY:
        return NEVER_GRANTED;
    case REVOKED:
        ref = xen_grant(page, 0, 0);
        xen_grant_end(ref);
        return ref;
    case READONLY:
        return xen_grant(page, 0, 1);
    case OTHERS:
        return xen_grant(page, OTHER_DOMAIN, 0);
    default:
        return xen_grant(page, 0, 0);
    }
}

static void drop_ref(uint32_t ref)
{
    if (ref >= XEN_REF_FIRST && ref < NEVER_GRANTED)
        xen_grant_end(ref);
}

static int is_wanted(uint8_t want, int32_t status)
{
    return (status == BLKIF_RSP_OKAY && want & A_OK) ||
           (status == BLKIF_RSP_ERROR && want & A_ERROR) ||
           (status == BLKIF_RSP_EOPNOTSUPP && want & A_NOSUP);
}

static struct seg make_seg(const struct bad *b, uint32_t i)
{
    int is_bad = b->which == 0 || b->which == i + 1;
    struct seg s = { .first = 0, .last = 7 };

    if (is_bad) {
        s.first = b->first;
        s.last = b->last;
    }
    s.ref = make_ref(is_bad ? b->ref : GOOD, front_data[i % FRONT_DATA]);
    return s;
}

static struct req make_request(struct front *f, const struct bad *b)
{
    static uint64_t id = 1ull << 40;
    struct req r = { .op = b->op,
                     .inner = b->inner,
                     .flag = b->flag,
                     .nr_segs = b->nr_segs,
                     .id = ++id,
                     .sector = b->sector,
                     .nr_sectors = b->nr_sectors };

    if (b->place == FROM_END)
        r.sector += f->nr_sectors;
    if (b->op == IND) {
        for (uint32_t i = 0; i < 8; i++)
            r.indirect[i] =
                make_ref(b->which == 0 || b->which == i + 1 ? b->list : GOOD,
                         list_pages[i]);
        for (uint32_t i = 0; i < b->nr_segs && i < FRONT_DATA; i++) {
            struct seg s = make_seg(b, i);

            memcpy(list_pages[0] + 8 * i, &s, sizeof(s));
        }
    } else if (b->op != DISCARD) {
        for (uint32_t i = 0; i < FRONT_SEGS; i++)
            r.seg[i] = make_seg(b, i);
    }
    return r;
}

static void unmake(const struct bad *b, const struct req *r)
{
    for (uint32_t i = 0; i < 8 && b->op == IND; i++)
        drop_ref(r->indirect[i]);
    for (uint32_t i = 0; i < b->nr_segs && i < FRONT_DATA && b->op == IND;
         i++) {
        uint32_t ref;

        memcpy(&ref, list_pages[0] + 8 * i, 4);
        drop_ref(ref);
    }
    for (uint32_t i = 0; i < FRONT_SEGS && b->op != IND; i++)
        drop_ref(r->seg[i].ref);
}

/* The operation that an answer must name: of reads and writes the inner one. */
static uint8_t op_of(const struct bad *b)
{
    return b->op == IND && b->inner <= WR ? b->inner : b->op;
}

static int ask(struct front *f, const void *arg, struct line *why)
{
    const struct bad *b = arg;
    struct req r = make_request(f, b);
    int32_t status = front_do(f, &r);

    unmake(b, &r);
    if (status == FRONT_NO_REPLY) {
        line_add(why, "no answer");
        return 0;
    }
    line_add(why, "status ");
    line_signed(why, status);
    if (f->last_id != r.id ||
        (f->last_op != op_of(b) &&
         !(rogue_peer_is_linux && f->last_op == b->inner))) {
        line_add(why, ", of another request: op ");
        line_number(why, f->last_op);
        return 0;
    }
    return is_wanted(b->want, status);
}

/* Each of 11 segments in turn is the bad one, for reads and writes. */
static int each_segment(struct front *f, const void *arg, struct line *why)
{
    for (uint8_t op = RD; op <= WR; op++)
        for (uint8_t n = 1; n <= FRONT_SEGS; n++) {
            struct bad b = *(const struct bad *)arg;

            b.op = op;
            b.which = n;
            why->len = 0;
            if (!ask(f, &b, why) || !good_serves(f, why)) {
                line_add(why, " segment ");
                line_number(why, n);
                return 0;
            }
        }
    return 1;
}

/*
 * The page with the segments is also what is read into.  Any answer will do;
 * what it says was fetched before the data came.
 */
static int list_is_data(struct front *f, const void *arg, struct line *why)
{
    struct req r = {
        .op = IND, .inner = RD, .nr_segs = 32, .id = 5, .sector = 4096
    };
    uint32_t ref = xen_grant(list_pages[0], 0, 0);
    int32_t status;

    (void)arg;
    for (uint32_t i = 0; i < 512; i++) {
        struct seg s = { .ref = ref, .last = 7 };

        memcpy(list_pages[0] + 8 * i, &s, sizeof(s));
    }
    r.indirect[0] = ref;
    status = front_do(f, &r);
    xen_grant_end(ref);
    line_add(why, "status ");
    line_signed(why, status);
    return is_wanted(A_OK | A_ERROR, status);
}

#define BAD(...)                                                               \
    &(const struct bad)                                                        \
    {                                                                          \
        __VA_ARGS__                                                            \
    }
#define ASK(name, ...) { name, ask, BAD(__VA_ARGS__), 0, NULL }
#define ERR .want = A_ERROR
#define ONE .nr_segs = 1, .last = 7
#define MAX64 0xffffffffffffffffull

/* clang-format off */
static const struct row rows[] = {
    ASK("no-segments",        .op = RD, ERR),
    ASK("write-no-segments",  .op = WR, ERR),
    ASK("12-segments",        .op = RD, .nr_segs = 12, .last = 7, ERR),
    ASK("255-segments",       .op = WR, .nr_segs = 255, .last = 7, ERR),
    ASK("first-behind-last",  .op = RD, .nr_segs = 1, .first = 5, .last = 4, ERR),
    ASK("first-255",          .op = WR, .nr_segs = 1, .first = 255, ERR),
    ASK("last-8",             .op = RD, .nr_segs = 1, .last = 8, ERR),
    ASK("last-255",           .op = WR, .nr_segs = 1, .last = 255, ERR),
    ASK("first-8-last-8",     .op = RD, .nr_segs = 1, .first = 8, .last = 8, ERR),
    ASK("read-at-end",        .op = RD, ONE, .place = FROM_END, ERR),
    ASK("write-at-end",       .op = WR, ONE, .place = FROM_END, ERR),
    ASK("write-over-end",     .op = WR, ONE, .place = FROM_END, .sector = MAX64, ERR),
    ASK("last-sectors",       .op = RD, ONE, .place = FROM_END, .sector = MAX64 - 7, .want = A_OK),
    ASK("sector-2^64-1",      .op = WR, ONE, .sector = MAX64, ERR),
    ASK("sector-2^64-8",      .op = WR, ONE, .sector = MAX64 - 7, ERR),
    ASK("sector-2^63",        .op = WR, ONE, .sector = 1ull << 63, ERR),
    ASK("sector-2^55",        .op = WR, ONE, .sector = 1ull << 55, ERR),
    ASK("sector-2^55+64",     .op = WR, ONE, .sector = (1ull << 55) + 64, ERR),
    ASK("discard-at-end",     .op = DISCARD, .place = FROM_END, .nr_sectors = 8, .want = A_ERROR | A_NOSUP),
    ASK("discard-over-end",   .op = DISCARD, .place = FROM_END, .sector = MAX64, .nr_sectors = 8, .want = A_ERROR | A_NOSUP),
    ASK("discard-wraps",      .op = DISCARD, .sector = 8, .nr_sectors = MAX64, .want = A_ERROR | A_NOSUP),
    ASK("discard-2^55",       .op = DISCARD, .sector = 1ull << 55, .nr_sectors = 1ull << 55, .want = A_ERROR | A_NOSUP),
    ASK("discard-huge",       .op = DISCARD, .nr_sectors = 1ull << 54, .want = A_ERROR | A_NOSUP),
    ASK("discard-nothing",    .op = DISCARD, .sector = 8192, .want = A_ANY),
    ASK("discard-flags",      .op = DISCARD, .flag = 0xfe, .sector = 8192, .nr_sectors = 8, .want = A_ANY),
    ASK("op-4",               .op = 4, ONE, .want = A_NOSUP),
    ASK("op-7",               .op = 7, ONE, .want = A_NOSUP),
    ASK("op-255",             .op = 255, ONE, .want = A_NOSUP),
    ASK("ref-bogus",          .op = RD, ONE, .ref = BOGUS, ERR),
    ASK("ref-bogus-write",    .op = WR, ONE, .ref = BOGUS, ERR),
    ASK("ref-empty",          .op = RD, ONE, .ref = EMPTY, ERR),
    ASK("ref-revoked",        .op = WR, ONE, .ref = REVOKED, ERR),
    ASK("ref-readonly",       .op = RD, ONE, .ref = READONLY, ERR),
    ASK("ref-readonly-write", .op = WR, ONE, .sector = 96, .ref = READONLY, .want = A_OK),
    ASK("ref-others",         .op = RD, ONE, .ref = OTHERS, ERR),
    ASK("ref-others-write",   .op = WR, ONE, .ref = OTHERS, ERR),
    { "ref-each-segment", each_segment, BAD(.nr_segs = 11, .last = 7, .sector = 4096, .ref = BOGUS, ERR), 0, NULL },
    { "last-each-segment", each_segment, BAD(.nr_segs = 11, .last = 9, .sector = 4096, ERR), 0, NULL },
    ASK("indirect-none",      .op = IND, .inner = RD, ERR),
    ASK("indirect-257",       .op = IND, .inner = RD, .nr_segs = 257, .last = 7, ERR),
    ASK("indirect-65535",     .op = IND, .inner = WR, .nr_segs = 65535, .last = 7, ERR),
    ASK("indirect-of-flush",  .op = IND, .inner = 3, .nr_segs = 12, .last = 7, ERR),
    ASK("indirect-of-itself", .op = IND, .inner = IND, .nr_segs = 12, .last = 7, ERR),
    ASK("indirect-of-255",    .op = IND, .inner = 255, .nr_segs = 12, .last = 7, ERR),
    ASK("indirect-list-bogus", .op = IND, .inner = RD, .nr_segs = 12, .last = 7, .list = BOGUS, ERR),
    ASK("indirect-list-revoked", .op = IND, .inner = WR, .nr_segs = 12, .last = 7, .list = REVOKED, ERR),
    ASK("indirect-list-others", .op = IND, .inner = RD, .nr_segs = 12, .last = 7, .list = OTHERS, ERR),
    ASK("indirect-first-behind-last", .op = IND, .inner = WR, .nr_segs = 12, .first = 7, .last = 0, ERR),
    ASK("indirect-last-8",    .op = IND, .inner = RD, .nr_segs = 12, .last = 8, .which = 12, ERR),
    ASK("indirect-ref-bogus", .op = IND, .inner = WR, .nr_segs = 32, .last = 7, .sector = 4096, .ref = BOGUS, .which = 32, ERR),
    ASK("indirect-at-end",    .op = IND, .inner = WR, .nr_segs = 12, .last = 7, .place = FROM_END, .sector = MAX64 - 94, ERR),
    { "indirect-list-is-data", list_is_data, NULL, 0, NULL },
};
ROW_GROUP(request_group, "requests", rows);

/* A disk that may only be read. */
static const struct row readonly_rows[] = {
    ASK("readonly-read",      .op = RD, ONE, .want = A_OK),
    ASK("readonly-write",     .op = WR, ONE, ERR),
    ASK("readonly-flush",     .op = 3, .want = A_OK | A_ERROR | A_NOSUP),
    ASK("readonly-discard",   .op = DISCARD, .nr_sectors = 8, .want = A_ERROR | A_NOSUP),
    ASK("readonly-indirect",  .op = IND, .inner = WR, .nr_segs = 12, .last = 7, ERR),
};
/* clang-format on */
ROW_GROUP(readonly_group, "readonly", readonly_rows);
