/* SPDX-License-Identifier: MIT */
/*
 * net_server.c - a network backend's main thread: it hears the supervisor
 *
 * How this works: talk.h's loop over the supervisor's words and the queues'
 * news.  Whatever a queue does is ordered here and heard of by its state; the
 * main thread waits for none of them, for a grant copy may take seconds.
 *
 * The tap's link is up while a guest is connected and takes packets.  Packets
 * for one that is not would grow old in the tap: its queues are in use only
 * while the guest's are.
 */
#include "backends/net/net_server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "backends/base/sandbox.h"
#include "backends/base/talk.h"
#include "backends/net/net_queue.h"
#include "backends/net/net_rings.h"
#include "backends/net/net_tap.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"

static const unsigned long ioctls[] = { NET_TAP_IOCTLS };

enum server_state {
    SERVER_NEW,
    SERVER_OPENING,
    SERVER_OPENED,
    SERVER_CONNECTED,
    SERVER_LEAVING,
    SERVER_STATES
};

struct server {
    struct net_card card;
    struct net_open open;
    enum server_state state;
    struct talk talk;
    bool quit; /* at the end of LEAVING */
    bool told_broken, is_broken, stalled;
    bool failed;
    struct net_queue *queue[NET_QUEUES_MAX];
    struct net_rings rings;
};

static const uint8_t server_next[] = {
    [SERVER_NEW] = BIT(SERVER_OPENING),
    [SERVER_OPENING] = BIT(SERVER_OPENED),
    [SERVER_OPENED] = BIT(SERVER_CONNECTED),
    [SERVER_CONNECTED] = BIT(SERVER_LEAVING),
    [SERVER_LEAVING] = BIT(SERVER_OPENED),
};
_Static_assert(ARRAY_SIZE(server_next) == SERVER_STATES, "server_next");

static void server_move(struct server *s, enum server_state to)
{
    static const char *const name[] = { "new", "opening", "opened", "connected",
                                        "leaving" };

    assert(server_next[s->state] & BIT(to));
    log_info("%s: %s -> %s", s->card.name, name[s->state], name[to]);
    s->state = to;
}

static void tell_type(struct server *s, enum net_ctl_type type)
{
    struct net_ctl m = { .type = type };

    talk_say(&s->talk, &m);
}

static void tell_text(struct server *s, enum net_ctl_type type,
                      const char *text)
{
    struct net_ctl m = { .type = type };

    snprintf(m.u.text, sizeof(m.u.text), "%.*s", (int)NET_TEXT - 1, text);
    talk_say(&s->talk, &m);
}

/* The backend cannot go on; whoever started it hears why. */
static void give_up(struct server *s, const struct err *e)
{
    log_err("%s: %s", s->card.name, e->text);
    tell_text(s, NET_CTL_FAILED, e->text);
    s->quit = s->failed = true;
}

static void say_hello(struct server *s)
{
    struct net_ctl m = { .type = NET_CTL_HELLO };

    m.u.hello = (struct net_hello){
        .version = NET_CTL_VERSION,
        .pid = (uint32_t)getpid(),
        .opened = s->state >= SERVER_OPENED,
        /* Until it has let go: DISCONNECTED says so, to whoever asks now. */
        .connected = s->state >= SERVER_CONNECTED,
        .stalled = s->stalled,
        .build = FREEHOLD_BUILD,
    };
    talk_say(&s->talk, &m);
}

/* --- opening ---------------------------------------------------------- */

static void set_rules(struct server *s, const struct net_rules *rules)
{
    s->open.rules = *rules;
    s->open.rules.nr_addresses =
        (uint8_t)MIN_OF(rules->nr_addresses, NET_ADDRESSES_MAX);
    net_rate_set(&s->card.rate, rules->rate_bytes, rules->rate_usecs);
    for (uint32_t i = 0; i < NET_QUEUES_MAX; i++)
        if (s->queue[i])
            net_queue_rules(s->queue[i], &s->open.rules);
}

static void set_headroom(struct server *s, uint16_t bytes)
{
    if (s->state != SERVER_CONNECTED || bytes > NET_HEADROOM_MAX) {
        log_warn("%s: headroom of %u bytes: want at most %u, while connected",
                 s->card.name, bytes, NET_HEADROOM_MAX);
        return;
    }
    s->card.journal->wiring.headroom = bytes; /* for who follows us */
    for (uint32_t i = 0; i < s->card.journal->wiring.nr_queues; i++)
        net_queue_headroom(s->queue[i], bytes);
}

static int open_queues(struct server *s, struct err *e)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < s->open.nr_queues; i++)
        rc = net_queue_open(&s->card, i, &s->queue[i], e);
    return rc;
}

