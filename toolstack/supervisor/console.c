/* SPDX-License-Identifier: MIT */
/*
 * console.c - a guest's console: ring, scrollback, log file, clients
 *
 * How this works: bytes go from the ring into the scrollback and the log
 * file; each client has its own place in the scrollback and at most one write
 * in flight.  A slow client skips what the scrollback lost and holds up
 * nobody.  Input goes straight to the ring; what finds no room waits, and its
 * client is not read from meanwhile.
 *
 * A guest that fills the ring as fast as we empty it would keep a CPU of dom0
 * and its disk busy for ever.  So time comes in slices: one begins with the
 * first byte that is taken after the last one's end, and no more than
 * CONSOLE_SLICE_BYTES are taken in it.  The rest stays in the ring, which the
 * guest finds full, and is fetched when the slice is over.  A quiet console
 * has no timer.
 */
#include "toolstack/supervisor/console.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xen/io/console.h>

#include "abi/xen_steward.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/evt.h"
#include "common/gnt.h"
#include "common/log.h"
#include "toolstack/supervisor/consring.h"
#include "toolstack/supervisor/scroll.h"

#define CLIENTS_MAX 16u
#define TAKE_COST_BYTES 64u      /* the least that a look is charged with */
#define LOG_BYTES_MAX (8u << 20) /* then NAME.log becomes NAME.log.1 */
#define INPUT_BYTES 1024u
#define RING_BYTES ((uint32_t)sizeof(((struct xencons_interface *)0)->out))

struct client {
    uv_pipe_t pipe;
    uv_write_t write;
    struct console *console;
    struct client *next;
    uint64_t at; /* in the scrollback */
    bool writing, closing;
    char input[INPUT_BYTES]; /* not yet given to the guest */
    uint32_t input_used;
};

struct console {
    uv_pipe_t listener;
    uv_timer_t slice;     /* runs from its first byte to its end */
    uint32_t spent_bytes; /* in this slice */
    uv_loop_t *loop;
    char name[64];
    char *log_path;
    int log_fd; /* -1: none */
    uint64_t log_bytes;
    struct scroll *scroll;
    struct client *clients;
    uint32_t nr_clients;
    uint32_t nr_handles; /* not yet closed; the last one frees us */

    struct gnt *gnt;
    struct evt *evt;
    struct gnt_map page; /* all zero: no guest attached */
    struct consring ring;
    uint32_t port;
};

static void on_connect(uv_stream_t *listener, int status);
static void on_input(uv_stream_t *s, ssize_t nr, const uv_buf_t *buf);
static void on_written(uv_write_t *w, int status);
static void on_client_closed(uv_handle_t *h);
static void on_slice(uv_timer_t *timer);
static void on_handle_closed(uv_handle_t *h);

