/* SPDX-License-Identifier: MIT */
/*
 * test_console.c - a guest's console: budget, scrollback, readers
 *
 * A real loop and real sockets over a fake domain.  The guest says the bytes
 * of one endless count, so that a gap, a repetition or a swap shows wherever
 * the bytes arrive.
 */
#include "toolstack/supervisor/console.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/io/console.h>

#include "abi/xen_steward.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/evt.h"
#include "common/gnt.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/scroll.h"

#define GUEST 1u
#define RING_BYTES ((uint32_t)sizeof(((struct xencons_interface *)0)->out))
#define HEARD_MAX (4u << 20)

void __real_shm_set_u32(uint32_t *shared, uint32_t value);
void __wrap_shm_set_u32(uint32_t *shared, uint32_t value);

struct ear {    /* somebody attached */
    int fd;     /* -1: gone */
    char *text; /* what was heard */
    size_t nr;
};

static struct {
    uv_loop_t loop;
    struct fake_domain *domain;
    struct xencons_interface *page;
    struct gnt *gnt;
    struct evt *evt;
    uint32_t port;
    struct console *console;
    char dir[32], socket_path[64], log_path[64];
    bool floods;   /* fills the ring whenever there is room */
    uint64_t said; /* bytes, ever */
    bool watches_log;
    uint32_t nr_watched, nr_early; /* room given; before the log had it */
} t;

/* No divisor of the ring's or the scrollback's size: no lap looks alike. */
static char count_byte(uint64_t at)
{
    return (char)('!' + at % 89 % 64 + at / 89 % 7);
}

/* The guest writes nr bytes, which must find room. */
static void say(uint32_t nr)
{
    assert_true(nr <= RING_BYTES - (t.page->out_prod - t.page->out_cons));
    for (; nr > 0; nr--)
        t.page->out[t.page->out_prod++ % RING_BYTES] = count_byte(t.said++);
}

/* Linked in by --wrap: a guest that is as quick as we are. */
void __wrap_shm_set_u32(uint32_t *shared, uint32_t value)
{
    if (t.watches_log && shared == &t.page->out_cons) {
        struct stat st;

        t.nr_early += stat(t.log_path, &st) || st.st_size < value;
        t.nr_watched++;
    }
    __real_shm_set_u32(shared, value);
    if (t.floods && shared == &t.page->out_cons)
        say(RING_BYTES - (t.page->out_prod - value));
}

static void fresh(void)
{
    struct err e = { 0 };

    fake_reset();
    memset(&t, 0, sizeof(t));
    log_set_level(LOG_LEVEL_NONE);
    snprintf(t.dir, sizeof(t.dir), "/tmp/fh-console-XXXXXX");
    assert_non_null(mkdtemp(t.dir));
    snprintf(t.socket_path, sizeof(t.socket_path), "%s/console", t.dir);
    snprintf(t.log_path, sizeof(t.log_path), "%s/web.log", t.dir);
    t.domain = &fake.domain[0];
    t.domain->there = true;
    t.domain->domid = GUEST;
    t.domain->next_port = 4;
    t.domain->page[XEN_STEWARD_CONSOLE_REF] =
        aligned_alloc(PAGE_BYTES, PAGE_BYTES);
    t.page = (void *)t.domain->page[XEN_STEWARD_CONSOLE_REF];
    memset(t.page, 0, PAGE_BYTES);
    t.domain->granted[XEN_STEWARD_CONSOLE_REF] = true;
    uv_loop_init(&t.loop);
    CHECK_EQ(gnt_open(&t.gnt, &e), 0);
    CHECK_EQ(evt_open(GUEST, &t.evt, &e), 0);
    CHECK_EQ(evt_bind(t.evt, 3, &t.port, &e), 0);
    CHECK_EQ(console_open(&t.loop, "web", t.socket_path, t.log_path, false,
                          &t.console, &e),
             0);
    CHECK_EQ(console_attach(t.console, t.gnt, t.evt, GUEST, t.port, &e), 0);
}

