/* SPDX-License-Identifier: MIT */
/*
 * test_migrate_relay.c - whole transfers over real connections
 *
 * Two relays in one libuv loop, socket pairs between them, and a fake steward
 * behind each.
 */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>

#include "backends/base/sandbox.h"
#include "common/err.h"
#include "migrate/relay.h"
#include "migrate/seat.h"
#include "migrate/tokens.h"
#include "tests/fakes/fake_mover.h"

struct end { /* one side */
    struct fake_mover m;
    struct relay *relay;
    struct relay_world world;
    uint8_t *slots;
    enum move_end end;
    bool over, suspend, drain, plan, session;
    char why[512];
    uint32_t nr_tokens, nr_progress, nr_notes;
    bool found_nothing;
};

static uv_loop_t loop;
static uv_idle_t idle;
static struct end ends[2];
static const uint32_t refs[FH_MOVE_SLOTS][FH_SLOT_PAGES];

static int attach(void *arg, uint16_t domid, struct fh_control **page,
                  struct err *e)
{
    struct end *x = arg;

    (void)e;
    CHECK_EQ(domid, 7);
    *page = &x->m.page;
    return 0;
}

static int grant(void *arg, uint32_t nr, uint8_t **slots,
                 const uint32_t (**out)[FH_SLOT_PAGES], struct err *e)
{
    struct end *x = arg;

    (void)e;
    x->slots = calloc(nr, CHAN_SLOT_BYTES);
    x->m.slots = x->slots;
    *slots = x->slots;
    *out = refs;
    return 0;
}

static void on_idle(uv_idle_t *h);

static void ring(void *arg)
{
    (void)arg;
    uv_idle_start(&idle, on_idle);
}

static void event(void *arg, struct json_object *o)
{
    struct end *x = arg;
    struct json_object *v;
    const char *name;

    CHECK(json_object_object_get_ex(o, "event", &v));
    name = json_object_get_string(v);
    x->suspend |= strcmp(name, "suspend") == 0;
    x->drain |= strcmp(name, "drain") == 0;
    x->plan |= strcmp(name, "plan") == 0;
    x->session |= strcmp(name, "session") == 0;
    x->nr_tokens += strcmp(name, "token") == 0;
    x->nr_progress += strcmp(name, "progress") == 0;
    x->nr_notes += strcmp(name, "note") == 0;
    if (strcmp(name, "end") == 0 && json_object_object_get_ex(o, "why", &v))
        snprintf(x->why, sizeof(x->why), "%s", json_object_get_string(v));
    json_object_put(o);
    uv_idle_start(&idle, on_idle);
}

static void over(void *arg, enum move_end end)
{
    struct end *x = arg;

    x->end = end;
    x->over = true;
}

static void order(struct end *x, const char *json)
{
    struct json_object *o = json_tokener_parse(json);
    struct err e = { 0 };

    CHECK(o);
    CHECK_EQ(relay_order(x->relay, o, &e), 0);
    json_object_put(o);
}

/* What supervisors do. */
static bool supervise(struct end *x)
{
    if (x->over)
        return false;
    if (x->suspend) {
        x->suspend = false;
        x->m.suspended = true;
        order(x, "{\"order\":\"suspended\"}");
    } else if (x->drain) {
        x->drain = false;
        order(x, "{\"order\":\"drained\"}");
    } else if (x->plan) {
        x->plan = false;
        order(x, "{\"order\":\"answer\",\"ok\":true,\"domid\":7,"
                 "\"answer\":{\"ok\":true}}");
    } else if (x->session) {
        x->session = false;
        order(x, x->found_nothing
                     ? "{\"order\":\"session\",\"found\":\"nothing\"}"
                     : "{\"order\":\"session\",\"found\":\"domain\","
                       "\"domid\":7}");
    } else {
        return false;
    }
    return true;
}

static void on_idle(uv_idle_t *h)
{
    bool did = false;

    for (unsigned i = 0; i < 2; i++) {
        struct end *x = &ends[i];
        uint32_t rings = x->m.rings;

        if (!x->slots && x->m.page.dom0.move.nr_slots)
            continue;
        did |= fake_mover_step(&x->m);
        if (x->m.rings != rings && x->relay && !x->over)
            relay_rang(x->relay);
        did |= supervise(x);
    }
    if (!did)
        uv_idle_stop(h);
}

