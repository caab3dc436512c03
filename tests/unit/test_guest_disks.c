/* SPDX-License-Identifier: MIT */
/*
 * test_guest_disks.c - a guest's disks, from its configuration to its end
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/unit/life.h"
#include "tests/unit/puppet.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmdisk.h"

static char image[2][80];
static struct vm_disk disks[2];
static struct guest_options options = { .blk_program = PUPPET };
static uv_timer_t later;

/* A guest with nr disks; xvda may be written. */
static void fresh(uint32_t nr)
{
    life_fresh();
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

static void on_later(uv_timer_t *t);
static bool (*waits_for)(void);
static void (*then)(void);

/* Ask again each turn until it is so, and then go on. */
static void when(bool (*is_so)(void), void (*next)(void))
{
    waits_for = is_so;
    then = next;
    uv_timer_start(&later, on_later, 1, 0);
}

static void on_later(uv_timer_t *t)
{
    if (!waits_for())
        uv_timer_start(t, on_later, 1, 0);
    else
        then();
}

static int begin(void)
{
    int rc = life_open(&options);

    if (rc < 0)
        return rc;
    uv_timer_init(&life.loop, &later);
    uv_unref((uv_handle_t *)&later);
    guest_start(life.guest);
    return 0;
}

static void finish(void)
{
    uv_run(&life.loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&later, NULL);
    life_finish();
    for (uint32_t i = 0; i < puppets.nr; i++) /* nobody outlives his guest */
        CHECK_EQ(kill(puppets.one[i].pid, 0), -1);
    puppets_fresh();
}

static int call(const char *method, const char *params,
                struct json_object **result, struct err *e)
{
    struct json_object *p = json_tokener_parse(params), *own = NULL;
    int rc = guest_call(life.guest, method, p, &own, e);

    json_object_put(p);
    if (result)
        *result = own;
    else
        json_object_put(own);
    return rc;
}

static void off(void)
{
    life_power_off(&life);
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
    life.when_running = check_two;
    CHECK_EQ(begin(), 0);
    finish();
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
    CHECK_EQ(begin(), 0);
    when(both_asked, open_both);
    finish();
    CHECK_EQ(nr_runs_when_asked, 0);
    CHECK_EQ(life.nr_runs, 1);
}

TEST(a_disk_that_does_not_open_fails_the_launch)
{
    fresh(2);
    puppets.refuse = "the image is cut short";
    CHECK_EQ(begin(), 0);
    finish();
    CHECK_EQ(life.nr_runs, 0);
    CHECK_EQ(life.failed.rc, -EIO);
    CHECK_HAS(life.failed.text, "the image is cut short");
}

TEST(a_disk_that_is_not_there_fails_it_at_once)
{
    fresh(2);
    disks[1].target = (char *)"/nowhere/at/all";
    CHECK_EQ(begin(), 0);
    finish();
    CHECK_EQ(life.nr_runs, 0);
    CHECK_EQ(life.failed.rc, -ENOENT);
    CHECK_HAS(life.failed.text, "/nowhere/at/all");
}

TEST(a_program_that_is_not_there_too)
{
    fresh(1);
    options.blk_program = "/nowhere/freehold-blk";
    CHECK_EQ(begin(), 0);
    options.blk_program = PUPPET;
    finish();
    CHECK_EQ(life.nr_runs, 0);
    CHECK_HAS(life.failed.text, "/nowhere/freehold-blk");
}

/* Every call into a library fails once, in turn; nothing may be left. */
TEST(no_single_failure_leaves_anything)
{
    uint32_t n = 0, nr_calls;

    do {
        fresh(1);
        life.when_running = life_power_off;
        fake_fail_at(++n);
        if (begin() == 0) {
            uv_run(&life.loop, UV_RUN_DEFAULT);
            nr_calls = fake.nr_calls;
            finish();
        } else {
            nr_calls = fake.nr_calls;
            life_finish();
        }
    } while (nr_calls >= n);
    CHECK(n > 70); /* it did sweep something */
}

static bool saw_ending;

static bool is_ending(void)
{
    return life.guest && life.guest->state == GUEST_ENDING;
}

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
    CHECK_EQ(begin(), 0);
    when(is_ending, let_quit);
    finish();
    CHECK(saw_ending);
    CHECK(life.gone);
}

/* ---- attach, detach, reboot ---- */

static bool two_open(void)
{
    return puppets.nr == 2 && puppets.one[1].opened;
}

static void reboot(void)
{
    fake_shutdown(fake_find(guest_domid(life.guest)), HYP_REBOOT);
}

