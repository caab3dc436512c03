/* SPDX-License-Identifier: MIT */
/*
 * console.c - a guest's console: its ring, and who gets what it says
 *
 * How this works: bytes go from the ring into the scrollback; the log file and
 * the readers take them from there.  What readers type goes into the ring.
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
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <xen/io/console.h>

#include "abi/xen_steward.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/evt.h"
#include "common/gnt.h"
#include "common/log.h"
#include "toolstack/supervisor/conlog.h"
#include "toolstack/supervisor/conread.h"
#include "toolstack/supervisor/consring.h"
#include "toolstack/supervisor/scroll.h"

#define TAKE_COST_BYTES 64u /* the least that a look is charged with */
#define LOG_RETRY_MS 1000u
#define RING_BYTES ((uint32_t)sizeof(((struct xencons_interface *)0)->out))

struct console {
    uv_timer_t slice;     /* runs from its first byte to its end */
    uv_timer_t retry;     /* runs while the log cannot be written */
    uint32_t spent_bytes; /* in this slice */
    char name[64];
    struct scroll *scroll;
    struct conlog *log;
    struct conread *readers; /* NULL: none yet */
    uint32_t nr_uses; /* the timers, the readers; the last one frees us */

    struct gnt *gnt;
    struct evt *evt;
    struct gnt_map page; /* all zero: no guest attached */
    struct consring ring;
    uint32_t port;
};

static void on_retry(uv_timer_t *timer);
static void on_slice(uv_timer_t *timer);
static void on_timer_closed(uv_handle_t *h);

static void console_put(struct console *c)
{
    if (--c->nr_uses)
        return;
    conlog_close(c->log);
    scroll_free(c->scroll);
    free(c);
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
    return nr;
}

/* While its disk is full, the log is left to its timer. */
static void feed_log(struct console *c)
{
    if (!uv_is_active((uv_handle_t *)&c->retry) && conlog_feed(c->log) < 0)
        uv_timer_start(&c->retry, on_retry, LOG_RETRY_MS, 0);
}

static void on_retry(uv_timer_t *timer)
{
    feed_log(timer->data);
}

/*
 * The log has them, or they wait for it in the scrollback: only then does the
 * guest get their room back, so that a supervisor that is killed loses none.
 */
static void keep_taken(struct console *c)
{
    feed_log(c);
    consring_release(&c->ring);
}

static void pass_on(struct console *c)
{
    evt_notify(c->evt, c->port); /* there is room again */
    conread_feed(c->readers);
}

/* A few bytes cost as much work as many, so they count as many. */
static void take_output(struct console *c)
{
    bool taken = false;

    while (c->spent_bytes < CONSOLE_SLICE_BYTES) {
        uint32_t nr = take_once(c, CONSOLE_SLICE_BYTES - c->spent_bytes);

        if (nr == 0)
            break;
        keep_taken(c);
        c->spent_bytes += MAX_OF(nr, TAKE_COST_BYTES);
        taken = true;
    }
    if (!taken)
        return;
    if (!uv_is_active((uv_handle_t *)&c->slice))
        uv_timer_start(&c->slice, on_slice, CONSOLE_SLICE_MS, 0);
    pass_on(c);
}

static uint32_t on_typed(void *arg, const char *in, uint32_t in_bytes)
{
    struct console *c = arg;
    uint32_t nr;

    if (!c->page.va)
        return in_bytes; /* nobody listens: typed into the void */
    nr = (uint32_t)consring_give(&c->ring, in, in_bytes);
    if (nr > 0)
        evt_notify(c->evt, c->port);
    return nr;
}

static void on_readers_gone(void *arg)
{
    console_put(arg);
}

int console_open(uv_loop_t *loop, const char *name, const char *socket_path,
                 const char *log_path, bool recall, struct console **out,
                 struct err *e)
{
    struct console *c = calloc(1, sizeof(*c));
    struct conread_host host = { on_typed, on_readers_gone, c };
    int rc;

    if (!c)
        return fail(e, -ENOMEM, "console %s: no memory", name);
    snprintf(c->name, sizeof(c->name), "%s", name);
    uv_timer_init(loop, &c->slice);
    uv_timer_init(loop, &c->retry);
    c->slice.data = c->retry.data = c;
    c->nr_uses = 2;
    c->scroll = scroll_new();
    if (!c->scroll) {
        rc = fail(e, -ENOMEM, "console %s: no memory", name);
        goto out;
    }
    if (recall)
        conlog_recall(log_path, c->scroll);
    rc = conlog_open(name, log_path, c->scroll, &c->log, e);
    if (rc < 0)
        goto out;
    rc =
        conread_open(loop, name, socket_path, c->scroll, &host, &c->readers, e);
    if (rc < 0)
        goto out;
    c->nr_uses++;
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
    if (take_once(c, RING_BYTES) > 0) { /* the slice's budget or not */
        keep_taken(c);
        pass_on(c);
    }
    gnt_unmap(c->gnt, &c->page);
    conread_retry(c->readers); /* and nobody waits for room */
}

void console_kick(struct console *c)
{
    if (!c->page.va)
        return;
    take_output(c);
    conread_retry(c->readers);
}

static void on_slice(uv_timer_t *timer)
{
    struct console *c = timer->data;

    c->spent_bytes = 0;
    console_kick(c);
}

static void on_timer_closed(uv_handle_t *h)
{
    console_put(h->data);
}

void console_close(struct console *c)
{
    if (!c)
        return;
    console_detach(c);
    if (c->readers)
        conread_close(c->readers);
    if (c->log)
        conlog_feed(c->log); /* its last chance */
    uv_close((uv_handle_t *)&c->slice, on_timer_closed);
    uv_close((uv_handle_t *)&c->retry, on_timer_closed);
}

uint64_t console_said(const struct console *c)
{
    return scroll_end(c->scroll);
}

void console_rename(struct console *c, const char *name, const char *log_path)
{
    snprintf(c->name, sizeof(c->name), "%s", name);
    conlog_rename(c->log, name, log_path);
}