static void log_rotate(struct console *c)
{
    char old[PATH_MAX];

    snprintf(old, sizeof(old), "%s.1", c->log_path);
    close(c->log_fd);
    rename(c->log_path, old);
    c->log_fd =
        open(c->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    c->log_bytes = 0;
}

static void log_bytes(struct console *c, const char *in, size_t in_bytes)
{
    if (c->log_fd < 0)
        return;
    if (c->log_bytes + in_bytes > LOG_BYTES_MAX)
        log_rotate(c);
    if (c->log_fd >= 0 && write(c->log_fd, in, in_bytes) < 0)
        log_warn("console %s: write %s: %s", c->name, c->log_path,
                 strerror(errno));
    c->log_bytes += in_bytes;
}

static void console_put(struct console *c)
{
    if (--c->nr_handles)
        return;
    if (c->log_fd >= 0)
        close(c->log_fd);
    free(c->log_path);
    scroll_free(c->scroll);
    free(c);
}

static void client_close(struct client *k)
{
    if (k->closing)
        return;
    k->closing = true;
    uv_close((uv_handle_t *)&k->pipe, on_client_closed);
}

/* Start the next write, if the client is behind and has none in flight. */
static void client_feed(struct client *k)
{
    const char *bytes;
    size_t nr = scroll_peek(k->console->scroll, &k->at, &bytes);
    uv_buf_t buf;

    if (k->writing || k->closing)
        return;
    if (nr == 0)
        return;
    /*
     * The bytes stay in place unless the ring laps the client meanwhile; it
     * would see newer bytes then, as any slow client does.
     */
    buf = uv_buf_init((char *)bytes, nr);
    k->at += nr;
    k->writing = true;
    if (uv_write(&k->write, (uv_stream_t *)&k->pipe, &buf, 1, on_written)) {
        k->writing = false;
        client_close(k);
    }
}

static void on_written(uv_write_t *w, int status)
{
    struct client *k = w->data;

    k->writing = false;
    if (status < 0)
        client_close(k);
    else
        client_feed(k);
}

static void feed_all(struct console *c)
{
    for (struct client *k = c->clients; k; k = k->next)
        client_feed(k);
}

/* Take what the guest wrote, at most most_bytes; returns their number. */
static uint32_t take_once(struct console *c, uint32_t most_bytes)
{
    char bytes[RING_BYTES];
    uint32_t lies = c->ring.nr_lies;
    uint32_t nr =
        consring_take(&c->ring, bytes, MIN_OF(most_bytes, sizeof(bytes)));

    if (lies == 0 && c->ring.nr_lies)
        log_warn("console %s: the guest moved its index by more than the ring "
                 "holds; its output has gaps",
                 c->name);
    if (nr == 0)
        return 0;
    scroll_add(c->scroll, bytes, nr);
    log_bytes(c, bytes, nr);
    return nr;
}

static void pass_on(struct console *c)
{
    evt_notify(c->evt, c->port); /* there is room again */
    feed_all(c);
}

/* A few bytes cost as much work as many, so they count as many. */
static void take_output(struct console *c)
{
    bool taken = false;

    while (c->spent_bytes < CONSOLE_SLICE_BYTES) {
        uint32_t nr = take_once(c, CONSOLE_SLICE_BYTES - c->spent_bytes);

        if (nr == 0)
            break;
        c->spent_bytes += MAX_OF(nr, TAKE_COST_BYTES);
        taken = true;
    }
    if (!taken)
        return;
    if (!uv_is_active((uv_handle_t *)&c->slice))
        uv_timer_start(&c->slice, on_slice, CONSOLE_SLICE_MS, 0);
    pass_on(c);
}

static void alloc_input(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
    struct client *k = h->data;

    (void)hint;
    *buf = uv_buf_init(k->input + k->input_used, INPUT_BYTES - k->input_used);
}

/* Give the guest what clients typed; a client with a rest is not read. */
static void give_input(struct console *c)
{
    bool rang = false;

    for (struct client *k = c->clients; k; k = k->next) {
        size_t nr;

        if (k->closing || k->input_used == 0)
            continue;
        nr = consring_give(&c->ring, k->input, k->input_used);
        if (nr == 0)
            continue;
        memmove(k->input, k->input + nr, k->input_used - nr);
        k->input_used -= nr;
        rang = true;
        uv_read_start((uv_stream_t *)&k->pipe, alloc_input, on_input);
    }
    if (rang)
        evt_notify(c->evt, c->port);
}

static void on_input(uv_stream_t *s, ssize_t nr, const uv_buf_t *buf)
{
    struct client *k = s->data;
    struct console *c = k->console;

    (void)buf;
    if (nr == UV_ENOBUFS)
        return;
    if (nr < 0) {
        client_close(k);
        return;
    }
    if (!c->page.va)
        return; /* nobody listens: typed into the void */
    k->input_used += nr;
    give_input(c);
    if (k->input_used == INPUT_BYTES)
        uv_read_stop(s);
}

static void on_client_closed(uv_handle_t *h)
{
    struct client *k = h->data, **at = &k->console->clients;

    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    k->console->nr_clients--;
    console_put(k->console);
    free(k);
}

static void on_connect(uv_stream_t *listener, int status)
{
    struct console *c = listener->data;
    struct client *k = status < 0 ? NULL : calloc(1, sizeof(*k));

    if (!k)
        return;
    k->console = c;
    k->at = scroll_oldest(c->scroll);
    uv_pipe_init(c->loop, &k->pipe, 0);
    k->pipe.data = k->write.data = k;
    k->next = c->clients;
    c->clients = k;
    c->nr_clients++;
    c->nr_handles++;
    if (uv_accept(listener, (uv_stream_t *)&k->pipe) ||
        c->nr_clients > CLIENTS_MAX ||
        uv_read_start((uv_stream_t *)&k->pipe, alloc_input, on_input)) {
        client_close(k);
        return;
    }
    client_feed(k);
}

static int open_log(struct console *c, const char *log_path, struct err *e)
{
    struct stat st;

    c->log_path = strdup(log_path);
    if (!c->log_path)
        return fail(e, -ENOMEM, "console %s: no memory", c->name);
    c->log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (c->log_fd < 0)
        return fail(e, -errno, "console %s: open %s: %s", c->name, log_path,
                    strerror(errno));
    if (fstat(c->log_fd, &st) == 0)
        c->log_bytes = st.st_size;
    return 0;
}

int console_open(uv_loop_t *loop, const char *name, const char *socket_path,
                 const char *log_path, struct console **out, struct err *e)
{
    struct console *c = calloc(1, sizeof(*c));
    int rc, r;

    if (!c)
        return fail(e, -ENOMEM, "console %s: no memory", name);
    snprintf(c->name, sizeof(c->name), "%s", name);
    c->loop = loop;
    c->log_fd = -1;
    uv_pipe_init(loop, &c->listener, 0);
    uv_timer_init(loop, &c->slice);
    c->listener.data = c->slice.data = c;
    c->nr_handles = 2;
    c->scroll = scroll_new();
    if (!c->scroll) {
        rc = fail(e, -ENOMEM, "console %s: no memory", name);
        goto out;
    }
    rc = open_log(c, log_path, e);
    if (rc < 0)
        goto out;
    unlink(socket_path);
    r = uv_pipe_bind(&c->listener, socket_path);
    if (r == 0)
        r = uv_listen((uv_stream_t *)&c->listener, 4, on_connect);
    if (r < 0) {
        rc = fail(e, r, "console %s: listen on %s: %s", name, socket_path,
                  uv_strerror(r));
        goto out;
    }
    *out = c;
    return 0;
out:
    console_close(c);
    return rc;
}

int console_attach(struct console *c, struct gnt *g, struct evt *v,
                   uint16_t domid, uint32_t local_port, struct err *e)
{
    int rc;

    assert(!c->page.va);
    rc = gnt_map(g, domid, XEN_STEWARD_CONSOLE_REF, &c->page, e);
    if (rc < 0)
        return rc;
    c->gnt = g;
    c->evt = v;
    c->port = local_port;
    consring_attach(&c->ring, c->page.va);
    console_kick(c);
    return 0;
}

void console_detach(struct console *c)
{
    if (!c || !c->page.va)
        return;
    if (take_once(c, RING_BYTES) > 0) /* the slice's budget or not */
        pass_on(c);
    gnt_unmap(c->gnt, &c->page);
    for (struct client *k = c->clients; k; k = k->next) {
        k->input_used = 0;
        if (!k->closing)
            uv_read_start((uv_stream_t *)&k->pipe, alloc_input, on_input);
    }
}

void console_kick(struct console *c)
{
    if (!c->page.va)
        return;
    take_output(c);
    give_input(c);
}

static void on_slice(uv_timer_t *timer)
{
    struct console *c = timer->data;

    c->spent_bytes = 0;
    console_kick(c);
}

static void on_handle_closed(uv_handle_t *h)
{
    console_put(h->data);
}

/* Tell a client what it has not heard yet, as far as that does not wait. */
static void client_flush(struct client *k)
{
    const char *bytes;
    size_t nr;

    while (!k->writing && !k->closing &&
           (nr = scroll_peek(k->console->scroll, &k->at, &bytes)) > 0) {
        uv_buf_t buf = uv_buf_init((char *)bytes, nr);
        int r = uv_try_write((uv_stream_t *)&k->pipe, &buf, 1);

        if (r <= 0)
            return;
        k->at += r;
    }
}

void console_close(struct console *c)
{
    if (!c)
        return;
    console_detach(c);
    for (struct client *k = c->clients; k; k = k->next) {
        client_flush(k);
        client_close(k);
    }
    uv_close((uv_handle_t *)&c->slice, on_handle_closed);
    uv_close((uv_handle_t *)&c->listener, on_handle_closed);
}
