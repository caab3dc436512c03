/* SPDX-License-Identifier: MIT */
/*
 * test_guest_comes.c - a guest comes from another host
 *
 * As test_guest_move.c, which has the other side of it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "migrate/tokens.h"
#include "tests/fakes/fake.h"
#include "tests/unit/movelife.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmdisk.h"

#define MADE "state building, state launching, state receiving, "

static void measured(void)
{
    memset(fake_control(script_domain())->steward.measurement, 0x77, 32);
    CHECK(script_domain()->claim_pages > 0);
}

/* Its kernel may run by now, and writes what it likes; a cancel is too late. */
static void lies(void)
{
    memset(fake_control(script_domain())->steward.measurement, 0x66, 32);
    CHECK_EQ(script_call("migrate_cancel", NULL), 0);
}

static void runs(void)
{
    char want[65];

    memset(want, '7', 64);
    want[64] = 0;
    CHECK_EQ(script_domain()->offer.flags, FH_OFFER_RECEIVE);
    CHECK_EQ(script_domain()->offer.len_bytes[FH_BLOB_KERNEL], 0);
    CHECK_STR(life.state, "running");
    CHECK_STR(life.measurement, want);
    CHECK_EQ(life.nr_outcomes, 1);
    CHECK(!life.guest->receives);
    CHECK_EQ(script_domain()->claim_pages, 0); /* what it needed is its own */
}

TEST(a_guest_that_comes_runs_here)
{
    movelife_fresh();
    life.cfg.kernel = (char *)"/not/here"; /* it brings its own */
    script_add("state receiving", measured);
    script_add("migration ready", lies);
    script_add("state running", runs);
    script_add("migration-end runs", script_ends);
    movelife_receive("?\"domid\"\n" MOVER_STATE(
        "handshake") "{\"event\": "
                     "\"note\"}\n" MOVER_STATE("ready") "?cancel"
                                                        "\n" MOVER_STATE("runs")
                                                            MOVER_END("runs"));
    CHECK_STR(script.told,
              MADE "migration handshake, migration ready, "
                   "migration runs, state running, migration-end runs, "
                   "state ended, state gone, ");
}

TEST(one_that_is_given_up_is_removed)
{
    movelife_fresh();
    movelife_receive("?\"domid\"\n" MOVER_END("poisoned"));
    CHECK_STR(script.told, MADE "migration-end poisoned, state gone, ");
    CHECK_EQ(life.failed.rc, -ECANCELED);
}

TEST(one_that_cannot_be_made_is_refused_in_words)
{
    movelife_fresh();
    fake.act = FAKE_STEWARD_REFUSES;
    movelife_receive("?answer\n#");
    CHECK_EQ(life.failed.rc, -ECANCELED);
    CHECK_EQ(life.nr_outcomes, 1);
}

/* ---- its disks ---- */

static struct vm_disk disks[3];
static uv_pipe_t nbd_server, nbd_client;
static char nbd_target[2][160];

static void on_client(uv_stream_t *s, int status)
{
    uv_buf_t greeting = uv_buf_init((char *)"NBDMAGICIHAVEOPT", 16);

    CHECK_EQ(status, 0);
    uv_pipe_init(s->loop, &nbd_client, 0);
    CHECK_EQ(uv_accept(s, (uv_stream_t *)&nbd_client), 0);
    CHECK_EQ(uv_try_write((uv_stream_t *)&nbd_client, &greeting, 1), 16);
    uv_close((uv_handle_t *)&nbd_client, NULL);
    uv_close((uv_handle_t *)s, NULL);
}

/* The first disk's server listens, the second's does not, and one has none. */
static void disks_fresh(uint32_t nr)
{
    movelife_fresh();
    for (uint32_t i = 0; i < 2; i++)
        snprintf(nbd_target[i], sizeof(nbd_target[i]),
                 "nbd+unix:///d?socket=%s.nbd%u", life_base, i);
    for (uint32_t i = 0; i < nr; i++)
        disks[i] = (struct vm_disk){ .target = nbd_target[i % 2],
                                     .vdev = (char *)(i ? "xvdb" : "xvda"),
                                     .format = VM_DISK_RAW,
                                     .devid = 51712 + 16 * i,
                                     .writable = true };
    life.cfg.disks = disks;
    life.cfg.nr_disks = nr;
}

