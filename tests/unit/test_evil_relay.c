/* SPDX-License-Identifier: MIT */
/*
 * test_evil_relay.c - the relay that lies does to each unit what it was told,
 * and nothing to any other
 */
#include <errno.h>
#include <stdlib.h>

#include "abi/migrate_wire.h"
#include "common/checked.h"
#include "common/err.h"
#include "migrate/wire.h"
#include "tests/evil-relay/lane.h"
#include "tests/unit/test.h"

struct wiring {
    struct crew crew;
    struct lane lane[2]; /* source, destination */
};

static struct bytes said[2]; /* a whole migration, as each side says it */

static void unit(struct bytes *b, uint32_t kind, uint64_t arg, const void *p,
                 uint32_t len)
{
    struct wire_unit u = { .kind = kind, .len_bytes = len, .arg = arg };

    bytes_add(b, &u, sizeof(u));
    bytes_add(b, p, len);
}

static void frame(struct bytes *b, uint8_t type, uint64_t seq)
{
    static uint8_t text[FH_FRAME_LONG_BYTES];
    struct fh_mig_head h = { .version = 1, .type = type, .seq = seq };

    memcpy(h.magic, FH_MIG_FRAME_MAGIC, 4);
    memset(text, (int)seq, sizeof(text));
    memcpy(text, &h, sizeof(h));
    unit(b, type == FH_MIG_DATA ? WIRE_FRAME : WIRE_SHORT, 0, text,
         type == FH_MIG_DATA ? FH_FRAME_LONG_BYTES : FH_FRAME_SHORT_BYTES);
}

static void token(struct bytes *b, uint8_t type)
{
    struct fh_mig_token t = { .version = 1, .type = type };

    memcpy(t.magic, FH_MIG_TOKEN_MAGIC, 4);
    unit(b, WIRE_TOKEN, 0, &t, sizeof(t));
}

static void hello(struct bytes *b, uint16_t stream)
{
    static const uint8_t transfer[WIRE_ID_BYTES] = { 1 };
    struct wire_hello h;

    wire_hello(&h, WIRE_MIGRATE, stream, 3, transfer, NULL);
    bytes_add(b, &h, sizeof(h));
}

static void make_streams(void)
{
    static const uint8_t hand[512] = { 7 };
    struct bytes *s = &said[SIDE_SOURCE], *d = &said[SIDE_DEST];

    s->len = d->len = 0;
    hello(s, 2);
    hello(d, 2);
    unit(s, WIRE_PLAN, 0, "{\"name\":\"a\"}", 12);
    unit(d, WIRE_ANSWER, 0, "{\"ok\":true}", 11);
    unit(s, WIRE_HAND, 1, hand, 192);
    unit(d, WIRE_HAND, 2, hand, 512);
    unit(s, WIRE_HAND, 3, hand, 336);
    unit(d, WIRE_HAND, 4, hand, 48);
    unit(s, WIRE_HAND, 5, hand, 48);
    unit(s, WIRE_ALIVE, 0, NULL, 0);
    frame(s, FH_MIG_DATA, 1);
    frame(s, FH_MIG_DATA, 2);
    frame(s, FH_MIG_EPOCH, 3);
    frame(d, FH_MIG_EPOCH_ACK, 1);
    frame(s, FH_MIG_DATA, 4);
    frame(d, FH_MIG_READY, 2);
    token(s, FH_MIG_START);
    token(d, FH_MIG_DONE);
    token(d, FH_MIG_ABORT);
    unit(s, WIRE_ASK, 1, NULL, 0);
    unit(s, WIRE_END, 0, "{}", 2);
    unit(d, WIRE_END, 0, "{}", 2);
}

static void wire_up(struct wiring *w, const char *const *rules)
{
    struct err e = { 0 };

    make_streams();
    *w = (struct wiring){ .lane[SIDE_DEST].side = SIDE_DEST };
    for (unsigned i = 0; i < 2; i++) {
        w->lane[i].twin = &w->lane[!i];
        crew_add(&w->crew, &w->lane[i]);
    }
    for (; rules && *rules; rules++)
        CHECK_EQ(rule_parse(&w->crew.rule[w->crew.nr_rules++], *rules, &e), 0);
}

