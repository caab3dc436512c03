/* SPDX-License-Identifier: MIT */
/*
 * test_guest_move.c - a guest leaves for another host, or comes from one
 *
 * The transfer's process is mover_main.c, by a script; steward and Xen are the
 * fakes, whose page a test writes as a steward would.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/log.h"
#include "migrate/tokens.h"
#include "tests/fakes/fake.h"
#include "tests/unit/life.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/api.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmdisk.h"

void __wrap_api_event(struct api *a, const char *method,
                      struct json_object *params);
int __wrap_api_take_fd(struct api *a, int number, struct err *e);

static struct err err;
static char told[2048], last_end[512];
static struct {
    const char *when;
    void (*then)(void);
} script[12];
static uint32_t at, ran; /* two may be told in one turn of the loop */
static uv_timer_t soon;
static char heard_path[64], tokens_path[64];

/* ---- the client ---- */

int __wrap_api_take_fd(struct api *a, int number, struct err *e)
{
    (void)a;
    return number == 99 ? fail(e, -EBADF, "api: descriptor 99")
                        : open("/dev/null", O_RDWR | O_CLOEXEC);
}

static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *v;

    return o && json_object_object_get_ex(o, key, &v)
               ? json_object_get_string(v)
               : "";
}

static void on_soon(uv_timer_t *t)
{
    (void)t;
    while (ran < at)
        script[ran++].then();
}

void __wrap_api_event(struct api *a, const char *method,
                      struct json_object *params)
{
    size_t used = strlen(told);
    const char *word = strcmp(method, "migration-end")
                           ? text_of(params, "state")
                           : text_of(params, "end");
    char line[128];

    (void)a;
    snprintf(line, sizeof(line), "%s%s%s", method, *word ? " " : "", word);
    snprintf(told + used, sizeof(told) - used, "%s, ", line);
    if (strcmp(method, "migration-end") == 0)
        snprintf(
            last_end, sizeof(last_end), "%s",
            json_object_to_json_string_ext(params, JSON_C_TO_STRING_PLAIN));
    if (script[at].when && strcmp(script[at].when, line) == 0) {
        at++;
        uv_timer_start(&soon, on_soon, 0, 0);
    }
    json_object_put(params);
}

static int call(const char *method, const char *params)
{
    struct json_object *p = params ? json_tokener_parse(params) : NULL;
    struct json_object *result = NULL;
    int rc;

    err = (struct err){ 0 };
    rc = guest_call(life.guest, method, p, &result, &err);
    json_object_put(p);
    json_object_put(result);
    return rc;
}

/* ---- the world ---- */

static struct fake_domain *domain(void)
{
    return fake_find(guest_domid(life.guest));
}

static struct fh_move_steward *steward(void)
{
    return &fake_control(domain())->steward.move;
}

static void ends(void)
{
    fake_shutdown(domain(), HYP_POWEROFF);
}

static void suspends(void)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown",
             guest_domid(life.guest));
    fake_xs_set(path, "");
    fake_shutdown(domain(), HYP_SUSPEND);
}

static const char *heard(void)
{
    static char text[8192];
    FILE *f = fopen(heard_path, "r");
    size_t nr = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

    if (f)
        fclose(f);
    text[nr] = 0;
    return text;
}

static void script_add(const char *when, void (*then)(void))
{
    uint32_t i = 0;

    while (script[i].when)
        i++;
    script[i].when = when;
    script[i].then = then;
}

static void fresh(void)
{
    life_fresh();
    told[0] = last_end[0] = 0;
    at = ran = 0;
    memset(script, 0, sizeof(script));
    snprintf(heard_path, sizeof(heard_path), "%s.heard", life_base);
    snprintf(tokens_path, sizeof(tokens_path), "%s.tokens", life_base);
    unlink(heard_path);
    setenv("MOVER_LOG", heard_path, 1);
    log_set_level(getenv("LOUD") ? LOG_LEVEL_DEBUG : LOG_LEVEL_NONE);
}

