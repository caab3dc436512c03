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
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/base/sandbox.h"
#include "backends/base/talk.h"
#include "backends/blk/blk_queue.h"
#include "backends/blk/blk_ring.h"
#include "backends/blk/blk_rings.h"
#include "backends/blk/blk_store.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"

static const unsigned long ioctls[] = { BLKGETSIZE64, BLKDISCARD,
                                        BLKSECDISCARD };

enum server_state {
    SERVER_NEW,
    SERVER_OPENING,
    SERVER_OPENED,
    SERVER_CONNECTED,
    SERVER_LEAVING,
    SERVER_STATES
};

struct server {
    struct blk_disk disk;
    struct blk_open open;
    enum server_state state;
    struct talk talk;
    bool quit; /* at the end of LEAVING */
    bool told_broken;
    bool failed;
    uint32_t nr_queues;
    struct blk_queue *queue[BLK_QUEUES_MAX];
    struct blk_rings rings;
    _Atomic uint32_t wanted; /* NBD sockets, one bit a queue */
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
    log_info("%s: %s -> %s", s->disk.name, name[s->state], name[to]);
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

    m.u.store = s->disk.store->info;
    talk_say(&s->talk, &m);
}

/* The backend cannot go on; whoever started it hears why. */
static void give_up(struct server *s, const struct err *e)
{
    log_err("%s: %s", s->disk.name, e->text);
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
    if (s->disk.store)
        m.u.hello.store = s->disk.store->info;
    talk_say(&s->talk, &m);
}

/* --- opening ---------------------------------------------------------- */

/* From a queue's thread: it needs a new connection to its NBD server. */
static void on_want(void *arg, uint32_t queue)
{
    struct server *s = arg;

    atomic_fetch_or(&s->wanted, BIT(queue));
    eventfd_write(s->disk.news_fd, 1);
}

static int open_store(struct server *s, int fd, struct err *e)
{
    int rc;

    if (s->open.kind == BLK_STORE_NBD)
        rc = blk_nbd_open(fd, &s->open, on_want, s, &s->disk.store, e);
    else
        rc = blk_raw_open(fd, &s->open, &s->disk.store, e);
    if (rc < 0)
        close(fd);
    return rc;
}

static int open_queues(struct server *s, struct err *e)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < s->nr_queues; i++)
        rc = blk_queue_open(&s->disk, i, &s->queue[i], e);
    return rc;
}

static void set_rules(struct server *s)
{
    const struct blk_store_info *i = &s->disk.store->info;

    s->disk.rules = (struct blk_disk_rules){
        .readonly = s->open.readonly || i->readonly,
        .flush = i->flush,
        .discard = i->discard_bytes > 0,
        .secure_discard = i->secure_discard,
    };
    atomic_store(&s->disk.size_bytes, i->size_bytes);
    blk_limit_init(&s->disk.limit, &s->open.limits);
    s->nr_queues = MIN_OF(s->open.nr_queues, i->nr_queues);
}

static int open_all(struct server *s, int fd, struct err *e)
{
    int rc = open_store(s, fd, e);

    if (rc < 0)
        return rc;
    set_rules(s);
    rc = blk_rings_open(&s->rings, s->disk.domid, s->nr_queues, e);
    s->disk.gnt = s->rings.gnt;
    if (rc == 0)
        rc = sandbox_leave_host(
            sandbox_uid(SANDBOX_DISK, s->disk.domid, s->open.devid), e);
    if (rc == 0)
        rc = open_queues(s, e);
    if (rc == 0)
        rc = sandbox_seal(ioctls, ARRAY_SIZE(ioctls), e);
    return rc;
}

static void connect_rings(struct server *s, bool resume);

static void open_now(struct server *s, int fd)
{
    struct err e = { 0 };

    if (open_all(s, fd, &e) < 0) {
        give_up(s, &e);
        return;
    }
    server_move(s, SERVER_OPENED);
    tell_store(s, BLK_CTL_OPENED);
    if (s->open.resume && s->disk.journal->connected)
        connect_rings(s, true);
}

static void on_open(struct server *s, const struct blk_open *o, int fd)
{
    struct blk_ctl want = { .type = BLK_CTL_WANT_SOCKET };
    struct err e = { 0 };

    s->open = *o;
    s->open.export[BLK_TEXT - 1] = 0;
    s->disk.domid = o->domid;
    if (o->nr_queues == 0 || o->nr_queues > BLK_QUEUES_MAX)
        fail(&e, -EINVAL, "open: %u queues, want 1..%u", o->nr_queues,
             BLK_QUEUES_MAX);
    else if (o->kind != BLK_STORE_NBD && fd < 0)
        fail(&e, -EINVAL, "open: no descriptor came with it");
    else if (o->resume && blk_journal_check(s->disk.journal, &e) < 0)
        e.rc = -EINVAL;
    if (e.rc) {
        give_up(s, &e);
        return;
    }
    if (!o->resume)
        blk_journal_reset(s->disk.journal);
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
    log_warn("%s: %s", s->disk.name, why);
    if (!s->told_broken)
        tell_text(s, BLK_CTL_BROKEN, why);
    s->told_broken = true;
}

