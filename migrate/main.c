/* SPDX-License-Identifier: MIT */
/*
 * main.c - freehold-migrate: one transfer of one guest, in either direction
 *
 * Started by a supervisor, with a socket to it as descriptor 3 and the
 * connections as others.  The first line says what it is to do:
 *
 *   {"side": "source"|"dest", "connections": [[read, write], ..],
 *    "listen": FD,                        destination: for more of them
 *    "purpose": "migrate"|"check"|"resolve", "domid": N, "plan": {..},
 *    "live": true, "max_downtime_ms": N (a limit if it is there),
 *    "timeout_ms": N, "force": false, "bytes_per_s": N,         source
 *    "session": HEX, "start": HEX, "abort": false, "gone": false}   resolve
 *
 * Then it opens what it needs of Xen, leaves the host (backends/base/sandbox.h)
 * and only then reads a byte of the connections.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "backends/base/sandbox.h"
#include "common/err.h"
#include "common/jsonget.h"
#include "common/log.h"
#include "migrate/line.h"
#include "migrate/relay.h"
#include "migrate/seat.h"
#include "migrate/tokens.h"

#define SUPERVISOR_FD 3
#define FLUSH_MS 5000u /* for the last words, of a peer that reads slowly */

struct transfer {
    uv_loop_t loop;
    uv_poll_t bell, listen;
    uv_timer_t flush;
    struct line line;
    struct seat seat;
    struct relay *relay;
    struct relay_world world;
    struct relay_opts opts;
    int listen_fd; /* -1: none */
    bool over, flushed;
};

/* ---- what the supervisor wants ---- */

static struct json_object *get(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    json_object_object_get_ex(o, key, &v);
    return v;
}

static bool flag(struct json_object *o, const char *key, bool other)
{
    struct json_object *v = get(o, key);

    return v ? json_object_get_boolean(v) : other;
}

static int connections(struct relay_opts *w, struct json_object *o,
                       struct err *e)
{
    struct json_object *list = get(o, "connections");
    size_t nr = json_object_is_type(list, json_type_array)
                    ? json_object_array_length(list)
                    : 0;

    if (nr < 1 || nr > FH_MOVE_STREAMS)
        return fail(e, -EINVAL, "connections: %zu, want 1 to %u", nr,
                    FH_MOVE_STREAMS);
    for (size_t i = 0; i < nr; i++) {
        struct json_object *pair = json_object_array_get_idx(list, i);

        if (!json_object_is_type(pair, json_type_array) ||
            json_object_array_length(pair) != 2)
            return fail(e, -EINVAL, "connections: want pairs of descriptors");
        for (size_t k = 0; k < 2; k++)
            w->fd[i][k] =
                json_object_get_int(json_object_array_get_idx(pair, k));
    }
    w->nr_connections = (uint16_t)nr;
    return 0;
}

static int purpose(struct relay_opts *w, struct json_object *o, struct err *e)
{
    static const char *const name[] = { "", "migrate", "check", "resolve" };
    const char *want = jsonget_text(o, "purpose");

    for (unsigned p = WIRE_MIGRATE; p < WIRE_PURPOSES; p++)
        if (strcmp(want, name[p]) == 0) {
            w->purpose = (enum wire_purpose)p;
            return 0;
        }
    return fail(e, -EINVAL, "purpose: %.16s, want migrate, check or resolve",
                want);
}

static int resolve(struct relay_opts *w, struct json_object *o, struct err *e)
{
    const char *start = jsonget_text(o, "start");

    w->source.resolve = true;
    w->source.want_abort = flag(o, "abort", false);
    w->source.no_domain = flag(o, "gone", false);
    if (tokens_unhex(w->session, WIRE_ID_BYTES, jsonget_text(o, "session")) < 0)
        return fail(e, -EINVAL, "session: want %u bytes in hex", WIRE_ID_BYTES);
    if (!start[0])
        return 0;
    if (tokens_unhex(w->source.start, FH_TOKEN_BYTES, start) < 0 ||
        wire_check_token(w->source.start, NULL, e) != WIRE_START)
        return fail(e, -EINVAL, "start: want a START token in hex");
    w->source.have_start = true;
    return 0;
}

