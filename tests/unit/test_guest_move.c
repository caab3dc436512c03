/* SPDX-License-Identifier: MIT */
/*
 * test_guest_move.c - a guest leaves for another host
 *
 * The transfer's process is mover_main.c, by a script; steward and Xen are the
 * fakes, whose page a test writes as a steward would.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/checked.h"
#include "migrate/tokens.h"
#include "tests/fakes/fake.h"
#include "tests/unit/movelife.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"

#define MIGRATE                                                                \
    "{\"purpose\": \"migrate\", \"fds\": [[0, 1]], \"live\": true, "           \
    "\"max_downtime_ms\": 300}"

static void begin(struct life *l)
{
    (void)l;
    CHECK_EQ(script_call("migrate", MIGRATE), 0);
    CHECK(movelife_leaves()); /* the next supervisor is told */
    CHECK_EQ(life.guest->doorbell, 0);
    CHECK_EQ(script_call("migrate", MIGRATE), -EBUSY);
    CHECK_EQ(script_call("suspend", NULL), -EBUSY);
    CHECK_HAS(script.err.text, "it is migrating");
    CHECK_EQ(script_call("destroy", NULL), -EBUSY);
    CHECK_EQ(script_call("rename", "{\"name\": \"new\"}"), -EBUSY);
    CHECK_EQ(script_call("info", NULL), 0);
}

static const char *token_event(enum wire_token type)
{
    static char text[WIRE_TOKENS][1024];
    uint8_t token[FH_TOKEN_BYTES];
    char hex[2 * FH_TOKEN_BYTES + 1];

    movelife_token(token, type);
    tokens_hex(hex, token, FH_TOKEN_BYTES);
    snprintf(text[type], sizeof(text[type]),
             "{\"event\": \"token\", \"token\": \"%s\"}", hex);
    return text[type];
}

TEST(a_guest_that_moved_is_gone_from_here)
{
    char steps[4096];

    movelife_fresh();
    snprintf(steps, sizeof(steps),
             MOVER_STATE("precopy") "{\"event\": \"progress\", \"epoch\": 1, "
                                    "\"bytes\": 4096}\n"
                                    "{\"event\": \"suspend\"}\n"
                                    "?suspended\n{\"event\": \"drain\"}\n"
                                    "?drained\n%s\n%s\n" MOVER_END("moved"),
             token_event(WIRE_START), token_event(WIRE_DONE));
    movelife_play(steps);
    script_add("suspend", script_suspends);
    movelife_run(begin);
    CHECK_STR(script.told,
              SCRIPT_BORN "migration precopy, migration precopy, suspend, "
                          "state suspended, migration-end moved, state gone, ");
    CHECK(life.gone);
    CHECK_EQ(life.failed.rc, 0);
    CHECK_HAS(movelife_heard(), "");
    CHECK(movelife_has_token("start") && movelife_has_token("done"));
    CHECK_HAS(script.last_end, movelife_session);
    CHECK_HAS(script.last_end, "\"bytes\":4096");
    movelife_drop_tokens();
}

TEST(what_the_next_host_hears_is_what_the_guest_is)
{
    movelife_fresh();
    movelife_play("?nothing");
    life.when_running = NULL;
    setenv("MOVER", MOVER_STATE("hello") "#", 1);
    script_add("migration hello", script_ends);
    movelife_run(begin);
}

static void went_on(void)
{
    CHECK_EQ(script_domain()->nr_resumes, 1);
    CHECK(life.guest->doorbell != 0);
    CHECK(!life.guest->move);
    CHECK(!movelife_leaves());
    CHECK_EQ(script_call("migrate", "{\"fds\": []}"), -EINVAL);
    CHECK(life.guest->doorbell != 0);
    script_ends();
}

TEST(a_guest_that_stayed_goes_on_as_it_was)
{
    movelife_fresh();
    movelife_play("{\"event\": \"suspend\"}\n?suspended\n" MOVER_END("stayed"));
    script_add("suspend", script_suspends);
    script_add("state running", went_on);
    movelife_run(begin);
    CHECK_STR(script.told,
              SCRIPT_BORN "suspend, state suspended, migration-end stayed, "
                          "resume, state running, state ended, state gone, ");
}