static void connect_rings(struct server *s, bool resume)
{
    struct blk_journal *j = s->disk.journal;
    struct err e = { 0 };

    s->told_broken = false;
    /* Room for all slots first: a full tmpfs would end us by SIGBUS later. */
    if (blk_rings_link(&s->rings, &j->wiring, &e) < 0 ||
        blk_journal_reserve(j, j->wiring.nr_queues,
                            blk_ring_slots(j->wiring.abi, j->wiring.ring_pages),
                            &e) < 0) {
        blk_rings_unlink(&s->rings);
        j->connected = 0;
        broken(s, e.text);
        return;
    }
    if (!resume)
        blk_rings_begin(&s->rings, j);
    server_move(s, SERVER_CONNECTED);
    for (uint32_t i = 0; i < s->rings.nr_linked; i++) {
        struct blk_link link = s->rings.link[i];

        link.resume = resume;
        blk_queue_connect(s->queue[i], &link);
    }
    tell_type(s, BLK_CTL_CONNECTED);
}

static void on_connect(struct server *s, const struct blk_wiring *w)
{
    if (s->state != SERVER_OPENED)
        return;
    blk_journal_reset(s->disk.journal);
    s->disk.journal->wiring = *w;
    connect_rings(s, false);
}

static bool all_idle(struct server *s)
{
    char why[BLK_TEXT];

    for (uint32_t i = 0; i < s->rings.nr_linked; i++)
        if (blk_queue_state(s->queue[i], why) != BLK_QUEUE_IDLE)
            return false;
    return true;
}

static void left(struct server *s)
{
    blk_rings_unlink(&s->rings);
    s->disk.journal->connected = 0;
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
    for (uint32_t i = 0; i < s->rings.nr_linked; i++)
        blk_queue_disconnect(s->queue[i]);
}

/* --- messages and news ------------------------------------------------- */

static void on_resize(struct server *s)
{
    struct blk_store_info info;
    struct err e = { 0 };

    if (!s->disk.store)
        return;
    if (s->disk.store->ops->look(s->disk.store, &info, &e) < 0)
        log_err("%s: %s", s->disk.name, e.text);
    else
        atomic_store(&s->disk.size_bytes, info.size_bytes);
    tell_store(s, BLK_CTL_SIZE);
}

/* What waits by the old ones has a timer that may be far off. */
static void on_limits(struct server *s, const struct blk_limits *limits)
{
    if (!s->disk.store)
        return;
    blk_limit_set(&s->disk.limit, limits);
    for (uint32_t i = 0; i < s->nr_queues; i++)
        blk_queue_look(s->queue[i]);
}

static void on_socket(struct server *s, uint32_t number, int fd)
{
    if (fd < 0)
        return;
    if (s->state == SERVER_OPENING && number == 0)
        open_now(s, fd);
    else if (number < s->nr_queues && s->queue[number])
        blk_queue_socket(s->queue[number], fd);
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
        log_warn("%s: a message of type %u is not known", s->disk.name,
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
    eventfd_write(s->disk.news_fd, 1);
}

static void on_news(void *arg)
{
    struct server *s = arg;
    char why[BLK_TEXT] = "";
    uint32_t wanted = atomic_exchange(&s->wanted, 0);

    for (uint32_t i = 0; i < BLK_QUEUES_MAX; i++)
        if (wanted & BIT(i)) {
            struct blk_ctl m = { .type = BLK_CTL_WANT_SOCKET };

            m.u.socket = i;
            talk_say(&s->talk, &m);
        }
    for (uint32_t i = 0; i < s->rings.nr_linked; i++)
        if (blk_queue_state(s->queue[i], why) == BLK_QUEUE_BROKEN)
            broken(s, why);
    if (s->state == SERVER_LEAVING && all_idle(s))
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
    int rc = blk_journal_take_over(BLK_FD_JOURNAL, &s->disk.journal, e);

    if (rc < 0)
        return rc;
    s->disk.journal_fd = BLK_FD_JOURNAL;
    rc = talk_open(&s->talk, e);
    s->disk.news_fd = s->talk.news_fd;
    return rc;
}

static void close_all(struct server *s)
{
    for (uint32_t i = 0; i < BLK_QUEUES_MAX; i++)
        blk_queue_close(s->queue[i]);
    blk_rings_close(&s->rings);
    if (s->disk.store)
        s->disk.store->ops->close(s->disk.store);
    blk_journal_unmap(s->disk.journal);
    talk_close(&s->talk);
}

int blk_server_run(const char *name, struct err *e)
{
    struct server *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return fail(e, -ENOMEM, "%s: no memory", name);
    s->disk.name = name;
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
    close_all(s);
    free(s);
    return rc;
}