static void nbd_listen(void)
{
    const char *path = strchr(nbd_target[0], '=') + 1;

    unlink(path);
    uv_pipe_init(&life.loop, &nbd_server, 0);
    CHECK_EQ(uv_pipe_bind(&nbd_server, path), 0);
    CHECK_EQ(uv_listen((uv_stream_t *)&nbd_server, 1, on_client), 0);
}

static void one_is_missing(void)
{
    CHECK_HAS(movelife_heard(), "\"missing\":[\"disk xvdb: nbd+unix:");
    CHECK(!strstr(movelife_heard(), "disk xvda"));
    CHECK(!strstr(movelife_heard(), "\"domid\""));
}

TEST(a_disk_that_cannot_be_reached_from_here_is_told)
{
    disks_fresh(2);
    script_add("state building", nbd_listen);
    script_add("migration-end refused", one_is_missing);
    movelife_receive("?\"missing\"\n" MOVER_END("refused"));
    CHECK_HAS(script.told,
              "state receiving, migration-end refused, state ending, ");
}

static void none_is_missing(void)
{
    CHECK_HAS(movelife_heard(), "\"domid\"");
    CHECK(!strstr(movelife_heard(), "\"missing\""));
}

TEST(disks_that_are_reached_are_no_reason)
{
    disks_fresh(1);
    script_add("state building", nbd_listen);
    script_add("migration-end poisoned", none_is_missing);
    movelife_receive("?\"domid\"\n" MOVER_END("poisoned"));
}

/* Its connection broke: it waits, whatever anybody does but give it up. */
static void give_up(void)
{
    CHECK_EQ(script_call("pause", NULL), -EBUSY);
    CHECK_EQ(script_call("resolve", "{\"fds\": []}"), -ENOENT); /* no START */
    CHECK_EQ(script_call("destroy", NULL), 0);
    CHECK(fake_find(guest_domid(life.guest)) != NULL);
}

static void is_ready(void)
{
    movelife_steward()->state = FH_MOVE_READY;
    tokens_unhex(movelife_steward()->session, 16, movelife_session);
}

TEST(one_that_is_ready_is_kept_and_given_up_in_order)
{
    movelife_fresh();
    script_add("state receiving", is_ready);
    script_add("migration-end ready", give_up);
    movelife_receive("?\"domid\"\n" MOVER_STATE("handshake")
                         MOVER_STATE("import") "!");
    CHECK_HAS(script.told,
              "migration-end ready, migration-end poisoned, state gone, ");
    CHECK_EQ(life.failed.rc, 0);
}

/* Until its steward has given it up it could be started yet. */
static bool was_looked_at(void)
{
    CHECK(life.guest && life.guest->move);
    return life.guest->move->nr_looks > 3;
}

static void answers(void)
{
    CHECK(!strstr(strstr(script.told, "migration-end ready, "), "state gone"));
    movelife_steward()->state = FH_MOVE_POISONED;
    fake_ring(guest_domid(life.guest), XEN_STEWARD_DOORBELL_PORT);
}

static void give_up_slowly(void)
{
    fake.act = FAKE_STEWARD_SILENT;
    CHECK_EQ(script_call("destroy", NULL), 0);
    script_when(was_looked_at, answers);
}

TEST(one_that_is_given_up_is_kept_until_its_steward_says_so)
{
    movelife_fresh();
    script_add("state receiving", is_ready);
    script_add("migration-end ready", give_up_slowly);
    movelife_receive("?\"domid\"\n" MOVER_STATE("handshake")
                         MOVER_STATE("import") "!");
    CHECK_STR(script.told,
              MADE "migration handshake, migration import, migration ready, "
                   "migration-end ready, migration-end poisoned, state gone, ");
}

static void never_answers(void)
{
    fake.act = FAKE_STEWARD_SILENT;
    CHECK_EQ(script_call("destroy", NULL), 0);
}

TEST(a_steward_that_does_not_answer_is_not_waited_for_for_ever)
{
    movelife_fresh();
    script_add("state receiving", is_ready);
    script_add("migration-end ready", never_answers);
    movelife_receive("?\"domid\"\n" MOVER_STATE("handshake")
                         MOVER_STATE("import") "!");
    CHECK_HAS(script.told,
              "migration-end ready, migration-end stuck, state gone, ");
}