static void take_down(struct wiring *w)
{
    for (unsigned i = 0; i < 2; i++)
        lane_free(&w->lane[i]);
    for (unsigned i = 0; i < 2; i++)
        bytes_free(&said[i]);
}

/* All that a side says, in parts of that size; how it stands then. */
static enum order pass(struct wiring *w, enum side side, size_t part)
{
    struct lane *l = &w->lane[side];
    enum order order = ORDER_ON;

    for (size_t at = 0; at < said[side].len && order == ORDER_ON; at += part) {
        bytes_add(&l->in, said[side].p + at, MIN_OF(part, said[side].len - at));
        order = lane_run(&w->crew, l);
    }
    return order;
}

/* The names of what is in b, each with a blank behind it. */
static const char *names(const struct bytes *b)
{
    static char text[1024];
    size_t at = 0;

    text[0] = 0;
    for (bool first = true; at < b->len; first = false) {
        int64_t len = unit_bytes(b->p + at, b->len - at, first);

        if (len <= 0) {
            strcat(text, "+");
            break;
        }
        strcat(text, unit_name(b->p + at, first));
        strcat(text, " ");
        at += (size_t)len;
    }
    return text;
}

#define SOURCE_SAYS                                                            \
    "hello plan hand1 hand3 hand5 alive frame frame epoch frame start ask "    \
    "end "

TEST(without_rules_every_byte_passes)
{
    static const size_t parts[] = { 1, 15, 16, 17, 4096, 1u << 20 };
    struct wiring w;

    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        wire_up(&w, NULL);
        for (unsigned k = 0; k < 2; k++) {
            CHECK_EQ(pass(&w, k, parts[i]), ORDER_ON);
            CHECK_EQ(w.lane[k].out.len, said[k].len);
            assert_memory_equal(w.lane[k].out.p, said[k].p, said[k].len);
            CHECK_EQ(w.lane[k].in.len, 0);
            CHECK_EQ(w.lane[k].stream, 2);
        }
        CHECK_STR(names(&w.lane[0].out), SOURCE_SAYS);
        CHECK_STR(names(&w.lane[1].out),
                  "hello answer hand2 hand4 ack ready done abort end ");
        take_down(&w);
    }
}

/* What a rule makes of the source's words, and how the lane stands then. */
static const struct {
    const char *rule, *says;
    enum order order;
} makes[] = {
    { "s:frame#2:drop",
      "hello plan hand1 hand3 hand5 alive frame epoch frame "
      "start ask end ",
      ORDER_ON },
    { "s:frame#0:drop",
      "hello plan hand1 hand3 hand5 alive epoch start ask end ", ORDER_ON },
    { "s:start:twice",
      "hello plan hand1 hand3 hand5 alive frame frame epoch "
      "frame start start ask end ",
      ORDER_ON },
    { "s:epoch:swap",
      "hello plan hand1 hand3 hand5 alive frame frame frame "
      "epoch start ask end ",
      ORDER_ON },
    { "s:hand5:swap",
      "hello plan hand1 hand3 alive frame hand5 frame epoch "
      "frame start ask end ",
      ORDER_ON },
    { "s:epoch:old",
      "hello plan hand1 hand3 hand5 alive frame frame frame "
      "frame start ask end ",
      ORDER_ON },
    { "s:hand3:cut", "hello plan hand1 ", ORDER_CUT },
    { "s:hand3:cutafter", "hello plan hand1 hand3 ", ORDER_CUT },
    { "s:hand3:trunc@20", "hello plan hand1 +", ORDER_CUT },
    { "s:any#4:shut", "hello plan hand1 ", ORDER_SHUT },
    { "s:hand3:hold", "hello plan hand1 ", ORDER_HELD },
    { "d:any#0:drop", SOURCE_SAYS, ORDER_ON },
    { "s:frame:drop",
      "hello plan hand1 hand3 hand5 alive frame epoch frame "
      "start ask end ",
      ORDER_ON },
    { "s:frame#0/1:drop", SOURCE_SAYS, ORDER_ON },
    { "s:frame#0/2:drop",
      "hello plan hand1 hand3 hand5 alive epoch start ask end ", ORDER_ON },
    { "s:start:late@done",
      "hello plan hand1 hand3 hand5 alive frame frame "
      "epoch frame ask end ",
      ORDER_ON },
};

