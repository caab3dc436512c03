/* SPDX-License-Identifier: MIT */
/*
 * test_vbd.c - one disk, between a guest that does as it likes and a backend
 * that may be the guest's
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <uv.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "common/store.h"
#include "tests/fakes/fake.h"
#include "tests/unit/puppet.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/diskfile.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/vbd.h"

int __real_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);

#define FRONT "/local/domain/7/device/vbd/51712"
#define BACK "/local/domain/0/backend/fh-vbd/7/51712"
#define TURN_S_MAX 20

static struct world {
    uv_loop_t loop;
    uv_poll_t stored, puppeteer;
    uv_timer_t tick;
    struct store *store;
    struct vbd *vbd;
    struct vm_disk disk;
    struct rundir dir;
    struct blkproc_id process;
    uint32_t nr_fds; /* before */
    uint32_t hurry;  /* timers run so much faster */
    uint32_t nr_moved, nr_started;
    bool gone;
} w;

static char base[] = "/tmp/fh-vbd-XXXXXX", image[64];

int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat)
{
    return __real_uv_timer_start(t, cb, timeout / (w.hurry ? w.hurry : 1),
                                 repeat);
}

/* ---- the world around it ---- */

static void on_base(void *arg, char out[BLK_BASE_BYTES])
{
    CHECK(arg == &w);
    diskfile_base(&w.dir, 51712, out);
}

static void on_started(void *arg)
{
    CHECK(arg == &w);
    w.nr_started++;
    w.process = vbd_process(w.vbd);
}

static void on_moved(void *arg)
{
    CHECK(arg == &w);
    w.nr_moved++;
}

static void on_gone(void *arg)
{
    CHECK(arg == &w);
    CHECK_EQ(vbd_state(w.vbd), VBD_GONE);
    vbd_close(w.vbd);
    w.vbd = NULL;
    w.gone = true;
}

static const struct vbd_ops ops = {
    .base = on_base,
    .started = on_started,
    .moved = on_moved,
    .gone = on_gone,
};

static void on_stored(uv_poll_t *p, int status, int events)
{
    char token[24];

    (void)p, (void)status, (void)events;
    while (store_take(w.store, token, sizeof(token)))
        if (w.vbd && strcmp(token, vbd_token(w.vbd)) == 0)
            vbd_fired(w.vbd);
}

static void on_puppets(uv_poll_t *p, int status, int events)
{
    (void)p, (void)status, (void)events;
    puppets_turn();
}

static void on_tick(uv_timer_t *t)
{
    (void)t;
}

static int now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int)t.tv_sec;
}

/* Run the loop until it is so; it must be within some seconds. */
#define UNTIL(what)                                                            \
    for (int end_s = now_s() + TURN_S_MAX; !(what);) {                         \
        CHECK(now_s() < end_s);                                                \
        uv_run(&w.loop, UV_RUN_ONCE);                                          \
    }

/* Everything that is on its way has come: a while without a sign. */
static void settle(void)
{
    for (uint32_t i = 0; i < 12; i++)
        uv_run(&w.loop, UV_RUN_ONCE);
}

static const char *node(const char *path)
{
    const char *v = fake_xs_value(path);

    return v ? v : "";
}

#define IS(path, value) (strcmp(node(path), value) == 0)

/* Descriptors of this process; what: only those that are called so. */
static uint32_t count_fds(const char *what)
{
    char link[64], to[256];
    uint32_t nr = 0;

    for (int fd = 0; fd < 1024; fd++) {
        ssize_t got;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        got = readlink(link, to, sizeof(to) - 1);
        if (got < 0)
            continue;
        to[got] = 0;
        nr += strstr(to, what) != NULL;
    }
    return nr;
}

static void open_vbd(void)
{
    struct vbd_options o = {
        .link = {
            .disk = &w.disk,
            .program = PUPPET,
            .name = "web/xvda",
            .domid = 7,
            .devid = 51712,
            .nr_queues = 2,
            .limits = { 500, 0 },
        },
    };
    struct err e = { 0 };

    vbd_nodes_of(7, 51712, &o.nodes);
    CHECK_EQ(vbd_open(&w.loop, &o, &ops, &w, &w.vbd, &e), 0);
}

