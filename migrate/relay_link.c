/* SPDX-License-Identifier: MIT */
/*
 * relay_link.c - a transfer's connections, and the frames on them
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "migrate/relay_priv.h"

/* ---- frames ---- */

static void on_frames_timer(uv_timer_t *t)
{
    struct relay *r = t->data;

    relay_move_frames(r);
    relay_next(r);
}

/* Source: the next frame of a stream, if it may go. */
static void send_next(struct relay *r, uint16_t stream)
{
    struct peer *p = r->peer[stream];
    struct err e = { 0 };
    uint64_t wait_ms = 1;
    uint32_t len;
    void *frame;
    int rc;

    if (!p || peer_is_sending(p))
        return;
    rc = chan_next(&r->chan, stream, &frame, &len, &e);
    if (rc < 0) {
        r->steward_erred = true;
        snprintf(r->late, sizeof(r->late), "%s", e.text);
    }
    if (rc != 1)
        return;
    if (source_is_limited(&r->s) &&
        !bucket_take(&r->bucket, len, uv_hrtime() / 1000, &wait_ms)) {
        uv_timer_start(&r->frames_timer, on_frames_timer, wait_ms, 0);
        return;
    }
    peer_frame(p, len == FH_FRAME_LONG_BYTES ? WIRE_FRAME : WIRE_SHORT, frame,
               len);
}

void relay_move_frames(struct relay *r)
{
    if (!r->chan.page || r->chan.nr_slots == 0)
        return;
    for (uint16_t i = 0; i < r->nr_streams; i++) {
        if (r->side == WIRE_SOURCE)
            send_next(r, i);
        else if (r->peer[i])
            peer_retry(r->peer[i]);
    }
}

static void on_sent(void *arg, struct peer *p, uint32_t len_bytes)
{
    struct relay *r = arg;

    chan_taken(&r->chan, peer_stream(p));
    source_sent(&r->s, len_bytes);
    send_next(r, peer_stream(p));
    relay_next(r);
}

/* ---- in ---- */

static bool is_frame(const struct relay *r, const struct wire_unit *u)
{
    return r->side == WIRE_DEST &&
           (u->kind == WIRE_FRAME || u->kind == WIRE_SHORT);
}

static void *on_room(void *arg, struct peer *p, const struct wire_unit *u,
                     bool *mine)
{
    struct relay *r = arg;
    struct err e = { 0 };
    void *room = NULL;

    /* One that comes before there are slots is refused in on_unit(). */
    *mine = !is_frame(r, u) || !r->chan.page || r->chan.nr_slots == 0;
    if (*mine)
        return NULL;
    if (chan_room(&r->chan, peer_stream(p), &room, &e) < 0) {
        r->steward_erred = true;
        snprintf(r->late, sizeof(r->late), "%s", e.text);
    }
    return room;
}

static int on_unit(void *arg, struct peer *p, const struct wire_unit *u,
                   const void *bytes, struct err *e)
{
    struct relay *r = arg;

    if (is_frame(r, u)) {
        if (!r->chan.page || r->chan.nr_slots == 0)
            return fail(e, -EPROTO, "unit %s: it is not its time",
                        wire_kind_name(u->kind));
        r->d.line.heard_ms = relay_now_ms(r);
        chan_filled(&r->chan, peer_stream(p), u->len_bytes);
        dest_came(&r->d, u->len_bytes);
    } else if (r->side == WIRE_SOURCE) {
        source_unit(&r->s, u, bytes, relay_now_ms(r));
    } else {
        dest_unit(&r->d, u, bytes, relay_now_ms(r));
    }
    relay_next(r);
    return 0;
}

/* ---- hello ---- */

static int source_streams(struct relay *r, struct err *e)
{
    for (uint16_t i = 1; i < r->nr_streams; i++) {
        struct wire_hello h;
        int rc = relay_open_peer(r, r->opts.fd[i][0], r->opts.fd[i][1],
                                 &r->peer[i], e);

        r->opts.fd[i][0] = r->opts.fd[i][1] = -1;
        if (rc < 0)
            return rc;
        peer_set_stream(r->peer[i], i);
        wire_hello(&h, r->opts.purpose, i, (uint16_t)r->nr_streams,
                   r->opts.transfer, NULL);
        peer_say_hello(r->peer[i], &h);
    }
    return 0;
}

