/* SPDX-License-Identifier: MIT */
/*
 * test_serve.c - one disk of a guest that xl made, between xl, the guest and a
 * backend
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
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
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/serve.h"
#include "toolstack/supervisor/xldisk.h"
#include "toolstack/supervisor/xsdaemon.h"

int __wrap_xsdaemon_name(char *out, uint32_t out_bytes, int *pid,
                         struct err *e);

#define FRONT "/local/domain/7/device/vbd/51712"
#define BACK "/local/domain/0/backend/vbd3/7/51712"
#define TURN_S_MAX 20

static struct world {
    uv_loop_t loop;
    uv_poll_t puppeteer;
    uv_timer_t tick;
    struct serve *serve;
    uint32_t nr_gone;
    struct err failed;
    int daemon_pid;
} w;

static char base[] = "/tmp/fh-serve-XXXXXX", image[64], place[64];

/* Linked in by --wrap: a xenstored that is as long as the test wants. */
int __wrap_xsdaemon_name(char *out, uint32_t out_bytes, int *pid, struct err *e)
{
    (void)e;
    snprintf(out, out_bytes, "oxenstored"); /* it is stock's business */
    *pid = w.daemon_pid ? w.daemon_pid : getpid();
    return 0;
}

/* ---- the world around it ---- */

static void on_gone(void *arg, const struct err *failed)
{
    CHECK(arg == &w);
    w.nr_gone++;
    if (failed)
        w.failed = *failed;
    serve_close(w.serve);
    w.serve = NULL;
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

/* As xl writes it. */
static void attach(const char *params)
{
    fake_xs_set(FRONT "/state", "1");
    fake_xs_set(FRONT "/backend", BACK);
    fake_xs_set(BACK "/frontend", FRONT);
    fake_xs_set(BACK "/frontend-id", "7");
    fake_xs_set(BACK "/params", params);
    fake_xs_set(BACK "/script", "/etc/xen/scripts/block-freehold");
    fake_xs_set(BACK "/online", "1");
    fake_xs_set(BACK "/dev", "xvda");
    fake_xs_set(BACK "/mode", "w");
    fake_xs_set(BACK "/device-type", "disk");
    fake_xs_set(BACK "/discard-enable", "1");
    fake_xs_set(BACK "/state", "1");
}

/* As xl asks for the device. */
static void detach(void)
{
    fake_xs_set(BACK "/online", "0");
    fake_xs_set(BACK "/state", "5");
}

/* As xl takes the device away, whatever anybody says. */
static void take_away(void)
{
    fake_xs_rm(FRONT);
    fake_xs_rm(BACK);
}

static void fresh(void)
{
    char params[80];

    fake_reset();
    puppets_fresh();
    memset(&w, 0, sizeof(w));
    uv_loop_init(&w.loop);
    uv_poll_init(&w.loop, &w.puppeteer, puppets_fd());
    uv_poll_start(&w.puppeteer, UV_READABLE, on_puppets);
    uv_timer_init(&w.loop, &w.tick);
    uv_timer_start(&w.tick, on_tick, 5, 5);
    fake.domain[0].there = true;
    fake.domain[0].domid = 7;
    fake_xs_set("/local/domain/7/name", "old");
    fake_xs_set("/local/domain/7/cpu/0/availability", "online");
    fake_xs_set("/local/domain/7/cpu/1/availability", "online");
    snprintf(params, sizeof(params), "aio:%s", image);
    attach(params);
}

static int serve(struct err *e)
{
    struct serve_options o = {
        .base = base,
        .domid = 7,
        .devid = 51712,
        .program = PUPPET,
        .gone = on_gone,
        .arg = &w,
    };

    return serve_open(&w.loop, &o, &w.serve, e);
}

static void start(void)
{
    struct err e = { 0 };

    CHECK_EQ(serve(&e), 0);
}

static void start_connected(void)
{
    start();
    UNTIL(IS(BACK "/state", "2"));
    fake_xs_set(FRONT "/ring-ref", "8");
    fake_xs_set(FRONT "/event-channel", "5");
    fake_xs_set(FRONT "/protocol", "x86_64-abi");
    fake_xs_set(FRONT "/state", "3");
    UNTIL(IS(BACK "/state", "4"));
    fake_xs_set(FRONT "/state", "4");
    settle();
}

/* kill -9, but for what the kernel would close. */
static void leave(void)
{
    serve_close(w.serve);
    w.serve = NULL;
    settle();
}

static bool is_left(void)
{
    return access(place, F_OK) == 0;
}

/* Nobody serves it, and nothing but what xl knows is there. */
static void finish(void)
{
    CHECK(w.serve == NULL);
    CHECK(!is_left());
    uv_close((uv_handle_t *)&w.puppeteer, NULL);
    uv_close((uv_handle_t *)&w.tick, NULL);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&w.loop), 0);
    CHECK_EQ(fake.nr_handles, 0);
    for (uint32_t i = 0; i < puppets.nr; i++) /* reaped by blklink */
        CHECK(kill(puppets.one[i].pid, 0) < 0 && errno == ESRCH);
    puppets_fresh();
    fake.domain[0].there = false;
    fake_reset();
}

