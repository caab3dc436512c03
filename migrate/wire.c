/* SPDX-License-Identifier: MIT */
/*
 * wire.c - what two freehold-migrate say to each other, checked
 */
#include "migrate/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"

/* Who may send a kind, how long it is, and what its arg may be. */
static const struct {
    const char *name;
    uint32_t min_bytes, max_bytes;
    uint32_t arg_min, arg_max;
    bool from[2]; /* enum wire_side */
} kinds[] = {
    // clang-format off
    [0]           = { "unknown", 1, 0, 1, 0, { false, false } },
    [WIRE_PLAN]   = { "PLAN", 2, WIRE_PLAN_MAX, 0, 0, { true, false } },
    [WIRE_ANSWER] = { "ANSWER", 2, WIRE_ANSWER_MAX, 0, 0, { false, true } },
    [WIRE_HAND]   = { "HAND", 0, 0, 1, 5, { true, true } },
    [WIRE_FRAME]  = { "FRAME", FH_FRAME_LONG_BYTES, FH_FRAME_LONG_BYTES,
                      0, 0, { true, false } },
    [WIRE_SHORT]  = { "SHORT", FH_FRAME_SHORT_BYTES, FH_FRAME_SHORT_BYTES,
                      0, 0, { true, true } },
    [WIRE_TOKEN]  = { "TOKEN", FH_TOKEN_BYTES, FH_TOKEN_BYTES,
                      0, 0, { true, true } },
    [WIRE_ASK]    = { "ASK", 0, 0, 1, 2, { true, false } },
    [WIRE_END]    = { "END", 2, WIRE_END_MAX, 0, 0, { true, true } },
    [WIRE_ALIVE]  = { "ALIVE", 0, 0, 0, 0, { true, true } },
    // clang-format on
};
_Static_assert(ARRAY_SIZE(kinds) == WIRE_KINDS, "kinds");

/* H1..H5: their sizes, and who makes them. */
static const struct {
    uint32_t bytes;
    enum wire_side from;
} hands[] = {
    { 192, WIRE_SOURCE }, { 512, WIRE_DEST },  { 336, WIRE_SOURCE },
    { 48, WIRE_DEST },    { 48, WIRE_SOURCE },
};

static const char *const token_name[] = { "unknown", "start", "abort", "done" };
_Static_assert(ARRAY_SIZE(token_name) == WIRE_TOKENS, "token_name");

const char *wire_kind_name(uint32_t kind)
{
    return kinds[kind < WIRE_KINDS ? kind : 0].name;
}

const char *wire_token_name(uint32_t token)
{
    return token_name[token < WIRE_TOKENS ? token : 0];
}

static bool all_zero(const void *p, size_t bytes)
{
    const uint8_t *b = p;

    for (size_t i = 0; i < bytes; i++)
        if (b[i])
            return false;
    return true;
}

void wire_hello(struct wire_hello *h, enum wire_purpose purpose,
                uint16_t stream, uint16_t nr_streams,
                const uint8_t transfer[WIRE_ID_BYTES],
                const uint8_t session[WIRE_ID_BYTES])
{
    *h = (struct wire_hello){
        .version_min = WIRE_VERSION,
        .version_max = WIRE_VERSION,
        .stream = stream,
        .nr_streams = nr_streams,
        .purpose = purpose,
    };
    memcpy(h->magic, WIRE_MAGIC, sizeof(h->magic));
    memcpy(h->transfer, transfer, WIRE_ID_BYTES);
    if (session)
        memcpy(h->session, session, WIRE_ID_BYTES);
}

int wire_check_hello(const struct wire_hello *h, struct err *e)
{
    if (memcmp(h->magic, WIRE_MAGIC, sizeof(h->magic)) != 0)
        return fail(e, -EPROTO, "hello: no freehold-migrate at the other end");
    if (h->version_min > WIRE_VERSION || h->version_max < WIRE_VERSION ||
        h->version_min > h->version_max)
        return fail(e, -EPROTONOSUPPORT,
                    "hello: versions %u to %u, want %u among them",
                    h->version_min, h->version_max, WIRE_VERSION);
    if (h->purpose < WIRE_MIGRATE || h->purpose >= WIRE_PURPOSES)
        return fail(e, -EPROTO, "hello: purpose %u, want 1 to %u", h->purpose,
                    WIRE_PURPOSES - 1);
    if (h->nr_streams < 1 || h->nr_streams > FH_MOVE_STREAMS ||
        h->stream >= h->nr_streams)
        return fail(e, -EPROTO,
                    "hello: stream %u of %u, want 0 to 3 of 1 to %u", h->stream,
                    h->nr_streams, FH_MOVE_STREAMS);
    if (h->zero || !all_zero(h->zero2, sizeof(h->zero2)))
        return fail(e, -EPROTO, "hello: its zeroes are none");
    if (all_zero(h->session, WIRE_ID_BYTES) != (h->purpose != WIRE_RESOLVE))
        return fail(e, -EPROTO, "hello: purpose %u %s a session", h->purpose,
                    h->purpose == WIRE_RESOLVE ? "wants" : "has no use for");
    return 0;
}

