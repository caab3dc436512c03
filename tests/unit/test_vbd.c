/* SPDX-License-Identifier: MIT */
/*
 * test_vbd.c - one disk, and a guest that does as it likes
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/store.h"
#include "tests/fakes/fake.h"
#include "tests/unit/disk.h"
#include "tests/unit/test.h"

/* ---- connect ---- */

TEST(a_disk_is_offered_when_its_store_is_open)
{
    disk_fresh();
    puppets.mute = true;
    disk_start();
    CHECK_STR(stage_node(FRONT "/backend"), BACK);
    CHECK_STR(stage_node(FRONT "/backend-id"), "0");
    CHECK_STR(stage_node(FRONT "/state"), "1");
    CHECK_STR(stage_node(FRONT "/virtual-device"), "51712");
    CHECK_STR(stage_node(FRONT "/device-type"), "disk");
    CHECK_STR(stage_node(FRONT "/trusted"), "1");
    CHECK_STR(stage_node(BACK "/frontend"), FRONT);
    CHECK_STR(stage_node(BACK "/frontend-id"), "7");
    CHECK_STR(stage_node(BACK "/online"), "1");
    CHECK_STR(stage_node(BACK "/state"), "1");
    CHECK_STR(stage_node(BACK "/mode"), "w");
    CHECK_STR(stage_node(BACK "/dev"), "xvda");
    CHECK_STR(stage_node(BACK "/discard-enable"), "1");
    CHECK_STR(fake_xs_perms(FRONT), "n7");
    CHECK_STR(fake_xs_perms(FRONT "/state"), "n7");
    CHECK_STR(fake_xs_perms(BACK), "n0 r7");
    CHECK_STR(fake_xs_perms(BACK "/state"), "n0 r7");
    CHECK_EQ(vbd_state(disk.vbd), VBD_STARTING);
    UNTIL(puppets.nr == 1 && puppets.one[0].conn_fd >= 0);
    puppets.mute = false;
    {
        struct blk_ctl m = { .type = BLK_CTL_HELLO };

        m.u.hello.version = BLK_CTL_VERSION;
        m.u.hello.pid = (uint32_t)puppets.one[0].pid;
        strcpy(m.u.hello.build, puppets.build);
        puppet_say(&puppets.one[0], &m);
    }
    UNTIL(vbd_state(disk.vbd) == VBD_WAITING);
    CHECK(puppets.one[0].has_store);
    CHECK_EQ(puppets.one[0].open.domid, 7);
    CHECK_EQ(puppets.one[0].open.devid, 51712);
    CHECK_EQ(puppets.one[0].open.limits.iops, 500);
    CHECK_EQ(puppets.one[0].open.nr_queues, 2);
    CHECK(puppets.one[0].open.discard && !puppets.one[0].open.readonly);
    CHECK(!puppets.one[0].open.resume && !puppets.one[0].open.direct);
    CHECK_STR(stage_node(BACK "/state"), "2");
    CHECK_STR(stage_node(BACK "/multi-queue-max-queues"), "2");
    CHECK_STR(stage_node(BACK "/max-ring-page-order"), "4");
    CHECK_STR(stage_node(BACK "/feature-flush-cache"), "1");
    CHECK_STR(stage_node(BACK "/feature-discard"), "1");
    CHECK_STR(stage_node(BACK "/discard-granularity"), "512");
    CHECK_STR(stage_node(BACK "/feature-max-indirect-segments"), "256");
    CHECK(fake_xs_value(BACK "/feature-persistent") == NULL);
    CHECK(fake_xs_value(BACK "/max-ring-pages") == NULL);
    CHECK(fake_xs_value(BACK "/sectors") == NULL);
    disk_finish();
}

TEST(a_guest_that_wrote_its_keys_is_connected)
{
    disk_fresh();
    disk_start_connected();
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_CONNECT], 1);
    CHECK_EQ(puppets.one[0].wiring.queue[0].ref[0], 8);
    CHECK_EQ(puppets.one[0].wiring.queue[0].port, 5);
    CHECK_EQ(puppets.one[0].wiring.abi, BLK_ABI_X86_64);
    CHECK_STR(stage_node(BACK "/state"), "4");
    CHECK_STR(stage_node(BACK "/sectors"), "2048");
    CHECK_STR(stage_node(BACK "/sector-size"), "512");
    CHECK_STR(stage_node(BACK "/physical-sector-size"), "4096");
    CHECK_STR(stage_node(BACK "/info"), "0");
    /* Again, and again: a frontend may. */
    fake_xs_set(FRONT "/state", "3");
    stage_settle();
    fake_xs_set(FRONT "/state", "4");
    stage_settle();
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_CONNECT], 1);
    disk_finish();
}