static void detach_and_finish(void)
{
    detach();
    fake_xs_set(FRONT "/state", "6");
    UNTIL(w.nr_gone == 1);
    CHECK_EQ(w.failed.rc, 0);
    CHECK_STR(node(BACK "/state"), "6");
    finish();
}

/* ---- what xl writes ---- */

TEST(params_say_format_and_target)
{
    static const struct {
        const char *params, *target;
        enum vm_disk_format format;
    } row[] = {
        { "aio:/dev/vg/web", "/dev/vg/web", VM_DISK_RAW },
        { "raw:/dev/vg/web", "/dev/vg/web", VM_DISK_RAW },
        { "vhd:/i/web.vhd", "/i/web.vhd", VM_DISK_VHD },
        { "aio:qcow2:/i/web", "/i/web", VM_DISK_QCOW2 },
        { "vhd:qcow2:/i/web", "/i/web", VM_DISK_QCOW2 },
        { "aio:qcow:/i/web", "/i/web", VM_DISK_QCOW },
        { "aio:qed:/i/web", "/i/web", VM_DISK_QED },
        { "aio:nbd://h:1/x", "nbd://h:1/x", VM_DISK_RAW },
        { "aio:nbd+unix:///x?socket=/s", "nbd+unix:///x?socket=/s",
          VM_DISK_RAW },
        { "/i/a:b", "/i/a:b", VM_DISK_RAW },
        { "aio:/i/qcow2:x", "/i/qcow2:x", VM_DISK_RAW },
        { "aio:qcow2:vhd:x", "vhd:x", VM_DISK_QCOW2 },
    };
    static const char *const bad[] = { "", "aio:", "aio:qcow2:" };
    struct vm_disk d = { 0 };
    struct err e = { 0 };

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        CHECK_EQ(xldisk_params(row[i].params, &d, &e), 0);
        CHECK_STR(d.target, row[i].target);
        CHECK_EQ(d.format, row[i].format);
        vmdisk_free(&d);
    }
    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK_EQ(xldisk_params(bad[i], &d, &e), -EINVAL);
    CHECK_STR(e.text, "params: got \"aio:qcow2:\", want FORMAT:TARGET, as "
                      "aio:/dev/vg/web");
    vmdisk_free(&d);
}