static int open_all(struct server *s, struct err *e)
{
    int rc = net_rings_open(&s->rings, s->card.domid, s->open.nr_queues, e);

    s->card.gnt = s->rings.gnt;
    if (rc == 0)
        rc = sandbox_leave_host(
            sandbox_uid(SANDBOX_CARD, s->card.domid, s->open.devid), e);
    if (rc == 0) /* the journal has its size */
        rc = sandbox_limit_files(sizeof(struct net_journal), e);
    if (rc == 0)
        rc = open_queues(s, e);
    if (rc == 0)
        rc = sandbox_seal(ioctls, ARRAY_SIZE(ioctls), e);
    if (rc == 0)
        set_rules(s, &s->open.rules);
    return rc;
}

/* So many queues of the tap get packets; the others, none. */
static void use_taps(struct server *s, uint32_t nr)
{
    for (uint32_t i = 0; i < s->open.nr_queues; i++)
        net_tap_use(s->card.tap_fd[i], i < nr);
}

static void connect_rings(struct server *s, bool resume);

static void open_now(struct server *s)
{
    struct err e = { 0 };

    if (open_all(s, &e) < 0) {
        give_up(s, &e);
        return;
    }
    server_move(s, SERVER_OPENED);
    tell_type(s, NET_CTL_OPENED);
    if (s->open.resume && s->card.journal->connected) {
        connect_rings(s, true);
        return;
    }
    net_tap_carrier(s->card.tap_fd[0], false);
    use_taps(s, 0);
}

static void on_open(struct server *s, const struct net_open *o)
{
    struct err e = { 0 };

    s->open = *o;
    s->card.domid = o->domid;
    if (o->nr_queues == 0 || o->nr_queues > NET_QUEUES_MAX)
        fail(&e, -EINVAL, "open: %u queues, want 1..%u", o->nr_queues,
             NET_QUEUES_MAX);
    else if (o->resume && net_journal_check(s->card.journal, &e) < 0)
        e.rc = -EINVAL;
    if (e.rc) {
        give_up(s, &e);
        return;
    }
    if (!o->resume)
        net_journal_reset(s->card.journal);
    server_move(s, SERVER_OPENING);
}

static bool has_all_taps(const struct server *s)
{
    for (uint32_t i = 0; i < s->open.nr_queues; i++)
        if (s->card.tap_fd[i] < 0)
            return false;
    return true;
}

/* One that comes again, or for a queue that is not, is nobody's. */
static void on_tap(struct server *s, uint32_t number, int fd)
{
    if (fd < 0)
        return;
    if (s->state != SERVER_OPENING || number >= s->open.nr_queues ||
        s->card.tap_fd[number] >= 0) {
        close(fd);
        return;
    }
    s->card.tap_fd[number] = fd;
    if (has_all_taps(s))
        open_now(s);
}

/* --- a guest's wiring -------------------------------------------------- */

static void broken(struct server *s, const char *why)
{
    if (!s->is_broken)
        log_warn("%s: %s", s->card.name, why);
    if (!s->told_broken)
        tell_text(s, NET_CTL_BROKEN, why);
    s->told_broken = s->is_broken = true;
}

static void connect_rings(struct server *s, bool resume)
{
    struct net_journal *j = s->card.journal;
    struct err e = { 0 };

    s->told_broken = s->is_broken = s->stalled = false;
    if (net_rings_link(&s->rings, &j->wiring, &e) < 0) {
        j->connected = 0;
        /* One that was to go on: the link is as the one before us left it. */
        net_tap_carrier(s->card.tap_fd[0], false);
        use_taps(s, 0);
        broken(s, e.text);
        return;
    }
    j->connected = 1;
    server_move(s, SERVER_CONNECTED);
    use_taps(s, s->rings.nr_linked);
    net_tap_offload(s->card.tap_fd[0], &j->wiring);
    for (uint32_t i = 0; i < s->rings.nr_linked; i++) {
        struct net_link link = s->rings.queue[i].link;

        link.resume = resume;
        net_queue_connect(s->queue[i], &link);
    }
    net_tap_carrier(s->card.tap_fd[0], true);
    tell_type(s, NET_CTL_CONNECTED);
}

static void on_connect(struct server *s, const struct net_wiring *w)
{
    if (s->state != SERVER_OPENED)
        return;
    net_journal_reset(s->card.journal);
    s->card.journal->wiring = *w;
    connect_rings(s, false);
}

static bool all_idle(struct server *s)
{
    struct net_queue_news news;

    for (uint32_t i = 0; i < s->rings.nr_linked; i++) {
        net_queue_news(s->queue[i], &news);
        if (news.state != NET_QUEUE_IDLE)
            return false;
    }
    return true;
}

