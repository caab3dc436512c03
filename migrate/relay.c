/* SPDX-License-Identifier: MIT */
/*
 * relay.c - one transfer: its connections, its steward, and who decides
 */
#include "migrate/relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/jsonget.h"
#include "migrate/relay_priv.h"
#include "migrate/tokens.h"

#define PROGRESS_MS 1000u
#define MAILS_MAX 8u /* taken at once */

static void on_timer(uv_timer_t *t);

uint64_t relay_now_ms(const struct relay *r)
{
    return uv_now(r->loop);
}

enum move_end relay_end(const struct relay *r)
{
    return r->side == WIRE_SOURCE ? r->s.end : r->d.end;
}

/* ---- what both machines ask ---- */

static void steward_failed(struct relay *r, const char *why, bool dead)
{
    if (r->side == WIRE_SOURCE)
        source_steward_fails(&r->s, why, dead, relay_now_ms(r));
    else
        dest_steward_fails(&r->d, why, dead, relay_now_ms(r));
}

/* Not from within a machine's own event: relay_next() does it. */
static void later(struct relay *r, const struct err *e)
{
    r->steward_erred = true;
    snprintf(r->late, sizeof(r->late), "%s", e->text);
}

void relay_link_failed(struct relay *r, const char *why)
{
    if (r->link_erred)
        return;
    r->link_erred = true;
    if (!r->steward_erred)
        snprintf(r->late, sizeof(r->late), "%s", why);
    relay_next(r);
}

static void ring(void *arg)
{
    struct relay *r = arg;

    r->world->ring(r->world->arg);
}

static void begin(void *arg, uint32_t flags)
{
    struct relay *r = arg;
    uint32_t nr_slots = RELAY_SLOTS / r->nr_streams * r->nr_streams;
    const uint32_t(*refs)[FH_SLOT_PAGES] = NULL;
    struct err e = { 0 };
    uint8_t *slots;
    int rc = r->chan.page
                 ? r->world->grant(r->world->arg, nr_slots, &slots, &refs, &e)
                 : fail(&e, -ENOTCONN, "steward: none is attached");

    if (rc == 0) {
        r->chan.slots = slots;
        rc = chan_begin(
            &r->chan, r->side == WIRE_SOURCE ? FH_OP_SEND : FH_OP_RECEIVE,
            r->nr_streams, nr_slots, flags, refs, relay_now_ms(r), &e);
    }
    if (rc < 0)
        later(r, &e);
}

static void command(void *arg, enum fh_op op)
{
    struct relay *r = arg;
    struct err e = { 0 };

    if (r->chan.page && chan_command(&r->chan, op, relay_now_ms(r), &e) < 0)
        later(r, &e);
}

static void mail(void *arg, enum fh_mail_kind kind, uint32_t n, const void *p,
                 uint32_t len_bytes)
{
    struct relay *r = arg;
    struct err e = { 0 };

    if (r->chan.page &&
        chan_mail(&r->chan, kind, n, p, len_bytes, relay_now_ms(r), &e) < 0)
        later(r, &e);
}

static void slow(void *arg, uint32_t percent)
{
    struct relay *r = arg;

    if (r->chan.page)
        chan_slow(&r->chan, percent);
}

static int token(void *arg, uint8_t out[FH_TOKEN_BYTES])
{
    struct relay *r = arg;
    struct err e = { 0 };

    return r->chan.page ? chan_token(&r->chan, out, &e) : -ENOTCONN;
}

static int last_mail(void *arg, struct fh_mail *out)
{
    struct relay *r = arg;

    return r->chan.page ? chan_last_mail(&r->chan, out) : -ENOTCONN;
}

static int attach(struct relay *r, uint16_t domid, struct err *e)
{
    struct fh_control *page;
    int rc = r->world->attach(r->world->arg, domid, &page, e);

    if (rc == 0)
        chan_open(&r->chan, page, NULL, ring, r);
    return rc;
}

/* ---- the steward ---- */

static void give_mail(struct relay *r, const struct fh_mail *m)
{
    if (r->side == WIRE_SOURCE)
        source_mail(&r->s, m, relay_now_ms(r));
    else
        dest_mail(&r->d, m, relay_now_ms(r));
}