TEST(a_device_is_read_as_xl_wrote_it)
{
    struct store *s;
    struct vbd_nodes n;
    struct vm_disk d;
    struct err e = { 0 };

    fresh();
    CHECK_EQ(store_open(&s, NULL), 0);
    xldisk_nodes(7, 51712, &n);
    CHECK_STR(n.back, BACK);
    CHECK_STR(n.front, FRONT);
    CHECK_EQ(xldisk_read(s, &n, NULL, &d, &e), 0);
    CHECK_STR(d.target, image);
    CHECK_STR(d.vdev, "xvda");
    CHECK_EQ(d.devid, 51712);
    CHECK(d.writable && !d.cdrom && !d.direct_io_safe);
    CHECK_EQ(d.discard, VM_YES);
    vmdisk_free(&d);
    fake_xs_set(BACK "/mode", "r");
    fake_xs_set(BACK "/device-type", "cdrom");
    fake_xs_set(BACK "/direct-io-safe", "1");
    fake_xs_set(BACK "/discard-enable", "0");
    fake_xs_set(BACK "/dev", "xvdb"); /* not of this number */
    CHECK_EQ(xldisk_read(s, &n, "vhd:/x", &d, &e), 0);
    CHECK_STR(d.target, "/x");
    CHECK_STR(d.vdev, "51712");
    CHECK(!d.writable && d.cdrom && d.direct_io_safe);
    CHECK_EQ(d.discard, VM_NO);
    vmdisk_free(&d);
    fake_xs_rm(BACK "/params");
    CHECK_EQ(xldisk_read(s, &n, NULL, &d, &e), -EINVAL);
    CHECK_STR(e.text, "disk 7/51712: params: got none, want FORMAT:TARGET");
    vmdisk_free(&d);
    CHECK(xldisk_is_ours(s, n.back));
    fake_xs_set(BACK "/script", "/etc/xen/scripts/block-tap");
    CHECK(!xldisk_is_ours(s, n.back));
    fake_xs_set(BACK "/script", "not-block-freehold");
    CHECK(!xldisk_is_ours(s, n.back));
    store_close(s);
    finish();
}

TEST(a_place_has_a_name_that_is_no_guests)
{
    char name[SERVE_NAME_BYTES];
    uint16_t domid;
    uint32_t devid;

    serve_name(SERVE_DISK, 7, 51712, name);
    CHECK_STR(name, ".serve-7-51712");
    CHECK(vmcfg_check_name(name, NULL) < 0);
    CHECK_EQ(serve_name_parse(SERVE_DISK, name, &domid, &devid), 0);
    CHECK_EQ(domid, 7);
    CHECK_EQ(devid, 51712);
    CHECK_EQ(serve_name_parse(SERVE_DISK, ".serve-7-51712x", &domid, &devid),
             -EINVAL);
    CHECK_EQ(serve_name_parse(SERVE_DISK, ".serve-07-51712", &domid, &devid),
             -EINVAL);
    CHECK_EQ(serve_name_parse(SERVE_DISK, ".serve-7", &domid, &devid), -EINVAL);
    CHECK_EQ(serve_name_parse(SERVE_DISK, "web", &domid, &devid), -EINVAL);
}

/* ---- a device's life ---- */

TEST(it_is_offered_served_and_over_when_xl_wants_it)
{
    struct run_state *list = NULL;

    fresh();
    start_connected();
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_CONNECT], 1);
    CHECK_EQ(puppets.one[0].open.nr_queues, 2); /* a vCPU each */
    CHECK_STR(node(BACK "/online"), "1");
    CHECK_EQ(rundir_list(base, &list, NULL), 0); /* no guest of ours */
    free(list);
    detach();
    UNTIL(IS(BACK "/state", "5"));
    settle();
    CHECK_EQ(w.nr_gone, 0); /* the guest has it */
    fake_xs_set(FRONT "/state", "5");
    settle();
    CHECK_EQ(w.nr_gone, 0);
    fake_xs_set(FRONT "/state", "6");
    UNTIL(w.nr_gone == 1);
    CHECK_STR(node(BACK "/state"), "6");          /* what xl waits for */
    CHECK(fake_xs_value(BACK "/params") != NULL); /* xl's to remove */
    finish();
}

/* A guest that never looked at it has nothing to let go of. */
TEST(one_that_nobody_took_up_is_over_at_once)
{
    fresh();
    start();
    UNTIL(IS(BACK "/state", "2"));
    detach();
    UNTIL(w.nr_gone == 1);
    CHECK_STR(node(BACK "/state"), "6");
    finish();
}