static int on_answer(struct relay *r, struct peer *p,
                     const struct wire_hello *h, struct err *e)
{
    int rc;

    if (p != r->peer[0])
        return fail(e, -EPROTO, "hello: an answer on stream %u",
                    peer_stream(p));
    rc = wire_check_answer(h, &r->hello, e);
    if (rc == 0)
        rc = source_streams(r, e);
    if (rc < 0)
        return rc;
    r->hello_there = true;
    source_hello(&r->s, relay_now_ms(r));
    relay_next(r);
    return 0;
}

static int first_hello(struct relay *r, const struct wire_hello *h,
                       struct err *e)
{
    struct wire_hello answer = *h;

    if (h->stream != 0)
        return fail(e, -EPROTO, "hello: stream %u before 0", h->stream);
    r->hello = *h;
    r->hello_there = true;
    r->nr_streams = h->nr_streams;
    answer.version_min = answer.version_max = WIRE_VERSION;
    peer_say_hello(r->peer[0], &answer);
    r->streams_due_ms =
        h->nr_streams > 1 ? relay_now_ms(r) + 10000 : MOVE_NEVER;
    dest_hello(&r->d, (enum wire_purpose)h->purpose, relay_now_ms(r));
    if (h->purpose == WIRE_RESOLVE)
        relay_show_session(r, h->session);
    return 0;
}

static bool all_there(const struct relay *r)
{
    for (uint32_t i = 0; i < r->nr_streams; i++)
        if (!r->peer[i])
            return false;
    return true;
}

static int on_hello(void *arg, struct peer *p, const struct wire_hello *h,
                    struct err *e)
{
    struct relay *r = arg;
    int rc;

    if (r->side == WIRE_SOURCE)
        return on_answer(r, p, h, e);
    rc = wire_check_hello(h, e);
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < FH_MOVE_STREAMS; i++)
        if (r->fresh[i] == p)
            r->fresh[i] = NULL;
    if (!r->hello_there) {
        r->peer[0] = p;
        rc = first_hello(r, h, e);
    } else if (h->nr_streams != r->hello.nr_streams ||
               h->purpose != r->hello.purpose ||
               memcmp(h->transfer, r->hello.transfer, WIRE_ID_BYTES) != 0 ||
               r->peer[h->stream]) {
        /* A stranger costs the transfer nothing. */
        peer_close(p, true);
        return 0;
    } else {
        peer_set_stream(p, h->stream);
        r->peer[h->stream] = p;
    }
    if (all_there(r))
        r->streams_due_ms = MOVE_NEVER;
    relay_next(r);
    return rc;
}

static void on_lost(void *arg, struct peer *p, const char *why)
{
    struct relay *r = arg;

    for (unsigned i = 0; i < FH_MOVE_STREAMS; i++)
        if (r->fresh[i] == p) {
            r->fresh[i] = NULL;
            peer_close(p, true);
            return;
        }
    relay_link_failed(r, why);
}

const struct peer_ops relay_peer_ops = {
    .hello = on_hello,
    .room = on_room,
    .unit = on_unit,
    .sent = on_sent,
    .lost = on_lost,
};

int relay_open_peer(struct relay *r, int read_fd, int write_fd,
                    struct peer **at, struct err *e)
{
    return peer_open(at, r->loop, read_fd, write_fd,
                     r->side == WIRE_SOURCE ? WIRE_DEST : WIRE_SOURCE,
                     &relay_peer_ops, r, e);
}

void relay_say_unit(void *arg, uint32_t kind, uint64_t n, const void *p,
                    uint32_t len_bytes)
{
    struct relay *r = arg;

    if (r->peer[0])
        peer_say(r->peer[0], kind, n, p, len_bytes);
}

void relay_drop_link(struct relay *r, bool force)
{
    for (unsigned i = 0; i < FH_MOVE_STREAMS; i++) {
        peer_close(r->peer[i], force);
        peer_close(r->fresh[i], force);
        r->peer[i] = r->fresh[i] = NULL;
    }
}