int wire_check_answer(const struct wire_hello *h,
                      const struct wire_hello *asked, struct err *e)
{
    int rc = wire_check_hello(h, e);

    if (rc < 0)
        return rc;
    if (h->version_min != h->version_max)
        return fail(e, -EPROTONOSUPPORT,
                    "hello: the answer has versions %u to %u, want one",
                    h->version_min, h->version_max);
    if (h->stream != asked->stream || h->nr_streams != asked->nr_streams ||
        h->purpose != asked->purpose ||
        memcmp(h->transfer, asked->transfer, WIRE_ID_BYTES) != 0 ||
        memcmp(h->session, asked->session, WIRE_ID_BYTES) != 0)
        return fail(e, -EPROTO, "hello: the answer is one to another hello");
    return 0;
}

static int check_hand(const struct wire_unit *u, enum wire_side from,
                      struct err *e)
{
    if (hands[u->arg - 1].from != from)
        return fail(e, -EPROTO, "unit HAND: H%u is this side's to say",
                    (unsigned)u->arg);
    if (hands[u->arg - 1].bytes != u->len_bytes)
        return fail(e, -EPROTO, "unit HAND: H%u has %u bytes, want %u",
                    (unsigned)u->arg, u->len_bytes, hands[u->arg - 1].bytes);
    return 0;
}

int wire_check_unit(const struct wire_unit *u, enum wire_side from,
                    uint16_t stream, struct err *e)
{
    if (u->kind < WIRE_PLAN || u->kind >= WIRE_KINDS)
        return fail(e, -EPROTO, "unit: kind %u, want 1 to %u", u->kind,
                    WIRE_KINDS - 1);
    if (!kinds[u->kind].from[from])
        return fail(e, -EPROTO, "unit %s: the %s has none to send",
                    wire_kind_name(u->kind),
                    from == WIRE_SOURCE ? "source" : "destination");
    if (stream != 0 && u->kind != WIRE_FRAME)
        return fail(e, -EPROTO, "unit %s: on stream %u, want 0",
                    wire_kind_name(u->kind), stream);
    if (u->arg < kinds[u->kind].arg_min || u->arg > kinds[u->kind].arg_max)
        return fail(e, -EPROTO, "unit %s: arg %llu, want %u to %u",
                    wire_kind_name(u->kind), (unsigned long long)u->arg,
                    kinds[u->kind].arg_min, kinds[u->kind].arg_max);
    if (u->kind == WIRE_HAND)
        return check_hand(u, from, e);
    if (u->len_bytes < kinds[u->kind].min_bytes ||
        u->len_bytes > kinds[u->kind].max_bytes)
        return fail(e, -EPROTO, "unit %s: %u bytes, want %u to %u",
                    wire_kind_name(u->kind), u->len_bytes,
                    kinds[u->kind].min_bytes, kinds[u->kind].max_bytes);
    return 0;
}

int wire_check_token(const uint8_t token[FH_TOKEN_BYTES],
                     uint8_t session[WIRE_ID_BYTES], struct err *e)
{
    if (memcmp(token, "FHMT", 4) != 0 || token[4] != 1)
        return fail(e, -EPROTO, "token: no token of version 1");
    if (token[5] < WIRE_START || token[5] >= WIRE_TOKENS)
        return fail(e, -EPROTO, "token: type %u, want 1 to %u", token[5],
                    WIRE_TOKENS - 1);
    if (!all_zero(token + 6, 10))
        return fail(e, -EPROTO, "token %s: its zeroes are none",
                    wire_token_name(token[5]));
    if (session)
        memcpy(session, token + 16, WIRE_ID_BYTES);
    return token[5];
}