/* The transfer ends while its kernel has yet to hear, or to do it. */
static bool was_resumed(void)
{
    return script_domain()->nr_resumes == 1;
}

static void too_late(void)
{
    CHECK_STR(script_asked(), ""); /* taken back */
    CHECK_EQ(script_domain()->nr_resumes, 0);
    fake_shutdown(script_domain(), HYP_SUSPEND); /* all the same */
    script_when(was_resumed, script_ends);
}

TEST(a_suspend_that_the_transfer_no_longer_wants_is_undone)
{
    movelife_fresh();
    movelife_play(MOVER_EVENT("suspend") MOVER_END("stayed"));
    script_add("migration-end stayed", too_late);
    movelife_run(begin);
    CHECK_STR(script.told, SCRIPT_BORN "suspend, migration-end stayed, "
                                       "state ended, state gone, ");
}

/* Its kernel has a minute. */
TEST(a_kernel_that_does_not_suspend_ends_the_transfer)
{
    movelife_fresh();
    movelife_suspend_ms = 50;
    movelife_play(MOVER_EVENT("suspend") "?cancel\n!");
    script_add("migration-end stayed", script_ends);
    movelife_run(begin);
    CHECK_STR(script.told,
              SCRIPT_BORN "suspend, unsuspended, migration-end stayed, "
                          "state ended, state gone, ");
    CHECK_HAS(script.last_end, "its kernel has not heard");
}

/* The page still has the session by which it came. */
static void came_before(struct life *l)
{
    tokens_unhex(movelife_steward()->session, 16, movelife_session);
    begin(l);
}

TEST(a_guest_that_came_does_not_leave_by_the_same_session)
{
    movelife_fresh();
    movelife_play(MOVER_STATE("handshake") MOVER_END("stayed"));
    script_add("migration-end stayed", script_ends);
    movelife_run(came_before);
    CHECK_HAS(script.last_end, "\"session\":\"\"");
}

/* The process is killed in the precopy: the steward is told to give up. */
static void cancelled(void)
{
    CHECK_EQ(movelife_steward()->state, FH_MOVE_CANCELLED);
    CHECK_EQ(script_domain()->nr_resumes, 0);
    script_ends();
}

static void in_precopy(struct life *l)
{
    begin(l);
    movelife_steward()->state = FH_MOVE_PRECOPY;
}

TEST(a_process_that_dies_costs_nothing_in_the_precopy)
{
    movelife_fresh();
    movelife_play(MOVER_STATE("precopy") "!");
    script_add("migration-end stayed", cancelled);
    movelife_run(in_precopy);
    CHECK_HAS(script.last_end, "ended without a word");
}

/* A steward that its guest has overwritten: half a minute is enough. */
static void never_answered(void)
{
    const struct fh_control *c = fake_control(script_domain());

    CHECK_EQ(c->dom0.command.op, FH_OP_CANCEL);
    CHECK_EQ(c->steward.move.state, FH_MOVE_PRECOPY);
    CHECK(!life.guest->move);
    CHECK_EQ(life.guest->state, GUEST_RUNNING);
    script_ends();
}

static void deaf_steward(struct life *l)
{
    in_precopy(l);
    fake.act = FAKE_STEWARD_SILENT;
}

TEST(a_steward_that_does_not_answer_is_not_waited_for_for_ever)
{
    movelife_fresh();
    movelife_play(MOVER_STATE("precopy") "!");
    script_add("migration-end stuck", never_answered);
    movelife_run(deaf_steward);
}

/* Its process has ended, and somebody has its doorbell. */
static bool was_looked_at_in_vain(void)
{
    CHECK(life.guest && life.guest->move);
    return !life.guest->move->proc && life.guest->move->nr_looks > 3;
}

static void hold_bell(void)
{
    movelife_hold_bell();
    CHECK_EQ(script_call("migrate_cancel", NULL), 0);
    script_when(was_looked_at_in_vain, movelife_end_holder);
}

TEST(a_steward_is_told_to_give_up_when_its_doorbell_is_ours)
{
    movelife_fresh();
    movelife_play(MOVER_STATE("precopy") "?cancel\n!");
    script_add("migration precopy", hold_bell);
    script_add("migration-end stayed", cancelled);
    movelife_run(in_precopy);
}