TEST(a_frontend_need_not_wait_for_us)
{
    disk_fresh();
    puppets.deaf[BLK_CTL_OPEN] = true;
    disk_start();
    disk_write_keys(); /* NetBSD's, and any that resumes */
    UNTIL(puppets.nr == 1 && puppets.one[0].heard[BLK_CTL_OPEN] == 1);
    stage_settle();
    CHECK_EQ(vbd_state(disk.vbd), VBD_STARTING);
    {
        struct blk_ctl m = { .type = BLK_CTL_OPENED };

        m.u.store = puppets.info;
        puppet_say(&puppets.one[0], &m);
    }
    UNTIL(vbd_state(disk.vbd) == VBD_CONNECTED);
    disk_finish();
}

TEST(a_guest_closes_and_comes_again)
{
    disk_fresh();
    disk_start_connected();
    for (uint32_t i = 0; i < 3; i++) {
        fake_xs_set(FRONT "/state", "5");
        UNTIL(IS(BACK "/state", "5"));
        UNTIL(puppets.one[0].heard[BLK_CTL_DISCONNECT] == i + 1);
        fake_xs_set(FRONT "/state", "6");
        UNTIL(IS(BACK "/state", "6"));
        CHECK_EQ(vbd_state(disk.vbd), VBD_CLOSED);
        fake_xs_set(FRONT "/state", "1");
        UNTIL(IS(BACK "/state", "2"));
        disk_write_keys();
        UNTIL(IS(BACK "/state", "4"));
    }
    CHECK_EQ(puppets.nr, 1);
    disk_finish();
}

/* The crash kernel of a guest: it starts anew and has closed nothing. */
TEST(a_guest_that_starts_anew_is_offered_it_again)
{
    disk_fresh();
    disk_start_connected();
    fake_xs_set(FRONT "/state", "1");
    UNTIL(IS(BACK "/state", "2"));
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 1);
    disk_write_keys();
    UNTIL(IS(BACK "/state", "4"));
    disk_finish();
}

TEST(nothing_is_closed_before_it_is_drained)
{
    disk_fresh();
    disk_start_connected();
    puppets.deaf[BLK_CTL_DISCONNECT] = true;
    fake_xs_set(FRONT "/state", "6");
    UNTIL(puppets.one[0].heard[BLK_CTL_DISCONNECT] == 1);
    stage_settle();
    CHECK_STR(stage_node(BACK "/state"), "5");
    fake_xs_set(FRONT "/state", "1"); /* and not offered again */
    stage_settle();
    CHECK_STR(stage_node(BACK "/state"), "5");
    fake_xs_set(FRONT "/state", "6");
    puppets.one[0].connected = false;
    puppet_say_type(&puppets.one[0], BLK_CTL_DISCONNECTED);
    UNTIL(IS(BACK "/state", "6"));
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 1);
    disk_finish();
}

TEST(a_write_that_fails_is_made_again)
{
    for (uint32_t n = 1; n < 12; n++) {
        struct blk_ctl m = { .type = BLK_CTL_OPENED };

        disk_fresh();
        puppets.deaf[BLK_CTL_OPEN] = true;
        disk_start();
        UNTIL(puppets.nr == 1 && puppets.one[0].heard[BLK_CTL_OPEN] == 1);
        device.hurry = 100;
        m.u.store = puppets.info;
        fake_fail_at(n);
        puppet_say(&puppets.one[0], &m);
        UNTIL(IS(BACK "/state", "2"));
        CHECK_STR(stage_node(BACK "/multi-queue-max-queues"), "2");
        fake_fail_at(0);
        disk_finish();
    }
}

TEST(a_directory_that_is_gone_is_as_good_as_closed)
{
    disk_fresh();
    disk_start_connected();
    fake_xs_rm(FRONT);
    UNTIL(vbd_state(disk.vbd) == VBD_CLOSED);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 1);
    disk_finish();
}

TEST(bad_keys_close_it_with_words)
{
    disk_fresh();
    disk_start();
    UNTIL(IS(BACK "/state", "2"));
    fake_xs_set(FRONT "/ring-page-order", "999999999999");
    disk_write_keys();
    UNTIL(IS(BACK "/state", "5"));
    CHECK_STR(stage_node(BACK "/error"),
              "ring-page-order: got \"999999999999\", want 0..4");
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_CONNECT], 0);
    stage_settle();
    fake_xs_set(FRONT "/state", "3"); /* it insists: no second try */
    stage_settle();
    CHECK_STR(stage_node(BACK "/state"), "5");
    fake_xs_rm(FRONT "/ring-page-order");
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    fake_xs_set(FRONT "/state", "1");
    UNTIL(IS(BACK "/state", "2"));
    CHECK(fake_xs_value(BACK "/error") == NULL);
    disk_write_keys();
    UNTIL(IS(BACK "/state", "4"));
    disk_finish();
}

