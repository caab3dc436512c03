/* SPDX-License-Identifier: MIT */
/*
 * test_blk_nbd.c - an NBD server that serves, lies, goes away and comes back
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libnbd.h>

#include "backends/blk/blk_nbd_peer.h"
#include "backends/blk/blk_store.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "tests/fakes/fake_loop.h"
#include "tests/fakes/fake_nbd.h"

#define OFFLINE_MS 60000u
#define UNIT 4096u
#define GIVE_UP_NS 5000000000ull
#define IOS_MAX 32u
#define NOT_YET 1 /* no return code is this */

static struct fake_nbd server;
static struct blk_store *store;
static struct loop *loop;
static struct blk_store_queue *queue;
static struct err err;
static uint32_t nr_wants[BLK_QUEUES_MAX];
static bool is_wanted, is_away;

struct one {
    struct blk_io io;
    int rc;
    uint8_t buf[64 * UNIT];
};
static struct one ios[IOS_MAX];

static void on_want(void *arg, uint32_t number)
{
    (void)arg;
    nr_wants[number]++;
    if (number == 0)
        is_wanted = true;
}

static int try_open(uint8_t nr_queues)
{
    struct blk_open o = { .kind = BLK_STORE_NBD,
                          .discard = 1,
                          .nr_queues = nr_queues,
                          .offline_ms = OFFLINE_MS };
    int fd = fake_nbd_connect(&server), rc;

    memset(nr_wants, 0, sizeof(nr_wants));
    is_wanted = is_away = false;
    store = NULL;
    err = (struct err){ 0 };
    rc = blk_nbd_open(fd, &o, on_want, NULL, &store, &err);
    if (rc < 0) {
        CHECK(fcntl(fd, F_GETFD) >= 0); /* the caller's still */
        close(fd);
    }
    return rc;
}

static void open_store(void)
{
    CHECK_EQ(try_open(4), 0);
    CHECK_EQ(loop_open(&loop, 0, NULL, 0, &err), 0);
    CHECK_EQ(store->ops->attach(store, 0, loop, &queue, &err), 0);
}

static void close_store(void)
{
    store->ops->close(store);
    loop_close(loop);
    fake_nbd_close(&server);
}

/* As the supervisor answers WANT_SOCKET. */
static void turn_once(bool wait)
{
    loop_turn(loop, wait);
    if (is_wanted && !is_away) {
        is_wanted = false;
        store->ops->reconnect(queue, fake_nbd_connect(&server));
    }
}

static void turn(void)
{
    turn_once(true);
}

static void pass(uint32_t ms)
{
    fake_loop_pass(ms);
    turn_once(false);
}

static void on_done(struct blk_io *io, int rc)
{
    struct one *o = (void *)((char *)io - offsetof(struct one, io));

    CHECK_EQ(o->rc, NOT_YET); /* once */
    o->rc = rc;
}

static void submit(uint32_t i, enum blk_op op, uint64_t off, uint64_t len)
{
    ios[i].rc = NOT_YET;
    ios[i].io = (struct blk_io){
        .op = op, .buf = ios[i].buf, .off = off, .len = len, .done = on_done
    };
    store->ops->submit(queue, &ios[i].io);
}

static void submit_write(uint32_t i, uint64_t off, uint64_t len, uint8_t fill)
{
    memset(ios[i].buf, fill, sizeof(ios[i].buf));
    submit(i, BLK_WRITE, off, len);
}

static void await(uint32_t i)
{
    while (ios[i].rc == NOT_YET)
        turn();
}

static int do_one(enum blk_op op, uint64_t off, uint64_t len)
{
    submit(0, op, off, len);
    await(0);
    return ios[0].rc;
}

static bool is_filled(const uint8_t *at, uint64_t bytes, uint8_t with)
{
    for (uint64_t i = 0; i < bytes; i++)
        if (at[i] != with)
            return false;
    return true;
}

