/* SPDX-License-Identifier: MIT */
/*
 * puppet.c - backends whose words are the test's
 */
#include "tests/unit/puppet.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backends/blk/blk_journal.h"
#include "common/fdpass.h"
#include "tests/unit/test.h"

struct puppets puppets;

_Static_assert((unsigned)BLK_CTL_TYPES <= PUPPET_TYPES &&
                   (unsigned)NET_CTL_TYPES <= PUPPET_TYPES,
               "puppet.heard");

static char control_path[64];
static int control_fd = -1, epoll_fd = -1;

static void watch_fd(int fd)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

    CHECK_EQ(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev), 0);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int puppets_set_up(const char *program)
{
    struct sockaddr_un where = { .sun_family = AF_UNIX };

    if (access(program, X_OK))
        return -1;
    snprintf(control_path, sizeof(control_path), "/tmp/fh-puppet-%d", getpid());
    snprintf(where.sun_path, sizeof(where.sun_path), "%s", control_path);
    control_fd =
        socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (bind(control_fd, (struct sockaddr *)&where, sizeof(where)) ||
        listen(control_fd, 64) || epoll_fd < 0)
        return -1;
    watch_fd(control_fd);
    return setenv("FH_PUPPET", control_path, 1);
}

void puppets_tear_down(void)
{
    puppets_fresh();
    close_fd(&control_fd);
    close_fd(&epoll_fd);
    unlink(control_path);
}

void puppets_fresh(void)
{
    for (uint32_t i = 0; i < puppets.nr; i++) {
        struct puppet *p = &puppets.one[i];

        close_fd(&p->control_fd);
        close_fd(&p->listen_fd);
        close_fd(&p->journal_fd);
        close_fd(&p->conn_fd);
    }
    puppets = (struct puppets){
        .build = FREEHOLD_BUILD,
        .info = {
            .size_bytes = 1 << 20,
            .physical_bytes = 4096,
            .discard_bytes = 512,
            .flush = 1,
            .nr_queues = 2,
        },
    };
}

int puppets_fd(void)
{
    return epoll_fd;
}

void puppet_say_bytes(struct puppet *p, const void *bytes, size_t nr)
{
    if (p->conn_fd >= 0)
        send(p->conn_fd, bytes, nr, MSG_NOSIGNAL);
}

void puppet_say(struct puppet *p, const struct blk_ctl *m)
{
    puppet_say_bytes(p, m, sizeof(*m));
}

void puppet_say_type(struct puppet *p, enum blk_ctl_type type)
{
    struct blk_ctl m = { .type = type };

    puppet_say(p, &m);
}

void puppet_end(struct puppet *p)
{
    close_fd(&p->control_fd);
}

void puppet_die(struct puppet *p)
{
    kill(p->pid, SIGKILL);
}

void puppet_write_journal(struct puppet *p, bool connected)
{
    struct blk_journal *j = calloc(1, sizeof(*j));

    j->magic = BLK_JOURNAL_MAGIC;
    j->version = BLK_JOURNAL_VERSION;
    j->connected = connected;
    j->wiring = p->wiring;
    j->queue[0].stats.reads = 7;
    j->queue[1].stats.reads = 4;
    CHECK_EQ(pwrite(p->journal_fd, j, sizeof(*j), 0), sizeof(*j));
    free(j);
}

/* ---- what a good backend does ---- */

static void say_hello(struct puppet *p)
{
    struct blk_ctl m = { .type = BLK_CTL_HELLO };

    m.u.hello.version = BLK_CTL_VERSION;
    m.u.hello.pid = (uint32_t)p->pid;
    m.u.hello.opened = p->opened;
    m.u.hello.connected = p->connected;
    m.u.hello.store = puppets.info;
    snprintf(m.u.hello.build, sizeof(m.u.hello.build), "%s", puppets.build);
    puppet_say(p, &m);
}

static void say_store(struct puppet *p, enum blk_ctl_type type)
{
    struct blk_ctl m = { .type = type };

    m.u.store = puppets.info;
    puppet_say(p, &m);
}