static void look(struct relay *r)
{
    enum fh_op refused = FH_OP_NONE;
    struct err e = { 0 };
    struct chan_view v;
    struct fh_mail m;
    int rc = chan_look(&r->chan, relay_now_ms(r), &v, &refused, &e);

    if (rc < 0)
        steward_failed(r, e.text, false);
    for (unsigned i = 0; i < MAILS_MAX; i++) {
        int got = chan_take_mail(&r->chan, &m, &e);

        if (got < 0)
            steward_failed(r, e.text, false);
        if (got != 1)
            break;
        give_mail(r, &m);
    }
    relay_move_frames(r);
    if (rc == -EPROTO)
        return;
    if (r->side == WIRE_SOURCE)
        source_steward(&r->s, &v, relay_now_ms(r));
    else
        dest_steward(&r->d, &v, relay_now_ms(r));
}

/* ---- what is next ---- */

static void link_lost(struct relay *r)
{
    relay_drop_link(r, true);
    if (r->side == WIRE_SOURCE)
        source_lost(&r->s, r->late, relay_now_ms(r));
    else
        dest_lost(&r->d, r->late, relay_now_ms(r));
}

static void tick(struct relay *r)
{
    uint64_t now = relay_now_ms(r);

    if (r->chan.page && chan_waits_ms(&r->chan, now) >= MOVE_STEWARD_MS)
        steward_failed(r, "the steward does not react to its doorbell", true);
    if (r->side == WIRE_SOURCE)
        source_tick(&r->s, now);
    else
        dest_tick(&r->d, now);
    if (now >= r->streams_due_ms) {
        r->streams_due_ms = MOVE_NEVER;
        relay_link_failed(r, "not all of its streams are there in 10 s");
    }
    if (now - r->shown_ms >= PROGRESS_MS && r->chan.counts)
        relay_show_progress(r);
}

static void set_timer(struct relay *r)
{
    uint64_t now = relay_now_ms(r);
    uint64_t due =
        r->side == WIRE_SOURCE ? source_due_ms(&r->s) : dest_due_ms(&r->d);

    if (r->chan.page && (r->chan.command_out || r->chan.mail_out))
        due = MIN_OF(due, r->chan.since_ms + MOVE_STEWARD_MS);
    if (r->chan.counts)
        due = MIN_OF(due, r->shown_ms + PROGRESS_MS);
    due = MIN_OF(due, r->streams_due_ms);
    uv_timer_start(&r->timer, on_timer, due > now ? due - now : 1, 0);
}

static void on_timer_closed(uv_handle_t *h)
{
    struct relay *r = h->data;

    if (--r->nr_timers == 0)
        r->world->over(r->world->arg, relay_end(r));
}

static void finish(struct relay *r)
{
    if (r->told_over)
        return;
    r->told_over = true;
    relay_show_end(r);
    relay_drop_link(r, false);
    uv_close((uv_handle_t *)&r->timer, on_timer_closed);
    uv_close((uv_handle_t *)&r->frames_timer, on_timer_closed);
}

static void next_once(struct relay *r)
{
    if (r->steward_erred) {
        r->steward_erred = false;
        steward_failed(r, r->late, false);
    }
    if (r->link_erred && (r->peer[0] || r->fresh[0]))
        link_lost(r);
    if (r->chan.page)
        look(r);
}

/* Machines call back here by what they ask for: it happens in the outermost. */
void relay_next(struct relay *r)
{
    r->again = true;
    if (r->looking || r->told_over)
        return;
    r->looking = true;
    for (unsigned i = 0; r->again && i < 4; i++) {
        r->again = false;
        next_once(r);
        r->again |= r->steward_erred;
    }
    r->looking = false;
    if (relay_end(r) != MOVE_END_NONE)
        finish(r);
    else
        set_timer(r);
}

static void on_timer(uv_timer_t *t)
{
    struct relay *r = t->data;

    tick(r);
    relay_next(r);
}

void relay_rang(struct relay *r)
{
    relay_next(r);
}

/* ---- orders ---- */

static int64_t number_of(struct json_object *o, const char *key)
{
    struct json_object *v;

    return json_object_object_get_ex(o, key, &v) ? json_object_get_int64(v)
                                                 : -1;
}