static void turns(uint32_t nr)
{
    while (nr-- > 0)
        uv_run(&t.loop, UV_RUN_NOWAIT);
}

static void on_time(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
    uv_stop(&t.loop);
}

static void run_ms(uint32_t ms)
{
    static uv_timer_t timer;

    uv_timer_init(&t.loop, &timer);
    uv_timer_start(&timer, on_time, ms, 0);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    turns(1);
}

static void remove_dir(void)
{
    unlink(t.log_path);
    unlink(t.socket_path);
    CHECK_EQ(rmdir(t.dir), 0);
}

static void finish(void)
{
    t.floods = false;
    console_close(t.console);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&t.loop), 0);
    evt_close(t.evt);
    gnt_close(t.gnt);
    t.domain->there = false;
    CHECK_EQ(fake_left(), 0);
    fake_reset();
    remove_dir();
}

static void join(struct ear *ear)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", t.socket_path);
    *ear = (struct ear){ .text = malloc(HEARD_MAX) };
    ear->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK_EQ(connect(ear->fd, (void *)&to, sizeof(to)), 0);
    turns(4);
}

static void hear(struct ear *ear)
{
    ssize_t r;

    while (ear->fd >= 0 &&
           (r = read(ear->fd, ear->text + ear->nr, HEARD_MAX - ear->nr)) >= 0) {
        ear->nr += r;
        if (r == 0) {
            close(ear->fd);
            ear->fd = -1;
        }
        turns(1);
    }
}

/* Until nr bytes are heard; the caller sees whether they came. */
static void hear_until(struct ear *ear, uint64_t nr)
{
    for (uint32_t i = 0; i < 5000 && ear->nr < nr; i++) {
        run_ms(1);
        hear(ear);
    }
    run_ms(1);
    hear(ear); /* and no more than that */
}

static void leave(struct ear *ear)
{
    if (ear->fd >= 0)
        close(ear->fd);
    free(ear->text);
    turns(4);
}

/* The count from first on, and nothing else. */
static bool is_count(const char *text, size_t nr, uint64_t first)
{
    for (size_t i = 0; i < nr; i++)
        if (text[i] != count_byte(first + i))
            return false;
    return true;
}

/* Returns how many bytes the log holds; they must be the count. */
static uint64_t logged(void)
{
    FILE *f = fopen(t.log_path, "r");
    char *text = malloc(HEARD_MAX);
    size_t nr;

    assert_non_null(f);
    nr = fread(text, 1, HEARD_MAX, f);
    CHECK(is_count(text, nr, 0));
    fclose(f);
    free(text);
    return nr;
}

/* Ring by ring, as a guest does that waits for room, and heeds the limit. */
static void say_all(uint32_t nr)
{
    while (nr > 0) {
        uint32_t room = RING_BYTES - (t.page->out_prod - t.page->out_cons);
        uint32_t part = MIN_OF(nr, room);

        say(part);
        nr -= part;
        console_kick(t.console);
        if (part == 0)
            run_ms(1);
    }
    while (t.page->out_prod != t.page->out_cons)
        run_ms(1);
}

TEST(a_flood_waits_in_the_ring_until_the_slice_is_over)
{
    uint64_t taken;

    fresh();
    t.floods = true;
    say(RING_BYTES);
    console_kick(t.console);
    taken = logged();
    CHECK(taken > 0 && taken <= CONSOLE_SLICE_BYTES);
    for (uint32_t i = 0; i < 20; i++) { /* ringing does not help */
        console_kick(t.console);
        turns(1);
    }
    CHECK_EQ(logged(), taken);
    CHECK_EQ(t.page->out_prod - t.page->out_cons, RING_BYTES);
    run_ms(CONSOLE_SLICE_MS + 20);
    CHECK(logged() > taken && logged() <= 3 * CONSOLE_SLICE_BYTES);
    t.floods = false;
    run_ms(CONSOLE_SLICE_MS + 20);
    CHECK_EQ(logged(), t.said); /* and nothing was lost by it */
    finish();
}