/* ... and behind the fence the page is what is believed. */
static void fence(void)
{
    movelife_steward()->state = FH_MOVE_FENCED;
    movelife_token(movelife_steward()->token, WIRE_START);
    script_suspends();
}

static void destroy(void)
{
    CHECK_EQ(script_call("resume", NULL), -EBUSY);
    CHECK_HAS(script.err.text, "freehold resolve");
    CHECK_EQ(script_call("destroy", NULL), -EBUSY);
    CHECK_EQ(script_call("migrate_cancel", NULL), -EBUSY);
    CHECK_EQ(script_call("resolve", "{\"fds\": []}"), -EINVAL);
    CHECK_HAS(script.err.text, "which needs the word of the other host");
    guest_stop_now(life.guest); /* systemctl stop, and its time is over */
    CHECK(fake_find(guest_domid(life.guest)) != NULL);
    CHECK_EQ(script_domain()->nr_resumes, 0);
    CHECK(movelife_has_token("start"));
    CHECK_EQ(script_call("destroy", "{\"force\": true}"), 0);
}

TEST(a_fenced_guest_is_kept_until_it_is_destroyed_by_force)
{
    movelife_fresh();
    movelife_play("{\"event\": \"suspend\"}\n?suspended\n!");
    script_add("suspend", fence);
    script_add("migration-end fenced", destroy);
    movelife_run(begin);
    CHECK_STR(script.told,
              SCRIPT_BORN "suspend, state suspended, migration fenced, "
                          "migration-end fenced, state gone, ");
    movelife_drop_tokens();
}

/* Its kernel has written that, and runs: it is told to end, as any other. */
static void no_fence(struct life *l)
{
    begin(l);
    movelife_steward()->state = FH_MOVE_FENCED;
    movelife_token(movelife_steward()->token, WIRE_START);
    fake.act = FAKE_STEWARD_SILENT;
}

static void not_spared(void)
{
    CHECK(!movelife_leaves());
    CHECK_EQ(life.guest->state, GUEST_RUNNING);
    CHECK_EQ(script_domain()->nr_resumes, 0);
    guest_stop_now(life.guest);
}

TEST(a_guest_that_says_it_is_fenced_and_runs_is_not_believed)
{
    static const char *const steps[] = {
        MOVER_STATE("fenced") MOVER_END("fenced"),
        MOVER_STATE("fenced") MOVER_END("moved"),
        MOVER_STATE("precopy") "!",
    };

    for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
        movelife_fresh();
        movelife_play(steps[i]);
        script_add("migration-end stuck", not_spared);
        movelife_run(no_fence);
        CHECK(life.gone);
        movelife_drop_tokens();
    }
}

/* Behind its fence no other of it is started here, however its domain ends. */
static void crash(void)
{
    fake_shutdown(script_domain(), HYP_CRASH);
}

TEST(a_guest_that_may_have_left_is_not_started_again)
{
    movelife_fresh();
    life.cfg.on_crash = VM_RESTART;
    movelife_play(MOVER_EVENT("suspend") "?suspended\n" MOVER_END("fenced"));
    script_add("suspend", fence);
    script_add("migration-end fenced", crash);
    movelife_run(begin);
    CHECK_STR(script.told,
              SCRIPT_BORN "suspend, state suspended, migration fenced, "
                          "migration-end fenced, state ended, state gone, ");
    movelife_drop_tokens();
}

static void resolve(void)
{
    movelife_play(
        "{\"event\": \"state\", \"state\": \"fenced\"}\n" MOVER_END("moved"));
    CHECK_EQ(script_call("resolve", "{\"fds\": [[0, 1]], \"abort\": false}"),
             0);
}

TEST(a_fenced_guest_is_resolved)
{
    movelife_fresh();
    movelife_play("{\"event\": \"suspend\"}\n?suspended\n" MOVER_END("fenced"));
    script_add("suspend", fence);
    script_add("migration-end fenced", resolve);
    movelife_run(begin);
    CHECK_HAS(script.last_end, "\"end\":\"moved\"");
    movelife_drop_tokens();
}

