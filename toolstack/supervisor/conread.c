/* SPDX-License-Identifier: MIT */
/*
 * conread.c - whoever is attached to a console
 *
 * How this works: a reader is a place in the scrollback and at most one write
 * in flight, of bytes that were copied out: the scrollback may overwrite what
 * a slow reader has not taken yet.  He is told how much he missed then, and
 * holds up nobody.  What he types goes straight to the guest; what finds no
 * room waits, and he is not read from meanwhile.  One who shuts his side down
 * hears what there is at that moment, and the end.
 */
#include "toolstack/supervisor/conread.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/supervisor/listen.h"
#include "toolstack/supervisor/scroll.h"

#define READERS_MAX 16u
#define INPUT_BYTES 1024u
#define OUTPUT_BYTES (16u << 10)
#define LINGER_MS 2000u

struct reader {
    uv_pipe_t pipe;
    uv_write_t write;
    struct conread *all;
    struct reader *next;
    uint64_t at;  /* in the scrollback */
    uint64_t end; /* he goes when he has heard that far */
    bool writing, closing;
    uint32_t input_used;
    char input[INPUT_BYTES];   /* not yet given to the guest */
    char output[OUTPUT_BYTES]; /* being written */
};

struct conread {
    uv_pipe_t listener;
    uv_timer_t linger;
    const struct scroll *scroll;
    struct conread_host host;
    struct reader *readers;
    uint32_t nr_readers;
    uint32_t nr_handles; /* not yet closed; the last one frees us */
    bool closing;
};

static void on_connect(uv_stream_t *listener, int status);
static void on_input(uv_stream_t *s, ssize_t nr, const uv_buf_t *buf);
static void on_written(uv_write_t *w, int status);
static void on_reader_closed(uv_handle_t *h);
static void on_linger(uv_timer_t *timer);
static void on_handle_closed(uv_handle_t *h);

static void conread_put(struct conread *r)
{
    if (--r->nr_handles)
        return;
    if (r->host.gone)
        r->host.gone(r->host.arg);
    free(r);
}

static void reader_close(struct reader *k)
{
    if (k->closing)
        return;
    k->closing = true;
    uv_close((uv_handle_t *)&k->pipe, on_reader_closed);
}

/* Copy out what he hears next; returns its length, 0 at the end. */
static uint32_t reader_next(struct reader *k)
{
    const struct scroll *s = k->all->scroll;
    uint64_t oldest = scroll_oldest(s);
    const char *bytes;
    uint64_t nr;

    if (k->at >= k->end)
        return 0;
    if (k->at < oldest) {
        int len = snprintf(k->output, sizeof(k->output),
                           "\r\n[%llu bytes skipped; the log has them]\r\n",
                           (unsigned long long)(oldest - k->at));

        k->at = oldest;
        return (uint32_t)len;
    }
    nr = MIN_OF(scroll_peek(s, &k->at, &bytes), OUTPUT_BYTES);
    nr = MIN_OF(nr, k->end - k->at);
    memcpy(k->output, bytes, nr);
    k->at += nr;
    return (uint32_t)nr;
}

/* Start the next write, if he is behind and has none in flight. */
static void reader_feed(struct reader *k)
{
    uv_buf_t buf;

    if (k->writing || k->closing)
        return;
    buf = uv_buf_init(k->output, reader_next(k));
    if (buf.len == 0) {
        if (k->all->closing || k->at >= k->end)
            reader_close(k);
        return;
    }
    k->writing = true;
    if (uv_write(&k->write, (uv_stream_t *)&k->pipe, &buf, 1, on_written)) {
        k->writing = false;
        reader_close(k);
    }
}

static void on_written(uv_write_t *w, int status)
{
    struct reader *k = w->data;

    k->writing = false;
    if (status < 0)
        reader_close(k);
    else
        reader_feed(k);
}

void conread_feed(struct conread *r)
{
    for (struct reader *k = r->readers; k; k = k->next)
        reader_feed(k);
}

static void alloc_input(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
    struct reader *k = h->data;

    (void)hint;
    *buf = uv_buf_init(k->input + k->input_used, INPUT_BYTES - k->input_used);
}