/* ---- resolve ---- */

static void bring_start(void)
{
    uint8_t token[FH_TOKEN_BYTES];
    int dir;

    mkdir(movelife_tokens, 0700);
    dir = open(movelife_tokens, O_RDONLY | O_DIRECTORY);
    movelife_token(token, WIRE_START);
    CHECK_EQ(tokens_keep(dir, token, &script.err), 0);
    close(dir);
}

/* What is heard of us is hello, RESOLVE and the session, and then .. */
static void check_peer(const char *unit_hex)
{
    char want[256];

    snprintf(want, sizeof(want), "%s0000000000000000%s", movelife_session,
             unit_hex);
    CHECK_HAS(movelife_heard(), "46484d4947000001" /* FHMIG */
                                "01000100"
                                "00000100"
                                "03000000"
                                "00000000");
    CHECK_HAS(movelife_heard(), want);
    CHECK_HAS(movelife_heard(), "\"found\":\"domain\"");
}

#define ASKED(bytes) "<" bytes "\n{\"event\": \"session\"}\n?found\n"
#define HUNG_UP "<1\n" /* else it waits for what its peer says next */

static void start_it(void)
{
    CHECK_EQ(script_call("resolve", "{\"fds\": []}"), -ENOENT);
    CHECK_HAS(script.err.text, "5e550000000000000000000000000001.start");
    bring_start();
    movelife_play(ASKED("432") MOVER_STATE("runs") HUNG_UP MOVER_END("runs"));
    CHECK_EQ(script_call("resolve", "{\"fds\": [], \"abort\": false}"), 0);
    CHECK_EQ(script_call("resolve", "{\"fds\": []}"), -EBUSY);
    CHECK_EQ(life.guest->doorbell, 0);
}

static void it_runs(void)
{
    check_peer("06000000"
               "60010000"
               "0000000000000000" /* TOKEN, START */
               "46484d540101");
    CHECK_EQ(life.guest->state, GUEST_RUNNING);
    script_ends();
}

TEST(one_that_is_ready_is_started_by_the_token_that_was_brought)
{
    movelife_fresh();
    script_add("state receiving", is_ready);
    script_add("migration-end ready", start_it);
    script_add("migration-end runs", it_runs);
    movelife_receive("?\"domid\"\n" MOVER_STATE("handshake")
                         MOVER_STATE("ready") "!");
    movelife_drop_tokens();
}

static void abort_it(void)
{
    bring_start(); /* and it is not used */
    movelife_play(ASKED("80") MOVER_END("poisoned"));
    CHECK_EQ(script_call("resolve", "{\"fds\": [], \"abort\": true}"), 0);
}

static void it_is_over(void)
{
    check_peer("07000000"
               "00000000"
               "0100000000000000"); /* ASK 1 */
}

TEST(one_that_is_ready_is_given_up_by_resolve)
{
    movelife_fresh();
    script_add("state receiving", is_ready);
    script_add("migration-end ready", abort_it);
    script_add("migration-end poisoned", it_is_over);
    movelife_receive("?\"domid\"\n" MOVER_STATE("handshake")
                         MOVER_STATE("ready") "!");
    CHECK_HAS(script.told, "migration-end poisoned, state gone, ");
    movelife_drop_tokens();
}

/* Its steward does not say which: there is no file to look for. */
static void no_session(void)
{
    CHECK_EQ(script_call("resolve", "{\"fds\": [], \"abort\": true}"), -EBUSY);
    CHECK_HAS(script.err.text, "it has no session yet");
    CHECK_EQ(script_call("destroy", NULL), 0);
}

static void is_ready_of_none(void)
{
    movelife_steward()->state = FH_MOVE_READY;
}

TEST(one_without_a_session_cannot_be_resolved)
{
    movelife_fresh();
    script_add("state receiving", is_ready_of_none);
    script_add("migration-end ready", no_session);
    movelife_receive("?\"domid\"\n" MOVER_STATE("handshake") "!");
    movelife_drop_tokens();
}

