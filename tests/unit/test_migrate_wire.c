/* SPDX-License-Identifier: MIT */
/*
 * test_migrate_wire.c - units, tokens, the control page: edges
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/err.h"
#include "migrate/bucket.h"
#include "migrate/chan.h"
#include "migrate/rule.h"
#include "migrate/tokens.h"
#include "migrate/words.h"

static const uint8_t id[16] = { 1, 2 };

TEST(a_hello_is_whole_or_none)
{
    struct wire_hello good, h, a;
    struct err e = { 0 };

    wire_hello(&good, WIRE_MIGRATE, 1, 2, id, NULL);
    CHECK_EQ(wire_check_hello(&good, &e), 0);
    for (size_t i = 0; i < sizeof(h); i++) {
        bool free_bytes = i >= 24 && i < 40; /* transfer */

        h = good;
        ((uint8_t *)&h)[i] ^= 0x80;
        if (i == 10 || i == 11) /* version_max may be higher */
            free_bytes = true;
        CHECK_EQ(wire_check_hello(&h, &e) == 0, free_bytes);
    }
    a = good;
    CHECK_EQ(wire_check_answer(&a, &good, &e), 0);
    a.transfer[3] ^= 1;
    CHECK_EQ(wire_check_answer(&a, &good, &e), -EPROTO);
}

TEST(each_kind_has_its_side_stream_and_size)
{
    static const struct {
        uint32_t kind, len;
        uint64_t arg;
        int from, stream, ok;
    } row[] = {
        { 0, 0, 0, 0, 0, 0 },
        { WIRE_PLAN, 1, 0, 0, 0, 0 },
        { WIRE_PLAN, 2, 0, 0, 0, 1 },
        { WIRE_PLAN, 1 << 20, 0, 0, 0, 1 },
        { WIRE_PLAN, (1 << 20) + 1, 0, 0, 0, 0 },
        { WIRE_PLAN, 2, 0, 1, 0, 0 },
        { WIRE_PLAN, 2, 0, 0, 1, 0 },
        { WIRE_ANSWER, 65536, 0, 1, 0, 1 },
        { WIRE_ANSWER, 65537, 0, 1, 0, 0 },
        { WIRE_HAND, 192, 1, 0, 0, 1 },
        { WIRE_HAND, 192, 1, 1, 0, 0 },
        { WIRE_HAND, 512, 2, 1, 0, 1 },
        { WIRE_HAND, 511, 2, 1, 0, 0 },
        { WIRE_HAND, 336, 3, 0, 0, 1 },
        { WIRE_HAND, 48, 5, 0, 0, 1 },
        { WIRE_HAND, 48, 6, 0, 0, 0 },
        { WIRE_HAND, 48, 0, 0, 0, 0 },
        { WIRE_HAND, 192, 1ull << 32 | 1, 0, 0, 0 },
        { WIRE_FRAME, 65904, 0, 0, 3, 1 },
        { WIRE_FRAME, 65903, 0, 0, 3, 0 },
        { WIRE_FRAME, 65904, 0, 1, 3, 0 },
        { WIRE_SHORT, 512, 0, 1, 0, 1 },
        { WIRE_SHORT, 512, 0, 0, 1, 0 },
        { WIRE_TOKEN, 352, 0, 0, 0, 1 },
        { WIRE_TOKEN, 352, 1, 0, 0, 0 },
        { WIRE_ASK, 0, 2, 0, 0, 1 },
        { WIRE_ASK, 0, 3, 0, 0, 0 },
        { WIRE_ASK, 0, 1, 1, 0, 0 },
        { WIRE_END, 4096, 0, 1, 0, 1 },
        { WIRE_END, 4097, 0, 1, 0, 0 },
        { WIRE_ALIVE, 0, 0, 1, 0, 1 },
        { WIRE_ALIVE, 1, 0, 1, 0, 0 },
        { WIRE_KINDS, 0, 0, 0, 0, 0 },
    };
    struct err e = { 0 };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        const struct wire_unit u = { row[i].kind, row[i].len, row[i].arg };

        CHECK_EQ(wire_check_unit(&u, (enum wire_side)row[i].from,
                                 (uint16_t)row[i].stream, &e) == 0,
                 row[i].ok);
    }
}