static int source(struct relay_opts *w, struct json_object *o, struct err *e)
{
    struct json_object *plan = get(o, "plan");
    int rc = purpose(w, o, e);

    if (rc < 0)
        return rc;
    w->domid = (uint16_t)jsonget_number(o, "domid", 0);
    w->bytes_per_s = jsonget_number(o, "bytes_per_s", 0);
    w->source = (struct source_opts){
        .check = w->purpose == WIRE_CHECK,
        .live = flag(o, "live", true),
        .max_downtime_ms =
            (uint32_t)jsonget_number(o, "max_downtime_ms", RULE_DOWNTIME_MS),
        .strict = get(o, "max_downtime_ms"),
        .timeout_ms = jsonget_number(o, "timeout_ms", 0),
        .force = flag(o, "force", false),
    };
    if (getrandom(w->transfer, sizeof(w->transfer), 0) !=
        (ssize_t)sizeof(w->transfer))
        return fail(e, -errno, "random numbers: %s", strerror(errno));
    if (w->purpose == WIRE_RESOLVE)
        return resolve(w, o, e);
    if (!json_object_is_type(plan, json_type_object))
        return fail(e, -EINVAL, "plan: there is none");
    w->source.plan =
        json_object_to_json_string_ext(plan, JSON_C_TO_STRING_PLAIN);
    w->source.plan_bytes = (uint32_t)strlen(w->source.plan);
    if (w->source.plan_bytes > WIRE_PLAN_MAX)
        return fail(e, -E2BIG, "plan: %u bytes, want at most %u",
                    w->source.plan_bytes, WIRE_PLAN_MAX);
    return 0;
}

static int options(struct transfer *t, struct json_object *o, struct err *e)
{
    const char *side = jsonget_text(o, "side");
    int rc = connections(&t->opts, o, e);

    if (rc < 0)
        return rc;
    t->listen_fd = (int)jsonget_number(o, "listen", UINT64_MAX);
    if (strcmp(side, "dest") == 0) {
        t->opts.side = WIRE_DEST;
        return 0;
    }
    if (strcmp(side, "source") != 0)
        return fail(e, -EINVAL, "side: %.16s, want source or dest", side);
    t->opts.side = WIRE_SOURCE;
    return source(&t->opts, o, e);
}

/* ---- Xen ---- */

static void on_bell(uv_poll_t *p, int status, int events)
{
    struct transfer *t = p->data;

    (void)status;
    (void)events;
    seat_hear(&t->seat);
    if (!t->over)
        relay_rang(t->relay);
}

static int attach(void *arg, uint16_t domid, struct fh_control **page,
                  struct err *e)
{
    struct transfer *t = arg;
    int rc = seat_attach(&t->seat, domid, e);

    if (rc < 0)
        return rc;
    *page = seat_page(&t->seat);
    return 0;
}

static int grant(void *arg, uint32_t nr_slots, uint8_t **slots,
                 const uint32_t (**refs)[FH_SLOT_PAGES], struct err *e)
{
    struct transfer *t = arg;
    int rc = seat_grant(&t->seat, nr_slots, e);

    if (rc < 0)
        return rc;
    *slots = t->seat.slots;
    *refs = (const uint32_t(*)[FH_SLOT_PAGES])t->seat.refs;
    return 0;
}

static void ring(void *arg)
{
    struct transfer *t = arg;

    seat_ring(&t->seat);
}

/* ---- the supervisor ---- */

static void event(void *arg, struct json_object *o)
{
    struct transfer *t = arg;

    if (strcmp(jsonget_text(o, "event"), "progress") == 0)
        line_tell(&t->line, o);
    else
        line_say(&t->line, o);
}

static void on_flushed(uv_timer_t *timer)
{
    struct transfer *t = timer->data;

    t->flushed = true;
    uv_stop(&t->loop);
}