static void finish(void)
{
    uv_close((uv_handle_t *)&soon, NULL);
    life_finish();
    unlink(heard_path);
    if (script[at].when)
        print_error("waits for `%s`, was told: %s\n", script[at].when, told);
    assert_null(script[at].when);
}

static void open_guest(struct moveproc *receive)
{
    const struct guest_options o = { .migrate_program = MOVER,
                                     .tokens_dir = tokens_path,
                                     .receive = receive };

    CHECK_EQ(life_open(&o), 0);
    CHECK_EQ(rundir_keep_config(&life.dir, "memory = 64\n", &err), 0);
    uv_timer_init(&life.loop, &soon);
    uv_unref((uv_handle_t *)&soon);
}

static void run(void (*first)(struct life *l))
{
    life.when_running = first;
    open_guest(NULL);
    guest_start(life.guest);
    uv_run(&life.loop, UV_RUN_DEFAULT);
    finish();
}

/* ---- tokens ---- */

static const char session_hex[] = "5e550000000000000000000000000001";

static void make_token(uint8_t out[FH_TOKEN_BYTES], enum wire_token type)
{
    memset(out, 0, FH_TOKEN_BYTES);
    memcpy(out, "FHMT\1", 5);
    out[5] = (uint8_t)type;
    tokens_unhex(out + 16, WIRE_ID_BYTES, session_hex);
    out[40] = 7;
}

static const char *token_event(enum wire_token type)
{
    static char text[WIRE_TOKENS][1024];
    uint8_t token[FH_TOKEN_BYTES];
    char hex[2 * FH_TOKEN_BYTES + 1];

    make_token(token, type);
    tokens_hex(hex, token, FH_TOKEN_BYTES);
    snprintf(text[type], sizeof(text[type]),
             "{\"event\": \"token\", \"token\": \"%s\"}", hex);
    return text[type];
}

static bool has_token(const char *suffix)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s.%s", tokens_path, session_hex, suffix);
    return access(path, F_OK) == 0;
}

static void drop_tokens(void)
{
    static const char *const suffix[] = { "start", "abort", "done" };

    for (uint32_t i = 0; i < 3; i++) {
        char path[128];

        snprintf(path, sizeof(path), "%s/%s.%s", tokens_path, session_hex,
                 suffix[i]);
        unlink(path);
    }
    rmdir(tokens_path);
}

/* ---- the source ---- */

#define BORN "state building, state launching, state running, "
#define MIGRATE                                                                \
    "{\"purpose\": \"migrate\", \"fds\": [[0, 1]], \"live\": true, "           \
    "\"max_downtime_ms\": 300}"
#define STATE(s) "{\"event\": \"state\", \"state\": \"" s "\"}\n"
#define END(s) "{\"event\": \"end\", \"end\": \"" s "\", \"why\": \"\"}\n"

static void play(const char *steps)
{
    setenv("MOVER", steps, 1);
}

static void begin(struct life *l)
{
    (void)l;
    CHECK_EQ(call("migrate", MIGRATE), 0);
    CHECK_EQ(life.guest->doorbell, 0);
    CHECK_EQ(call("migrate", MIGRATE), -EBUSY);
    CHECK_EQ(call("suspend", NULL), -EBUSY);
    CHECK_HAS(err.text, "it is migrating");
    CHECK_EQ(call("destroy", NULL), -EBUSY);
    CHECK_EQ(call("rename", "{\"name\": \"new\"}"), -EBUSY);
    CHECK_EQ(call("info", NULL), 0);
}

TEST(a_guest_that_moved_is_gone_from_here)
{
    char steps[4096];

    fresh();
    snprintf(steps, sizeof(steps),
             STATE("precopy") "{\"event\": \"progress\", \"epoch\": 1, "
                              "\"bytes\": 4096}\n"
                              "{\"event\": \"suspend\"}\n"
                              "?suspended\n{\"event\": \"drain\"}\n"
                              "?drained\n%s\n%s\n" END("moved"),
             token_event(WIRE_START), token_event(WIRE_DONE));
    play(steps);
    script_add("suspend", suspends);
    run(begin);
    CHECK_STR(told, BORN "migration precopy, migration precopy, suspend, "
                         "state suspended, migration-end moved, state gone, ");
    CHECK(life.gone);
    CHECK_EQ(life.failed.rc, 0);
    CHECK_HAS(heard(), "");
    CHECK(has_token("start") && has_token("done"));
    CHECK_HAS(last_end, session_hex);
    CHECK_HAS(last_end, "\"bytes\":4096");
    drop_tokens();
}