TEST(a_flood_is_held_to_the_budget_in_the_long_run)
{
    uint64_t slices;

    fresh();
    t.floods = true;
    say(RING_BYTES);
    console_kick(t.console);
    uv_update_time(&t.loop);
    slices = uv_now(&t.loop) / CONSOLE_SLICE_MS;
    while (logged() < 5 * CONSOLE_SLICE_BYTES) /* it goes on */
        run_ms(CONSOLE_SLICE_MS / 2);
    slices = uv_now(&t.loop) / CONSOLE_SLICE_MS - slices;
    CHECK(logged() <= (slices + 2) * CONSOLE_SLICE_BYTES);
    finish();
}

/* One byte a time costs us as much as many. */
TEST(a_drip_is_charged_for_the_work_it_makes)
{
    uint64_t taken;

    fresh();
    for (uint32_t i = 0; i < CONSOLE_SLICE_BYTES / 8; i++) {
        if (t.page->out_prod - t.page->out_cons == RING_BYTES)
            break;
        say(1);
        console_kick(t.console);
    }
    taken = logged();
    CHECK(taken >= 512 && taken < CONSOLE_SLICE_BYTES / 8 - RING_BYTES);
    run_ms(CONSOLE_SLICE_MS + 20);
    CHECK_EQ(logged(), t.said);
    finish();
}

/* What a Linux guest says while it boots comes to this at most. */
TEST(a_boot_log_is_not_slowed)
{
    fresh();
    for (uint32_t i = 0; i < 30; i++) {
        say(RING_BYTES);
        console_kick(t.console);
    }
    CHECK_EQ(logged(), 30 * RING_BYTES);
    finish();
}

/* What is out of the ring and not in the log dies with the supervisor. */
TEST(the_guest_gets_room_for_what_is_logged_and_no_more)
{
    fresh();
    t.watches_log = t.floods = true;
    say(RING_BYTES);
    console_kick(t.console);
    t.floods = false;
    console_detach(t.console);
    CHECK(t.nr_watched > 2);
    CHECK_EQ(t.nr_early, 0);
    finish();
}

TEST(a_guest_that_dies_while_held_loses_nothing)
{
    struct ear ear;

    fresh();
    join(&ear);
    t.floods = true;
    say(RING_BYTES);
    console_kick(t.console);
    t.floods = false;
    CHECK_EQ(t.page->out_prod - t.page->out_cons, RING_BYTES);
    console_detach(t.console);
    CHECK_EQ(logged(), t.said);
    hear_until(&ear, t.said);
    CHECK_EQ(ear.nr, t.said);
    CHECK(is_count(ear.text, ear.nr, 0));
    leave(&ear);
    finish();
}

/* One that still runs when it is destroyed gets one ring, not a loop. */
TEST(the_last_look_takes_one_ring)
{
    uint64_t before;

    fresh();
    t.floods = true;
    say(RING_BYTES);
    console_kick(t.console);
    before = logged();
    console_detach(t.console);
    CHECK_EQ(logged() - before, RING_BYTES);
    finish();
}

TEST(every_reader_hears_everything)
{
    struct ear ears[3];

    fresh();
    for (uint32_t i = 0; i < 3; i++) { /* before, amid, after */
        join(&ears[i]);
        say_all(5000);
    }
    for (uint32_t i = 0; i < 3; i++) {
        hear_until(&ears[i], t.said);
        CHECK_EQ(ears[i].nr, t.said);
        CHECK(is_count(ears[i].text, ears[i].nr, 0));
        leave(&ears[i]);
    }
    finish();
}