static void over(void *arg, enum move_end end)
{
    struct transfer *t = arg;

    log_info("transfer: %s", move_end_name(end));
    t->over = true;
    line_stop(&t->line);
    uv_poll_stop(&t->bell);
    if (t->listen_fd >= 0)
        uv_poll_stop(&t->listen);
    uv_timer_start(&t->flush, on_flushed, FLUSH_MS, 0);
    uv_unref((uv_handle_t *)&t->flush); /* when the rest is out, that is all */
}

static void on_order(void *arg, struct json_object *o)
{
    struct transfer *t = arg;
    struct err e = { 0 };

    if (!t->over && relay_order(t->relay, o, &e) < 0)
        log_warn("supervisor: %s", e.text);
}

static void on_gone(void *arg)
{
    struct transfer *t = arg;

    log_warn("transfer: the supervisor is gone: it is given up");
    if (!t->over)
        relay_alone(t->relay);
}

static void on_connection(uv_poll_t *p, int status, int events)
{
    struct transfer *t = p->data;
    int fd = accept4(t->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)status;
    (void)events;
    if (fd >= 0)
        relay_connection(t->relay, fd);
}

/* ---- its life ---- */

static int leave(struct err *e)
{
    int rc = sandbox_leave_host(
        sandbox_uid(SANDBOX_TRANSFER, 0, (uint32_t)getpid()), e);

    return rc < 0 ? rc : sandbox_seal(seat_ioctls, seat_nr_ioctls, e);
}

static int watch(struct transfer *t, uv_poll_t *p, int fd, uv_poll_cb fn,
                 struct err *e)
{
    int r = uv_poll_init(&t->loop, p, fd);

    p->data = t;
    if (r == 0)
        r = uv_poll_start(p, UV_READABLE, fn);
    return r < 0 ? fail(e, r, "descriptor %d: %s", fd, uv_strerror(r)) : 0;
}

static int run(struct transfer *t, struct json_object *first, struct err *e)
{
    int rc = options(t, first, e);

    if (rc == 0)
        rc = seat_open(&t->seat, e);
    if (rc == 0 && uv_loop_init(&t->loop) < 0)
        rc = fail(e, -ENOMEM, "loop: no memory");
    if (rc == 0)
        rc = leave(e);
    if (rc == 0)
        rc = watch(t, &t->bell, seat_fd(&t->seat), on_bell, e);
    if (rc < 0)
        return rc;
    t->world = (struct relay_world){ t, attach, grant, ring, event, over };
    uv_timer_init(&t->loop, &t->flush);
    t->flush.data = t;
    t->line.object = on_order;
    t->line.gone = on_gone;
    t->line.arg = t;
    rc = line_open(&t->line, &t->loop, SUPERVISOR_FD, e);
    if (rc == 0)
        rc = relay_open(&t->relay, &t->loop, &t->world, &t->opts, e);
    if (rc == 0 && t->listen_fd >= 0)
        rc = watch(t, &t->listen, t->listen_fd, on_connection, e);
    if (rc < 0)
        return rc;
    line_start(&t->line);
    uv_run(&t->loop, UV_RUN_DEFAULT);
    return 0;
}

static int usage(void)
{
    fprintf(stderr,
            "freehold-migrate: it is started by a guest's supervisor, with a "
            "socket to it as descriptor %d\n",
            SUPERVISOR_FD);
    return 2;
}

int main(int argc, char **argv)
{
    static struct transfer t;
    struct json_object *first = NULL;
    struct err e = { 0 };
    struct stat st;
    int rc;

    if (argc == 2 && strcmp(argv[1], "-v") == 0)
        log_set_level(LOG_LEVEL_DEBUG);
    else if (argc != 1)
        return usage();
    if (fstat(SUPERVISOR_FD, &st) || !S_ISSOCK(st.st_mode))
        return usage();
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    tzset();
    rc = line_first(&t.line, SUPERVISOR_FD, &first, &e);
    if (rc == 0)
        rc = run(&t, first, &e);
    if (rc < 0)
        log_err("%s", e.text);
    relay_close(t.relay);
    seat_close(&t.seat);
    json_object_put(first);
    line_free(&t.line);
    return rc < 0 ? 1 : 0;
}