TEST(json_of_another_shape_is_refused)
{
    char why[WORDS_BYTES];
    struct err e = { 0 };
    bool ok;

#define ANSWER(text) words_answer(text, sizeof(text) - 1, &ok, why, &e)
    CHECK_EQ(ANSWER("{\"ok\":true}"), 0);
    CHECK(ok);
    CHECK_EQ(ANSWER("{\"ok\":true,\"missing\":[\"disk xvda\"]}"), 0);
    CHECK(!ok);
    CHECK_STR(why, "disk xvda");
    CHECK_EQ(ANSWER("{\"ok\":1}"), -EPROTO);
    CHECK_EQ(ANSWER("[]"), -EPROTO);
    CHECK_EQ(ANSWER("{\"ok\":true}x"), -EPROTO);
    CHECK_EQ(ANSWER("{\"ok\":true"), -EPROTO);
    CHECK_EQ(ANSWER("{\"ok\":true,\"missing\":[1]}"), -EPROTO);
    CHECK_EQ(words_plan("{\"name\":\"\"}", 11, &e), -EPROTO);
    CHECK_EQ(words_plan("{\"name\":\"web\"}", 14, &e), 0);
    words_end("{\"why\":\"a\\u001b[2J\"}", 20, why);
    CHECK_STR(why, "a?[2J");
}

TEST(a_token_outlives_its_host)
{
    char dir[] = "/tmp/tokens-XXXXXX";
    uint8_t t[FH_TOKEN_BYTES] = "FHMT\1\1", back[FH_TOKEN_BYTES];
    struct err e = { 0 };
    char name[64];
    int fd, bad;

    memcpy(t + 16, id, sizeof(id));
    t[351] = 9;
    CHECK(mkdtemp(dir));
    fd = open(dir, O_RDONLY | O_DIRECTORY);
    CHECK_EQ(tokens_read(fd, id, WIRE_START, back, &e), -ENOENT);
    CHECK_EQ(tokens_keep(fd, t, &e), 0);
    CHECK_EQ(tokens_keep(fd, t, &e), 0);
    CHECK_EQ(tokens_read(fd, id, WIRE_START, back, &e), 0);
    CHECK_EQ(memcmp(t, back, sizeof(t)), 0);
    CHECK_EQ(tokens_read(fd, id, WIRE_DONE, back, &e), -ENOENT);
    tokens_hex(name, id, sizeof(id));
    strcat(name, ".start");
    CHECK_EQ(chdir(dir), 0);
    CHECK_EQ(truncate(name, 351), 0);
    CHECK_EQ(tokens_read(fd, id, WIRE_START, back, &e), -EPROTO);
    bad = openat(fd, name, O_WRONLY | O_TRUNC);
    t[5] = WIRE_ABORT; /* another's in its place */
    CHECK_EQ(write(bad, t, sizeof(t)), (ssize_t)sizeof(t));
    close(bad);
    CHECK_EQ(tokens_read(fd, id, WIRE_START, back, &e), -EPROTO);
    t[7] = 1;
    CHECK_EQ(tokens_keep(fd, t, &e), -EPROTO);
    unlinkat(fd, name, 0);
    CHECK_EQ(rmdir(dir), 0); /* no halves are left */
    close(fd);
}

#define KEEPS 200

static int keep_often(int dir_fd, const uint8_t *token)
{
    struct err e = { 0 };

    for (int i = 0; i < KEEPS; i++)
        if (tokens_keep(dir_fd, token, &e) < 0)
            return 1;
    return 0;
}