TEST(what_is_written_is_there_and_read_back)
{
    fake_nbd_open(&server);
    open_store();
    CHECK_EQ(store->info.size_bytes, FAKE_NBD_BYTES);
    CHECK(store->info.flush && store->info.discard_bytes);
    CHECK(!store->info.readonly);

    submit_write(0, 3 * UNIT, 2 * UNIT, 0xa5);
    await(0);
    CHECK_EQ(ios[0].rc, 0);
    CHECK(is_filled(server.data + 3 * UNIT, 2 * UNIT, 0xa5));
    CHECK_EQ(server.data[5 * UNIT], 0);
    CHECK_EQ(do_one(BLK_FLUSH, 0, 0), 0);
    CHECK_EQ(server.nr_flushes, 1);

    memset(ios[1].buf, 0xff, sizeof(ios[1].buf));
    submit(1, BLK_READ, 4 * UNIT, 2 * UNIT);
    await(1);
    CHECK_EQ(ios[1].rc, 0);
    CHECK(is_filled(ios[1].buf, UNIT, 0xa5));
    CHECK(is_filled(ios[1].buf + UNIT, UNIT, 0));
    CHECK_EQ(ios[1].buf[2 * UNIT], 0xff);

    CHECK_EQ(do_one(BLK_DISCARD, 3 * UNIT, UNIT), 0);
    CHECK_EQ(server.nr_trims, 1);
    CHECK(is_filled(server.data + 3 * UNIT, UNIT, 0));
    close_store();
    CHECK_EQ(server.nr_connections, 1);
    CHECK_EQ(server.nr_goodbyes, 1);
}

TEST(answers_in_any_order_find_their_requests)
{
    fake_nbd_open(&server);
    server.lie = FAKE_NBD_REVERSE;
    server.group = 8;
    for (uint32_t i = 0; i < 8; i++)
        memset(server.data + i * UNIT, (int)i + 1, UNIT);
    open_store();
    for (uint32_t i = 0; i < 8; i++)
        submit(i, BLK_READ, i * UNIT, UNIT);
    for (uint32_t i = 0; i < 8; i++)
        await(i);
    for (uint32_t i = 0; i < 8; i++) {
        CHECK_EQ(ios[i].rc, 0);
        CHECK(is_filled(ios[i].buf, UNIT, (uint8_t)(i + 1)));
    }
    close_store();
}

TEST(a_large_request_goes_in_parts_that_the_server_takes)
{
    fake_nbd_open(&server);
    server.min_bytes = 1;
    server.preferred_bytes = 4096;
    server.max_bytes = 3 * UNIT + 100;
    open_store();
    submit_write(0, UNIT, 10 * UNIT, 7);
    await(0);
    CHECK_EQ(ios[0].rc, 0);
    CHECK(is_filled(server.data + UNIT, 10 * UNIT, 7));
    CHECK_EQ(server.data[11 * UNIT], 0);
    CHECK_EQ(server.biggest_bytes, 3 * UNIT);
    CHECK_EQ(server.nr_requests, 4);
    CHECK_EQ(do_one(BLK_READ, 0, 10 * UNIT), 0);
    CHECK(is_filled(ios[0].buf + UNIT, 9 * UNIT, 7));
    close_store();
}

static void check_break(enum fake_nbd_lie how, uint32_t at)
{
    fake_nbd_open(&server);
    server.lie = how;
    server.at_request = at;
    open_store();
    for (uint32_t i = 0; i < 10; i++)
        submit_write(i, i * UNIT, UNIT, (uint8_t)(i + 1));
    while (nr_wants[0] == 0) /* it broke, and the next one serves */
        loop_turn(loop, true);
    server.lie = FAKE_NBD_HONEST;
    for (uint32_t i = 0; i < 10; i++)
        await(i);
    for (uint32_t i = 0; i < 10; i++) {
        CHECK_EQ(ios[i].rc, 0);
        CHECK(is_filled(server.data + i * UNIT, UNIT, (uint8_t)(i + 1)));
    }
    /* What goes again goes in the order in which it was submitted. */
    for (uint32_t i = server.nr_requests - 10 + at; i < server.nr_requests; i++)
        CHECK(server.offs[i] == server.offs[i - 1] + UNIT ||
              server.offs[i] <= (at - 1) * UNIT);
    close_store();
    CHECK_EQ(server.nr_connections, 2);
}

TEST(a_connection_that_breaks_loses_nothing)
{
    check_break(FAKE_NBD_DROP, 1);
    check_break(FAKE_NBD_DROP, 4);
    check_break(FAKE_NBD_DROP, 10);
    check_break(FAKE_NBD_DROP_LATE, 1);
    check_break(FAKE_NBD_DROP_LATE, 5);
}