TEST(a_directory_that_is_taken_away_is_the_end)
{
    fresh();
    start_connected();
    take_away();
    UNTIL(w.nr_gone == 1);
    CHECK(fake_xs_value(BACK "/state") == NULL); /* it stays away */
    finish();
}

/* xl waited long enough for a guest that holds on to it. */
TEST(so_it_is_behind_a_wish_that_the_guest_did_not_hear)
{
    fresh();
    start_connected();
    detach();
    settle();
    CHECK_EQ(w.nr_gone, 0);
    take_away();
    UNTIL(w.nr_gone == 1);
    CHECK(fake_xs_value(BACK "/state") == NULL);
    finish();
}

/* Our word came when the directory was gone: nobody else removes it. */
TEST(what_was_written_behind_the_end_is_removed)
{
    fresh();
    start_connected();
    take_away();
    fake_xs_set(BACK "/state", "2");
    UNTIL(w.nr_gone == 1);
    CHECK(fake_xs_value(BACK "/state") == NULL);
    finish();
}

TEST(a_domain_that_is_gone_is_the_end)
{
    fresh();
    start_connected();
    fake_release_event(); /* another one's */
    settle();
    CHECK_EQ(w.nr_gone, 0);
    fake.domain[0].there = false;
    fake_release_event();
    UNTIL(w.nr_gone == 1);
    CHECK_STR(node(BACK "/state"), "6");
    finish();
}

TEST(a_backend_that_dies_is_started_again)
{
    fresh();
    start_connected();
    puppet_die(&puppets.one[0]);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    CHECK(puppets.one[1].open.resume);
    CHECK_STR(node(BACK "/state"), "4");
    detach_and_finish();
}

/* ---- what cannot be served ---- */

TEST(a_target_that_is_not_there_is_told_and_leaves_nothing)
{
    struct err e = { 0 };

    fresh();
    fake_xs_set(BACK "/params", "aio:/nowhere/disk");
    CHECK_EQ(serve(&e), -ENOENT);
    CHECK_HAS(e.text, "/nowhere/disk");
    CHECK_STR(node(BACK "/error"), e.text);
    CHECK_EQ(puppets.nr, 0);
    detach(); /* xl gives up */
    CHECK_EQ(serve(&e), 1);
    CHECK_STR(node(BACK "/state"), "6");
    finish();
}

TEST(one_whose_store_does_not_open_stays_until_xl_takes_it)
{
    fresh();
    puppets.refuse = "it is broken";
    start();
    UNTIL(node(BACK "/error")[0]);
    CHECK_HAS(node(BACK "/error"), "it is broken");
    settle();
    CHECK_EQ(w.nr_gone, 0);
    detach();
    UNTIL(w.nr_gone == 1);
    CHECK_STR(node(BACK "/state"), "6");
    finish();
}

TEST(no_device_is_an_error)
{
    struct err e = { 0 };

    fresh();
    take_away();
    CHECK_EQ(serve(&e), -ENOENT);
    CHECK_STR(e.text, "disk 7/51712: " BACK ": there is no such device");
    finish();
}

TEST(two_do_not_serve_one_disk)
{
    struct serve *first;
    struct err e = { 0 };

    fresh();
    start_connected();
    first = w.serve;
    CHECK_EQ(serve(&e), -EEXIST);
    CHECK_STR(e.text, "disk 7/51712: another freehold serve-blk serves it");
    w.serve = first;
    settle();
    CHECK_EQ(puppets.nr, 1);
    CHECK_STR(node(BACK "/state"), "4");
    detach_and_finish();
}

/* ---- its own death ---- */

TEST(a_backend_is_taken_over_as_it_serves)
{
    fresh();
    start_connected();
    leave();
    CHECK(is_left());
    start();
    settle();
    CHECK_EQ(puppets.nr, 1);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_CONNECT], 1);
    CHECK_STR(node(BACK "/state"), "4");
    detach_and_finish();
}