/* On one host, the supervisors of both sides keep the same token. */
TEST(tokens_of_two_keepers)
{
    char dir[] = "/tmp/tokens-XXXXXX", name[64];
    uint8_t t[FH_TOKEN_BYTES] = "FHMT\1\1";
    int fd, status = -1;
    pid_t child;

    memcpy(t + 16, id, sizeof(id));
    CHECK(mkdtemp(dir));
    fd = open(dir, O_RDONLY | O_DIRECTORY);
    child = fork();
    if (child == 0)
        _exit(keep_often(fd, t));
    CHECK_EQ(keep_often(fd, t), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    tokens_hex(name, id, sizeof(id));
    strcat(name, ".start");
    unlinkat(fd, name, 0);
    close(fd);
    CHECK_EQ(rmdir(dir), 0);
}

/* ---- a page that lies ---- */

static struct fh_control page;
static uint8_t *slots;
static void ring(void *arg)
{
    ++*(uint32_t *)arg;
}
static const uint32_t refs[FH_MOVE_SLOTS][FH_SLOT_PAGES];

static void begin(struct chan *c, enum fh_op op, uint32_t *rings)
{
    memset(&page, 0, sizeof(page));
    slots = slots ? slots : calloc(FH_MOVE_SLOTS, CHAN_SLOT_BYTES);
    chan_open(c, &page, slots, ring, rings);
    CHECK_EQ(chan_begin(c, op, 2, 8, 0, refs, 0, NULL), 0);
}

/* The steward has heard of it. */
static void begun(struct chan *c)
{
    enum fh_op refused;
    struct chan_view v;

    page.steward.answer.seq = page.dom0.command.seq;
    CHECK_EQ(chan_look(c, 0, &v, &refused, NULL), 0);
}

/* Until then the steward's counters, and its mail, are another transfer's. */
TEST(no_frame_moves_before_the_steward_has_begun)
{
    uint32_t rings = 0, len;
    struct err e = { 0 };
    struct fh_mail m;
    struct chan c;
    void *p;

    begin(&c, FH_OP_SEND, &rings);
    page.steward.move.moved[0] = 1000;
    CHECK_EQ(chan_next(&c, 0, &p, &len, &e), 0);
    page.steward.move.moved[0] = 0;
    begun(&c);
    page.steward.move.moved[0] = 1000;
    CHECK_EQ(chan_next(&c, 0, &p, &len, &e), -EPROTO);

    page.steward.move.mail = (struct fh_mail){ FH_MAIL_HAND, 3, 336, 7, { 1 } };
    CHECK_EQ(chan_begin(&c, FH_OP_SEND, 2, 8, 0, refs, 0, NULL), 0);
    CHECK_EQ(chan_take_mail(&c, &m, &e), 0);
    CHECK_EQ(page.dom0.move.mail_taken, 7);
    CHECK_EQ(chan_next(&c, 0, &p, &len, &e), 0); /* again, of this one */

    begin(&c, FH_OP_RECEIVE, &rings);
    CHECK_EQ(chan_room(&c, 0, &p, &e), 0);
    CHECK_EQ(p == NULL, 1);
    begun(&c);
    CHECK_EQ(chan_room(&c, 0, &p, &e), 0);
    CHECK(p == slots);
    free(slots);
    slots = NULL;
}

TEST(counters_that_cannot_be_end_it)
{
    struct fh_move_steward *s = &page.steward.move;
    uint32_t rings = 0, len;
    struct err e = { 0 };
    struct chan c;
    void *p;

    begin(&c, FH_OP_SEND, &rings);
    begun(&c);
    CHECK_EQ(chan_next(&c, 1, &p, &len, &e), 0);
    s->moved[1] = 5; /* of 4 */
    CHECK_EQ(chan_next(&c, 1, &p, &len, &e), -EPROTO);
    s->moved[1] = 0xffffffff;
    CHECK_EQ(chan_next(&c, 1, &p, &len, &e), -EPROTO);
    s->moved[1] = 4;
    s->len_bytes[1] = FH_FRAME_LONG_BYTES + 1;
    CHECK_EQ(chan_next(&c, 1, &p, &len, &e), -EPROTO);
    s->len_bytes[1] = FH_FRAME_SHORT_BYTES; /* on stream 1 */
    CHECK_EQ(chan_next(&c, 1, &p, &len, &e), -EPROTO);
    s->len_bytes[1] = FH_FRAME_LONG_BYTES;
    CHECK_EQ(chan_next(&c, 1, &p, &len, &e), 1);
    CHECK(p == slots + CHAN_SLOT_BYTES);
    chan_taken(&c, 1);
    CHECK_EQ(page.dom0.move.moved[1], 1);
    CHECK_EQ(chan_next(&c, 7, &p, &len, &e), 0);

    begin(&c, FH_OP_RECEIVE, &rings);
    begun(&c);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(chan_room(&c, 0, &p, &e), 0);
        CHECK(p == slots + (size_t)i * 2 * CHAN_SLOT_BYTES);
        chan_filled(&c, 0, FH_FRAME_LONG_BYTES);
    }
    CHECK_EQ(chan_room(&c, 0, &p, &e), 0);
    CHECK_EQ(p == NULL, 1);
    s->moved[0] = 5; /* it took what was not there */
    CHECK_EQ(chan_room(&c, 0, &p, &e), -EPROTO);
    free(slots);
    slots = NULL;
}