/* Scrollback and live bytes meet without a seam, at each edge of the store. */
TEST(a_new_reader_hears_the_scrollback_and_then_goes_on)
{
    static const uint32_t said[] = { 0, 1, RING_BYTES, SCROLL_BYTES - 1,
                                     SCROLL_BYTES };

    for (uint32_t i = 0; i < ARRAY_SIZE(said); i++) {
        struct ear ear;

        fresh();
        say_all(said[i]);
        join(&ear);
        hear_until(&ear, t.said);
        say_all(3000); /* laps the store in the last rows */
        hear_until(&ear, t.said);
        CHECK_EQ(ear.nr, t.said);
        CHECK(is_count(ear.text, ear.nr, 0));
        leave(&ear);
        finish();
    }
}

TEST(a_new_reader_is_told_what_the_scrollback_no_longer_has)
{
    struct ear ear;
    uint64_t skipped;
    char note[96];

    fresh();
    say_all(SCROLL_BYTES + 12345);
    join(&ear);
    hear_until(&ear, SCROLL_BYTES + 1);
    skipped = t.said - SCROLL_BYTES;
    snprintf(note, sizeof(note),
             "\r\n[%llu bytes skipped; the log has them]\r\n",
             (unsigned long long)skipped);
    CHECK_EQ(ear.nr, strlen(note) + SCROLL_BYTES);
    assert_memory_equal(ear.text, note, strlen(note));
    CHECK(is_count(ear.text + strlen(note), SCROLL_BYTES, skipped));
    leave(&ear);
    finish();
}

/*
 * Check that text is the count with notes of what is skipped in between.
 * Returns where the count ends, notes included.
 */
static uint64_t check_noted(const char *text, size_t nr, uint32_t *nr_notes)
{
    uint64_t at = 0;

    *nr_notes = 0;
    for (size_t i = 0; i < nr;) {
        unsigned long long skipped;
        int len = 0;

        if (text[i] != '\r') {
            CHECK(text[i++] == count_byte(at++));
            continue;
        }
        CHECK_EQ(sscanf(text + i,
                        "\r\n[%llu bytes skipped; the log has them]%n",
                        &skipped, &len),
                 1);
        assert_memory_equal(text + i + len, "\r\n", 2);
        at += skipped;
        i += len + 2;
        ++*nr_notes;
    }
    return at;
}

TEST(a_slow_reader_holds_up_nobody_and_hears_the_truth)
{
    struct ear slow, quick;
    uint32_t nr_notes;

    fresh();
    join(&slow);
    join(&quick);
    for (uint32_t i = 0; i < 200; i++) {
        say_all(5000);
        hear(&quick);
    }
    hear_until(&quick, t.said);
    CHECK_EQ(quick.nr, t.said);
    CHECK(is_count(quick.text, quick.nr, 0));
    CHECK_EQ(logged(), t.said);
    for (uint32_t i = 0; i < 50; i++) {
        hear(&slow);
        run_ms(1);
    }
    slow.text[slow.nr] = 0;
    CHECK_EQ(check_noted(slow.text, slow.nr, &nr_notes), t.said);
    CHECK_EQ(nr_notes, 1);
    leave(&slow);
    leave(&quick);
    finish();
}

TEST(a_reader_who_leaves_leaves_the_guest_alone)
{
    struct xencons_interface before;
    struct ear ear, stays;

    fresh();
    join(&ear);
    join(&stays);
    say_all(100);
    run_ms(5);
    before = *t.page;
    leave(&ear);
    run_ms(5);
    assert_memory_equal(&before, t.page, sizeof(before));
    CHECK_EQ(fake.nr_maps, 1);
    say_all(100);
    CHECK_EQ(logged(), 200);
    hear_until(&stays, 200);
    CHECK_EQ(stays.nr, 200);
    leave(&stays);
    finish();
}

/* As `freehold console -d`: the guest talks on, but there is an end. */
TEST(a_reader_who_will_not_type_hears_what_there_is_and_the_end)
{
    struct ear ear;
    uint64_t said;

    fresh();
    say_all(SCROLL_BYTES - RING_BYTES);
    join(&ear);
    said = t.said;
    CHECK_EQ(shutdown(ear.fd, SHUT_WR), 0);
    turns(20);
    t.floods = true;
    say(RING_BYTES);
    console_kick(t.console);
    for (uint32_t i = 0; i < 1000 && ear.fd >= 0; i++) {
        run_ms(1);
        hear(&ear);
    }
    CHECK_EQ(ear.fd, -1);
    CHECK_EQ(ear.nr, said);
    CHECK(is_count(ear.text, 1000, 0));
    leave(&ear);
    finish();
}

