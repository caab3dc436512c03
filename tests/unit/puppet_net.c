/* SPDX-License-Identifier: MIT */
/*
 * puppet_net.c - network backends whose words are the test's
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/net/net_journal.h"
#include "tests/unit/puppet.h"
#include "tests/unit/test.h"

void puppet_net_say(struct puppet *p, const struct net_ctl *m)
{
    puppet_say_bytes(p, m, sizeof(*m));
}

void puppet_net_say_type(struct puppet *p, enum net_ctl_type type)
{
    struct net_ctl m = { .type = type };

    puppet_net_say(p, &m);
}

void puppet_net_write_journal(struct puppet *p, bool connected)
{
    struct net_journal *j = calloc(1, sizeof(*j));

    j->magic = NET_JOURNAL_MAGIC;
    j->version = NET_JOURNAL_VERSION;
    j->connected = connected;
    j->wiring = p->net.wiring;
    j->queue[0].stats.tx_packets = 7;
    j->queue[NET_QUEUES_MAX - 1].stats.tx_packets = 4;
    j->queue[1].stats.stalls = 2;
    CHECK_EQ(pwrite(p->journal_fd, j, sizeof(*j), 0), sizeof(*j));
    free(j);
}

static void say_hello(struct puppet *p)
{
    struct net_ctl m = { .type = NET_CTL_HELLO };

    m.u.hello.version = NET_CTL_VERSION;
    m.u.hello.pid = (uint32_t)p->pid;
    m.u.hello.opened = p->opened;
    m.u.hello.connected = p->connected;
    m.u.hello.stalled = p->net.stalled;
    snprintf(m.u.hello.build, sizeof(m.u.hello.build), "%s", puppets.build);
    puppet_net_say(p, &m);
}

static void refuse(struct puppet *p)
{
    struct net_ctl m = { .type = NET_CTL_FAILED };

    snprintf(m.u.text, sizeof(m.u.text), "%s", puppets.refuse);
    puppet_net_say(p, &m);
    puppet_end(p);
}

static void take_tap(struct puppet *p, uint32_t number)
{
    CHECK_EQ(number, p->net.nr_taps);
    if (++p->net.nr_taps < p->net.open.nr_queues)
        return;
    p->opened = true;
    puppet_net_say_type(p, NET_CTL_OPENED);
    if (p->net.open.resume) {
        p->connected = true;
        puppet_net_say_type(p, NET_CTL_CONNECTED);
    }
}

static void answer(struct puppet *p, const struct net_ctl *m)
{
    switch (m->type) {
    case NET_CTL_OPEN:
        if (puppets.refuse)
            refuse(p);
        return;
    case NET_CTL_TAP:
        if (!puppets.refuse)
            take_tap(p, m->u.tap);
        return;
    case NET_CTL_CONNECT:
        CHECK(!p->connected); /* one guest at a time */
        p->connected = true;
        puppet_net_write_journal(p, true);
        puppet_net_say_type(p, NET_CTL_CONNECTED);
        return;
    case NET_CTL_DISCONNECT:
        p->connected = false;
        puppet_net_write_journal(p, false);
        puppet_net_say_type(p, NET_CTL_DISCONNECTED);
        return;
    case NET_CTL_QUIT:
        puppet_end(p);
        return;
    default:
        return;
    }
}

static void on_net(struct puppet *p, const void *message, int fd)
{
    const struct net_ctl *m = message;

    CHECK(m->type < NET_CTL_HELLO);
    CHECK_EQ(fd >= 0, m->type == NET_CTL_TAP);
    p->heard[m->type]++;
    if (m->type == NET_CTL_OPEN) {
        p->net.open = m->u.open;
        p->net.rules = m->u.open.rules;
    }
    if (m->type == NET_CTL_CONNECT)
        p->net.wiring = m->u.wiring;
    if (m->type == NET_CTL_RULES)
        p->net.rules = m->u.rules;
    if (m->type == NET_CTL_HEADROOM)
        p->net.headroom = m->u.headroom;
    if (!puppets.deaf[m->type])
        answer(p, m);
}

void puppets_net(void)
{
    static const struct puppet_kind net_kind = {
        .message_bytes = sizeof(struct net_ctl),
        .hello = say_hello,
        .heard = on_net,
    };

    puppets.kind = &net_kind;
}