TEST(one_command_and_one_mail_at_a_time)
{
    enum fh_op refused = FH_OP_NONE;
    struct chan_view v;
    struct err e = { 0 };
    uint32_t rings = 0;
    struct chan c;

    memset(&page, 0, sizeof(page));
    chan_open(&c, &page, NULL, ring, &rings);
    CHECK_EQ(chan_command(&c, FH_OP_ROUND, 5, &e), 0);
    CHECK_EQ(chan_command(&c, FH_OP_CANCEL, 6, &e), 0);
    CHECK_EQ(page.dom0.command.op, FH_OP_ROUND);
    CHECK_EQ(chan_waits_ms(&c, 105), 100);
    CHECK_EQ(chan_look(&c, 7, &v, &refused, &e), 0);
    CHECK_EQ(v.nr_unanswered, 2);
    page.steward.answer.error = FH_ERR_STATE;
    memset(page.steward.answer.text, 'x', sizeof(page.steward.answer.text));
    page.steward.answer.seq = page.dom0.command.seq;
    CHECK_EQ(chan_look(&c, 8, &v, &refused, &e), -EREMOTEIO);
    CHECK_EQ(refused, FH_OP_ROUND);
    CHECK_EQ(page.dom0.command.op, FH_OP_CANCEL);
    CHECK_EQ(chan_mail(&c, FH_MAIL_TOKEN, 0, id, 16, 9, &e), 0);
    for (unsigned i = 1; i < CHAN_MAILS; i++)
        CHECK_EQ(chan_mail(&c, FH_MAIL_SHORT, 0, id, 16, 9, &e), 0);
    CHECK_EQ(chan_mail(&c, FH_MAIL_SHORT, 0, id, 16, 9, &e), -ENOBUFS);
    CHECK_EQ(page.dom0.move.mail.kind, FH_MAIL_TOKEN);
    page.steward.move.mail_taken = page.dom0.move.mail.seq;
    page.steward.move.state = FH_MOVE_STATES;
    CHECK_EQ(chan_look(&c, 9, &v, &refused, &e), -EPROTO);
    page.steward.move.state = FH_MOVE_READY;
    CHECK_EQ(chan_look(&c, 9, &v, &refused, &e), 0);
    CHECK_EQ(page.dom0.move.mail.kind, FH_MAIL_SHORT);
}

/* ---- precopy ---- */

TEST(it_pauses_when_the_rest_is_quick)
{
    struct rule r = { .max_downtime_ms = 300 };
    const struct rule_epoch quick = { 1000, 4u << 20, 100 };
    const struct rule_epoch busy = { 100000, 400u << 20, 90000 };

    rule_begin(&r, 0);
    CHECK_EQ(rule_judge(&r, &busy, 1000), RULE_ROUND);
    rule_epoch(&r, 1000);
    CHECK_EQ(rule_judge(&r, &quick, 2000), RULE_PAUSE);
    CHECK(r.downtime_ms > RULE_SUSPEND_MS && r.downtime_ms < 300);
}