TEST(a_broken_guest_is_closed_and_told_why)
{
    struct blk_ctl m = { .type = BLK_CTL_BROKEN };

    disk_fresh();
    disk_start_connected();
    strcpy(m.u.text, "queue 0: req_prod is more than a ring ahead");
    puppet_say(&puppets.one[0], &m);
    UNTIL(IS(BACK "/state", "5"));
    CHECK_STR(stage_node(BACK "/error"), m.u.text);
    UNTIL(puppets.one[0].heard[BLK_CTL_DISCONNECT] == 1);
    stage_settle();
    CHECK_STR(stage_node(BACK "/state"), "5");
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    disk_finish();
}

/* T11, T12: any state at any time, quicker than we look. */
TEST(a_storm_of_states_is_harmless)
{
    static const char *const value[] = { "1", "3", "4", "5", "6", "0",
                                         "2", "7", "",  "x", "-1" };
    uint32_t nr_moved;

    disk_fresh();
    disk_start_connected();
    srandom(7);
    for (uint32_t i = 0; i < 3000; i++) {
        fake_xs_set(FRONT "/state", value[random() % ARRAY_SIZE(value)]);
        if (random() % 8 == 0)
            uv_run(&stage.loop, UV_RUN_NOWAIT);
        if (random() % 200 == 0)
            stage_settle();
    }
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    CHECK(puppets.one[0].heard[BLK_CTL_CONNECT] ==
          puppets.one[0].heard[BLK_CTL_DISCONNECT]);
    CHECK_EQ(puppets.nr, 1);
    /* So many in no time are one look, or two. */
    nr_moved = device.nr_moved;
    for (uint32_t i = 0; i < 2000; i++)
        fake_xs_set(FRONT "/state", i % 2 ? "1" : "6");
    stage_settle();
    CHECK(device.nr_moved - nr_moved <= 2);
    disk_finish();
}

/* ---- detach ---- */

TEST(a_guest_that_lets_go_loses_the_disk)
{
    disk_fresh();
    disk_start_connected();
    vbd_detach(disk.vbd, false);
    CHECK_STR(stage_node(BACK "/online"), "0");
    CHECK_STR(stage_node(BACK "/state"), "5");
    stage_settle();
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 0); /* it may flush */
    fake_xs_set(FRONT "/state", "5");
    UNTIL(puppets.one[0].heard[BLK_CTL_DISCONNECT] == 1);
    CHECK(!device.gone);
    fake_xs_set(FRONT "/state", "6");
    UNTIL(device.gone);
    CHECK(fake_xs_value(FRONT) == NULL && fake_xs_value(BACK) == NULL);
    CHECK(fake_xs_value(FRONT "/state") == NULL);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_QUIT], 1);
    disk_finish();
}

TEST(a_deaf_guest_keeps_it_until_it_is_taken_by_force)
{
    disk_fresh();
    disk_start_connected();
    device.hurry = 100;
    vbd_detach(disk.vbd, false);
    UNTIL(strstr(vbd_why(disk.vbd), "has not let go"));
    CHECK_EQ(vbd_state(disk.vbd), VBD_CLOSING);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 0);
    CHECK(fake_xs_value(FRONT "/state") != NULL);
    device.hurry = 1;
    vbd_detach(disk.vbd, true);
    CHECK(fake_xs_value(FRONT "/state") == NULL);
    UNTIL(device.gone);
    disk_finish();
}

TEST(force_asks_nobody)
{
    disk_fresh();
    disk_start_connected();
    vbd_detach(disk.vbd, true);
    CHECK(fake_xs_value(BACK "/state") == NULL);
    UNTIL(device.gone);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_QUIT], 1);
    disk_finish();
}

TEST(a_backend_that_does_not_quit_is_killed)
{
    disk_fresh();
    disk_start_connected();
    puppets.deaf[BLK_CTL_QUIT] = true;
    device.hurry = 20;
    vbd_end(disk.vbd);
    UNTIL(puppets.one[0].heard[BLK_CTL_QUIT] == 1);
    UNTIL(device.gone);
    CHECK_EQ(kill(puppets.one[0].pid, 0), -1);
    disk_finish();
}

/* ---- script= ---- */

static char script[80], heard[80];

/* A script that notes down how it was called, and then does what. */
static void make_script(const char *what)
{
    FILE *f;

    snprintf(script, sizeof(script), "%.60s/script", device.dir.path);
    snprintf(heard, sizeof(heard), "%.60s/heard", device.dir.path);
    f = fopen(script, "w");
    CHECK(f != NULL);
    fprintf(f,
            "#!/bin/sh\n"
            "echo $1 $XENBUS_TYPE $XENBUS_PATH $XENBUS_BASE_PATH $script "
            ">>%s\n%s\n",
            heard, what);
    CHECK_EQ(fchmod(fileno(f), 0700), 0);
    fclose(f);
    vbd_close(disk.vbd);
    disk.spec.script = script;
    disk.spec.target = (char *)"what it knows";
    disk_open();
}