static void left(struct server *s)
{
    use_taps(s, 0);
    net_rings_unlink(&s->rings);
    s->card.journal->connected = 0;
    s->stalled = false;
    server_move(s, SERVER_OPENED);
    tell_type(s, NET_CTL_DISCONNECTED);
}

static void leave(struct server *s)
{
    if (s->state == SERVER_OPENED) {
        tell_type(s, NET_CTL_DISCONNECTED);
        return;
    }
    if (s->state != SERVER_CONNECTED)
        return;
    server_move(s, SERVER_LEAVING);
    net_tap_carrier(s->card.tap_fd[0], false);
    for (uint32_t i = 0; i < s->rings.nr_linked; i++)
        net_queue_disconnect(s->queue[i]);
}

/* --- messages and news ------------------------------------------------- */

static void on_message(void *arg, const void *message, int fd)
{
    const struct net_ctl *m = message;
    struct server *s = arg;

    switch (m->type) {
    case NET_CTL_OPEN:
        if (s->state == SERVER_NEW)
            on_open(s, &m->u.open);
        break;
    case NET_CTL_TAP:
        on_tap(s, m->u.tap, fd);
        return;
    case NET_CTL_CONNECT:
        on_connect(s, &m->u.wiring);
        break;
    case NET_CTL_DISCONNECT:
        leave(s);
        break;
    case NET_CTL_RULES:
        set_rules(s, &m->u.rules);
        break;
    case NET_CTL_HEADROOM:
        set_headroom(s, m->u.headroom);
        break;
    case NET_CTL_QUIT:
        s->quit = true;
        leave(s);
        break;
    default:
        log_warn("%s: a message of type %u is not known", s->card.name,
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
    eventfd_write(s->card.news_fd, 1);
}

/* One queue that takes nothing is the whole card's: so it has one link. */
static void set_stalled(struct server *s, bool stalled)
{
    struct net_ctl m = { .type = NET_CTL_STALLED };

    if (s->stalled == stalled)
        return;
    s->stalled = stalled;
    net_tap_carrier(s->card.tap_fd[0], !stalled);
    m.u.stalled = stalled;
    talk_say(&s->talk, &m);
}

static void on_news(void *arg)
{
    struct server *s = arg;
    struct net_queue_news news;
    bool stalled = false;

    for (uint32_t i = 0; i < s->rings.nr_linked; i++) {
        net_queue_news(s->queue[i], &news);
        stalled |= news.stalled;
        if (news.state != NET_QUEUE_BROKEN)
            continue;
        if (!s->is_broken)
            net_tap_carrier(s->card.tap_fd[0], false);
        broken(s, news.why);
    }
    if (s->state == SERVER_CONNECTED && !s->is_broken)
        set_stalled(s, stalled);
    if (s->state == SERVER_LEAVING && all_idle(s))
        left(s);
}

static const struct talk_ops talk_ops = {
    .caller = on_caller,
    .message = on_message,
    .news = on_news,
};

static bool is_over(const struct server *s)
{
    return s->failed || (s->quit && s->state != SERVER_LEAVING);
}

static int prepare(struct server *s, struct err *e)
{
    int rc;

    if (flock(NET_FD_JOURNAL, LOCK_EX)) /* until the one before us is gone */
        return fail(e, -errno, "journal: lock it: %s", strerror(errno));
    rc = talk_open(&s->talk, e);
    if (rc < 0)
        return rc;
    s->card.journal_fd = NET_FD_JOURNAL;
    s->card.news_fd = s->talk.news_fd;
    return net_journal_map(NET_FD_JOURNAL, &s->card.journal, e);
}

static void close_all(struct server *s)
{
    for (uint32_t i = 0; i < NET_QUEUES_MAX; i++)
        net_queue_close(s->queue[i]);
    net_rings_close(&s->rings);
    net_journal_unmap(s->card.journal);
    for (uint32_t i = 0; i < NET_QUEUES_MAX; i++)
        if (s->card.tap_fd[i] >= 0)
            close(s->card.tap_fd[i]);
    talk_close(&s->talk);
}

int net_server_run(const char *name, struct err *e)
{
    struct server *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return fail(e, -ENOMEM, "%s: no memory", name);
    s->card.name = name;
    s->card.stall_ns = NET_STALL_NS;
    for (uint32_t i = 0; i < NET_QUEUES_MAX; i++)
        s->card.tap_fd[i] = -1;
    s->talk = (struct talk){
        .name = name,
        .ops = &talk_ops,
        .arg = s,
        .message_bytes = sizeof(struct net_ctl),
        .listen_fd = NET_FD_LISTEN,
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
