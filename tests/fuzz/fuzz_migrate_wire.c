/* SPDX-License-Identifier: MIT */
/*
 * fuzz_migrate_wire.c - what another freehold-migrate says, cut anywhere
 *
 * The first byte says who it is; the rest is its connection.  What comes
 * through must be in range, and goes to the state machine of our side.
 */
#include "tests/fuzz/input.h"

#include "common/checked.h"
#include "common/err.h"
#include "migrate/dest.h"
#include "migrate/intake.h"
#include "migrate/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes);

static struct source src;
static struct dest dst;
static bool is_dest;
static uint8_t slot[FH_FRAME_LONG_BYTES];
static uint64_t now;
static uint32_t nr_units;

static void say(void *arg, uint32_t kind, uint64_t n, const void *p,
                uint32_t len_bytes)
{
    const struct wire_unit u = { kind, len_bytes, n };

    (void)arg;
    (void)p;
    MUST(wire_check_unit(&u, is_dest ? WIRE_DEST : WIRE_SOURCE, 0, NULL) == 0);
}
static void begin(void *arg, uint32_t flags)
{
    (void)arg;
    MUST(flags <= FH_MOVE_CHECK);
}
static void command(void *arg, enum fh_op op)
{
    (void)arg;
    MUST(op < FH_OPS);
}
static void mail(void *arg, enum fh_mail_kind kind, uint32_t n, const void *p,
                 uint32_t len_bytes)
{
    (void)arg;
    (void)p;
    MUST(kind != FH_MAIL_HAND || (n >= 1 && n <= 5));
    MUST(len_bytes <= FH_MAIL_BYTES);
}
static int token(void *arg, uint8_t out[FH_TOKEN_BYTES])
{
    (void)arg;
    memset(out, 0, FH_TOKEN_BYTES);
    memcpy(out, "FHMT\1", 5);
    out[5] = is_dest ? WIRE_DONE : WIRE_START;
    return out[5];
}
static int last_mail(void *arg, struct fh_mail *out)
{
    (void)arg;
    memset(out, 0, sizeof(*out));
    return 0;
}
static void slow(void *arg, uint32_t percent)
{
    (void)arg;
    MUST(percent <= FH_MOVE_SLOW_MAX);
}
static void tell(void *arg, enum move_tell what, const char *text)
{
    (void)arg;
    if (what == MOVE_PLAN) {
        MUST(text[0] == '{' || text[strlen(text) - 1] == '}' || *text);
    }
}
static void keep(void *arg, const uint8_t t[FH_TOKEN_BYTES])
{
    (void)arg;
    MUST(wire_check_token(t, NULL, NULL) > 0);
}
static const struct move_io io = {
    NULL, say, begin, command, mail, slow, token, last_mail, tell, keep,
};

static int on_hello(void *arg, const struct wire_hello *h, struct err *e)
{
    struct intake *i = arg;
    int rc = wire_check_hello(h, e);

    if (rc < 0)
        return rc;
    i->stream = h->stream;
    if (is_dest)
        dest_hello(&dst, (enum wire_purpose)h->purpose, now);
    else
        source_hello(&src, now);
    return 0;
}

static void *on_room(void *arg, const struct wire_unit *u, bool *mine)
{
    (void)arg;
    *mine = u->kind != WIRE_FRAME;
    MUST(*mine || u->len_bytes == sizeof(slot));
    return *mine ? NULL : slot;
}

/* The world goes on, too: what the steward says next is in a unit's bytes. */
static void world(const struct wire_unit *u, const uint8_t *p)
{
    const struct fh_mail h5 = { .kind = FH_MAIL_HAND,
                                .arg = 5,
                                .len_bytes = 48 };
    uint32_t any = p ? p[u->len_bytes - 1] : (uint32_t)u->arg;

    struct chan_view v = { .state = any % FH_MOVE_STATES, .acked = ++nr_units };

    now += any / 16 * 1000;
    if (is_dest) {
        dest_answer(&dst, true, "{}", 2, now);
        dest_resolve(&dst, DEST_DOMAIN, NULL, &v, now);
        dest_steward(&dst, &v, now);
        dest_tick(&dst, now);
    } else {
        source_mail(&src, &h5, now);
        source_steward(&src, &v, now);
        source_order(&src, SOURCE_SUSPENDED, now);
        source_order(&src, SOURCE_DRAINED, now);
        source_tick(&src, now);
    }
}

static int on_unit(void *arg, const struct wire_unit *u, const void *p,
                   struct err *e)
{
    (void)arg;
    (void)e;
    MUST((p == NULL) == (u->len_bytes == 0));
    if (is_dest)
        dest_unit(&dst, u, p, now);
    else
        source_unit(&src, u, p, now);
    world(u, p);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes)
{
    static const struct intake_ops ops = { on_hello, on_room, on_unit };
    const struct source_opts opts = {
        .plan = "{}",
        .plan_bytes = 2,
        .live = true,
        .max_downtime_ms = RULE_DOWNTIME_MS,
        .resolve = data_bytes > 0 && (data[0] & 2),
        .no_domain = data_bytes > 0 && (data[0] & 4),
    };
    struct intake i;
    struct err e = { 0 };
    int rc = 0;

    if (data_bytes == 0)
        return 0;
    in = data + 1;
    left = data_bytes - 1;
    is_dest = data[0] & 1;
    now = 1;
    source_open(&src, &io, &opts, now);
    dest_open(&dst, &io, now);
    intake_open(&i, &ops, &i, is_dest ? WIRE_SOURCE : WIRE_DEST);
    while (rc == 0 && left > 0) {
        size_t bytes;
        void *to = intake_want(&i, &bytes);

        if (!to)
            break;
        bytes = MIN_OF(bytes, left);
        MUST(input(to, bytes));
        rc = intake_got(&i, bytes, &e);
    }
    if (is_dest)
        dest_lost(&dst, "cut", now);
    else
        source_lost(&src, "cut", now);
    intake_close(&i);
    return 0;
}