/* Returns true when the guest took some of it. */
static bool reader_give(struct reader *k)
{
    struct conread_host *host = &k->all->host;
    uint32_t nr = host->typed(host->arg, k->input, k->input_used);

    memmove(k->input, k->input + nr, k->input_used - nr);
    k->input_used -= nr;
    return nr > 0;
}

void conread_retry(struct conread *r)
{
    for (struct reader *k = r->readers; k; k = k->next)
        if (!k->closing && k->input_used > 0 && reader_give(k) &&
            k->end == UINT64_MAX)
            uv_read_start((uv_stream_t *)&k->pipe, alloc_input, on_input);
}

static void on_input(uv_stream_t *s, ssize_t nr, const uv_buf_t *buf)
{
    struct reader *k = s->data;

    (void)buf;
    if (nr == UV_ENOBUFS)
        return;
    if (nr == UV_EOF) { /* he may listen still, to what there is now */
        k->end = scroll_end(k->all->scroll);
        uv_read_stop(s);
        reader_feed(k);
        return;
    }
    if (nr < 0) {
        reader_close(k);
        return;
    }
    k->input_used += (uint32_t)nr;
    reader_give(k);
    if (k->input_used == INPUT_BYTES)
        uv_read_stop(s);
}

/* The last of those who listen to the end has gone. */
static void end_linger(struct conread *r)
{
    if (r->closing && r->nr_readers == 0)
        uv_close((uv_handle_t *)&r->linger, on_handle_closed);
}

static void on_reader_closed(uv_handle_t *h)
{
    struct reader *k = h->data, **at = &k->all->readers;

    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    k->all->nr_readers--;
    end_linger(k->all);
    conread_put(k->all);
    free(k);
}

/* Returns false when he is to go at once. */
static bool reader_welcome(struct reader *k, uv_stream_t *listener)
{
    static const char full[] = "[16 readers are attached already]\r\n";
    uv_stream_t *s = (uv_stream_t *)&k->pipe;
    uv_buf_t buf = uv_buf_init((char *)full, sizeof(full) - 1);

    _Static_assert(READERS_MAX == 16, "full");
    if (uv_accept(listener, s))
        return false;
    if (k->all->nr_readers > READERS_MAX) {
        uv_try_write(s, &buf, 1);
        return false;
    }
    return uv_read_start(s, alloc_input, on_input) == 0;
}

static void on_connect(uv_stream_t *listener, int status)
{
    struct conread *r = listener->data;
    struct reader *k = status < 0 ? NULL : calloc(1, sizeof(*k));

    if (!k)
        return;
    k->all = r;
    k->end = UINT64_MAX;
    uv_pipe_init(listener->loop, &k->pipe, 0);
    k->pipe.data = k->write.data = k;
    k->next = r->readers;
    r->readers = k;
    r->nr_readers++;
    r->nr_handles++;
    if (reader_welcome(k, listener))
        reader_feed(k);
    else
        reader_close(k);
}

int conread_open(uv_loop_t *loop, const char *name, const char *socket_path,
                 const struct scroll *scroll, const struct conread_host *host,
                 struct conread **out, struct err *e)
{
    struct conread *r = calloc(1, sizeof(*r));
    int rc;

    if (!r)
        return fail(e, -ENOMEM, "console %s: no memory", name);
    r->scroll = scroll;
    uv_pipe_init(loop, &r->listener, 0);
    uv_timer_init(loop, &r->linger);
    r->listener.data = r->linger.data = r;
    r->nr_handles = 2;
    rc = listen_on(&r->listener, socket_path, 4, on_connect, e);
    if (rc < 0) {
        conread_close(r);
        return rc;
    }
    r->host = *host;
    *out = r;
    return 0;
}

void conread_close(struct conread *r)
{
    r->closing = true;
    uv_close((uv_handle_t *)&r->listener, on_handle_closed);
    uv_timer_start(&r->linger, on_linger, LINGER_MS, 0);
    conread_feed(r);
    end_linger(r);
}

static void on_linger(uv_timer_t *timer)
{
    struct conread *r = timer->data;

    for (struct reader *k = r->readers; k; k = k->next)
        reader_close(k);
}

static void on_handle_closed(uv_handle_t *h)
{
    conread_put(h->data);
}
