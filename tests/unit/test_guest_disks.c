/* SPDX-License-Identifier: MIT */
/*
 * test_guest_disks.c - a guest's disks, from its configuration to its end
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/unit/devlife.h"
#include "tests/unit/puppet.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmdisk.h"

static char image[2][80];
static struct vm_disk disks[2];

static void finished(void)
{
    for (uint32_t i = 0; i < puppets.nr; i++) /* nobody outlives his guest */
        CHECK_EQ(kill(puppets.one[i].pid, 0), -1);
    puppets_fresh();
}

/* A guest with nr disks; xvda may be written. */
static void fresh(uint32_t nr)
{
    devlife_fresh();
    devlife.options.blk_program = PUPPET;
    devlife.finished = finished;
    puppets_fresh();
    life.other = puppets_turn;
    life.other_fd = puppets_fd();
    for (uint32_t i = 0; i < 2; i++)
        disks[i] = (struct vm_disk){
            .target = image[i],
            .vdev = (char *)(i ? "xvdb" : "xvda"),
            .format = VM_DISK_RAW,
            .devid = 51712 + 16 * i,
            .writable = true,
        };
    life.cfg.disks = disks;
    life.cfg.nr_disks = nr;
}

/* ---- launch and end ---- */

static void check_two(struct life *l)
{
    CHECK_EQ(puppets.nr, 2);
    CHECK(puppets.one[0].opened && puppets.one[1].opened);
    CHECK_STR(fake_xs_value("/local/domain/0/backend/fh-vbd/7/51712/state"),
              "2");
    CHECK_STR(fake_xs_value("/local/domain/0/backend/fh-vbd/7/51728/state"),
              "2");
    CHECK_EQ(puppets.one[0].open.nr_queues, 2); /* its vCPUs */
    life_power_off(l);
}

TEST(a_kernel_runs_when_every_disk_is_open)
{
    fresh(2);
    devlife_live(check_two);
    CHECK_EQ(life.nr_runs, 1);
    CHECK_EQ(life.failed.rc, 0);
}

static uint32_t nr_runs_when_asked;

static bool both_asked(void)
{
    return puppets.nr == 2 && puppets.one[0].heard[BLK_CTL_OPEN] &&
           puppets.one[1].heard[BLK_CTL_OPEN] &&
           fake_control(fake_find(7))->steward.state >= FH_STATE_READY;
}

static void open_both(void)
{
    struct blk_ctl m = { .type = BLK_CTL_OPENED };

    nr_runs_when_asked = life.nr_runs;
    m.u.store = puppets.info;
    puppet_say(&puppets.one[0], &m);
    puppet_say(&puppets.one[1], &m);
}

TEST(until_then_its_steward_waits)
{
    fresh(2);
    puppets.deaf[BLK_CTL_OPEN] = true;
    life.when_running = life_power_off;
    nr_runs_when_asked = 99;
    CHECK_EQ(devlife_begin(), 0);
    devlife_when(both_asked, open_both);
    devlife_finish();
    CHECK_EQ(nr_runs_when_asked, 0);
    CHECK_EQ(life.nr_runs, 1);
}

TEST(a_disk_that_does_not_open_fails_the_launch)
{
    fresh(2);
    puppets.refuse = "the image is cut short";
    devlife_live(NULL);
    CHECK_EQ(life.nr_runs, 0);
    CHECK_EQ(life.failed.rc, -EIO);
    CHECK_HAS(life.failed.text, "the image is cut short");
}

TEST(a_disk_that_is_not_there_fails_it_at_once)
{
    fresh(2);
    disks[1].target = (char *)"/nowhere/at/all";
    devlife_live(NULL);
    CHECK_EQ(life.nr_runs, 0);
    CHECK_EQ(life.failed.rc, -ENOENT);
    CHECK_HAS(life.failed.text, "/nowhere/at/all");
}

TEST(a_program_that_is_not_there_too)
{
    fresh(1);
    devlife.options.blk_program = "/nowhere/freehold-blk";
    devlife_live(NULL);
    CHECK_EQ(life.nr_runs, 0);
    CHECK_HAS(life.failed.text, "/nowhere/freehold-blk");
}