TEST(nonsense_from_the_server_breaks_the_connection_only)
{
    check_break(FAKE_NBD_NOISE, 3);
    check_break(FAKE_NBD_STRUCTURED, 3);
}

TEST(half_an_answer_is_none)
{
    fake_nbd_open(&server);
    memset(server.data, 9, 2 * UNIT);
    server.lie = FAKE_NBD_SHORT;
    open_store();
    submit(0, BLK_READ, 0, 2 * UNIT);
    while (nr_wants[0] == 0)
        loop_turn(loop, true);
    CHECK_EQ(ios[0].rc, NOT_YET);
    server.lie = FAKE_NBD_HONEST;
    await(0);
    CHECK_EQ(ios[0].rc, 0);
    CHECK(is_filled(ios[0].buf, 2 * UNIT, 9));
    close_store();
}

TEST(an_error_is_the_requests_alone)
{
    static const struct {
        uint32_t error;
        int rc;
    } rows[] = { { EIO, -EIO },           { ENOSPC, -ENOSPC },
                 { EPERM, -EPERM },       { EINVAL, -EINVAL },
                 { ENOMEM, -ENOMEM },     { 999, -EINVAL },
                 { 0x80000000u, -EINVAL } };

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        fake_nbd_open(&server);
        server.lie = FAKE_NBD_ERROR;
        server.at_request = 2;
        server.error = rows[i].error;
        open_store();
        CHECK_EQ(do_one(BLK_READ, 0, UNIT), 0);
        CHECK_EQ(do_one(BLK_READ, 0, UNIT), rows[i].rc);
        CHECK_EQ(nr_wants[0], 0);
        close_store();
    }
}

TEST(a_server_that_shuts_down_is_asked_again_elsewhere)
{
    fake_nbd_open(&server);
    server.lie = FAKE_NBD_ERROR;
    server.error = ESHUTDOWN;
    open_store();
    submit_write(0, 0, UNIT, 3);
    while (nr_wants[0] == 0)
        loop_turn(loop, true);
    server.lie = FAKE_NBD_HONEST;
    await(0);
    CHECK_EQ(ios[0].rc, 0);
    close_store();
}

/* ---- a server that stays away ---- */

static void lose_server(void)
{
    fake_nbd_open(&server);
    server.lie = FAKE_NBD_DROP;
    server.at_request = 2;
    open_store();
    CHECK_EQ(do_one(BLK_READ, 0, UNIT), 0);
    is_away = true;
    submit_write(1, 0, UNIT, 1);
    while (nr_wants[0] == 0)
        loop_turn(loop, true);
}

static void server_is_back(void)
{
    server.lie = FAKE_NBD_HONEST;
    is_away = false;
}

TEST(requests_wait_for_a_server_until_the_deadline_and_then_fail)
{
    lose_server();
    pass(OFFLINE_MS - 1000);
    CHECK_EQ(ios[1].rc, NOT_YET);
    submit(2, BLK_READ, 0, UNIT);
    CHECK_EQ(ios[2].rc, NOT_YET);
    fake_loop_pass(1000);
    await(1);
    CHECK_EQ(ios[1].rc, -EIO);
    CHECK_EQ(ios[2].rc, -EIO);

    submit(3, BLK_READ, 0, UNIT); /* at once */
    CHECK_EQ(ios[3].rc, -EIO);
    server_is_back();
    while (server.nr_connections < 2)
        pass(1000);
    while (ios[3].rc == -EIO) {
        submit(3, BLK_READ, 0, UNIT);
        turn();
    }
    await(3);
    CHECK_EQ(ios[3].rc, 0);
    CHECK_EQ(server.data[0], 0); /* the write that failed came never */
    close_store();
}

TEST(a_server_that_is_away_is_asked_for_with_pauses)
{
    lose_server();
    for (uint32_t ms = 0; ms < OFFLINE_MS; ms += 50)
        pass(50);
    /* 0.1, 0.2, ... 3.2 and then each 5 s of 60. */
    CHECK(nr_wants[0] >= 12 && nr_wants[0] <= 19);
    store->ops->give_up(queue, loop_now_ns() + GIVE_UP_NS);
    server_is_back();
    close_store();
}