static uint32_t nr_lines, nr_dropped; /* of the log: what is not kept */

void __wrap_log_line(enum log_level level, const char *fmt, ...);

/* Linked in by --wrap. */
void __wrap_log_line(enum log_level level, const char *fmt, ...)
{
    char text[512];
    va_list args;

    (void)level;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    nr_lines += strstr(text, "it is not kept") != NULL;
    nr_dropped += strstr(text, "the rest is dropped") != NULL;
    if (getenv("LOUD"))
        print_message("%s\n", text);
}

/* As many tokens, of as many sessions, as its peer likes to send. */
static void add_tokens(char *steps, size_t bytes, bool ours, uint32_t nr)
{
    uint8_t token[FH_TOKEN_BYTES];
    char hex[2 * FH_TOKEN_BYTES + 1];

    for (uint32_t i = 1; i <= nr; i++) {
        size_t used = strlen(steps);

        movelife_token(token, WIRE_START);
        token[16] ^= (uint8_t)(ours ? 0 : i);
        token[40] = (uint8_t)i;
        tokens_hex(hex, token, FH_TOKEN_BYTES);
        snprintf(steps + used, bytes - used,
                 "{\"event\": \"token\", \"token\": \"%s\"}\n", hex);
    }
}

static uint32_t nr_files(const char *path)
{
    DIR *d = opendir(path);
    uint32_t nr = 0;

    for (struct dirent *f; d && (f = readdir(d));)
        nr += f->d_name[0] != '.';
    if (d)
        closedir(d);
    return nr;
}

static void no_flood(void)
{
    uint8_t token[FH_TOKEN_BYTES], session[WIRE_ID_BYTES];
    int dir = open(movelife_tokens, O_RDONLY | O_DIRECTORY);

    CHECK_EQ(nr_files(movelife_tokens), 1);
    tokens_unhex(session, WIRE_ID_BYTES, movelife_session);
    CHECK_EQ(tokens_read(dir, session, WIRE_START, token, &script.err), 0);
    close(dir);
    CHECK_EQ(token[40], 16); /* the last that was written */
    CHECK_STR(life.guest->move->session, movelife_session);
    CHECK_EQ(nr_lines, 32);
    CHECK_EQ(nr_dropped, 1);
    CHECK_EQ(script_call("destroy", NULL), 0);
}

TEST(what_a_peer_sends_without_end_fills_neither_files_nor_the_log)
{
    static char steps[100000];

    movelife_fresh();
    nr_lines = nr_dropped = 0;
    snprintf(steps, sizeof(steps), "?\"domid\"\n" MOVER_STATE("handshake"));
    add_tokens(steps, sizeof(steps), false, 40);
    add_tokens(steps, sizeof(steps), true, 40);
    strcat(steps, "!");
    script_add("state receiving", is_ready);
    script_add("migration-end ready", no_flood);
    movelife_receive(steps);
    movelife_drop_tokens();
}

static void no_file(void)
{
    CHECK_EQ(nr_files(movelife_tokens), 0);
}

TEST(a_token_that_comes_before_there_is_a_session_gets_no_file)
{
    static char steps[10000];

    movelife_fresh();
    snprintf(steps, sizeof(steps), "?\"domid\"\n" MOVER_STATE("handshake"));
    add_tokens(steps, sizeof(steps), true, 3);
    strcat(steps, MOVER_END("refused"));
    script_add("migration-end refused", no_file);
    movelife_receive(steps);
    movelife_drop_tokens();
}

/* ---- a supervisor that died meanwhile ---- */

/* As the steward would have left it on its page. */
static void leave_token(enum wire_token type)
{
    movelife_token(fake_control(fake_find(7))->steward.move.token, type);
}

TEST(one_that_was_received_in_part_is_given_up_by_the_next_supervisor)
{
    struct run_state left = movelife_left(false, true);

    movelife_fresh();
    movelife_leave_behind(FH_STATE_RECEIVING, FH_MOVE_IMPORT, false);
    leave_token(WIRE_ABORT);
    movelife_adopt(&left, 0);
    CHECK(movelife_has_token("abort")); /* for the source, which may ask */
    CHECK_HAS(script.told,
              "state receiving, migration-end poisoned, state gone, ");
    CHECK_EQ(life.failed.rc, -ECANCELED);
    movelife_drop_tokens();
}