static const char *what_it_heard(void)
{
    static char text[512];
    FILE *f = fopen(heard, "r");
    size_t nr = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

    text[nr] = 0;
    if (f)
        fclose(f);
    return text;
}

static void finish_script(void)
{
    if (disk.vbd && !device.gone)
        vbd_end(disk.vbd);
    UNTIL(device.gone);
    CHECK(fake_xs_value(BACK) == NULL);
    unlink(script);
    unlink(heard);
    disk_finish();
}

TEST(a_script_says_what_is_opened_and_cleans_up)
{
    char line[2][256], image[80];

    disk_fresh();
    snprintf(image, sizeof(image), "%s", disk.spec.target);
    make_script("exit 0");
    for (uint32_t i = 0; i < 2; i++)
        snprintf(line[i], sizeof(line[i]),
                 "%s vbd backend/fh-vbd/7/51712 backend %s\n",
                 i ? "remove" : "add", script);
    disk_start();
    CHECK_STR(stage_node(BACK "/params"), "what it knows");
    CHECK_STR(stage_node(BACK "/script"), script);
    fake_xs_set(BACK "/physical-device-path", image);
    UNTIL(IS(BACK "/state", "2"));
    CHECK_STR(what_it_heard(), line[0]);
    CHECK(puppets.one[0].has_store);
    vbd_detach(disk.vbd, true);
    UNTIL(puppets.one[0].heard[BLK_CTL_QUIT] == 1);
    CHECK(fake_xs_value(BACK "/params") != NULL); /* it may read them */
    UNTIL(device.gone);
    CHECK_HAS(what_it_heard(), line[1]);
    finish_script();
}

TEST(a_script_that_fails_says_so)
{
    disk_fresh();
    make_script("exit 3");
    disk_start();
    UNTIL(vbd_state(disk.vbd) == VBD_FAILED);
    CHECK_HAS(vbd_why(disk.vbd), "script add: it exited with 3, want 0");
    CHECK_EQ(puppets.nr, 0);
    finish_script();
}

TEST(a_script_that_says_nothing_is_told_so)
{
    disk_fresh();
    make_script("exit 0");
    disk_start();
    UNTIL(vbd_state(disk.vbd) == VBD_FAILED);
    CHECK_HAS(vbd_why(disk.vbd), "it wrote neither physical-device-path");
    finish_script();
}

TEST(a_script_has_its_time)
{
    disk_fresh();
    make_script("[ $1 = remove ] || sleep 1000");
    device.hurry = 400;
    disk_start();
    UNTIL(vbd_state(disk.vbd) == VBD_FAILED);
    CHECK_HAS(vbd_why(disk.vbd), "it did not end in 40 s");
    finish_script();
}

TEST(a_script_that_is_not_there_fails_at_once)
{
    struct err e = { 0 };

    disk_fresh();
    make_script("exit 0");
    disk.spec.script = (char *)"/nowhere/script";
    CHECK_EQ(vbd_start(disk.vbd, device.store, &e), -ENOENT);
    CHECK_HAS(e.text, "/nowhere/script");
    CHECK(fake_xs_value(BACK) == NULL);
    finish_script();
}

/* The one whose supervisor died is not run again. */
TEST(a_disk_with_a_script_is_taken_over)
{
    char image[80], *line;

    disk_fresh();
    snprintf(image, sizeof(image), "%s", disk.spec.target);
    make_script("exit 0");
    disk_start();
    fake_xs_set(BACK "/physical-device-path", image);
    UNTIL(IS(BACK "/state", "2"));
    vbd_close(disk.vbd);
    disk_open();
    vbd_adopt(disk.vbd, device.store, &device.process);
    disk_write_keys();
    UNTIL(vbd_state(disk.vbd) == VBD_CONNECTED);
    CHECK_EQ(puppets.nr, 1);
    line = strchr(what_it_heard(), '\n');
    CHECK(line && line[1] == 0);
    finish_script();
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
        RULE(a_script_says_what_is_opened_and_cleans_up),
        RULE(a_script_that_fails_says_so),
        RULE(a_script_that_says_nothing_is_told_so),
        RULE(a_script_has_its_time),
        RULE(a_script_that_is_not_there_fails_at_once),
        RULE(a_disk_with_a_script_is_taken_over),
    };

    return cmocka_run_group_tests(tests, disk_set_up, disk_tear_down);
}