TEST(a_guest_that_goes_waits_for_no_server)
{
    lose_server();
    submit(2, BLK_READ, 0, UNIT);
    store->ops->give_up(queue, loop_now_ns() + GIVE_UP_NS);
    CHECK_EQ(ios[1].rc, -EIO);
    CHECK_EQ(ios[2].rc, -EIO);
    server_is_back();
    CHECK_EQ(do_one(BLK_READ, 0, UNIT), 0);
    CHECK_EQ(server.data[0], 0);
    close_store();
}

TEST(a_guest_that_goes_does_not_wait_for_a_silent_server)
{
    fake_nbd_open(&server);
    server.lie = FAKE_NBD_SILENT;
    open_store();
    submit_write(0, 0, UNIT, 1);
    fake_nbd_await(&server, 1);
    store->ops->give_up(queue, loop_now_ns() + GIVE_UP_NS);
    CHECK_EQ(ios[0].rc, NOT_YET); /* it may answer yet */
    fake_loop_pass(5000);
    await(0);
    CHECK_EQ(ios[0].rc, -EIO);
    close_store();
}

/* What waited for a limit is sent when the guest has gone for a while. */
TEST(what_a_guest_that_goes_sends_later_has_no_more_time)
{
    uint64_t until_ns;

    fake_nbd_open(&server);
    server.lie = FAKE_NBD_SILENT;
    open_store();
    until_ns = loop_now_ns() + GIVE_UP_NS;
    submit_write(0, 0, UNIT, 1);
    fake_nbd_await(&server, 1);
    store->ops->give_up(queue, until_ns);
    fake_loop_pass(4000);
    submit_write(1, UNIT, UNIT, 1);
    store->ops->give_up(queue, until_ns);
    CHECK_EQ(ios[1].rc, NOT_YET);
    is_away = true;
    fake_loop_pass(1000);
    await(0);
    CHECK_EQ(ios[0].rc, -EIO);
    CHECK_EQ(ios[1].rc, -EIO);
    submit_write(2, 0, UNIT, 1); /* for a server that is away, none */
    CHECK_EQ(ios[2].rc, NOT_YET);
    store->ops->give_up(queue, until_ns);
    CHECK_EQ(ios[2].rc, -EIO);
    close_store();
}

TEST(an_answer_to_nothing_is_no_answer)
{
    fake_nbd_open(&server);
    server.lie = FAKE_NBD_COOKIE;
    open_store();
    submit_write(0, 0, UNIT, 1);
    fake_nbd_await(&server, 1);
    loop_turn(loop, true);
    CHECK_EQ(ios[0].rc, NOT_YET);
    store->ops->give_up(queue, loop_now_ns() + GIVE_UP_NS);
    fake_loop_pass(5000);
    await(0);
    CHECK_EQ(ios[0].rc, -EIO);
    close_store();
}

TEST(a_handshake_that_does_not_end_is_given_up)
{
    lose_server();
    server.lie = FAKE_NBD_MUTE;
    is_away = false;
    while (server.nr_connections < 2)
        turn();
    for (uint32_t i = 0; i < 9; i++)
        pass(1000);
    CHECK_EQ(server.nr_connections, 2);
    pass(1000);
    server_is_back();
    while (server.nr_connections < 3)
        pass(100);
    while (ios[1].rc == NOT_YET) /* in real time: it is a thread that answers */
        turn();
    CHECK_EQ(ios[1].rc, 0);
    close_store();
}

/* ---- one that comes back as another ---- */

TEST(an_export_that_became_smaller_fails_the_store)
{
    struct blk_store_info info;

    lose_server();
    server_is_back();
    server.size_bytes = FAKE_NBD_BYTES / 2;
    await(1);
    CHECK_EQ(ios[1].rc, -EIO);
    CHECK_EQ(store->ops->look(store, &info, &err), -EIO);
    CHECK_HAS(err.text, "came back with 524288 bytes, want at least 1048576");
    submit(2, BLK_READ, 0, UNIT);
    CHECK_EQ(ios[2].rc, -EIO);
    server.size_bytes = FAKE_NBD_BYTES; /* somebody put it right */
    while (store->ops->look(store, &info, &err) < 0)
        pass(1000);
    CHECK_EQ(do_one(BLK_READ, 0, UNIT), 0);
    close_store();
}