static void fresh(void)
{
    fake_reset();
    puppets_fresh();
    memset(&w, 0, sizeof(w));
    w.nr_fds = count_fds("");
    uv_loop_init(&w.loop);
    CHECK_EQ(rundir_take(base, "web", &w.dir, NULL), 0);
    CHECK_EQ(store_open(&w.store, NULL), 0);
    uv_poll_init(&w.loop, &w.stored, store_fd(w.store));
    uv_poll_start(&w.stored, UV_READABLE, on_stored);
    uv_poll_init(&w.loop, &w.puppeteer, puppets_fd());
    uv_poll_start(&w.puppeteer, UV_READABLE, on_puppets);
    uv_timer_init(&w.loop, &w.tick);
    uv_timer_start(&w.tick, on_tick, 5, 5);
    w.disk = (struct vm_disk){
        .target = image,
        .vdev = (char *)"xvda",
        .format = VM_DISK_RAW,
        .devid = 51712,
        .writable = true,
    };
    open_vbd();
}

static void start(void)
{
    struct err e = { 0 };

    CHECK_EQ(vbd_start(w.vbd, w.store, &e), 0);
}

/* A guest with one queue writes its keys, and is connected. */
static void write_keys(void)
{
    fake_xs_set(FRONT "/ring-ref", "8");
    fake_xs_set(FRONT "/event-channel", "5");
    fake_xs_set(FRONT "/protocol", "x86_64-abi");
    fake_xs_set(FRONT "/state", "3");
}

static void start_connected(void)
{
    start();
    UNTIL(IS(BACK "/state", "2"));
    write_keys();
    UNTIL(vbd_state(w.vbd) == VBD_CONNECTED);
    fake_xs_set(FRONT "/state", "4");
    settle();
}

/* Whatever is left is ended, and then nothing is left. */
static void finish(void)
{
    for (uint32_t i = 0; i < BLK_CTL_TYPES; i++)
        puppets.deaf[i] = false;
    if (w.vbd)
        vbd_end(w.vbd);
    UNTIL(w.gone);
    uv_close((uv_handle_t *)&w.stored, NULL);
    uv_close((uv_handle_t *)&w.puppeteer, NULL);
    uv_close((uv_handle_t *)&w.tick, NULL);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&w.loop), 0);
    CHECK_EQ(fake_xs_watches(), 0);
    store_close(w.store);
    rundir_remove(&w.dir);
    puppets_fresh();
    fake_reset();
    CHECK_EQ(count_fds(""), w.nr_fds);
}

/* ---- connect ---- */

TEST(a_disk_is_offered_when_its_store_is_open)
{
    fresh();
    puppets.mute = true;
    start();
    CHECK_STR(node(FRONT "/backend"), BACK);
    CHECK_STR(node(FRONT "/backend-id"), "0");
    CHECK_STR(node(FRONT "/state"), "1");
    CHECK_STR(node(FRONT "/virtual-device"), "51712");
    CHECK_STR(node(FRONT "/device-type"), "disk");
    CHECK_STR(node(FRONT "/trusted"), "1");
    CHECK_STR(node(BACK "/frontend"), FRONT);
    CHECK_STR(node(BACK "/frontend-id"), "7");
    CHECK_STR(node(BACK "/online"), "1");
    CHECK_STR(node(BACK "/state"), "1");
    CHECK_STR(node(BACK "/mode"), "w");
    CHECK_STR(node(BACK "/dev"), "xvda");
    CHECK_STR(node(BACK "/discard-enable"), "1");
    CHECK_STR(fake_xs_perms(FRONT), "n7");
    CHECK_STR(fake_xs_perms(FRONT "/state"), "n7");
    CHECK_STR(fake_xs_perms(BACK), "n0 r7");
    CHECK_STR(fake_xs_perms(BACK "/state"), "n0 r7");
    CHECK_EQ(vbd_state(w.vbd), VBD_STARTING);
    UNTIL(puppets.nr == 1 && puppets.one[0].conn_fd >= 0);
    puppets.mute = false;
    {
        struct blk_ctl m = { .type = BLK_CTL_HELLO };

        m.u.hello.version = BLK_CTL_VERSION;
        m.u.hello.pid = (uint32_t)puppets.one[0].pid;
        strcpy(m.u.hello.build, puppets.build);
        puppet_say(&puppets.one[0], &m);
    }
    UNTIL(vbd_state(w.vbd) == VBD_WAITING);
    CHECK(puppets.one[0].has_store);
    CHECK_EQ(puppets.one[0].open.domid, 7);
    CHECK_EQ(puppets.one[0].open.devid, 51712);
    CHECK_EQ(puppets.one[0].open.limits.iops, 500);
    CHECK_EQ(puppets.one[0].open.nr_queues, 2);
    CHECK(puppets.one[0].open.discard && !puppets.one[0].open.readonly);
    CHECK(!puppets.one[0].open.resume && !puppets.one[0].open.direct);
    CHECK_STR(node(BACK "/state"), "2");
    CHECK_STR(node(BACK "/multi-queue-max-queues"), "2");
    CHECK_STR(node(BACK "/max-ring-page-order"), "4");
    CHECK_STR(node(BACK "/feature-flush-cache"), "1");
    CHECK_STR(node(BACK "/feature-discard"), "1");
    CHECK_STR(node(BACK "/discard-granularity"), "512");
    CHECK_STR(node(BACK "/feature-max-indirect-segments"), "256");
    CHECK(fake_xs_value(BACK "/feature-persistent") == NULL);
    CHECK(fake_xs_value(BACK "/max-ring-pages") == NULL);
    CHECK(fake_xs_value(BACK "/sectors") == NULL);
    finish();
}