/* The process of the supervisor before has not ended when destroy is called. */
static bool was_looked_at_in_vain(void)
{
    CHECK(life.guest && life.guest->move);
    CHECK_EQ(life.guest->doorbell, 0);
    return life.guest->move->nr_looks > 3;
}

TEST(a_steward_is_told_to_give_up_when_its_doorbell_is_ours)
{
    struct run_state left = movelife_left(false, true);

    movelife_fresh();
    movelife_leave_behind(FH_STATE_RECEIVING, FH_MOVE_IMPORT, false);
    movelife_hold_bell();
    movelife_open(NULL);
    CHECK_EQ(guest_adopt(life.guest, 7, &left, &script.err), 0);
    CHECK_EQ(script_call("destroy", NULL), 0);
    script_when(was_looked_at_in_vain, movelife_end_holder);
    movelife_finish();
    CHECK_HAS(script.told,
              "state receiving, migration-end poisoned, state gone, ");
    movelife_drop_tokens();
}

static void give_ready_up(void)
{
    CHECK(fake_find(7) != NULL);
    CHECK_STR(life.guest->move->session, movelife_session);
    CHECK_EQ(script_call("destroy", NULL), 0);
}

TEST(one_that_is_ready_is_kept_by_the_next_supervisor)
{
    struct run_state left = movelife_left(false, true);

    movelife_fresh();
    movelife_leave_behind(FH_STATE_RECEIVING, FH_MOVE_READY, false);
    script_add("migration-end ready", give_ready_up);
    movelife_adopt(&left, 0);
    CHECK_HAS(script.told, "migration-end poisoned, state gone, ");
    movelife_drop_tokens();
}

TEST(one_that_came_unseen_runs_under_the_next_supervisor)
{
    struct run_state left = movelife_left(false, true);

    movelife_fresh();
    movelife_leave_behind(FH_STATE_RUNNING, FH_MOVE_DONE, false);
    leave_token(WIRE_DONE);
    script_add("migration-end runs", script_ends);
    movelife_adopt(&left, 0);
    CHECK(movelife_has_token("done"));
    CHECK_HAS(script.told,
              "state receiving, state running, migration-end runs, ");
    movelife_drop_tokens();
}

TEST(one_that_was_hardly_begun_is_removed_and_not_made_anew)
{
    struct run_state left = movelife_left(false, true);
    struct fake_domain *d;

    movelife_fresh();
    movelife_leave_behind(FH_STATE_READY, FH_MOVE_IDLE, false);
    movelife_open(NULL);
    CHECK_EQ(guest_adopt(life.guest, 7, &left, &script.err), -EPROTO);
    d = fake_find(7);
    CHECK(!d);
    guest_destroy(life.guest);
    movelife_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_guest_that_comes_runs_here),
        RULE(one_that_is_given_up_is_removed),
        RULE(one_that_cannot_be_made_is_refused_in_words),
        RULE(a_disk_that_cannot_be_reached_from_here_is_told),
        RULE(disks_that_are_reached_are_no_reason),
        RULE(one_that_is_ready_is_kept_and_given_up_in_order),
        RULE(one_that_is_given_up_is_kept_until_its_steward_says_so),
        RULE(a_steward_that_does_not_answer_is_not_waited_for_for_ever),
        RULE(one_that_is_ready_is_started_by_the_token_that_was_brought),
        RULE(one_that_is_ready_is_given_up_by_resolve),
        RULE(one_without_a_session_cannot_be_resolved),
        RULE(what_a_peer_sends_without_end_fills_neither_files_nor_the_log),
        RULE(a_token_that_comes_before_there_is_a_session_gets_no_file),
        RULE(one_that_was_received_in_part_is_given_up_by_the_next_supervisor),
        RULE(a_steward_is_told_to_give_up_when_its_doorbell_is_ours),
        RULE(one_that_is_ready_is_kept_by_the_next_supervisor),
        RULE(one_that_came_unseen_runs_under_the_next_supervisor),
        RULE(one_that_was_hardly_begun_is_removed_and_not_made_anew),
    };

    return cmocka_run_group_tests(tests, life_set_up, life_tear_down);
}
