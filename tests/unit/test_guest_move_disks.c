/* SPDX-License-Identifier: MIT */
/*
 * test_guest_move_disks.c - the disks of a guest that moves
 *
 * As test_guest_move.c and test_guest_comes.c, with a disk whose backend is a
 * puppet.  What one disk does, test_vbd_hold.c has.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/fakes/fake.h"
#include "tests/unit/movelife.h"
#include "tests/unit/puppet.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmdisk.h"

static char image[80];
static struct vm_disk disk;

static void fresh(void)
{
    movelife_fresh();
    puppets_fresh();
    movelife_blk = PUPPET;
    life.other = puppets_turn;
    life.other_fd = puppets_fd();
    disk = (struct vm_disk){
        .target = image,
        .vdev = (char *)"xvda",
        .format = VM_DISK_RAW,
        .devid = 51712,
        .writable = true,
    };
    life.cfg.disks = &disk;
    life.cfg.nr_disks = 1;
}

static void begin(struct life *l)
{
    (void)l;
    CHECK_EQ(script_call("migrate", "{\"fds\": [[0, 1]]}"), 0);
}

/* ---- the source ---- */

#define DRAIN                                                                  \
    MOVER_EVENT("suspend")                                                     \
    "?suspended\n" MOVER_EVENT("drain") MOVER_STATE("waits") "?drained\n"

static bool asked_to_end(void)
{
    return puppets.one[0].heard[BLK_CTL_QUIT] > 0;
}

/* It has a request in flight, and its answer is the guest's before it moves. */
static void finish(void)
{
    CHECK_EQ(kill(puppets.one[0].pid, 0), 0);
    CHECK(life.guest && life.guest->move && life.guest->move->draining);
    CHECK(!strstr(movelife_heard(), "drained"));
    puppet_end(&puppets.one[0]);
}

static void is_draining(void)
{
    CHECK_EQ(puppets.nr, 1);
    script_when(asked_to_end, finish);
}

TEST(a_guest_moves_when_its_disks_have_finished)
{
    fresh();
    puppets.deaf[BLK_CTL_QUIT] = true;
    movelife_play(DRAIN MOVER_END("moved"));
    script_add("suspend", script_suspends);
    script_add("migration waits", is_draining);
    movelife_run(begin);
    CHECK_HAS(script.last_end, "\"end\":\"moved\"");
    CHECK_EQ(puppets.nr, 1); /* and none followed it */
}

/* What its guest asks until it sleeps is answered. */
static void not_before(void)
{
    CHECK(!asked_to_end());
    script_suspends();
}

static bool both_serve(void)
{
    return puppets.nr == 2 && puppets.one[1].opened;
}

static void goes_on(void)
{
    CHECK_EQ(script_domain()->nr_resumes, 1);
    script_when(both_serve, script_ends);
}

TEST(the_disks_of_a_guest_that_stays_serve_on)
{
    fresh();
    puppets.deaf[BLK_CTL_QUIT] = true;
    movelife_play(DRAIN MOVER_END("stayed"));
    script_add("suspend", not_before);
    script_add("migration waits", is_draining);
    script_add("state running", goes_on);
    movelife_run(begin);
}

/* ---- the destination ---- */

/* The source may write to it yet. */
static void not_yet(void)
{
    CHECK_EQ(puppets.nr, 0);
    CHECK_EQ(script_call("migrate_cancel", NULL), 0); /* which is too late */
}

static bool serves(void)
{
    return puppets.nr == 1 && puppets.one[0].opened;
}

static void here(void)
{
    script_when(serves, script_ends);
}

TEST(a_disk_is_opened_when_its_guest_is_here)
{
    fresh();
    script_add("migration ready", not_yet);
    script_add("state running", here);
    movelife_receive("?\"domid\"\n" MOVER_STATE(
        "ready") "?cancel\n" MOVER_STATE("runs") MOVER_END("runs"));
}

static int set_up(void **state)
{
    FILE *f;

    if (life_set_up(state) || puppets_set_up(PUPPET))
        return -1;
    snprintf(image, sizeof(image), "%s.img", life_base);
    f = fopen(image, "w");
    return !f || ftruncate(fileno(f), 1 << 20) || fclose(f) ? -1 : 0;
}

static int tear_down(void **state)
{
    puppets_tear_down();
    unlink(image);
    return life_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_guest_moves_when_its_disks_have_finished),
        RULE(the_disks_of_a_guest_that_stays_serve_on),
        RULE(a_disk_is_opened_when_its_guest_is_here),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