TEST(a_guest_that_wrote_its_keys_is_connected)
{
    fresh();
    start_connected();
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_CONNECT], 1);
    CHECK_EQ(puppets.one[0].wiring.queue[0].ref[0], 8);
    CHECK_EQ(puppets.one[0].wiring.queue[0].port, 5);
    CHECK_EQ(puppets.one[0].wiring.abi, BLK_ABI_X86_64);
    CHECK_STR(node(BACK "/state"), "4");
    CHECK_STR(node(BACK "/sectors"), "2048");
    CHECK_STR(node(BACK "/sector-size"), "512");
    CHECK_STR(node(BACK "/physical-sector-size"), "4096");
    CHECK_STR(node(BACK "/info"), "0");
    /* Again, and again: a frontend may. */
    fake_xs_set(FRONT "/state", "3");
    settle();
    fake_xs_set(FRONT "/state", "4");
    settle();
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_CONNECT], 1);
    finish();
}

TEST(a_frontend_need_not_wait_for_us)
{
    fresh();
    puppets.deaf[BLK_CTL_OPEN] = true;
    start();
    write_keys(); /* NetBSD's, and any that resumes */
    UNTIL(puppets.nr == 1 && puppets.one[0].heard[BLK_CTL_OPEN] == 1);
    settle();
    CHECK_EQ(vbd_state(w.vbd), VBD_STARTING);
    {
        struct blk_ctl m = { .type = BLK_CTL_OPENED };

        m.u.store = puppets.info;
        puppet_say(&puppets.one[0], &m);
    }
    UNTIL(vbd_state(w.vbd) == VBD_CONNECTED);
    finish();
}

TEST(a_guest_closes_and_comes_again)
{
    fresh();
    start_connected();
    for (uint32_t i = 0; i < 3; i++) {
        fake_xs_set(FRONT "/state", "5");
        UNTIL(IS(BACK "/state", "5"));
        UNTIL(puppets.one[0].heard[BLK_CTL_DISCONNECT] == i + 1);
        fake_xs_set(FRONT "/state", "6");
        UNTIL(IS(BACK "/state", "6"));
        CHECK_EQ(vbd_state(w.vbd), VBD_CLOSED);
        fake_xs_set(FRONT "/state", "1");
        UNTIL(IS(BACK "/state", "2"));
        write_keys();
        UNTIL(IS(BACK "/state", "4"));
    }
    CHECK_EQ(puppets.nr, 1);
    finish();
}

/* The crash kernel of a guest: it starts anew and has closed nothing. */
TEST(a_guest_that_starts_anew_is_offered_it_again)
{
    fresh();
    start_connected();
    fake_xs_set(FRONT "/state", "1");
    UNTIL(IS(BACK "/state", "2"));
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 1);
    write_keys();
    UNTIL(IS(BACK "/state", "4"));
    finish();
}