/* Every call into a library fails once, in turn; nothing may be left. */
TEST(no_single_failure_leaves_anything)
{
    CHECK(devlife_sweep(fresh, 1) > 70); /* it did sweep something */
}

static bool saw_ending;

static void let_quit(void)
{
    saw_ending = true;
    CHECK(!life.gone);
    CHECK(fake_find(7) == NULL);
    kill(puppets.one[0].pid, SIGKILL);
}

TEST(it_is_gone_when_its_backends_are)
{
    fresh(1);
    saw_ending = false;
    puppets.deaf[BLK_CTL_QUIT] = true;
    life.when_running = life_power_off;
    CHECK_EQ(devlife_begin(), 0);
    devlife_when(devlife_is_ending, let_quit);
    devlife_finish();
    CHECK(saw_ending);
    CHECK(life.gone);
}

/* ---- attach, detach, reboot ---- */

static bool two_open(void)
{
    return puppets.nr == 2 && puppets.one[1].opened;
}

static void attach_then_reboot(struct life *l)
{
    struct json_object *result;
    char params[160];
    struct err e = { 0 };

    if (l->nr_runs == 2) {
        CHECK_EQ(puppets.nr, 4); /* both, again */
        life_power_off(l);
        return;
    }
    snprintf(params, sizeof(params),
             "{\"disk\":\"raw:%s,xvdb,w\",\"limits\":\"iops=5\"}", image[1]);
    CHECK_EQ(devlife_call("block_attach", params, &result, &e), 0);
    CHECK_STR(devlife_text(result, "vdev"), "xvdb");
    json_object_put(result);
    CHECK_EQ(devlife_call("block_attach", params, NULL, &e), -EEXIST);
    devlife_when(two_open, devlife_reboot);
}

TEST(what_was_attached_is_there_after_a_reboot)
{
    fresh(1);
    devlife_live(attach_then_reboot);
    CHECK_EQ(life.nr_runs, 2);
}

static void detach_then_reboot(struct life *l)
{
    struct err e = { 0 };

    if (l->nr_runs == 2) {
        CHECK_EQ(puppets.nr, 3);
        life_power_off(l);
        return;
    }
    CHECK_EQ(devlife_call("block_detach", "{\"vdev\":\"xvdc\"}", NULL, &e),
             -ENODEV);
    CHECK_EQ(devlife_call("block_detach", "{\"vdev\":\"51728\"}", NULL, &e), 0);
    devlife_when(devlife_one_left, devlife_reboot);
}

TEST(what_was_detached_is_not)
{
    fresh(2);
    devlife_live(detach_then_reboot);
    CHECK_EQ(life.nr_runs, 2);
}

static void refuse(struct life *l)
{
    static const struct devlife_refusal row[] = {
        { "block_attach", "{}", "disk: want a string", -EINVAL },
        { "block_attach", "{\"disk\":5}", "disk: want a string", -EINVAL },
        { "block_attach", "{\"disk\":\"/x,raw,xvdz9z,w\"}", "disk: vdev: got",
          -EINVAL },
        { "block_attach", "{\"disk\":\"/nowhere,raw,xvdc,w\"}", "/nowhere",
          -ENOENT },
        { "block_attach", "{\"disk\":\",,xvdc:cdrom,r\"}", "target: got none",
          -ENOMEDIUM },
        { "block_attach",
          "{\"disk\":\"/nowhere,raw,xvdc,w\",\"limits\":\"iops=-1\"}",
          "iops: got \"-1\"", -EINVAL },
        { "block_attach",
          "{\"disk\":\"/nowhere,raw,xvdc,w\",\"limits\":\"fast\"}",
          "got \"fast\", want iops=N", -EINVAL },
        { "block_detach", "{}", "vdev: want a string", -EINVAL },
        { "block_limits", "{\"vdev\":\"xvda\",\"iops\":-5}", "iops: got -5",
          -EINVAL },
        { "block_resize", "{\"vdev\":\"xvdq\"}", "none of that name", -ENODEV },
    };

    devlife_refused(row, ARRAY_SIZE(row));
    CHECK(!l->guest->devs->next);
    life_power_off(l);
}

