/* SPDX-License-Identifier: MIT */
/*
 * blk_server.c - a backend's main thread: it hears the supervisor
 *
 * How this works: talk.h's loop over the supervisor's words and the queues'
 * news.  Whatever a queue does is ordered here and heard of by its state; the
 * main thread waits for none of them, for a grant copy may take seconds.
 */
#include "backends/blk/blk_server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/base/talk.h"
#include "backends/blk/blk_parts.h"
#include "backends/blk/blk_ring.h"
#include "backends/blk/blk_store.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"

enum server_state {
    SERVER_NEW,
    SERVER_OPENING,
    SERVER_OPENED,
    SERVER_CONNECTED,
    SERVER_LEAVING,
    SERVER_STATES
};

struct server {
    struct blk_parts parts;
    struct blk_open open;
    enum server_state state;
    struct talk talk;
    bool quit; /* at the end of LEAVING */
    bool told_broken;
    bool failed;
};

static const uint8_t server_next[] = {
    [SERVER_NEW] = BIT(SERVER_OPENING) | BIT(SERVER_OPENED),
    [SERVER_OPENING] = BIT(SERVER_OPENED),
    [SERVER_OPENED] = BIT(SERVER_CONNECTED) | BIT(SERVER_LEAVING),
    [SERVER_CONNECTED] = BIT(SERVER_LEAVING),
    [SERVER_LEAVING] = BIT(SERVER_OPENED),
};
_Static_assert(ARRAY_SIZE(server_next) == SERVER_STATES, "server_next");

static void server_move(struct server *s, enum server_state to)
{
    static const char *const name[] = { "new", "opening", "opened", "connected",
                                        "leaving" };

    assert(server_next[s->state] & BIT(to));
    log_info("%s: %s -> %s", s->parts.disk.name, name[s->state], name[to]);
    s->state = to;
}

static void tell_type(struct server *s, enum blk_ctl_type type)
{
    struct blk_ctl m = { .type = type };

    talk_say(&s->talk, &m);
}

static void tell_text(struct server *s, enum blk_ctl_type type,
                      const char *text)
{
    struct blk_ctl m = { .type = type };

    snprintf(m.u.text, sizeof(m.u.text), "%.*s", (int)BLK_TEXT - 1, text);
    talk_say(&s->talk, &m);
}

static void tell_store(struct server *s, enum blk_ctl_type type)
{
    struct blk_ctl m = { .type = type };

    m.u.store = s->parts.disk.store->info;
    talk_say(&s->talk, &m);
}

/* The backend cannot go on; whoever started it hears why. */
static void give_up(struct server *s, const struct err *e)
{
    log_err("%s: %s", s->parts.disk.name, e->text);
    tell_text(s, BLK_CTL_FAILED, e->text);
    s->quit = s->failed = true;
}

static void say_hello(struct server *s)
{
    struct blk_ctl m = { .type = BLK_CTL_HELLO };

    m.u.hello = (struct blk_hello){
        .version = BLK_CTL_VERSION,
        .pid = (uint32_t)getpid(),
        .opened = s->state >= SERVER_OPENED,
        /* Until it has let go: DISCONNECTED says so, to whoever asks now. */
        .connected = s->state >= SERVER_CONNECTED,
        .build = FREEHOLD_BUILD,
    };
    if (s->parts.disk.store)
        m.u.hello.store = s->parts.disk.store->info;
    talk_say(&s->talk, &m);
}

/* --- opening ---------------------------------------------------------- */

static void connect_rings(struct server *s, bool resume);

static void open_now(struct server *s, int fd)
{
    struct err e = { 0 };

    if (blk_parts_open(&s->parts, &s->open, fd, &e) < 0) {
        give_up(s, &e);
        return;
    }
    server_move(s, SERVER_OPENED);
    tell_store(s, BLK_CTL_OPENED);
    if (s->open.resume && s->parts.disk.journal->connected)
        connect_rings(s, true);
}