TEST(nothing_is_closed_before_it_is_drained)
{
    fresh();
    start_connected();
    puppets.deaf[BLK_CTL_DISCONNECT] = true;
    fake_xs_set(FRONT "/state", "6");
    UNTIL(puppets.one[0].heard[BLK_CTL_DISCONNECT] == 1);
    settle();
    CHECK_STR(node(BACK "/state"), "5");
    fake_xs_set(FRONT "/state", "1"); /* and not offered again */
    settle();
    CHECK_STR(node(BACK "/state"), "5");
    fake_xs_set(FRONT "/state", "6");
    puppets.one[0].connected = false;
    puppet_say_type(&puppets.one[0], BLK_CTL_DISCONNECTED);
    UNTIL(IS(BACK "/state", "6"));
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 1);
    finish();
}

TEST(a_write_that_fails_is_made_again)
{
    for (uint32_t n = 1; n < 12; n++) {
        struct blk_ctl m = { .type = BLK_CTL_OPENED };

        fresh();
        puppets.deaf[BLK_CTL_OPEN] = true;
        start();
        UNTIL(puppets.nr == 1 && puppets.one[0].heard[BLK_CTL_OPEN] == 1);
        w.hurry = 100;
        m.u.store = puppets.info;
        fake_fail_at(n);
        puppet_say(&puppets.one[0], &m);
        UNTIL(IS(BACK "/state", "2"));
        CHECK_STR(node(BACK "/multi-queue-max-queues"), "2");
        fake_fail_at(0);
        finish();
    }
}

TEST(a_directory_that_is_gone_is_as_good_as_closed)
{
    fresh();
    start_connected();
    fake_xs_rm(FRONT);
    UNTIL(vbd_state(w.vbd) == VBD_CLOSED);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 1);
    finish();
}

TEST(bad_keys_close_it_with_words)
{
    fresh();
    start();
    UNTIL(IS(BACK "/state", "2"));
    fake_xs_set(FRONT "/ring-page-order", "999999999999");
    write_keys();
    UNTIL(IS(BACK "/state", "5"));
    CHECK_STR(node(BACK "/error"),
              "ring-page-order: got \"999999999999\", want 0..4");
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_CONNECT], 0);
    settle();
    fake_xs_set(FRONT "/state", "3"); /* it insists: no second try */
    settle();
    CHECK_STR(node(BACK "/state"), "5");
    fake_xs_rm(FRONT "/ring-page-order");
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    fake_xs_set(FRONT "/state", "1");
    UNTIL(IS(BACK "/state", "2"));
    CHECK(fake_xs_value(BACK "/error") == NULL);
    write_keys();
    UNTIL(IS(BACK "/state", "4"));
    finish();
}

TEST(a_broken_guest_is_closed_and_told_why)
{
    struct blk_ctl m = { .type = BLK_CTL_BROKEN };

    fresh();
    start_connected();
    strcpy(m.u.text, "queue 0: req_prod is more than a ring ahead");
    puppet_say(&puppets.one[0], &m);
    UNTIL(IS(BACK "/state", "5"));
    CHECK_STR(node(BACK "/error"), m.u.text);
    UNTIL(puppets.one[0].heard[BLK_CTL_DISCONNECT] == 1);
    settle();
    CHECK_STR(node(BACK "/state"), "5");
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    finish();
}

/* T11, T12: any state at any time, quicker than we look. */
TEST(a_storm_of_states_is_harmless)
{
    static const char *const value[] = { "1", "3", "4", "5", "6", "0",
                                         "2", "7", "",  "x", "-1" };
    uint32_t nr_moved;

    fresh();
    start_connected();
    srandom(7);
    for (uint32_t i = 0; i < 3000; i++) {
        fake_xs_set(FRONT "/state", value[random() % ARRAY_SIZE(value)]);
        if (random() % 8 == 0)
            uv_run(&w.loop, UV_RUN_NOWAIT);
        if (random() % 200 == 0)
            settle();
    }
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    CHECK(puppets.one[0].heard[BLK_CTL_CONNECT] ==
          puppets.one[0].heard[BLK_CTL_DISCONNECT]);
    CHECK_EQ(puppets.nr, 1);
    /* So many in no time are one look, or two. */
    nr_moved = w.nr_moved;
    for (uint32_t i = 0; i < 2000; i++)
        fake_xs_set(FRONT "/state", i % 2 ? "1" : "6");
    settle();
    CHECK(w.nr_moved - nr_moved <= 2);
    finish();
}