static void on_open(struct puppet *p)
{
    struct blk_ctl m = { .type = BLK_CTL_FAILED };

    if (puppets.refuse) {
        snprintf(m.u.text, sizeof(m.u.text), "%s", puppets.refuse);
        puppet_say(p, &m);
        close_fd(&p->control_fd); /* it ends */
        return;
    }
    p->opened = true;
    say_store(p, BLK_CTL_OPENED);
    if (p->open.resume) {
        p->connected = true;
        puppet_say_type(p, BLK_CTL_CONNECTED);
    }
}

static void answer(struct puppet *p, const struct blk_ctl *m)
{
    switch (m->type) {
    case BLK_CTL_OPEN:
        on_open(p);
        return;
    case BLK_CTL_CONNECT:
        CHECK(!p->connected); /* one guest at a time */
        p->connected = true;
        puppet_write_journal(p, true);
        puppet_say_type(p, BLK_CTL_CONNECTED);
        return;
    case BLK_CTL_DISCONNECT:
        p->connected = false;
        puppet_write_journal(p, false);
        puppet_say_type(p, BLK_CTL_DISCONNECTED);
        return;
    case BLK_CTL_RESIZE:
        say_store(p, BLK_CTL_SIZE);
        return;
    case BLK_CTL_QUIT:
        close_fd(&p->control_fd); /* it ends */
        return;
    default:
        return;
    }
}

static void on_blk(struct puppet *p, const void *message, int fd)
{
    const struct blk_ctl *m = message;

    CHECK(m->type < BLK_CTL_HELLO);
    p->heard[m->type]++;
    if (m->type == BLK_CTL_OPEN) {
        p->open = m->u.open;
        p->has_store = fd >= 0;
    }
    if (m->type == BLK_CTL_CONNECT)
        p->wiring = m->u.wiring;
    if (m->type == BLK_CTL_LIMITS)
        p->limits = m->u.limits;
    if (!puppets.deaf[m->type])
        answer(p, m);
}

static const struct puppet_kind blk_kind = {
    .message_bytes = sizeof(struct blk_ctl),
    .hello = say_hello,
    .heard = on_blk,
};

static const struct puppet_kind *kind(void)
{
    return puppets.kind ? puppets.kind : &blk_kind;
}

/* Keep what came; returns false at the end. */
static bool hear(struct puppet *p)
{
    _Alignas(uint64_t) char in[4096];
    int fd, nr = fdpass_receive(p->conn_fd, in, sizeof(in), &fd);

    if (nr == -EAGAIN)
        return true;
    if (nr <= 0)
        return false;
    CHECK_EQ(nr, kind()->message_bytes);
    kind()->heard(p, in, fd);
    if (fd >= 0)
        close(fd);
    return true;
}

/* A process was started: it sends its two descriptors, one a message. */
static void take_new(void)
{
    int fd = accept4(control_fd, NULL, NULL, SOCK_CLOEXEC), nr = 0;
    struct puppet *p;

    if (fd < 0)
        return;
    CHECK(puppets.nr < PUPPETS_MAX);
    p = &puppets.one[puppets.nr];
    *p = (struct puppet){ .control_fd = fd, .conn_fd = -1 };
    while ((nr = fdpass_receive(fd, &p->pid, sizeof(p->pid), &p->listen_fd)) ==
           -EAGAIN)
        ;
    CHECK_EQ(nr, sizeof(p->pid));
    while ((nr = fdpass_receive(fd, &p->pid, sizeof(p->pid), &p->journal_fd)) ==
           -EAGAIN)
        ;
    CHECK_EQ(nr, sizeof(p->pid));
    CHECK(p->listen_fd >= 0 && p->journal_fd >= 0);
    puppets.nr++;
    watch_fd(p->listen_fd);
}

static void turn(struct puppet *p)
{
    int fd = p->listen_fd < 0 ? -1
                              : accept4(p->listen_fd, NULL, NULL,
                                        SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0) {
        close_fd(&p->conn_fd);
        p->conn_fd = fd;
        watch_fd(fd);
        if (!puppets.mute)
            kind()->hello(p);
    }
    if (p->conn_fd >= 0 && !hear(p))
        close_fd(&p->conn_fd);
}

void puppets_turn(void)
{
    take_new();
    for (uint32_t i = 0; i < puppets.nr; i++)
        turn(&puppets.one[i]);
}
