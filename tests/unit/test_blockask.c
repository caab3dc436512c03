/* SPDX-License-Identifier: MIT */
/*
 * test_blockask.c - disks are asked for, and waited for until it is decided
 */
#include "toolstack/cli/blockask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/boss.h"
#include "tests/unit/test.h"
#include "toolstack/cli/client.h"

#define PATIENCE_MS 10000
#define SHORT_MS 200

static struct boss boss;
static struct err e;

static struct client *begin(void)
{
    struct client *c;

    boss_start(&boss, "web");
    CHECK_EQ(client_open_at(boss_base, "web", &c, &e), 0);
    return c;
}

static struct client *again(struct client *c)
{
    client_close(c);
    CHECK_EQ(client_open_at(boss_base, "web", &c, &e), 0);
    return c;
}

static void end(struct client *c)
{
    client_close(c);
    boss_retire(&boss);
}

static void attaches(const char *moves, const char *state)
{
    struct json_object *disk, *v;
    struct client *c = begin();

    CHECK_EQ(block_attach(c, moves, NULL, PATIENCE_MS, &disk, &e), 0);
    CHECK(json_object_object_get_ex(disk, "vdev", &v));
    CHECK_STR(json_object_get_string(v), "xvdb");
    CHECK(json_object_object_get_ex(disk, "state", &v));
    CHECK_STR(json_object_get_string(v), state);
    json_object_put(disk);
    end(c);
}

TEST(a_disk_is_attached_when_it_waits_for_the_guest)
{
    attaches("waiting", "waiting");
    attaches("starting,waiting,connected", "waiting");
    attaches("starting,connected", "connected");
}

TEST(one_that_fails_says_why_and_is_not_left)
{
    struct client *c = begin();

    CHECK_EQ(block_attach(c, "starting,failed", NULL, PATIENCE_MS, NULL, &e),
             -EIO);
    CHECK_STR(e.text, "disk xvdb: attach: it broke");
    c = again(c);
    CHECK_EQ(block_attach(c, "starting,gone", NULL, PATIENCE_MS, NULL, &e),
             -EIO);
    CHECK_STR(e.text, "disk xvdb: attach: it broke");
    c = again(c);
    CHECK_EQ(block_attach(c, "waiting", NULL, PATIENCE_MS, NULL, &e), 0);
    CHECK_EQ(block_attach(c, "waiting", NULL, PATIENCE_MS, NULL, &e), -EEXIST);
    CHECK_STR(e.text, "disk xvdb: attach: it is there");
    end(c);
}

TEST(one_that_is_never_decided_is_not_waited_for_for_ever)
{
    struct client *c = begin();

    CHECK_EQ(block_attach(c, "starting", NULL, SHORT_MS, NULL, &e), -ETIMEDOUT);
    CHECK_HAS(e.text, "disk xvdb: attach: its store was not opened");
    end(c);
}

TEST(a_supervisor_that_ends_meanwhile_is_told)
{
    struct client *c = begin();

    CHECK_EQ(block_attach(c, "starting,die", NULL, PATIENCE_MS, NULL, &e),
             -EPIPE);
    CHECK_HAS(e.text, "went away");
    client_close(c);
    boss_reap(&boss);
    boss_start(&boss, "web"); /* it removes what the dead one left */
    boss_retire(&boss);
}

TEST(detach_waits_until_the_disk_is_gone)
{
    struct client *c = begin();

    CHECK_EQ(block_detach(c, "xvdb", false, PATIENCE_MS, &e), 0);
    CHECK_EQ(block_detach(c, "xvde", false, PATIENCE_MS, &e), 0);
    CHECK_EQ(block_detach(c, "xvdd", false, SHORT_MS, &e), -EIO);
    CHECK_STR(e.text, "disk xvdd: detach: it broke");
    CHECK_EQ(block_detach(c, "xvdf", false, PATIENCE_MS, &e), -ENOENT);
    CHECK_EQ(block_detach(c, "cdrom", false, PATIENCE_MS, &e), -EINVAL);
    CHECK_STR(e.text, "disk: got cdrom, want a vdev, as xvda or 51712");
    end(c);
}

TEST(a_guest_that_holds_on_is_told_and_force_does_without_it)
{
    struct client *c = begin();

    CHECK_EQ(block_detach(c, "xvdc", false, SHORT_MS, &e), -ETIMEDOUT);
    CHECK_HAS(e.text, "-f takes it away");
    CHECK_EQ(block_detach(c, "xvdc", true, PATIENCE_MS, &e), 0);
    end(c);
}

/* ---- words ---- */

TEST(words_are_one_specification_and_a_target_comes_last)
{
    static const struct {
        const char *word[3];
        const char *want;
    } row[] = {
        { { "/dev/vg/x,raw,xvdb,w" }, "/dev/vg/x,raw,xvdb,w" },
        { { "/dev/vg/x", "raw", "xvdb" }, "/dev/vg/x,raw,xvdb" },
        { { "phy:/dev/vg/x", "xvdb", "w" }, "phy:/dev/vg/x,xvdb,w" },
        { { "target=/a,b", "vdev=xvdb" }, "vdev=xvdb,target=/a,b" },
        { { "format=raw,target=/a", "vdev=xvdb" },
          "vdev=xvdb,format=raw,target=/a" },
        { { "/srv/mytarget=1", "raw", "xvdb" }, "/srv/mytarget=1,raw,xvdb" },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        char *words[3], *got;
        int nr = 0;

        for (; nr < 3 && row[i].word[nr]; nr++)
            words[nr] = (char *)row[i].word[nr];
        got = block_spec(nr, words);
        CHECK_STR(got, row[i].want);
        free(got);
    }
}

static int limits(const char *a, const char *b, struct block_limits *l)
{
    char *words[] = { (char *)a, (char *)b };

    return block_limits_parse(b ? 2 : 1, words, l, &e);
}

TEST(limits_are_numbers_and_each_is_said_once)
{
    static const char *const bad[] = {
        "iops=",
        "iops",
        "iops=-1",
        "iops=5k",
        "bps=1.5",
        "rate=5",
        "bps=9223372036854775808",
        "IOPS=5",
        "",
    };
    struct block_limits l;

    CHECK_EQ(limits("bps=9223372036854775807", NULL, &l), 0);
    CHECK(l.has_bps && !l.has_iops && l.bps == INT64_MAX);
    CHECK_EQ(limits("iops=0", "bps=7", &l), 0);
    CHECK(l.has_bps && l.has_iops && l.iops == 0 && l.bps == 7);
    CHECK_EQ(limits("iops=5", "iops=5", &l), -EINVAL);
    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK_EQ(limits(bad[i], NULL, &l), -EINVAL);
    CHECK_HAS(e.text, "want iops=N or bps=N");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_disk_is_attached_when_it_waits_for_the_guest),
        RULE(one_that_fails_says_why_and_is_not_left),
        RULE(one_that_is_never_decided_is_not_waited_for_for_ever),
        RULE(a_supervisor_that_ends_meanwhile_is_told),
        RULE(detach_waits_until_the_disk_is_gone),
        RULE(a_guest_that_holds_on_is_told_and_force_does_without_it),
        RULE(words_are_one_specification_and_a_target_comes_last),
        RULE(limits_are_numbers_and_each_is_said_once),
    };

    return cmocka_run_group_tests(tests, boss_set_up, boss_tear_down);
}