/* ---- detach ---- */

TEST(a_guest_that_lets_go_loses_the_disk)
{
    fresh();
    start_connected();
    vbd_detach(w.vbd, false);
    CHECK_STR(node(BACK "/online"), "0");
    CHECK_STR(node(BACK "/state"), "5");
    settle();
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 0); /* it may flush */
    fake_xs_set(FRONT "/state", "5");
    UNTIL(puppets.one[0].heard[BLK_CTL_DISCONNECT] == 1);
    CHECK(!w.gone);
    fake_xs_set(FRONT "/state", "6");
    UNTIL(w.gone);
    CHECK(fake_xs_value(FRONT) == NULL && fake_xs_value(BACK) == NULL);
    CHECK(fake_xs_value(FRONT "/state") == NULL);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_QUIT], 1);
    finish();
}

TEST(a_deaf_guest_keeps_it_until_it_is_taken_by_force)
{
    fresh();
    start_connected();
    w.hurry = 100;
    vbd_detach(w.vbd, false);
    UNTIL(strstr(vbd_why(w.vbd), "has not let go"));
    CHECK_EQ(vbd_state(w.vbd), VBD_CLOSING);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 0);
    CHECK(fake_xs_value(FRONT "/state") != NULL);
    w.hurry = 1;
    vbd_detach(w.vbd, true);
    CHECK(fake_xs_value(FRONT "/state") == NULL);
    UNTIL(w.gone);
    finish();
}

TEST(force_asks_nobody)
{
    fresh();
    start_connected();
    vbd_detach(w.vbd, true);
    CHECK(fake_xs_value(BACK "/state") == NULL);
    UNTIL(w.gone);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_QUIT], 1);
    finish();
}

TEST(a_backend_that_does_not_quit_is_killed)
{
    fresh();
    start_connected();
    puppets.deaf[BLK_CTL_QUIT] = true;
    w.hurry = 20;
    vbd_end(w.vbd);
    UNTIL(puppets.one[0].heard[BLK_CTL_QUIT] == 1);
    UNTIL(w.gone);
    CHECK_EQ(kill(puppets.one[0].pid, 0), -1);
    finish();
}

/* ---- its backend ---- */

TEST(a_killed_backend_is_followed_by_one_that_goes_on)
{
    fresh();
    start_connected();
    for (uint32_t i = 0; i < 3; i++) {
        puppet_die(&puppets.one[i]);
        UNTIL(puppets.nr == i + 2 && puppets.one[i + 1].connected);
        CHECK(puppets.one[i + 1].open.resume);
        CHECK_EQ(puppets.one[i + 1].heard[BLK_CTL_CONNECT], 0);
        CHECK_STR(node(BACK "/state"), "4");
        CHECK_EQ(vbd_state(w.vbd), VBD_CONNECTED);
        UNTIL(vbd_process(w.vbd).pid == puppets.one[i + 1].pid);
        puppet_write_journal(&puppets.one[i + 1], true);
    }
    CHECK_EQ(w.nr_started, 4);
    /* The tests' own, of each puppet; ours would keep the lock of the dead. */
    CHECK_EQ(count_fds(".journal"), puppets.nr);
    finish();
}

TEST(one_that_waits_for_a_guest_is_started_afresh)
{
    fresh();
    start();
    UNTIL(IS(BACK "/state", "2"));
    puppet_die(&puppets.one[0]);
    UNTIL(puppets.nr == 2 && puppets.one[1].opened);
    CHECK(!puppets.one[1].open.resume);
    write_keys();
    UNTIL(vbd_state(w.vbd) == VBD_CONNECTED);
    finish();
}