TEST(it_slows_a_guest_that_does_not_get_less_and_ends_in_time)
{
    const struct rule_epoch busy = { 100000, 400u << 20, UINT64_MAX };
    uint64_t now = 0;

    for (unsigned force = 0; force < 2; force++) {
        struct rule r = { .max_downtime_ms = 300,
                          .timeout_ms = 20500,
                          .force = force };

        rule_begin(&r, now);
        for (unsigned i = 1; i <= 20; i++) {
            now += 1000;
            CHECK_EQ(rule_judge(&r, &busy, now), RULE_ROUND);
            CHECK_EQ(r.slowed, i < 4                    ? 0
                               : 10 + 10 * (i - 3) > 80 ? 80
                                                        : 10 + 10 * (i - 3));
            rule_epoch(&r, now);
        }
        now += 1000;
        CHECK_EQ(rule_judge(&r, &busy, now), force ? RULE_PAUSE : RULE_LATE);
    }
}

/* Epochs of a guest that changes all of it all the time, at this rate; which
   verdict ends them, and how many there were. */
static unsigned busy_epochs(bool strict, uint32_t percent_less_each,
                            enum rule_verdict *end)
{
    struct rule r = { .max_downtime_ms = 300, .strict = strict };
    struct rule_epoch busy = { 1000000, 4000u << 20, UINT64_MAX };
    uint64_t now = 0, took_ms = 10000;
    unsigned nr = 0;

    rule_begin(&r, now);
    do {
        now += took_ms;
        *end = rule_judge(&r, &busy, now);
        rule_epoch(&r, now);
        busy.pages -= busy.pages * percent_less_each / 100;
        busy.bytes -= busy.bytes * percent_less_each / 100;
        took_ms -= took_ms * percent_less_each / 100;
    } while (*end == RULE_ROUND && ++nr < 1000);
    return nr;
}

TEST(a_guest_that_never_gets_less_ends_without_a_time)
{
    enum rule_verdict end;

    CHECK_EQ(busy_epochs(false, 0, &end), 3 + 7 + RULE_VAIN_EPOCHS - 1);
    CHECK_EQ(end, RULE_PAUSE); /* it stands still for longer than was wished */
    CHECK_EQ(busy_epochs(true, 0, &end), 3 + 7 + RULE_VAIN_EPOCHS - 1);
    CHECK_EQ(end, RULE_VAIN);
    /* 3 % an epoch are 10 % in five: that goes on until it is little. */
    CHECK(busy_epochs(true, 3, &end) > 50);
    CHECK_EQ(end, RULE_PAUSE);
}

TEST(figures_of_a_liar_overflow_nothing)
{
    const struct rule_epoch lie = { UINT64_MAX, UINT64_MAX, UINT64_MAX - 1 };
    struct rule r = { .max_downtime_ms = 300 };

    rule_begin(&r, 0);
    for (uint64_t i = 1; i < 9; i++)
        CHECK_EQ(rule_judge(&r, &lie, i), RULE_ROUND);
}

TEST(a_bucket_lets_its_rate_through)
{
    struct bucket b = { 0 };
    uint64_t wait = 0, sent = 0, now = 5;

    CHECK(bucket_take(&b, 1000000, now, &wait)); /* no limit */
    bucket_set(&b, 10000000, now);
    while (now < 2000000) {
        if (bucket_take(&b, FH_FRAME_LONG_BYTES, now, &wait))
            sent += FH_FRAME_LONG_BYTES;
        else
            now += wait * 1000;
    }
    CHECK(sent > 19000000 && sent < 21000000);
}

RUN_TESTS(RULE(a_hello_is_whole_or_none),
          RULE(each_kind_has_its_side_stream_and_size),
          RULE(json_of_another_shape_is_refused),
          RULE(a_token_outlives_its_host), RULE(tokens_of_two_keepers),
          RULE(no_frame_moves_before_the_steward_has_begun),
          RULE(counters_that_cannot_be_end_it),
          RULE(one_command_and_one_mail_at_a_time),
          RULE(it_pauses_when_the_rest_is_quick),
          RULE(it_slows_a_guest_that_does_not_get_less_and_ends_in_time),
          RULE(a_guest_that_never_gets_less_ends_without_a_time),
          RULE(figures_of_a_liar_overflow_nothing),
          RULE(a_bucket_lets_its_rate_through))