TEST(an_export_that_became_larger_is_told_by_look)
{
    struct blk_store_info info;

    fake_nbd_open(&server);
    server.size_bytes = FAKE_NBD_BYTES / 2;
    server.lie = FAKE_NBD_DROP;
    open_store();
    submit(0, BLK_READ, 0, UNIT);
    while (nr_wants[0] == 0)
        loop_turn(loop, true);
    server_is_back();
    server.size_bytes = FAKE_NBD_BYTES;
    await(0);
    CHECK_EQ(ios[0].rc, 0);
    CHECK_EQ(store->info.size_bytes, FAKE_NBD_BYTES / 2);
    CHECK_EQ(store->ops->look(store, &info, &err), 0);
    CHECK_EQ(info.size_bytes, FAKE_NBD_BYTES);
    CHECK_EQ(do_one(BLK_READ, FAKE_NBD_BYTES - UNIT, UNIT), 0);
    close_store();
}

TEST(an_export_that_lost_what_the_guest_was_promised_fails)
{
    static const uint16_t flags[] = {
        1 | 2 | 4 | 8 | 32 | 256, /* read-only now */
        1 | 8 | 32 | 256,         /* no flush */
        1 | 4 | 8 | 256,          /* no trim */
        1 | 4 | 8 | 32,           /* one connection */
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(flags); i++) {
        lose_server();
        server_is_back();
        server.flags = flags[i];
        await(1);
        CHECK_EQ(ios[1].rc, -EIO);
        CHECK_EQ(server.nr_requests, 2);
        close_store();
    }
}

/* ---- what it says first ---- */

TEST(a_server_that_cannot_be_a_disk_is_refused)
{
    static const struct {
        uint64_t size;
        uint32_t min, preferred, max;
        const char *words;
    } rows[] = {
        { 0, 0, 0, 0, "size is 0 bytes, want at least 512" },
        { 511, 0, 0, 0, "size is 511 bytes" },
        { FAKE_NBD_BYTES, 4096, 4096, 1 << 20, "smallest request is 4096" },
        { FAKE_NBD_BYTES, 1024, 4096, 1 << 20, "smallest request is 1024" },
        { 1ull << 63, 0, 0, 0, "nbd: " },
        { UINT64_MAX, 0, 0, 0, "nbd: " },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        fake_nbd_open(&server);
        server.size_bytes = rows[i].size;
        server.min_bytes = rows[i].min;
        server.preferred_bytes = rows[i].preferred;
        server.max_bytes = rows[i].max;
        CHECK(try_open(1) < 0);
        CHECK_HAS(err.text, rows[i].words);
        assert_null(store);
        fake_nbd_close(&server);
    }
}

TEST(a_handshake_that_fails_says_so)
{
    static const struct {
        enum fake_nbd_lie lie;
        const char *words;
    } rows[] = { { FAKE_NBD_BAD_MAGIC, "handshake" },
                 { FAKE_NBD_REFUSE, "handshake" },
                 { FAKE_NBD_CUT, "handshake" } };

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        fake_nbd_open(&server);
        server.lie = rows[i].lie;
        CHECK(try_open(1) < 0);
        CHECK_HAS(err.text, rows[i].words);
        fake_nbd_close(&server);
    }
}

TEST(a_server_that_says_nothing_is_not_waited_for_long)
{
    struct nbd_handle *h;

    fake_nbd_open(&server);
    server.lie = FAKE_NBD_MUTE;
    CHECK_EQ(blk_nbd_peer_start(fake_nbd_connect(&server), "", &h, &err), 0);
    CHECK_EQ(blk_nbd_peer_wait(h, 50, &err), -ETIMEDOUT);
    CHECK_HAS(err.text, "no answer within 50 ms");
    nbd_close(h);
    fake_nbd_close(&server);
}

TEST(sectors_are_what_a_guest_can_have)
{
    static const uint32_t rows[][2] = {
        { 512, 512 },
        { 4096, 4096 },
        { 65536, 4096 },
        { 1024, 1024 },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        fake_nbd_open(&server);
        server.min_bytes = 1;
        server.preferred_bytes = rows[i][0];
        server.max_bytes = 1 << 20;
        server.size_bytes = FAKE_NBD_BYTES - 100;
        CHECK_EQ(try_open(1), 0);
        CHECK_EQ(store->info.physical_bytes, rows[i][1]);
        CHECK_EQ(store->info.size_bytes, FAKE_NBD_BYTES - 512);
        store->ops->close(store);
        fake_nbd_close(&server);
    }
}