/* Its in-flight I/O ended with it: the next one has waited for that. */
TEST(one_that_dies_while_it_drains_has_drained_when_the_next_is_open)
{
    fresh();
    start_connected();
    puppets.deaf[BLK_CTL_DISCONNECT] = true;
    fake_xs_set(FRONT "/state", "6");
    UNTIL(puppets.one[0].heard[BLK_CTL_DISCONNECT] == 1);
    puppets.deaf[BLK_CTL_OPEN] = true;
    puppet_die(&puppets.one[0]);
    UNTIL(puppets.nr == 2 && puppets.one[1].heard[BLK_CTL_OPEN] == 1);
    settle();
    CHECK(!puppets.one[1].open.resume);
    CHECK_STR(node(BACK "/state"), "5");
    {
        struct blk_ctl m = { .type = BLK_CTL_OPENED };

        m.u.store = puppets.info;
        puppet_say(&puppets.one[1], &m);
    }
    UNTIL(IS(BACK "/state", "6"));
    finish();
}

TEST(one_that_dies_too_often_is_given_up)
{
    fresh();
    start_connected();
    w.hurry = 1000;
    for (uint32_t i = 0; i <= BLKLINK_DEATHS_MAX; i++) {
        UNTIL(puppets.nr == i + 1 && puppets.one[i].opened);
        CHECK_EQ(vbd_state(w.vbd), VBD_CONNECTED);
        puppet_die(&puppets.one[i]);
    }
    UNTIL(vbd_state(w.vbd) == VBD_FAILED);
    CHECK_EQ(puppets.nr, BLKLINK_DEATHS_MAX + 1);
    CHECK_STR(node(BACK "/state"), "5");
    CHECK_HAS(node(BACK "/error"), "died 11 times in a minute");
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    vbd_detach(w.vbd, false);
    UNTIL(w.gone);
    finish();
}

TEST(a_store_that_does_not_open_fails_with_its_words)
{
    fresh();
    puppets.refuse = "xvda: the image is cut short";
    start();
    UNTIL(vbd_state(w.vbd) == VBD_FAILED);
    CHECK_STR(vbd_why(w.vbd), "xvda: the image is cut short");
    CHECK_EQ(puppets.nr, 1);
    finish();
}

static void say_short(struct puppet *p)
{
    puppet_say_bytes(p, "x", 1);
}

static void say_long(struct puppet *p)
{
    static const char long_one[sizeof(struct blk_ctl) + 8];

    puppet_say_bytes(p, long_one, sizeof(long_one));
}

static void say_unknown(struct puppet *p)
{
    puppet_say_type(p, BLK_CTL_TYPES);
}

static void say_ours(struct puppet *p)
{
    puppet_say_type(p, BLK_CTL_OPEN);
}

static void say_opened_twice(struct puppet *p)
{
    struct blk_ctl m = { .type = BLK_CTL_OPENED };

    m.u.store = puppets.info;
    puppet_say(p, &m);
}

static void say_hello_again(struct puppet *p)
{
    struct blk_ctl m = { .type = BLK_CTL_HELLO };

    m.u.hello.pid = (uint32_t)p->pid;
    puppet_say(p, &m);
}

static void say_other_pid(struct puppet *p)
{
    struct blk_ctl m = { .type = BLK_CTL_HELLO };

    m.u.hello.pid = (uint32_t)getpid();
    puppet_say(p, &m);
}

static void say_odd_size(struct puppet *p)
{
    struct blk_ctl m = { .type = BLK_CTL_SIZE };

    m.u.store = puppets.info;
    m.u.store.size_bytes++;
    puppet_say(p, &m);
}

static void say_odd_physical(struct puppet *p)
{
    struct blk_ctl m = { .type = BLK_CTL_SIZE };

    m.u.store = puppets.info;
    m.u.store.physical_bytes = 768;
    puppet_say(p, &m);
}

static void say_many_queues(struct puppet *p)
{
    struct blk_ctl m = { .type = BLK_CTL_SIZE };

    m.u.store = puppets.info;
    m.u.store.nr_queues = 3;
    puppet_say(p, &m);
}

static void want_socket(struct puppet *p)
{
    puppet_say_type(p, BLK_CTL_WANT_SOCKET); /* its store is a file */
}