static void on_open(struct server *s, const struct blk_open *o, int fd)
{
    struct blk_ctl want = { .type = BLK_CTL_WANT_SOCKET };
    struct err e = { 0 };

    s->open = *o;
    s->open.export[BLK_TEXT - 1] = 0;
    s->parts.disk.domid = o->domid;
    if (o->nr_queues == 0 || o->nr_queues > BLK_QUEUES_MAX)
        fail(&e, -EINVAL, "open: %u queues, want 1..%u", o->nr_queues,
             BLK_QUEUES_MAX);
    else if (o->kind != BLK_STORE_NBD && fd < 0)
        fail(&e, -EINVAL, "open: no descriptor came with it");
    else if (o->resume && blk_journal_check(s->parts.disk.journal, &e) < 0)
        e.rc = -EINVAL;
    if (e.rc) {
        give_up(s, &e);
        return;
    }
    if (!o->resume)
        blk_journal_reset(s->parts.disk.journal);
    if (o->kind == BLK_STORE_NBD && fd < 0) {
        server_move(s, SERVER_OPENING);
        talk_say(&s->talk, &want);
        return;
    }
    open_now(s, fd);
}

/* --- a guest's wiring -------------------------------------------------- */

static void broken(struct server *s, const char *why)
{
    log_warn("%s: %s", s->parts.disk.name, why);
    if (!s->told_broken)
        tell_text(s, BLK_CTL_BROKEN, why);
    s->told_broken = true;
}

static void connect_rings(struct server *s, bool resume)
{
    struct blk_journal *j = s->parts.disk.journal;
    struct err e = { 0 };

    s->told_broken = false;
    /* Room for all slots first: a full tmpfs would end us by SIGBUS later. */
    if (blk_rings_link(&s->parts.rings, &j->wiring, &e) < 0 ||
        blk_journal_reserve(j, j->wiring.nr_queues,
                            blk_ring_slots(j->wiring.abi, j->wiring.ring_pages),
                            &e) < 0) {
        blk_rings_unlink(&s->parts.rings);
        j->connected = 0;
        broken(s, e.text);
        return;
    }
    if (!resume)
        blk_rings_begin(&s->parts.rings, j);
    server_move(s, SERVER_CONNECTED);
    blk_parts_connect(&s->parts, resume);
    tell_type(s, BLK_CTL_CONNECTED);
}

static void on_connect(struct server *s, const struct blk_wiring *w)
{
    if (s->state != SERVER_OPENED)
        return;
    blk_journal_reset(s->parts.disk.journal);
    s->parts.disk.journal->wiring = *w;
    connect_rings(s, false);
}

static void left(struct server *s)
{
    blk_rings_unlink(&s->parts.rings);
    s->parts.disk.journal->connected = 0;
    server_move(s, SERVER_OPENED);
    tell_type(s, BLK_CTL_DISCONNECTED);
}

static void leave(struct server *s)
{
    if (s->state == SERVER_OPENED) {
        tell_type(s, BLK_CTL_DISCONNECTED);
        return;
    }
    if (s->state != SERVER_CONNECTED)
        return;
    server_move(s, SERVER_LEAVING);
    blk_parts_disconnect(&s->parts);
}

/* --- messages and news ------------------------------------------------- */

static void on_resize(struct server *s)
{
    struct blk_store_info info;
    struct err e = { 0 };

    if (!s->parts.disk.store)
        return;
    if (s->parts.disk.store->ops->look(s->parts.disk.store, &info, &e) < 0)
        log_err("%s: %s", s->parts.disk.name, e.text);
    else
        atomic_store(&s->parts.disk.size_bytes, info.size_bytes);
    tell_store(s, BLK_CTL_SIZE);
}

/* What waits by the old ones has a timer that may be far off. */
static void on_limits(struct server *s, const struct blk_limits *limits)
{
    if (!s->parts.disk.store)
        return;
    blk_limit_set(&s->parts.disk.limit, limits);
    for (uint32_t i = 0; i < s->parts.nr_queues; i++)
        blk_queue_look(s->parts.queue[i]);
}