TEST(what_the_next_host_hears_is_what_the_guest_is)
{
    fresh();
    play("?nothing");
    life.when_running = NULL;
    setenv("MOVER", STATE("hello") "#", 1);
    script_add("migration hello", ends);
    run(begin);
}

static void went_on(void)
{
    CHECK_EQ(domain()->nr_resumes, 1);
    CHECK(life.guest->doorbell != 0);
    CHECK(!life.guest->move);
    CHECK_EQ(call("migrate", "{\"fds\": []}"), -EINVAL);
    CHECK(life.guest->doorbell != 0);
    ends();
}

TEST(a_guest_that_stayed_goes_on_as_it_was)
{
    fresh();
    play("{\"event\": \"suspend\"}\n?suspended\n" END("stayed"));
    script_add("suspend", suspends);
    script_add("state running", went_on);
    run(begin);
    CHECK_STR(told, BORN "suspend, state suspended, migration-end stayed, "
                         "resume, state running, state ended, state gone, ");
}

/* The page still has the session by which it came. */
static void came_before(struct life *l)
{
    tokens_unhex(steward()->session, 16, session_hex);
    begin(l);
}

TEST(a_guest_that_came_does_not_leave_by_the_same_session)
{
    fresh();
    play(STATE("handshake") END("stayed"));
    script_add("migration-end stayed", ends);
    run(came_before);
    CHECK_HAS(last_end, "\"session\":\"\"");
}

/* The process is killed in the precopy: the steward is told to give up. */
static void cancelled(void)
{
    CHECK_EQ(steward()->state, FH_MOVE_CANCELLED);
    CHECK_EQ(domain()->nr_resumes, 0);
    ends();
}

static void in_precopy(struct life *l)
{
    begin(l);
    steward()->state = FH_MOVE_PRECOPY;
}

TEST(a_process_that_dies_costs_nothing_in_the_precopy)
{
    fresh();
    play(STATE("precopy") "!");
    script_add("migration-end stayed", cancelled);
    run(in_precopy);
    CHECK_HAS(last_end, "ended without a word");
}

/* ... and behind the fence the page is what is believed. */
static void fence(void)
{
    steward()->state = FH_MOVE_FENCED;
    make_token(steward()->token, WIRE_START);
    suspends();
}

static void destroy(void)
{
    CHECK_EQ(call("resume", NULL), -EBUSY);
    CHECK_HAS(err.text, "freehold resolve");
    CHECK_EQ(call("destroy", NULL), -EBUSY);
    CHECK_EQ(call("migrate_cancel", NULL), -EBUSY);
    CHECK_EQ(call("resolve", "{\"fds\": []}"), -EINVAL);
    CHECK_HAS(err.text, "which needs the word of the other host");
    guest_stop_now(life.guest); /* systemctl stop, and its time is over */
    CHECK(fake_find(guest_domid(life.guest)) != NULL);
    CHECK_EQ(domain()->nr_resumes, 0);
    CHECK(has_token("start"));
    CHECK_EQ(call("destroy", "{\"force\": true}"), 0);
}

TEST(a_fenced_guest_is_kept_until_it_is_destroyed_by_force)
{
    fresh();
    play("{\"event\": \"suspend\"}\n?suspended\n!");
    script_add("suspend", fence);
    script_add("migration-end fenced", destroy);
    run(begin);
    CHECK_STR(told, BORN "suspend, state suspended, migration fenced, "
                         "migration-end fenced, state gone, ");
    drop_tokens();
}