static void send_a_descriptor(struct puppet *p)
{
    struct msghdr m = { 0 };
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { { 0 } };
    struct blk_ctl body = { .type = BLK_CTL_CONNECTED };
    struct iovec io = { &body, sizeof(body) };
    int fd = 1;

    m.msg_iov = &io;
    m.msg_iovlen = 1;
    m.msg_control = control.bytes;
    m.msg_controllen = sizeof(control.bytes);
    CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
    CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
    CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
    CHECK(sendmsg(p->conn_fd, &m, 0) > 0);
}

static void say_too_much(struct puppet *p)
{
    for (uint32_t i = 0; i < 400; i++) {
        puppet_say_type(p, BLK_CTL_CONNECTED);
        if (i % 8 == 0)
            uv_run(&w.loop, UV_RUN_NOWAIT);
    }
}

static void hang_up(struct puppet *p)
{
    close(p->conn_fd);
    p->conn_fd = -1;
}

TEST(a_backend_that_lies_is_killed_and_followed)
{
    static void (*const lie[])(struct puppet *p) = {
        say_short,        say_long,        say_unknown,   say_ours,
        say_opened_twice, say_hello_again, say_other_pid, say_odd_size,
        say_odd_physical, say_many_queues, want_socket,   send_a_descriptor,
        say_too_much,     hang_up,
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(lie); i++) {
        fresh();
        start_connected();
        lie[i](&puppets.one[0]);
        UNTIL(puppets.nr == 2 && puppets.one[1].connected);
        CHECK_EQ(kill(puppets.one[0].pid, 0), -1);
        CHECK_STR(node(BACK "/state"), "4");
        CHECK_STR(node(BACK "/sectors"), "2048");
        finish();
    }
}

TEST(another_size_is_told_to_the_guest)
{
    fresh();
    start_connected();
    puppets.info.size_bytes = 2 << 20;
    vbd_resize(w.vbd);
    UNTIL(IS(BACK "/sectors", "4096"));
    CHECK_STR(node(BACK "/state"), "4");
    finish();
}

TEST(limits_reach_the_one_that_is_and_those_that_come)
{
    struct blk_limits limits = { 0, 1000000 };

    fresh();
    start_connected();
    vbd_set_limits(w.vbd, &limits);
    UNTIL(puppets.one[0].limits.bps == 1000000);
    puppet_die(&puppets.one[0]);
    UNTIL(puppets.nr == 2 && puppets.one[1].opened);
    CHECK_EQ(puppets.one[1].open.limits.bps, 1000000);
    CHECK_EQ(puppets.one[1].open.limits.iops, 0);
    finish();
}

TEST(figures_are_the_journals_and_only_figures)
{
    struct vbd_figures f;

    fresh();
    start_connected();
    vbd_figures(w.vbd, &f);
    CHECK_EQ(f.sum.reads, 11);
    CHECK_EQ(f.nr_queues, 1);
    CHECK_EQ(f.ring_pages, 1);
    CHECK_EQ(f.size_bytes, 1 << 20);
    CHECK_EQ(ftruncate(puppets.one[0].journal_fd, 100), 0); /* as it may */
    vbd_figures(w.vbd, &f);
    CHECK_EQ(f.sum.reads, 0);
    finish();
}

/* ---- the supervisor's own end ---- */

static void leave_and_adopt(void)
{
    vbd_close(w.vbd);
    settle();
    open_vbd();
    vbd_adopt(w.vbd, w.store, &w.process);
}

TEST(a_backend_is_taken_over_as_it_serves)
{
    fresh();
    start_connected();
    leave_and_adopt();
    settle();
    CHECK_EQ(puppets.nr, 1);
    CHECK_EQ(vbd_state(w.vbd), VBD_CONNECTED);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_CONNECT], 1);
    CHECK_STR(node(BACK "/state"), "4");
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    finish();
}

TEST(one_that_died_meanwhile_is_followed_by_one_that_goes_on)
{
    fresh();
    start_connected();
    vbd_close(w.vbd);
    puppet_die(&puppets.one[0]);
    close(puppets.one[0].listen_fd);
    close(puppets.one[0].conn_fd);
    puppets.one[0].listen_fd = puppets.one[0].conn_fd = -1;
    open_vbd();
    vbd_adopt(w.vbd, w.store, &w.process);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    CHECK(puppets.one[1].open.resume);
    CHECK_EQ(vbd_state(w.vbd), VBD_CONNECTED);
    finish();
}