TEST(one_that_was_let_go_meanwhile_is_over)
{
    fresh();
    start_connected();
    leave();
    detach();
    fake_xs_set(FRONT "/state", "6");
    start();
    UNTIL(w.nr_gone == 1);
    CHECK_STR(node(BACK "/state"), "6");
    finish();
}

TEST(so_is_one_that_nobody_had_taken_up)
{
    fresh();
    start();
    UNTIL(IS(BACK "/state", "2"));
    leave();
    detach();
    start();
    UNTIL(w.nr_gone == 1);
    CHECK_STR(node(BACK "/state"), "6");
    finish();
}

TEST(what_is_left_of_a_device_that_went_is_removed)
{
    struct err e = { 0 };
    pid_t pid;

    fresh();
    start_connected();
    leave();
    pid = puppets.one[0].pid;
    take_away();
    CHECK_EQ(serve(&e), -ENOENT);
    CHECK_EQ(kill(pid, 0), -1); /* killed, and no zombie */
    finish();
}

/* Another xenstored than the guest's: its disk is not taken from it. */
TEST(a_xenstored_that_does_not_know_the_guest_has_no_say)
{
    struct err e = { 0 };

    fresh();
    start_connected();
    leave();
    fake_xs_end();
    CHECK_EQ(serve(&e), -ESTALE);
    CHECK(is_left());
    CHECK_EQ(kill(puppets.one[0].pid, 0), 0);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 0);
    fake.domain[0].there = false; /* and then it went */
    CHECK_EQ(serve(&e), -ENOENT);
    CHECK_EQ(kill(puppets.one[0].pid, 0), -1);
    finish();
}

TEST(without_xenstored_it_ends_and_the_backend_serves_on)
{
    struct err e = { 0 };
    int status;

    fresh();
    w.daemon_pid = fork();
    if (w.daemon_pid == 0)
        for (;;)
            pause();
    start_connected();
    kill(w.daemon_pid, SIGKILL);
    UNTIL(w.nr_gone == 1);
    waitpid(w.daemon_pid, &status, 0);
    w.daemon_pid = 0;
    CHECK_EQ(w.failed.rc, -ENOTCONN);
    CHECK_EQ(kill(puppets.one[0].pid, 0), 0);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 0);
    w.nr_gone = 0;
    CHECK_EQ(serve(&e), 0);
    w.failed.rc = 0;
    settle();
    CHECK_EQ(puppets.nr, 1);
    detach_and_finish();
}

static int set_up(void **state)
{
    FILE *f;

    (void)state;
    log_set_level(LOG_LEVEL_NONE);
    if (!mkdtemp(base) || puppets_set_up(PUPPET))
        return -1;
    snprintf(image, sizeof(image), "%s.img", base);
    snprintf(place, sizeof(place), "%s/.serve-7-51712", base);
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
        RULE(params_say_format_and_target),
        RULE(a_device_is_read_as_xl_wrote_it),
        RULE(a_place_has_a_name_that_is_no_guests),
        RULE(it_is_offered_served_and_over_when_xl_wants_it),
        RULE(one_that_nobody_took_up_is_over_at_once),
        RULE(a_directory_that_is_taken_away_is_the_end),
        RULE(so_it_is_behind_a_wish_that_the_guest_did_not_hear),
        RULE(what_was_written_behind_the_end_is_removed),
        RULE(a_domain_that_is_gone_is_the_end),
        RULE(a_backend_that_dies_is_started_again),
        RULE(a_target_that_is_not_there_is_told_and_leaves_nothing),
        RULE(one_whose_store_does_not_open_stays_until_xl_takes_it),
        RULE(no_device_is_an_error),
        RULE(two_do_not_serve_one_disk),
        RULE(a_backend_is_taken_over_as_it_serves),
        RULE(one_that_was_let_go_meanwhile_is_over),
        RULE(so_is_one_that_nobody_had_taken_up),
        RULE(what_is_left_of_a_device_that_went_is_removed),
        RULE(a_xenstored_that_does_not_know_the_guest_has_no_say),
        RULE(without_xenstored_it_ends_and_the_backend_serves_on),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
