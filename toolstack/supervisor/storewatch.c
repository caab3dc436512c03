/* SPDX-License-Identifier: MIT */
/*
 * storewatch.c - a connection to xenstore on a loop, and its xenstored's life
 */
#include "toolstack/supervisor/storewatch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/err.h"
#include "common/store.h"
#include "toolstack/supervisor/xsdaemon.h"

#define TOKEN_BYTES 32u

struct storewatch {
    uv_poll_t heard, died;
    uint32_t nr_handles; /* not yet closed; the last one frees us */
    struct store *store;
    int process_fd;
    bool closing;
    storewatch_fired *fired;
    storewatch_ended *ended;
    void *arg;
};

static void on_heard(uv_poll_t *p, int status, int events);
static void on_died(uv_poll_t *p, int status, int events);
static void on_handle_closed(uv_handle_t *h);

static int connect_store(struct storewatch *w, struct err *e)
{
    char name[32];
    int pid, rc = xsdaemon_name(name, sizeof(name), &pid, e);

    if (rc == 0)
        rc = store_open(&w->store, e);
    if (rc < 0)
        return rc;
    w->process_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (w->process_fd < 0)
        rc = fail(e, -errno, "xenstored: watch process %d: %s", pid,
                  strerror(errno));
    return rc;
}

int storewatch_open(uv_loop_t *loop, storewatch_fired *fired,
                    storewatch_ended *ended, void *arg, struct storewatch **out,
                    struct err *e)
{
    struct storewatch *w = calloc(1, sizeof(*w));
    int rc;

    if (!w)
        return fail(e, -ENOMEM, "xenstore: no memory");
    rc = connect_store(w, e);
    if (rc < 0) {
        store_close(w->store);
        free(w);
        return rc;
    }
    w->fired = fired;
    w->ended = ended;
    w->arg = arg;
    w->heard.data = w->died.data = w;
    uv_poll_init(loop, &w->heard, store_fd(w->store));
    uv_poll_init(loop, &w->died, w->process_fd);
    w->nr_handles = 2;
    uv_poll_start(&w->heard, UV_READABLE, on_heard);
    uv_poll_start(&w->died, UV_READABLE, on_died);
    *out = w;
    return 0;
}

struct store *storewatch_store(struct storewatch *w)
{
    return w->store;
}

static void on_heard(uv_poll_t *p, int status, int events)
{
    struct storewatch *w = p->data;
    char token[TOKEN_BYTES], last[TOKEN_BYTES] = "";

    (void)status, (void)events;
    while (!w->closing && store_take(w->store, token, sizeof(token))) {
        if (last[0] && strcmp(token, last))
            w->fired(w->arg, last);
        memcpy(last, token, sizeof(last));
    }
    if (!w->closing && last[0])
        w->fired(w->arg, last);
}

static void on_died(uv_poll_t *p, int status, int events)
{
    struct storewatch *w = p->data;

    (void)status, (void)events;
    uv_poll_stop(&w->died);
    uv_poll_stop(&w->heard);
    w->ended(w->arg);
}

void storewatch_close(struct storewatch *w)
{
    if (!w || w->closing)
        return;
    w->closing = true;
    uv_close((uv_handle_t *)&w->heard, on_handle_closed);
    uv_close((uv_handle_t *)&w->died, on_handle_closed);
}

/* The connection is polled until then. */
static void on_handle_closed(uv_handle_t *h)
{
    struct storewatch *w = h->data;

    if (--w->nr_handles)
        return;
    store_close(w->store);
    close(w->process_fd);
    free(w);
}