static int order_answer(struct relay *r, struct json_object *o, struct err *e)
{
    struct json_object *a, *ok;
    const char *json;
    int rc = 0;

    if (!json_object_object_get_ex(o, "answer", &a) ||
        !json_object_object_get_ex(o, "ok", &ok))
        return fail(e, -EINVAL, "order answer: want ok and answer");
    if (r->d.state != DEST_MAKING)
        return 0;
    if (json_object_get_boolean(ok))
        rc = attach(r, (uint16_t)number_of(o, "domid"), e);
    if (rc < 0) {
        dest_cancel(&r->d, e->text, relay_now_ms(r));
        return 0;
    }
    json = json_object_to_json_string_ext(a, JSON_C_TO_STRING_PLAIN);
    dest_answer(&r->d, json_object_get_boolean(ok), json,
                (uint32_t)strlen(json), relay_now_ms(r));
    return 0;
}

static int token_of(struct json_object *o, uint8_t out[FH_TOKEN_BYTES],
                    struct err *e)
{
    if (tokens_unhex(out, FH_TOKEN_BYTES, jsonget_text(o, "token")) < 0)
        return fail(e, -EINVAL, "order: token: want %u bytes in hex",
                    FH_TOKEN_BYTES);
    return wire_check_token(out, NULL, e);
}

static int order_session(struct relay *r, struct json_object *o, struct err *e)
{
    const char *found = jsonget_text(o, "found");
    uint8_t t[FH_TOKEN_BYTES];
    enum fh_op refused;
    struct chan_view v;

    if (r->d.state != DEST_ASKING)
        return 0;
    if (strcmp(found, "token") == 0) {
        int rc = token_of(o, t, e);

        if (rc < 0)
            return rc;
        dest_resolve(&r->d, DEST_TOKEN, t, NULL, relay_now_ms(r));
    } else if (strcmp(found, "domain") == 0) {
        int rc = attach(r, (uint16_t)number_of(o, "domid"), e);

        if (rc == 0)
            rc = chan_look(&r->chan, relay_now_ms(r), &v, &refused, e);
        if (rc < 0)
            dest_cancel(&r->d, e->text, relay_now_ms(r));
        else
            dest_resolve(&r->d, DEST_DOMAIN, NULL, &v, relay_now_ms(r));
    } else {
        dest_resolve(&r->d, DEST_NOTHING, NULL, NULL, relay_now_ms(r));
    }
    return 0;
}

static int source_orders(struct relay *r, const char *name,
                         struct json_object *o, struct err *e)
{
    uint64_t now = relay_now_ms(r);

    if (strcmp(name, "suspended") == 0) {
        source_order(&r->s, SOURCE_SUSPENDED, now);
    } else if (strcmp(name, "drained") == 0) {
        source_order(&r->s, SOURCE_DRAINED, now);
    } else if (strcmp(name, "cancel") == 0) {
        source_order(&r->s, SOURCE_CANCEL, now);
    } else if (strcmp(name, "bandwidth") == 0) {
        int64_t n = number_of(o, "bytes_per_s");

        if (n < 0)
            return fail(e, -EINVAL, "order bandwidth: want bytes_per_s");
        bucket_set(&r->bucket, (uint64_t)n, uv_hrtime() / 1000);
    } else {
        return fail(e, -EINVAL, "order: %s: the source knows none", name);
    }
    return 0;
}

static int dest_orders(struct relay *r, const char *name, struct json_object *o,
                       struct err *e)
{
    uint8_t t[FH_TOKEN_BYTES];
    int rc = 0;

    if (strcmp(name, "answer") == 0)
        return order_answer(r, o, e);
    if (strcmp(name, "session") == 0)
        return order_session(r, o, e);
    if (strcmp(name, "cancel") == 0) {
        dest_cancel(&r->d, "cancelled", relay_now_ms(r));
    } else if (strcmp(name, "start") == 0) {
        rc = token_of(o, t, e);
        if (rc >= 0)
            dest_start(&r->d, t, relay_now_ms(r));
    } else {
        return fail(e, -EINVAL, "order: %s: the destination knows none", name);
    }
    return rc < 0 ? rc : 0;
}