TEST(a_request_that_cannot_be_is_refused_with_words)
{
    fresh(1);
    devlife_live(refuse);
    CHECK_EQ(life.nr_runs, 1);
}

/* ---- limits and info ---- */

static bool limited(void)
{
    return puppets.one[0].limits.iops == 9;
}

static void check_info(void)
{
    struct json_object *info = guest_info(life.guest), *list, *one;

    CHECK(json_object_object_get_ex(info, "disks", &list));
    CHECK_EQ(json_object_array_length(list), 1);
    one = json_object_array_get_idx(list, 0);
    CHECK_STR(devlife_text(one, "state"), "waiting");
    CHECK_EQ(devlife_number(one, "devid"), 51712);
    CHECK_EQ(devlife_number(one, "pid"), puppets.one[0].pid);
    CHECK_EQ(devlife_number(one, "iops_limit"), 9);
    CHECK_EQ(devlife_number(one, "bps_limit"), 77);
    CHECK_EQ(devlife_number(one, "size_bytes"), 1 << 20);
    CHECK_EQ(devlife_number(one, "reads"), 11);
    json_object_put(info);
    CHECK_EQ(puppets.one[0].limits.bps, 77);
    devlife_off();
}

static void set_limits(struct life *l)
{
    struct err e = { 0 };

    (void)l;
    CHECK_EQ(puppets.one[0].open.limits.bps, 77);
    puppet_write_journal(&puppets.one[0], false);
    CHECK_EQ(devlife_call("block_limits", "{\"vdev\":\"xvda\",\"iops\":9}",
                          NULL, &e),
             0);
    devlife_when(limited, check_info);
}

TEST(limits_and_figures_are_told)
{
    fresh(1);
    disks[0].bps_max = 77;
    devlife_live(set_limits);
    CHECK_EQ(life.nr_runs, 1);
}

/* ---- reload ---- */

static bool is_back(void)
{
    return life.guest->devs && vbd_state(life.guest->devs->vbd) == VBD_WAITING;
}

static void leave_and_return(struct life *l)
{
    static const char limits[] = "{\"vdev\":\"xvda\",\"iops\":9}";

    CHECK_EQ(devlife_call("block_limits", limits, NULL, NULL), 0);
    guest_leave(l->guest);
    CHECK(l->guest->devs == NULL);
    guest_return(l->guest);
    CHECK(l->guest->devs != NULL);
    CHECK_EQ(l->guest->devs->disk.iops_max, 9); /* its file said so */
    devlife_when(is_back, devlife_off);
}

TEST(a_reload_leaves_the_backend_where_it_is)
{
    fresh(1);
    life.when_running = leave_and_return;
    CHECK_EQ(devlife_begin(), 0);
    uv_run(&life.loop, UV_RUN_DEFAULT);
    CHECK_EQ(puppets.nr, 1);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_OPEN], 1);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_QUIT], 1);
    devlife_finish();
}

static int set_up(void **state)
{
    if (life_set_up(state) || puppets_set_up(PUPPET))
        return -1;
    log_set_level(LOG_LEVEL_NONE);
    for (uint32_t i = 0; i < 2; i++) {
        FILE *f;

        snprintf(image[i], sizeof(image[i]), "%s.%u.img", life_base, i);
        f = fopen(image[i], "w");
        if (!f || ftruncate(fileno(f), 1 << 20) || fclose(f))
            return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    puppets_tear_down();
    unlink(image[0]);
    unlink(image[1]);
    return life_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_kernel_runs_when_every_disk_is_open),
        RULE(until_then_its_steward_waits),
        RULE(a_disk_that_does_not_open_fails_the_launch),
        RULE(a_disk_that_is_not_there_fails_it_at_once),
        RULE(a_program_that_is_not_there_too),
        RULE(no_single_failure_leaves_anything),
        RULE(it_is_gone_when_its_backends_are),
        RULE(what_was_attached_is_there_after_a_reboot),
        RULE(what_was_detached_is_not),
        RULE(a_request_that_cannot_be_is_refused_with_words),
        RULE(limits_and_figures_are_told),
        RULE(a_reload_leaves_the_backend_where_it_is),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