static void fresh(void)
{
    memset(ends, 0, sizeof(ends));
    CHECK_EQ(uv_loop_init(&loop), 0);
    CHECK_EQ(uv_idle_init(&loop, &idle), 0);
    fake_mover_open(&ends[0].m, FAKE_XEN_RUN, NULL, 5);
    fake_mover_open(&ends[1].m, FAKE_XEN_RECEIVING, NULL, 9);
}

static const char plan[] = "{\"name\":\"web\"}";

static struct relay_opts source_of(uint32_t nr)
{
    return (struct relay_opts){
        .side = WIRE_SOURCE,
        .nr_connections = (uint16_t)nr,
        .purpose = WIRE_MIGRATE,
        .transfer = { 1, 2, 3 },
        .domid = 7,
        .source = { .plan = plan,
                    .plan_bytes = sizeof(plan) - 1,
                    .live = true,
                    .max_downtime_ms = 300 },
    };
}

static void world_of(struct end *x)
{
    x->world = (struct relay_world){ x, attach, grant, ring, event, over };
}

/* nr connections for two relays: sockets, and as ssh has it, pipes. */
static void connect_them(struct relay_opts *s, struct relay_opts *d)
{
    *d = (struct relay_opts){ .side = WIRE_DEST,
                              .nr_connections = s->nr_connections };
    for (unsigned i = 0; i < s->nr_connections; i++) {
        int there[2], back[2];

        if (i == 1) {
            CHECK_EQ(pipe(there), 0);
            CHECK_EQ(pipe(back), 0);
        } else {
            CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, there), 0);
            back[0] = there[1];
            back[1] = there[0];
        }
        s->fd[i][0] = back[0];
        s->fd[i][1] = there[1];
        d->fd[i][0] = there[0];
        d->fd[i][1] = back[1];
    }
}

static void start(const struct relay_opts *s, const struct relay_opts *d)
{
    struct err e = { 0 };

    world_of(&ends[0]);
    world_of(&ends[1]);
    CHECK_EQ(relay_open(&ends[1].relay, &loop, &ends[1].world, d, &e), 0);
    CHECK_EQ(relay_open(&ends[0].relay, &loop, &ends[0].world, s, &e), 0);
}

static void finish(void)
{
    uv_close((uv_handle_t *)&idle, NULL);
    CHECK_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0);
    CHECK_EQ(uv_loop_close(&loop), 0); /* nothing is left open */
    for (unsigned i = 0; i < 2; i++) {
        relay_close(ends[i].relay);
        free(ends[i].slots);
    }
}

static void run(void)
{
    uint64_t until = uv_hrtime() + 20000000000u;

    while (!(ends[0].over && ends[1].over)) {
        CHECK(uv_hrtime() < until);
        uv_run(&loop, UV_RUN_ONCE);
    }
}

static void moves(uint32_t nr, uint64_t bytes_per_s, bool sealed)
{
    struct relay_opts o = source_of(nr), d;

    fresh();
    o.bytes_per_s = bytes_per_s;
    ends[0].m.frames_in[0] = 40; /* more than there are slots */
    connect_them(&o, &d);
    if (sealed)
        CHECK_EQ(sandbox_seal(seat_ioctls, seat_nr_ioctls, NULL), 0);
    start(&o, &d);
    run();
    CHECK_STR(ends[0].why, "");
    CHECK_EQ(ends[0].end, MOVE_END_MOVED);
    CHECK_EQ(ends[1].end, MOVE_END_RUNS);
    CHECK_EQ(ends[1].m.xen, FAKE_XEN_RUN);
    CHECK_EQ(ends[0].m.xen, FAKE_XEN_RETIRED);
    CHECK(ends[1].m.nr_frames > 40 * nr);
    CHECK_EQ(ends[0].nr_tokens, 2); /* START, DONE: for their files */
    CHECK_EQ(ends[1].nr_tokens, 2);
    CHECK(ends[0].nr_progress > 0);
    finish();
}

TEST(a_guest_moves_over_sockets_and_pipes)
{
    for (uint32_t nr = 1; nr <= 4; nr++)
        moves(nr, 0, false);
}