static void resolve(void)
{
    play("{\"event\": \"state\", \"state\": \"fenced\"}\n" END("moved"));
    CHECK_EQ(call("resolve", "{\"fds\": [[0, 1]], \"abort\": false}"), 0);
}

TEST(a_fenced_guest_is_resolved)
{
    fresh();
    play("{\"event\": \"suspend\"}\n?suspended\n" END("fenced"));
    script_add("suspend", fence);
    script_add("migration-end fenced", resolve);
    run(begin);
    CHECK_HAS(last_end, "\"end\":\"moved\"");
    drop_tokens();
}

static void refused(struct life *l)
{
    (void)l;
    CHECK_EQ(call("migrate", "{\"fds\": [[0, 99]]}"), -EBADF);
    CHECK_EQ(call("migrate", "{\"fds\": [0]}"), -EINVAL);
    CHECK_EQ(call("migrate", "{\"fds\": [[0, 1]], \"purpose\": \"x\"}"),
             -EINVAL);
    CHECK_EQ(call("migrate_cancel", NULL), -EBUSY);
    CHECK_EQ(call("resolve", "{\"fds\": [[0, 1]]}"), -EBUSY);
    life.cfg.no_migrate = true;
    CHECK_EQ(call("migrate", MIGRATE), -EPERM);
    life.cfg.no_migrate = false;
    life.guest->opt.migrate_program = "/nowhere/at-all";
    CHECK_EQ(call("migrate", MIGRATE), -ENOENT);
    CHECK(!life.guest->move);
    CHECK(life.guest->doorbell != 0);
    ends();
}

TEST(what_cannot_begin_leaves_the_guest_as_it_was)
{
    fresh();
    run(refused);
}

static void deaf(void)
{
    CHECK_EQ(call("migrate_cancel", NULL), 0);
}

TEST(an_operator_may_cancel)
{
    fresh();
    play(STATE("precopy") "?cancel\n" END("stayed"));
    script_add("migration precopy", deaf);
    script_add("migration-end stayed", ends);
    run(begin);
}

/* ---- the destination ---- */

static struct moveproc *receiver(const char *steps)
{
    struct moveproc_fds fds = { .nr = 1, .listen_fd = -1, .fd = { { 0, 1 } } };
    struct json_object *first = json_object_new_object();
    struct moveproc *p;

    play(steps);
    json_object_object_add(first, "side", json_object_new_string("dest"));
    CHECK_EQ(moveproc_start(MOVER, first, &fds, &p, &err), 0);
    json_object_put(first);
    return p;
}

static void receive(const char *steps)
{
    open_guest(receiver(steps));
    guest_start(life.guest);
    uv_run(&life.loop, UV_RUN_DEFAULT);
    finish();
}

#define MADE "state building, state launching, state receiving, "

static void ready(void)
{
    memset(fake_control(domain())->steward.measurement, 0x77, 32);
}

static void runs(void)
{
    char want[65];

    memset(want, '7', 64);
    want[64] = 0;
    CHECK_EQ(domain()->offer.flags, FH_OFFER_RECEIVE);
    CHECK_EQ(domain()->offer.len_bytes[FH_BLOB_KERNEL], 0);
    CHECK_STR(life.state, "running");
    CHECK_STR(life.measurement, want);
    CHECK_EQ(life.nr_outcomes, 1);
    CHECK(!life.guest->receives);
}

TEST(a_guest_that_comes_runs_here)
{
    fresh();
    life.cfg.kernel = (char *)"/not/here"; /* it brings its own */
    script_add("state receiving", ready);
    script_add("state running", runs);
    script_add("migration-end runs", ends);
    receive("?\"domid\"\n" STATE("handshake") "{\"event\": \"note\"}\n" STATE(
        "ready") STATE("runs") END("runs"));
    CHECK_STR(told, MADE "migration handshake, migration ready, "
                         "migration runs, state running, migration-end runs, "
                         "state ended, state gone, ");
}

TEST(one_that_is_given_up_is_removed)
{
    fresh();
    receive("?\"domid\"\n" END("poisoned"));
    CHECK_STR(told, MADE "migration-end poisoned, state gone, ");
    CHECK_EQ(life.failed.rc, -ECANCELED);
}