TEST(a_rule_does_what_it_says_and_no_more)
{
    for (unsigned i = 0; i < ARRAY_SIZE(makes); i++) {
        const char *const rules[] = { makes[i].rule, NULL };
        struct wiring w;

        wire_up(&w, rules);
        CHECK_EQ(pass(&w, SIDE_SOURCE, 100), makes[i].order);
        CHECK_STR(names(&w.lane[0].out), makes[i].says);
        take_down(&w);
    }
}

/* Where two texts differ: how many bytes, and the first. */
static size_t differs(const struct bytes *a, const struct bytes *b,
                      size_t *first)
{
    size_t n = 0;

    CHECK_EQ(a->len, b->len);
    for (size_t i = a->len; i-- > 0;)
        if (a->p[i] != b->p[i]) {
            n++;
            *first = i;
        }
    return n;
}

TEST(a_flip_is_one_bit_where_it_was_wanted)
{
    static const struct {
        const char *rule;
        size_t at;
    } flips[] = {
        { "s:hello:flip@0", 0 },
        { "s:hello:flip@-1", 63 },
        { "s:plan:flip@16", 64 + 16 },
        { "s:hand1:flip@0", 64 + 16 + 12 },
        { "s:hand1:flip@-1", 64 + 16 + 12 + 16 + 191 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(flips); i++) {
        const char *const rules[] = { flips[i].rule, NULL };
        struct wiring w;
        size_t at = 0;

        wire_up(&w, rules);
        CHECK_EQ(pass(&w, SIDE_SOURCE, 77), ORDER_ON);
        CHECK_EQ(differs(&w.lane[0].out, &said[0], &at), 1);
        CHECK_EQ(at, flips[i].at);
        CHECK_EQ(w.lane[0].out.p[at] ^ said[0].p[at], 0x10);
        CHECK_EQ(w.crew.rule[0].fired, 1);
        take_down(&w);
    }
}

TEST(bytes_are_set_and_not_beyond_the_unit)
{
    const char *const rules[] = { "s:hand1:set@16=00ff", NULL };
    const char *const beyond[] = { "s:hand1:set@208=00", "s:hand1:flip@208",
                                   "s:hand1:flip@-209", NULL };
    struct wiring w;
    size_t at = 0;

    wire_up(&w, rules);
    pass(&w, SIDE_SOURCE, 50);
    CHECK_EQ(differs(&w.lane[0].out, &said[0], &at), 2);
    CHECK_EQ(at, 64 + 28 + 16);
    CHECK_EQ(w.lane[0].out.p[at + 1], 0xff);
    take_down(&w);

    wire_up(&w, beyond);
    pass(&w, SIDE_SOURCE, 50);
    CHECK_EQ(differs(&w.lane[0].out, &said[0], &at), 0);
    take_down(&w);
}

TEST(what_is_held_goes_on_when_it_may)
{
    const char *const rules[] = { "s:epoch#0:hold", NULL };
    struct wiring w;

    wire_up(&w, rules);
    bytes_add(&w.lane[0].in, said[0].p, said[0].len);
    CHECK_EQ(lane_run(&w.crew, &w.lane[0]), ORDER_HELD);
    CHECK_STR(names(&w.lane[0].out),
              "hello plan hand1 hand3 hand5 alive frame frame ");
    CHECK_EQ(lane_run(&w.crew, &w.lane[0]), ORDER_ON);
    assert_memory_equal(w.lane[0].out.p, said[0].p, said[0].len);
    CHECK_EQ(w.crew.rule[0].fired, 1);
    take_down(&w);
}

TEST(what_is_late_comes_behind_the_other_sides_word)
{
    const char *const rules[] = { "s:start:late@abort", NULL };
    struct wiring w;

    wire_up(&w, rules);
    pass(&w, SIDE_SOURCE, 1000);
    CHECK_EQ(w.lane[0].late.len, 16 + FH_TOKEN_BYTES);
    w.lane[0].out.len = 0;
    pass(&w, SIDE_DEST, 1000);
    CHECK_EQ(w.lane[0].out.len, 16 + FH_TOKEN_BYTES);
    CHECK_STR(unit_name(w.lane[0].out.p, false), "start");
    take_down(&w);
}

TEST(a_record_holds_each_unit_as_it_came)
{
    const char *const rules[] = { "s:frame#0:drop", NULL };
    struct record_head h;
    struct bytes again = { 0 };
    uint8_t part[FH_FRAME_LONG_BYTES + 16];
    struct wiring w;
    unsigned nr = 0;

    wire_up(&w, rules);
    w.crew.record = tmpfile();
    pass(&w, SIDE_SOURCE, 333);
    rewind(w.crew.record);
    while (fread(&h, sizeof(h), 1, w.crew.record) == 1) {
        CHECK(h.len_bytes <= sizeof(part));
        CHECK_EQ(fread(part, 1, h.len_bytes, w.crew.record), h.len_bytes);
        CHECK_EQ(h.side, SIDE_SOURCE);
        CHECK_EQ(h.stream, 2);
        CHECK_EQ(h.first, nr++ == 0);
        bytes_add(&again, part, h.len_bytes);
    }
    CHECK_EQ(again.len, said[0].len);
    assert_memory_equal(again.p, said[0].p, again.len);
    fclose(w.crew.record);
    bytes_free(&again);
    take_down(&w);
}

TEST(what_is_no_unit_passes_as_it_came)
{
    struct wiring w;

    wire_up(&w, NULL);
    said[0].p[64 + 7] = 0x7f; /* PLAN's length */
    CHECK_EQ(pass(&w, SIDE_SOURCE, said[0].len), ORDER_ON);
    assert_memory_equal(w.lane[0].out.p, said[0].p, said[0].len);
    take_down(&w);
}

TEST(a_rule_that_is_none_is_refused)
{
    static const char *const bad[] = {
        "",
        "s",
        "x:plan:drop",
        "s:plan",
        "s:nothing:drop",
        "s:plan:burn",
        "s:plan:flip",
        "s:plan:flip@",
        "s:plan:flip@x",
        "s:plan:drop@1",
        "s:plan#x:drop",
        "s:plan#-1:drop",
        "s:plan/4:drop",
        "s:plan:set@1",
        "s:plan:set@1=",
        "s:plan:set@1=0",
        "s:plan:set@1=zz",
        "s:plan:late@nothing",
    };
    struct rule r;
    struct err e;

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        e.text[0] = 0;
        CHECK_EQ(rule_parse(&r, bad[i], &e), -EINVAL);
        CHECK_HAS(e.text, "want SIDE:NAME");
    }
}

RUN_TESTS(RULE(without_rules_every_byte_passes),
          RULE(a_rule_does_what_it_says_and_no_more),
          RULE(a_flip_is_one_bit_where_it_was_wanted),
          RULE(bytes_are_set_and_not_beyond_the_unit),
          RULE(what_is_held_goes_on_when_it_may),
          RULE(what_is_late_comes_behind_the_other_sides_word),
          RULE(a_record_holds_each_unit_as_it_came),
          RULE(what_is_no_unit_passes_as_it_came),
          RULE(a_rule_that_is_none_is_refused))