/* What seccomp forbids is nothing that a transfer needs. */
TEST(a_sealed_process_moves_a_guest)
{
    pid_t child = fork();
    int status = -1;

    CHECK(child >= 0);
    if (child == 0) {
        moves(2, 0, true);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

TEST(no_more_bytes_go_than_allowed)
{
    uint64_t then = uv_hrtime();

    moves(1, 8000000, false); /* 40 frames: a third of a second */
    CHECK((uv_hrtime() - then) / 1000000 > 250);
}

/* A relay, and somebody at the other end of its one connection. */
static int against(enum wire_side side)
{
    struct relay_opts o = source_of(1);
    struct err e = { 0 };
    int fd[2];

    fresh();
    o.side = side;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    o.fd[0][0] = o.fd[0][1] = fd[0];
    world_of(&ends[side]);
    ends[!side].over = true;
    ends[!side].m.dead = true;
    CHECK_EQ(relay_open(&ends[side].relay, &loop, &ends[side].world, &o, &e),
             0);
    return fd[1];
}

static void put(int fd, const void *p, size_t bytes)
{
    CHECK_EQ(write(fd, p, bytes), (ssize_t)bytes);
}

static void refuses(const void *p, size_t bytes, const char *words)
{
    int fd = against(WIRE_DEST);
    struct wire_hello h;
    const uint8_t transfer[16] = { 1 };

    wire_hello(&h, WIRE_MIGRATE, 0, 1, transfer, NULL);
    put(fd, &h, sizeof(h));
    put(fd, p, bytes);
    run();
    CHECK_EQ(ends[1].end, MOVE_END_REFUSED);
    CHECK_HAS(ends[1].why, words);
    close(fd);
    finish();
}

TEST(what_is_no_unit_ends_it)
{
    struct wire_unit u = { 99, 0, 0 };
    uint8_t frame[16 + FH_FRAME_SHORT_BYTES] = { 0 };

    refuses(&u, sizeof(u), "kind 99");
    u = (struct wire_unit){ WIRE_PLAN, WIRE_PLAN_MAX + 1, 0 };
    refuses(&u, sizeof(u), "1048577 bytes");
    u = (struct wire_unit){ WIRE_ANSWER, 10, 0 };
    refuses(&u, sizeof(u), "none to send");
    u = (struct wire_unit){ WIRE_SHORT, FH_FRAME_SHORT_BYTES, 0 };
    memcpy(frame, &u, sizeof(u));
    refuses(frame, sizeof(frame), "not its time");
}

/* What is told, somebody has to hold until the supervisor reads it. */
TEST(a_peer_cannot_have_notes_written_without_end)
{
    struct {
        struct wire_unit u;
        uint8_t token[FH_TOKEN_BYTES];
    } no_start = { { WIRE_TOKEN, FH_TOKEN_BYTES, 0 }, "FHMT\1\2" };
    const struct wire_unit bad = { 99, 0, 0 };
    const uint8_t transfer[16] = { 1 };
    int fd = against(WIRE_DEST);
    struct wire_hello h;

    wire_hello(&h, WIRE_MIGRATE, 0, 1, transfer, NULL);
    put(fd, &h, sizeof(h));
    for (unsigned i = 0; i < 60; i++)
        put(fd, &no_start, sizeof(no_start));
    put(fd, &bad, sizeof(bad));
    run();
    CHECK_HAS(ends[1].why, "kind 99");
    CHECK(ends[1].nr_notes > 0);
    CHECK(ends[1].nr_notes <= 40);
    close(fd);
    finish();
}

TEST(a_session_nobody_knows_is_said_so)
{
    int fd = against(WIRE_DEST);
    const uint8_t id[16] = { 1 };
    struct wire_hello h;

    ends[1].found_nothing = true;
    wire_hello(&h, WIRE_RESOLVE, 0, 1, id, id);
    put(fd, &h, sizeof(h));
    run();
    CHECK_EQ(ends[1].end, MOVE_END_REFUSED);
    CHECK_HAS(ends[1].why, "no such session");
    close(fd);
    finish();
}

TEST(a_peer_that_goes_leaves_the_guest)
{
    int fd = against(WIRE_SOURCE);

    close(fd);
    run();
    CHECK_EQ(ends[0].end, MOVE_END_STAYED);
    CHECK_EQ(ends[0].m.xen, FAKE_XEN_RUN);
    finish();
}

RUN_TESTS(RULE(a_guest_moves_over_sockets_and_pipes),
          RULE(a_sealed_process_moves_a_guest),
          RULE(no_more_bytes_go_than_allowed), RULE(what_is_no_unit_ends_it),
          RULE(a_peer_cannot_have_notes_written_without_end),
          RULE(a_session_nobody_knows_is_said_so),
          RULE(a_peer_that_goes_leaves_the_guest))