TEST(one_that_cannot_be_made_is_refused_in_words)
{
    fresh();
    fake.act = FAKE_STEWARD_REFUSES;
    receive("?answer\n#");
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
    fresh();
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
    CHECK_HAS(heard(), "\"missing\":[\"disk xvdb: nbd+unix:");
    CHECK(!strstr(heard(), "disk xvda"));
    CHECK(!strstr(heard(), "\"domid\""));
}

TEST(a_disk_that_cannot_be_reached_from_here_is_told)
{
    disks_fresh(2);
    script_add("state building", nbd_listen);
    script_add("migration-end refused", one_is_missing);
    receive("?\"missing\"\n" END("refused"));
    CHECK_HAS(told, "state receiving, migration-end refused, state ending, ");
}

static void none_is_missing(void)
{
    CHECK_HAS(heard(), "\"domid\"");
    CHECK(!strstr(heard(), "\"missing\""));
}

TEST(disks_that_are_reached_are_no_reason)
{
    disks_fresh(1);
    script_add("state building", nbd_listen);
    script_add("migration-end poisoned", none_is_missing);
    receive("?\"domid\"\n" END("poisoned"));
}

/* Its connection broke: it waits, whatever anybody does but give it up. */
static void give_up(void)
{
    CHECK_EQ(call("pause", NULL), -EBUSY);
    CHECK_EQ(call("resolve", "{\"fds\": []}"), -ENOENT); /* no START */
    CHECK_EQ(call("destroy", NULL), 0);
    CHECK(fake_find(guest_domid(life.guest)) != NULL);
}

static void is_ready(void)
{
    steward()->state = FH_MOVE_READY;
    tokens_unhex(steward()->session, 16, session_hex);
}

TEST(one_that_is_ready_is_kept_and_given_up_in_order)
{
    fresh();
    script_add("state receiving", is_ready);
    script_add("migration-end ready", give_up);
    receive("?\"domid\"\n" STATE("handshake") STATE("import") "!");
    CHECK_HAS(told,
              "migration-end ready, migration-end poisoned, state gone, ");
    CHECK_EQ(life.failed.rc, 0);
}

/* ---- resolve, at the destination ---- */

static void bring_start(void)
{
    uint8_t token[FH_TOKEN_BYTES];
    int dir;

    mkdir(tokens_path, 0700);
    dir = open(tokens_path, O_RDONLY | O_DIRECTORY);
    make_token(token, WIRE_START);
    CHECK_EQ(tokens_keep(dir, token, &err), 0);
    close(dir);
}

/* What is heard of us is hello, RESOLVE and the session, and then .. */
static void check_peer(const char *unit_hex)
{
    char want[256];

    snprintf(want, sizeof(want), "%s0000000000000000%s", session_hex, unit_hex);
    CHECK_HAS(heard(), "46484d4947000001" /* FHMIG */
                       "01000100"
                       "00000100"
                       "03000000"
                       "00000000");
    CHECK_HAS(heard(), want);
    CHECK_HAS(heard(), "\"found\":\"domain\"");
}

#define ASKED(bytes) "<" bytes "\n{\"event\": \"session\"}\n?found\n"

static void start_it(void)
{
    CHECK_EQ(call("resolve", "{\"fds\": []}"), -ENOENT);
    CHECK_HAS(err.text, "5e550000000000000000000000000001.start");
    bring_start();
    play(ASKED("432") STATE("runs") END("runs"));
    CHECK_EQ(call("resolve", "{\"fds\": [], \"abort\": false}"), 0);
    CHECK_EQ(call("resolve", "{\"fds\": []}"), -EBUSY);
    CHECK_EQ(life.guest->doorbell, 0);
}

static void it_runs(void)
{
    check_peer("06000000"
               "60010000"
               "0000000000000000" /* TOKEN, START */
               "46484d540101");
    CHECK_EQ(life.guest->state, GUEST_RUNNING);
    ends();
}