TEST(one_of_another_build_is_replaced)
{
    fresh();
    start_connected();
    puppets.build = "older";
    vbd_close(w.vbd);
    settle();
    open_vbd();
    vbd_adopt(w.vbd, w.store, &w.process);
    UNTIL(puppets.one[0].heard[BLK_CTL_QUIT] == 1);
    puppets.build = FREEHOLD_BUILD;
    puppet_write_journal(&puppets.one[0], false); /* it left the rings */
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    CHECK(!puppets.one[1].open.resume);
    CHECK_EQ(puppets.one[1].heard[BLK_CTL_CONNECT], 1);
    CHECK_STR(node(BACK "/state"), "4");
    finish();
}

/* Its number may be another's by now. */
TEST(a_process_is_not_taken_for_another_with_its_number)
{
    struct blkproc_id wrong = { 0 };

    fresh();
    start_connected();
    wrong.pid = getpid();
    wrong.start_ticks = 1;
    blkproc_kill_left(&wrong); /* we live */
    wrong = w.process;
    wrong.start_ticks++;
    blkproc_kill_left(&wrong);
    settle();
    CHECK_EQ(puppets.nr, 1);
    blkproc_kill_left(&w.process);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    finish();
}

TEST(without_xenstore_it_serves_on)
{
    fresh();
    start_connected();
    vbd_set_store(w.vbd, NULL);
    fake_xs_end();
    settle();
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 0);
    puppet_die(&puppets.one[0]);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    vbd_detach(w.vbd, true);
    UNTIL(w.gone);
    store_unwatch(w.store, FRONT "/state", "vbd-51712");
    finish();
}

static int set_up(void **state)
{
    FILE *f;

    (void)state;
    log_set_level(LOG_LEVEL_NONE);
    uv_loop_init(&w.loop); /* libuv opens some once, for all loops */
    uv_loop_close(&w.loop);
    if (!mkdtemp(base) || puppets_set_up(PUPPET))
        return -1;
    snprintf(image, sizeof(image), "%s.img", base);
    f = fopen(image, "w");
    return ftruncate(fileno(f), 1 << 20) | fclose(f);
}

static int tear_down(void **state)
{
    (void)state;
    puppets_tear_down();
    unlink(image);
    return rmdir(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_disk_is_offered_when_its_store_is_open),
        RULE(a_guest_that_wrote_its_keys_is_connected),
        RULE(a_frontend_need_not_wait_for_us),
        RULE(a_guest_closes_and_comes_again),
        RULE(a_guest_that_starts_anew_is_offered_it_again),
        RULE(nothing_is_closed_before_it_is_drained),
        RULE(a_write_that_fails_is_made_again),
        RULE(a_directory_that_is_gone_is_as_good_as_closed),
        RULE(bad_keys_close_it_with_words),
        RULE(a_broken_guest_is_closed_and_told_why),
        RULE(a_storm_of_states_is_harmless),
        RULE(a_guest_that_lets_go_loses_the_disk),
        RULE(a_deaf_guest_keeps_it_until_it_is_taken_by_force),
        RULE(force_asks_nobody),
        RULE(a_backend_that_does_not_quit_is_killed),
        RULE(a_killed_backend_is_followed_by_one_that_goes_on),
        RULE(one_that_waits_for_a_guest_is_started_afresh),
        RULE(one_that_dies_while_it_drains_has_drained_when_the_next_is_open),
        RULE(one_that_dies_too_often_is_given_up),
        RULE(a_store_that_does_not_open_fails_with_its_words),
        RULE(a_backend_that_lies_is_killed_and_followed),
        RULE(another_size_is_told_to_the_guest),
        RULE(limits_reach_the_one_that_is_and_those_that_come),
        RULE(figures_are_the_journals_and_only_figures),
        RULE(a_backend_is_taken_over_as_it_serves),
        RULE(one_that_died_meanwhile_is_followed_by_one_that_goes_on),
        RULE(one_of_another_build_is_replaced),
        RULE(a_process_is_not_taken_for_another_with_its_number),
        RULE(without_xenstore_it_serves_on),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