int relay_order(struct relay *r, struct json_object *order, struct err *e)
{
    const char *name = jsonget_text(order, "order");
    int rc;

    if (r->told_over)
        return 0;
    uv_update_time(r->loop);
    rc = r->side == WIRE_SOURCE ? source_orders(r, name, order, e)
                                : dest_orders(r, name, order, e);
    relay_next(r);
    return rc;
}

void relay_alone(struct relay *r)
{
    if (r->told_over)
        return;
    uv_update_time(r->loop);
    if (r->side == WIRE_SOURCE)
        source_order(&r->s, SOURCE_CANCEL, relay_now_ms(r));
    else
        dest_alone(&r->d, relay_now_ms(r));
    relay_next(r);
}

/* ---- the beginning ---- */

void relay_connection(struct relay *r, int fd)
{
    struct err e = { 0 };

    for (unsigned i = 0; i < FH_MOVE_STREAMS; i++)
        if (!r->fresh[i] && !r->told_over) {
            relay_open_peer(r, fd, fd, &r->fresh[i], &e);
            return;
        }
    close(fd);
}

static void close_fds(struct relay *r)
{
    for (unsigned i = 0; i < r->opts.nr_connections; i++) {
        int *fd = r->opts.fd[i];

        if (fd[0] >= 0)
            close(fd[0]);
        if (fd[1] >= 0 && fd[1] != fd[0])
            close(fd[1]);
        fd[0] = fd[1] = -1;
    }
}

static int open_source(struct relay *r, struct err *e)
{
    const struct relay_opts *o = &r->opts;
    int rc = 0;

    r->nr_streams = o->nr_connections;
    if (!o->source.no_domain)
        rc = attach(r, o->domid, e);
    if (rc == 0)
        rc = relay_open_peer(r, o->fd[0][0], o->fd[0][1], &r->peer[0], e);
    if (rc < 0)
        return rc;
    r->opts.fd[0][0] = r->opts.fd[0][1] = -1;
    bucket_set(&r->bucket, o->bytes_per_s, uv_hrtime() / 1000);
    source_open(&r->s, &r->io, &o->source, relay_now_ms(r));
    wire_hello(&r->hello, o->purpose, 0, o->nr_connections, o->transfer,
               o->purpose == WIRE_RESOLVE ? o->session : NULL);
    peer_say_hello(r->peer[0], &r->hello);
    return 0;
}

static int open_dest(struct relay *r, struct err *e)
{
    dest_open(&r->d, &r->io, relay_now_ms(r));
    for (unsigned i = 0; i < r->opts.nr_connections; i++) {
        int *fd = r->opts.fd[i];
        int rc = relay_open_peer(r, fd[0], fd[1], &r->fresh[i], e);

        fd[0] = fd[1] = -1;
        if (rc < 0)
            return rc;
    }
    return 0;
}

int relay_open(struct relay **out, uv_loop_t *loop,
               const struct relay_world *world, const struct relay_opts *opts,
               struct err *e)
{
    struct relay *r = calloc(1, sizeof(*r));
    int rc;

    if (!r)
        return fail(e, -ENOMEM, "transfer: no memory");
    r->loop = loop;
    r->world = world;
    r->opts = *opts;
    r->side = opts->side;
    r->streams_due_ms = MOVE_NEVER;
    r->io = (struct move_io){
        .arg = r,
        .say = relay_say_unit,
        .begin = begin,
        .command = command,
        .mail = mail,
        .slow = slow,
        .token = token,
        .last_mail = last_mail,
        .tell = relay_tell,
        .keep = relay_keep,
    };
    uv_update_time(loop);
    r->begun_ms = r->shown_ms = relay_now_ms(r);
    rc = opts->side == WIRE_SOURCE ? open_source(r, e) : open_dest(r, e);
    if (rc < 0) {
        relay_drop_link(r, true);
        close_fds(r);
        free(r);
        return rc;
    }
    uv_timer_init(loop, &r->timer);
    uv_timer_init(loop, &r->frames_timer);
    r->timer.data = r->frames_timer.data = r;
    r->nr_timers = 2;
    *out = r;
    relay_next(r);
    return 0;
}

void relay_close(struct relay *r)
{
    if (!r)
        return;
    close_fds(r);
    free(r);
}