/* All of it arrives, however little the guest takes at once. */
TEST(input_waits_for_room)
{
    struct ear ear;
    char typed[5000];
    uint32_t got = 0;

    fresh();
    join(&ear);
    for (uint32_t i = 0; i < sizeof(typed); i++)
        typed[i] = count_byte(i);
    CHECK_EQ(write(ear.fd, typed, sizeof(typed)), sizeof(typed));
    while (got < sizeof(typed)) {
        turns(6);
        CHECK(t.page->in_prod != t.page->in_cons);
        for (; t.page->in_cons != t.page->in_prod; t.page->in_cons++)
            CHECK(t.page->in[t.page->in_cons % sizeof(t.page->in)] ==
                  typed[got++]);
        console_kick(t.console);
    }
    leave(&ear);
    finish();
}

/* The disk is full for a while, and the guest says no more. */
TEST(the_log_catches_up_with_a_quiet_guest)
{
    struct rlimit before, full = { 1000, RLIM_INFINITY };
    uint64_t at_first;

    fresh();
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    full.rlim_max = before.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
    say_all(3000);
    at_first = logged();
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK_EQ(at_first, 1000);
    run_ms(1200);
    CHECK_EQ(logged(), t.said);
    finish();
}

/* As when `freehold create -c` shows a guest that powers off at once. */
TEST(closing_lets_a_reader_hear_the_end)
{
    struct ear ear;

    fresh();
    say_all(SCROLL_BYTES);
    join(&ear); /* a socket's buffer holds less */
    turns(20);
    console_close(t.console);
    for (uint32_t i = 0; i < 1000 && ear.fd >= 0; i++) {
        hear(&ear);
        run_ms(1);
    }
    CHECK_EQ(ear.fd, -1);
    CHECK_EQ(ear.nr, t.said);
    CHECK(is_count(ear.text, ear.nr, 0));
    leave(&ear);
    t.console = NULL;
    finish();
}

TEST(closing_does_not_wait_for_a_reader_who_does_not_listen)
{
    struct ear ear;
    uint64_t before_ms;

    fresh();
    say_all(SCROLL_BYTES);
    join(&ear);
    turns(20);
    before_ms = uv_now(&t.loop);
    console_close(t.console);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    CHECK(uv_now(&t.loop) - before_ms < 5000);
    leave(&ear);
    t.console = NULL;
    finish();
}

RUN_TESTS(RULE(a_flood_waits_in_the_ring_until_the_slice_is_over),
          RULE(a_flood_is_held_to_the_budget_in_the_long_run),
          RULE(a_drip_is_charged_for_the_work_it_makes),
          RULE(a_boot_log_is_not_slowed),
          RULE(the_guest_gets_room_for_what_is_logged_and_no_more),
          RULE(a_guest_that_dies_while_held_loses_nothing),
          RULE(the_last_look_takes_one_ring),
          RULE(every_reader_hears_everything),
          RULE(a_new_reader_hears_the_scrollback_and_then_goes_on),
          RULE(a_new_reader_is_told_what_the_scrollback_no_longer_has),
          RULE(a_slow_reader_holds_up_nobody_and_hears_the_truth),
          RULE(a_reader_who_leaves_leaves_the_guest_alone),
          RULE(a_reader_who_will_not_type_hears_what_there_is_and_the_end),
          RULE(input_waits_for_room),
          RULE(the_log_catches_up_with_a_quiet_guest),
          RULE(closing_lets_a_reader_hear_the_end),
          RULE(closing_does_not_wait_for_a_reader_who_does_not_listen))