TEST(one_that_is_ready_is_started_by_the_token_that_was_brought)
{
    fresh();
    script_add("state receiving", is_ready);
    script_add("migration-end ready", start_it);
    script_add("migration-end runs", it_runs);
    receive("?\"domid\"\n" STATE("handshake") STATE("ready") "!");
    drop_tokens();
}

static void abort_it(void)
{
    bring_start(); /* and it is not used */
    play(ASKED("80") END("poisoned"));
    CHECK_EQ(call("resolve", "{\"fds\": [], \"abort\": true}"), 0);
}

static void it_is_over(void)
{
    check_peer("07000000"
               "00000000"
               "0100000000000000"); /* ASK 1 */
}

TEST(one_that_is_ready_is_given_up_by_resolve)
{
    fresh();
    script_add("state receiving", is_ready);
    script_add("migration-end ready", abort_it);
    script_add("migration-end poisoned", it_is_over);
    receive("?\"domid\"\n" STATE("handshake") STATE("ready") "!");
    CHECK_HAS(told, "migration-end poisoned, state gone, ");
    drop_tokens();
}

/* Its steward does not say which: there is no file to look for. */
static void no_session(void)
{
    CHECK_EQ(call("resolve", "{\"fds\": [], \"abort\": true}"), -EBUSY);
    CHECK_HAS(err.text, "it has no session yet");
    CHECK_EQ(call("destroy", NULL), 0);
}

static void is_ready_of_none(void)
{
    steward()->state = FH_MOVE_READY;
}

TEST(one_without_a_session_cannot_be_resolved)
{
    fresh();
    script_add("state receiving", is_ready_of_none);
    script_add("migration-end ready", no_session);
    receive("?\"domid\"\n" STATE("handshake") "!");
    drop_tokens();
}