static void on_socket(struct server *s, uint32_t number, int fd)
{
    if (fd < 0)
        return;
    if (s->state == SERVER_OPENING && number == 0)
        open_now(s, fd);
    else if (number < s->parts.nr_queues && s->parts.queue[number])
        blk_queue_socket(s->parts.queue[number], fd);
    else
        close(fd);
}

static void on_message(void *arg, const void *message, int fd)
{
    const struct blk_ctl *m = message;
    struct server *s = arg;

    switch (m->type) {
    case BLK_CTL_OPEN:
        if (s->state == SERVER_NEW) {
            on_open(s, &m->u.open, fd);
            return;
        }
        break;
    case BLK_CTL_SOCKET:
        on_socket(s, m->u.socket, fd);
        return;
    case BLK_CTL_CONNECT:
        on_connect(s, &m->u.wiring);
        break;
    case BLK_CTL_DISCONNECT:
        leave(s);
        break;
    case BLK_CTL_RESIZE:
        on_resize(s);
        break;
    case BLK_CTL_LIMITS:
        on_limits(s, &m->u.limits);
        break;
    case BLK_CTL_QUIT:
        s->quit = true;
        leave(s);
        break;
    default:
        log_warn("%s: a message of type %u is not known", s->parts.disk.name,
                 m->type);
        break;
    }
    if (fd >= 0)
        close(fd);
}

static void on_caller(void *arg)
{
    struct server *s = arg;

    say_hello(s);
    s->told_broken = false; /* not this one */
    eventfd_write(s->parts.disk.news_fd, 1);
}

static void on_news(void *arg)
{
    struct server *s = arg;
    char why[BLK_TEXT] = "";
    uint32_t wanted = atomic_exchange(&s->parts.wanted, 0);

    for (uint32_t i = 0; i < BLK_QUEUES_MAX; i++)
        if (wanted & BIT(i)) {
            struct blk_ctl m = { .type = BLK_CTL_WANT_SOCKET };

            m.u.socket = i;
            talk_say(&s->talk, &m);
        }
    for (uint32_t i = 0; i < s->parts.rings.nr_linked; i++)
        if (blk_queue_state(s->parts.queue[i], why) == BLK_QUEUE_BROKEN)
            broken(s, why);
    if (s->state == SERVER_LEAVING && blk_parts_idle(&s->parts))
        left(s);
}

static bool is_over(const struct server *s)
{
    return s->failed || (s->quit && s->state != SERVER_LEAVING);
}

static const struct talk_ops talk_ops = {
    .caller = on_caller,
    .message = on_message,
    .news = on_news,
};

static int prepare(struct server *s, struct err *e)
{
    /* When the one before us is gone. */
    int rc = blk_journal_take_over(BLK_FD_JOURNAL, &s->parts.disk.journal, e);

    if (rc < 0)
        return rc;
    s->parts.disk.journal_fd = BLK_FD_JOURNAL;
    rc = talk_open(&s->talk, e);
    s->parts.disk.news_fd = s->talk.news_fd;
    return rc;
}

int blk_server_run(const char *name, struct err *e)
{
    struct server *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return fail(e, -ENOMEM, "%s: no memory", name);
    s->parts.disk.name = name;
    s->talk = (struct talk){
        .name = name,
        .ops = &talk_ops,
        .arg = s,
        .message_bytes = sizeof(struct blk_ctl),
        .listen_fd = BLK_FD_LISTEN,
        .conn_fd = -1,
        .news_fd = -1,
    };
    rc = prepare(s, e);
    while (rc == 0 && !is_over(s))
        talk_turn(&s->talk);
    if (s->failed)
        rc = fail(e, -EIO, "%s: it cannot go on", name);
    blk_parts_close(&s->parts);
    talk_close(&s->talk);
    free(s);
    return rc;
}