static void refused(struct life *l)
{
    (void)l;
    CHECK_EQ(script_call("migrate", "{\"fds\": [[0, 99]]}"), -EBADF);
    CHECK_EQ(script_call("migrate", "{\"fds\": [0]}"), -EINVAL);
    CHECK_EQ(script_call("migrate", "{\"fds\": [[0, 1]], \"purpose\": \"x\"}"),
             -EINVAL);
    CHECK_EQ(script_call("migrate_cancel", NULL), -EBUSY);
    CHECK_EQ(script_call("resolve", "{\"fds\": [[0, 1]]}"), -EBUSY);
    life.cfg.no_migrate = true;
    CHECK_EQ(script_call("migrate", MIGRATE), -EPERM);
    life.cfg.no_migrate = false;
    life.guest->opt.migrate_program = "/nowhere/at-all";
    CHECK_EQ(script_call("migrate", MIGRATE), -ENOENT);
    CHECK(!life.guest->move);
    CHECK(life.guest->doorbell != 0);
    script_ends();
}

TEST(what_cannot_begin_leaves_the_guest_as_it_was)
{
    movelife_fresh();
    movelife_run(refused);
}

/* The word is in xenstore until its kernel has heard it. */
static void asked_before(struct life *l)
{
    (void)l;
    CHECK_EQ(script_call("shutdown", NULL), 0);
    CHECK_EQ(script_call("migrate", MIGRATE), -EBUSY);
    CHECK_HAS(script.err.text, "it was asked to suspend or to stop");
    script_acknowledges();
    CHECK_EQ(script_call("suspend", NULL), 0);
    script_acknowledges();
    CHECK_STR(script_asked(), "");
    CHECK_EQ(script_call("migrate", MIGRATE), -EBUSY);
    CHECK_HAS(script.err.text, "it was asked to suspend or to stop");
    CHECK(!life.guest->move);
    script_ends();
}

TEST(a_guest_that_was_asked_to_suspend_or_to_stop_is_not_migrated)
{
    movelife_fresh();
    movelife_run(asked_before);
}

static void deaf(void)
{
    CHECK_EQ(script_call("migrate_cancel", NULL), 0);
}

TEST(an_operator_may_cancel)
{
    movelife_fresh();
    movelife_play(MOVER_STATE("precopy") "?cancel\n" MOVER_END("stayed"));
    script_add("migration precopy", deaf);
    script_add("migration-end stayed", script_ends);
    movelife_run(begin);
}

/* ---- a supervisor that died meanwhile ---- */

static void woken(void)
{
    CHECK_EQ(script_domain()->nr_resumes, 1);
    CHECK_EQ(movelife_steward()->state, FH_MOVE_CANCELLED);
    script_ends();
}

TEST(a_guest_that_was_leaving_goes_on_under_the_next_supervisor)
{
    struct run_state left = movelife_left(true, false);

    movelife_fresh();
    movelife_leave_behind(FH_STATE_RUNNING, FH_MOVE_LAST, true);
    script_add("state running", woken);
    movelife_adopt(&left, 0);
    CHECK_HAS(script.told, "migration-end stayed, resume, state running, ");
}

/* The one after it finds what the one before it left. */
TEST(a_guest_that_leaves_is_written_down_as_one_until_that_is_settled)
{
    for (unsigned suspended = 0; suspended < 2; suspended++) {
        struct run_state left = movelife_left(true, false), now = { 0 };

        movelife_fresh();
        movelife_leave_behind(FH_STATE_RUNNING, FH_MOVE_PRECOPY, suspended);
        script_add("migration-end stayed", script_ends);
        movelife_open(NULL);
        CHECK_EQ(guest_adopt(life.guest, 7, &left, &script.err), 0);
        CHECK_EQ(rundir_read(life_base, life.cfg.name, &now, &script.err), 0);
        CHECK(now.leaves);
        movelife_finish();
    }
}

/* One that was suspended by hand is not woken. */
static void still_asleep(uv_timer_t *t)
{
    CHECK_EQ(script_domain()->nr_resumes, 0);
    uv_close((uv_handle_t *)t, NULL);
    CHECK_EQ(script_call("destroy", NULL), 0);
}

TEST(a_guest_that_was_not_leaving_stays_suspended)
{
    struct run_state left = movelife_left(false, false);
    static uv_timer_t later;

    movelife_fresh();
    movelife_leave_behind(FH_STATE_RUNNING, FH_MOVE_CANCELLED, true);
    movelife_open(NULL);
    CHECK_EQ(guest_adopt(life.guest, 7, &left, &script.err), 0);
    uv_timer_init(&life.loop, &later);
    uv_timer_start(&later, still_asleep, 50, 0);
    movelife_finish();
}