TEST(what_the_server_has_not_is_not_offered_and_not_asked_for)
{
    fake_nbd_open(&server);
    server.flags = 1 | 2; /* read-only, and nothing else */
    open_store();
    CHECK(store->info.readonly && !store->info.flush);
    CHECK_EQ(store->info.discard_bytes, 0);
    CHECK_EQ(store->info.nr_queues, 1);
    CHECK_EQ(do_one(BLK_WRITE, 0, UNIT), -EROFS);
    CHECK_EQ(do_one(BLK_FLUSH, 0, 0), -EOPNOTSUPP);
    CHECK_EQ(do_one(BLK_DISCARD, 0, UNIT), -EOPNOTSUPP);
    CHECK_EQ(do_one(BLK_READ, 0, UNIT), 0);
    CHECK_EQ(server.nr_requests, 1);
    close_store();
}

TEST(each_queue_asks_for_a_connection_of_its_own)
{
    struct blk_store_queue *second;

    fake_nbd_open(&server);
    open_store();
    CHECK_EQ(store->info.nr_queues, 4);
    CHECK_EQ(store->ops->attach(store, 1, loop, &second, &err), 0);
    CHECK_EQ(nr_wants[0], 0);
    CHECK_EQ(nr_wants[1], 1);
    ios[1].rc = NOT_YET;
    ios[1].io = (struct blk_io){
        .op = BLK_READ, .buf = ios[1].buf, .len = UNIT, .done = on_done
    };
    store->ops->submit(second, &ios[1].io); /* it waits */
    CHECK_EQ(do_one(BLK_READ, 0, UNIT), 0);
    CHECK_EQ(ios[1].rc, NOT_YET);
    store->ops->reconnect(second, fake_nbd_connect(&server));
    store->ops->reconnect(second, fake_nbd_connect(&server)); /* once more */
    await(1);
    CHECK_EQ(ios[1].rc, 0);
    CHECK(store->ops->attach(store, 4, loop, &second, &err) < 0);
    close_store();
}

/* ---- who submits from done() ---- */

static uint32_t nr_chained;

static void on_chained(struct blk_io *io, int rc)
{
    CHECK_EQ(rc, 0);
    nr_chained++;
    if (nr_chained < 1000)
        store->ops->submit(queue, io);
}

TEST(done_may_submit_more)
{
    fake_nbd_open(&server);
    open_store();
    nr_chained = 0;
    ios[0].io = (struct blk_io){
        .op = BLK_READ, .buf = ios[0].buf, .len = UNIT, .done = on_chained
    };
    store->ops->submit(queue, &ios[0].io);
    while (nr_chained < 1000)
        turn();
    close_store();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(what_is_written_is_there_and_read_back),
        RULE(answers_in_any_order_find_their_requests),
        RULE(a_large_request_goes_in_parts_that_the_server_takes),
        RULE(a_connection_that_breaks_loses_nothing),
        RULE(nonsense_from_the_server_breaks_the_connection_only),
        RULE(half_an_answer_is_none),
        RULE(an_error_is_the_requests_alone),
        RULE(a_server_that_shuts_down_is_asked_again_elsewhere),
        RULE(requests_wait_for_a_server_until_the_deadline_and_then_fail),
        RULE(a_server_that_is_away_is_asked_for_with_pauses),
        RULE(a_guest_that_goes_waits_for_no_server),
        RULE(a_guest_that_goes_does_not_wait_for_a_silent_server),
        RULE(what_a_guest_that_goes_sends_later_has_no_more_time),
        RULE(an_answer_to_nothing_is_no_answer),
        RULE(a_handshake_that_does_not_end_is_given_up),
        RULE(an_export_that_became_smaller_fails_the_store),
        RULE(an_export_that_became_larger_is_told_by_look),
        RULE(an_export_that_lost_what_the_guest_was_promised_fails),
        RULE(a_server_that_cannot_be_a_disk_is_refused),
        RULE(a_handshake_that_fails_says_so),
        RULE(a_server_that_says_nothing_is_not_waited_for_long),
        RULE(sectors_are_what_a_guest_can_have),
        RULE(what_the_server_has_not_is_not_offered_and_not_asked_for),
        RULE(each_queue_asks_for_a_connection_of_its_own),
        RULE(done_may_submit_more),
    };

    log_set_level(LOG_LEVEL_NONE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