/* As many tokens, of as many sessions, as its peer likes to send. */
static void add_tokens(char *steps, size_t bytes, bool ours, uint32_t nr)
{
    uint8_t token[FH_TOKEN_BYTES];
    char hex[2 * FH_TOKEN_BYTES + 1];

    for (uint32_t i = 1; i <= nr; i++) {
        size_t used = strlen(steps);

        make_token(token, WIRE_START);
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
    int dir = open(tokens_path, O_RDONLY | O_DIRECTORY);

    CHECK_EQ(nr_files(tokens_path), 1);
    tokens_unhex(session, WIRE_ID_BYTES, session_hex);
    CHECK_EQ(tokens_read(dir, session, WIRE_START, token, &err), 0);
    close(dir);
    CHECK_EQ(token[40], 16); /* the last that was written */
    CHECK_STR(life.guest->move->session, session_hex);
    CHECK_EQ(life.guest->move->nr_notes, 33); /* lines of the log */
    CHECK_EQ(call("destroy", NULL), 0);
}

TEST(what_a_peer_sends_without_end_fills_neither_files_nor_the_log)
{
    static char steps[100000];

    fresh();
    snprintf(steps, sizeof(steps), "?\"domid\"\n" STATE("handshake"));
    add_tokens(steps, sizeof(steps), false, 40);
    add_tokens(steps, sizeof(steps), true, 40);
    strcat(steps, "!");
    script_add("state receiving", is_ready);
    script_add("migration-end ready", no_flood);
    receive(steps);
    drop_tokens();
}

static void no_file(void)
{
    CHECK_EQ(nr_files(tokens_path), 0);
}

TEST(a_token_that_comes_before_there_is_a_session_gets_no_file)
{
    static char steps[10000];

    fresh();
    snprintf(steps, sizeof(steps), "?\"domid\"\n" STATE("handshake"));
    add_tokens(steps, sizeof(steps), true, 3);
    strcat(steps, END("refused"));
    script_add("migration-end refused", no_file);
    receive(steps);
    drop_tokens();
}

/* ---- a supervisor that died meanwhile ---- */

static struct run_state left_state(bool leaves, bool receives)
{
    return (struct run_state){
        .domid = 7,
        .console_port = 3,
        .identity.measurement = { receives ? 0 : 0xab },
        .leaves = leaves,
        .receives = receives,
    };
}

/* Its domain, with a page that says so much. */
static void left_behind(uint32_t state, uint32_t move_state, bool suspended)
{
    struct fake_domain *d = &fake.domain[0];

    *d = (struct fake_domain){ .there = true,
                               .protected = true,
                               .domid = 7,
                               .nr_vcpus = 3,
                               .next_port = 4,
                               .shutdown = suspended,
                               .reason = HYP_SUSPEND };
    fake_steward_launch(d);
    fake_control(d)->steward.state = state;
    fake_control(d)->steward.move.state = move_state;
    fake_control(d)->dom0.offer.introduced = 1;
    make_token(fake_control(d)->steward.move.token, WIRE_START);
    tokens_unhex(fake_control(d)->steward.move.session, 16, session_hex);
    d->seen = true; /* not by the test: it ran before */
}

static void adopt(const struct run_state *left, int want)
{
    open_guest(NULL);
    CHECK_EQ(guest_adopt(life.guest, 7, left, &err), want);
    uv_run(&life.loop, UV_RUN_DEFAULT);
    finish();
}

static void woken(void)
{
    CHECK_EQ(domain()->nr_resumes, 1);
    CHECK_EQ(steward()->state, FH_MOVE_CANCELLED);
    ends();
}

TEST(a_guest_that_was_leaving_goes_on_under_the_next_supervisor)
{
    struct run_state left = left_state(true, false);

    fresh();
    left_behind(FH_STATE_RUNNING, FH_MOVE_LAST, true);
    script_add("state running", woken);
    adopt(&left, 0);
    CHECK_HAS(told, "migration-end stayed, resume, state running, ");
}

/* The one after it finds what the one before it left. */
TEST(a_guest_that_leaves_is_written_down_as_one_until_that_is_settled)
{
    for (unsigned suspended = 0; suspended < 2; suspended++) {
        struct run_state left = left_state(true, false), now = { 0 };

        fresh();
        left_behind(FH_STATE_RUNNING, FH_MOVE_PRECOPY, suspended);
        script_add("migration-end stayed", ends);
        open_guest(NULL);
        CHECK_EQ(guest_adopt(life.guest, 7, &left, &err), 0);
        CHECK_EQ(rundir_read(life_base, life.cfg.name, &now, &err), 0);
        CHECK(now.leaves);
        uv_run(&life.loop, UV_RUN_DEFAULT);
        finish();
    }
}

/* One that was suspended by hand is not woken. */
static void still_asleep(uv_timer_t *t)
{
    CHECK_EQ(domain()->nr_resumes, 0);
    uv_close((uv_handle_t *)t, NULL);
    CHECK_EQ(call("destroy", NULL), 0);
}

TEST(a_guest_that_was_not_leaving_stays_suspended)
{
    struct run_state left = left_state(false, false);
    static uv_timer_t later;

    fresh();
    left_behind(FH_STATE_RUNNING, FH_MOVE_CANCELLED, true);
    open_guest(NULL);
    CHECK_EQ(guest_adopt(life.guest, 7, &left, &err), 0);
    uv_timer_init(&life.loop, &later);
    uv_timer_start(&later, still_asleep, 50, 0);
    uv_run(&life.loop, UV_RUN_DEFAULT);
    finish();
}

static void force(void)
{
    CHECK_EQ(domain()->nr_resumes, 0);
    CHECK_EQ(call("resume", NULL), -EBUSY);
    CHECK(has_token("start"));
    CHECK_EQ(call("destroy", "{\"force\": true}"), 0);
}

TEST(a_fenced_guest_is_fenced_under_the_next_supervisor)
{
    struct run_state left = left_state(true, false);

    fresh();
    left_behind(FH_STATE_RUNNING, FH_MOVE_FENCED, true);
    script_add("migration-end fenced", force);
    adopt(&left, 0);
    CHECK_STR(told, "state suspended, migration fenced, migration-end fenced, "
                    "state gone, ");
    drop_tokens();
}

TEST(one_that_was_received_in_part_is_given_up_by_the_next_supervisor)
{
    struct run_state left = left_state(false, true);

    fresh();
    left_behind(FH_STATE_RECEIVING, FH_MOVE_IMPORT, false);
    adopt(&left, 0);
    CHECK_HAS(told, "state receiving, migration-end poisoned, state gone, ");
    CHECK_EQ(life.failed.rc, -ECANCELED);
    drop_tokens();
}

static void give_ready_up(void)
{
    CHECK(fake_find(7) != NULL);
    CHECK_STR(life.guest->move->session, session_hex);
    CHECK_EQ(call("destroy", NULL), 0);
}

TEST(one_that_is_ready_is_kept_by_the_next_supervisor)
{
    struct run_state left = left_state(false, true);

    fresh();
    left_behind(FH_STATE_RECEIVING, FH_MOVE_READY, false);
    script_add("migration-end ready", give_ready_up);
    adopt(&left, 0);
    CHECK_HAS(told, "migration-end poisoned, state gone, ");
    drop_tokens();
}

TEST(one_that_came_unseen_runs_under_the_next_supervisor)
{
    struct run_state left = left_state(false, true);

    fresh();
    left_behind(FH_STATE_RUNNING, FH_MOVE_DONE, false);
    script_add("migration-end runs", ends);
    adopt(&left, 0);
    CHECK_HAS(told, "state receiving, state running, migration-end runs, ");
    drop_tokens();
}

TEST(one_that_was_hardly_begun_is_removed_and_not_made_anew)
{
    struct run_state left = left_state(false, true);
    struct fake_domain *d;

    fresh();
    left_behind(FH_STATE_READY, FH_MOVE_IDLE, false);
    open_guest(NULL);
    CHECK_EQ(guest_adopt(life.guest, 7, &left, &err), -EPROTO);
    d = fake_find(7);
    CHECK(!d);
    guest_destroy(life.guest);
    uv_run(&life.loop, UV_RUN_DEFAULT);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_guest_that_moved_is_gone_from_here),
        RULE(what_the_next_host_hears_is_what_the_guest_is),
        RULE(a_guest_that_stayed_goes_on_as_it_was),
        RULE(a_guest_that_came_does_not_leave_by_the_same_session),
        RULE(a_process_that_dies_costs_nothing_in_the_precopy),
        RULE(a_fenced_guest_is_kept_until_it_is_destroyed_by_force),
        RULE(a_fenced_guest_is_resolved),
        RULE(what_cannot_begin_leaves_the_guest_as_it_was),
        RULE(an_operator_may_cancel),
        RULE(a_guest_that_comes_runs_here),
        RULE(one_that_is_given_up_is_removed),
        RULE(one_that_cannot_be_made_is_refused_in_words),
        RULE(a_disk_that_cannot_be_reached_from_here_is_told),
        RULE(disks_that_are_reached_are_no_reason),
        RULE(one_that_is_ready_is_kept_and_given_up_in_order),
        RULE(one_that_is_ready_is_started_by_the_token_that_was_brought),
        RULE(one_that_is_ready_is_given_up_by_resolve),
        RULE(one_without_a_session_cannot_be_resolved),
        RULE(what_a_peer_sends_without_end_fills_neither_files_nor_the_log),
        RULE(a_token_that_comes_before_there_is_a_session_gets_no_file),
        RULE(a_guest_that_was_leaving_goes_on_under_the_next_supervisor),
        RULE(a_guest_that_leaves_is_written_down_as_one_until_that_is_settled),
        RULE(a_guest_that_was_not_leaving_stays_suspended),
        RULE(a_fenced_guest_is_fenced_under_the_next_supervisor),
        RULE(one_that_was_received_in_part_is_given_up_by_the_next_supervisor),
        RULE(one_that_is_ready_is_kept_by_the_next_supervisor),
        RULE(one_that_came_unseen_runs_under_the_next_supervisor),
        RULE(one_that_was_hardly_begun_is_removed_and_not_made_anew),
    };

    return cmocka_run_group_tests(tests, life_set_up, life_tear_down);
}