static void force(void)
{
    CHECK_EQ(script_domain()->nr_resumes, 0);
    CHECK_EQ(script_call("resume", NULL), -EBUSY);
    CHECK(movelife_has_token("start"));
    CHECK_EQ(script_call("destroy", "{\"force\": true}"), 0);
}

TEST(a_fenced_guest_is_fenced_under_the_next_supervisor)
{
    struct run_state left = movelife_left(true, false);

    movelife_fresh();
    movelife_leave_behind(FH_STATE_RUNNING, FH_MOVE_FENCED, true);
    script_add("migration-end fenced", force);
    movelife_adopt(&left, 0);
    CHECK_STR(script.told,
              "state suspended, migration fenced, migration-end fenced, "
              "state gone, ");
    movelife_drop_tokens();
}

/*
 * The process that the supervisor before had may be at it yet: what its page
 * says is no end until that one has let go of the doorbell.
 */
static bool was_looked_at(void)
{
    CHECK(life.guest && life.guest->move);
    return life.guest->move->nr_looks > 3;
}

static void fence_and_end(void)
{
    CHECK_EQ(script_domain()->nr_resumes, 0);
    CHECK_STR(script.told, "state suspended, ");
    movelife_steward()->state = FH_MOVE_FENCED;
    movelife_end_holder();
}

static void adopt_held(uint32_t move_state)
{
    struct run_state left = movelife_left(true, false);

    movelife_fresh();
    movelife_leave_behind(FH_STATE_RUNNING, move_state, true);
    movelife_hold_bell();
    script_add("migration-end fenced", force);
    movelife_open(NULL);
    CHECK_EQ(guest_adopt(life.guest, 7, &left, &script.err), 0);
}

TEST(a_page_is_not_believed_while_another_process_has_the_doorbell)
{
    adopt_held(FH_MOVE_IDLE);
    script_when(was_looked_at, fence_and_end);
    movelife_finish();
    movelife_drop_tokens();
}

/* ... for half a minute. */
TEST(one_that_keeps_the_doorbell_is_not_waited_for_for_ever)
{
    adopt_held(FH_MOVE_FENCED);
    script_add("state gone", movelife_end_holder);
    movelife_finish();
    movelife_drop_tokens();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_guest_that_moved_is_gone_from_here),
        RULE(what_the_next_host_hears_is_what_the_guest_is),
        RULE(a_guest_that_stayed_goes_on_as_it_was),
        RULE(a_suspend_that_the_transfer_no_longer_wants_is_undone),
        RULE(a_kernel_that_does_not_suspend_ends_the_transfer),
        RULE(a_guest_that_came_does_not_leave_by_the_same_session),
        RULE(a_process_that_dies_costs_nothing_in_the_precopy),
        RULE(a_steward_is_told_to_give_up_when_its_doorbell_is_ours),
        RULE(a_steward_that_does_not_answer_is_not_waited_for_for_ever),
        RULE(a_fenced_guest_is_kept_until_it_is_destroyed_by_force),
        RULE(a_guest_that_says_it_is_fenced_and_runs_is_not_believed),
        RULE(a_guest_that_may_have_left_is_not_started_again),
        RULE(a_fenced_guest_is_resolved),
        RULE(what_cannot_begin_leaves_the_guest_as_it_was),
        RULE(a_guest_that_was_asked_to_suspend_or_to_stop_is_not_migrated),
        RULE(an_operator_may_cancel),
        RULE(a_guest_that_was_leaving_goes_on_under_the_next_supervisor),
        RULE(a_guest_that_leaves_is_written_down_as_one_until_that_is_settled),
        RULE(a_guest_that_was_not_leaving_stays_suspended),
        RULE(a_fenced_guest_is_fenced_under_the_next_supervisor),
        RULE(a_page_is_not_believed_while_another_process_has_the_doorbell),
        RULE(one_that_keeps_the_doorbell_is_not_waited_for_for_ever),
    };

    return cmocka_run_group_tests(tests, life_set_up, life_tear_down);
}