static void attach_then_reboot(struct life *l)
{
    struct json_object *result, *vdev;
    char params[160];
    struct err e = { 0 };

    if (l->nr_runs == 2) {
        CHECK_EQ(puppets.nr, 4); /* both, again */
        life_power_off(l);
        return;
    }
    snprintf(params, sizeof(params),
             "{\"disk\":\"raw:%s,xvdb,w\",\"limits\":\"iops=5\"}", image[1]);
    CHECK_EQ(call("block_attach", params, &result, &e), 0);
    CHECK(json_object_object_get_ex(result, "vdev", &vdev));
    CHECK_STR(json_object_get_string(vdev), "xvdb");
    json_object_put(result);
    CHECK_EQ(call("block_attach", params, NULL, &e), -EEXIST);
    when(two_open, reboot);
}

TEST(what_was_attached_is_there_after_a_reboot)
{
    fresh(1);
    life.when_running = attach_then_reboot;
    CHECK_EQ(begin(), 0);
    finish();
    CHECK_EQ(life.nr_runs, 2);
}

static bool one_left(void)
{
    return life.guest->devs && !life.guest->devs->next;
}

static void detach_then_reboot(struct life *l)
{
    struct err e = { 0 };

    if (l->nr_runs == 2) {
        CHECK_EQ(puppets.nr, 3);
        life_power_off(l);
        return;
    }
    CHECK_EQ(call("block_detach", "{\"vdev\":\"xvdc\"}", NULL, &e), -ENODEV);
    CHECK_EQ(call("block_detach", "{\"vdev\":\"51728\"}", NULL, &e), 0);
    when(one_left, reboot);
}

TEST(what_was_detached_is_not)
{
    fresh(2);
    life.when_running = detach_then_reboot;
    CHECK_EQ(begin(), 0);
    finish();
    CHECK_EQ(life.nr_runs, 2);
}

static void refuse(struct life *l)
{
    static const struct {
        const char *method, *params, *words;
        int rc;
    } row[] = {
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

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct err e = { 0 };

        CHECK_EQ(call(row[i].method, row[i].params, NULL, &e), row[i].rc);
        CHECK_HAS(e.text, row[i].words);
    }
    CHECK(!l->guest->devs->next);
    life_power_off(l);
}

TEST(a_request_that_cannot_be_is_refused_with_words)
{
    fresh(1);
    life.when_running = refuse;
    CHECK_EQ(begin(), 0);
    finish();
    CHECK_EQ(life.nr_runs, 1);
}

/* ---- limits and info ---- */

static uint64_t number(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    CHECK(json_object_object_get_ex(o, key, &v));
    return (uint64_t)json_object_get_int64(v);
}

static bool limited(void)
{
    return puppets.one[0].limits.iops == 9;
}

static void check_info(void)
{
    struct json_object *info = guest_info(life.guest), *list, *one, *v;

    CHECK(json_object_object_get_ex(info, "disks", &list));
    CHECK_EQ(json_object_array_length(list), 1);
    one = json_object_array_get_idx(list, 0);
    CHECK(json_object_object_get_ex(one, "state", &v));
    CHECK_STR(json_object_get_string(v), "waiting");
    CHECK_EQ(number(one, "devid"), 51712);
    CHECK_EQ(number(one, "pid"), puppets.one[0].pid);
    CHECK_EQ(number(one, "iops_limit"), 9);
    CHECK_EQ(number(one, "bps_limit"), 77);
    CHECK_EQ(number(one, "size_bytes"), 1 << 20);
    CHECK_EQ(number(one, "reads"), 11);
    json_object_put(info);
    CHECK_EQ(puppets.one[0].limits.bps, 77);
    off();
}

static void set_limits(struct life *l)
{
    struct err e = { 0 };

    (void)l;
    CHECK_EQ(puppets.one[0].open.limits.bps, 77);
    puppet_write_journal(&puppets.one[0], false);
    CHECK_EQ(call("block_limits", "{\"vdev\":\"xvda\",\"iops\":9}", NULL, &e),
             0);
    when(limited, check_info);
}

TEST(limits_and_figures_are_told)
{
    fresh(1);
    disks[0].bps_max = 77;
    life.when_running = set_limits;
    CHECK_EQ(begin(), 0);
    finish();
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

    CHECK_EQ(call("block_limits", limits, NULL, NULL), 0);
    guest_leave(l->guest);
    CHECK(l->guest->devs == NULL);
    guest_return(l->guest);
    CHECK(l->guest->devs != NULL);
    CHECK_EQ(l->guest->devs->disk.iops_max, 9); /* its file said so */
    when(is_back, off);
}

TEST(a_reload_leaves_the_backend_where_it_is)
{
    fresh(1);
    life.when_running = leave_and_return;
    CHECK_EQ(begin(), 0);
    uv_run(&life.loop, UV_RUN_DEFAULT);
    CHECK_EQ(puppets.nr, 1);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_OPEN], 1);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_QUIT], 1);
    finish();
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
