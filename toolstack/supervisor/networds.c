/* SPDX-License-Identifier: MIT */
/*
 * networds.c - what a network backend may say
 */
#include "toolstack/supervisor/networds.h"

#include <string.h>

#include "backends/net/net_ctl.h"

_Static_assert(sizeof(struct net_ctl) <= BE_MESSAGE_BYTES_MAX, "net_ctl");
_Static_assert(NET_FD_LISTEN == 3 && NET_FD_JOURNAL == 4, "bespawn.h");

static bool read_message(void *message, struct be_word *out)
{
    struct net_ctl *m = message;
    struct net_hello *h = &m->u.hello;

    switch (m->type) {
    case NET_CTL_HELLO:
        be_clean(h->build, sizeof(h->build));
        out->what = BE_HELLO;
        out->hello.pid = h->pid;
        out->hello.build = h->build;
        out->hello.opened = h->opened;
        out->hello.connected = h->connected;
        out->hello.same = h->version == NET_CTL_VERSION &&
                          strcmp(h->build, FREEHOLD_BUILD) == 0;
        return true;
    case NET_CTL_OPENED:
        out->what = BE_OPENED;
        return true;
    case NET_CTL_CONNECTED:
    case NET_CTL_DISCONNECTED:
    case NET_CTL_STALLED:
        return true;
    case NET_CTL_BROKEN:
        be_clean(m->u.text, sizeof(m->u.text));
        return true;
    case NET_CTL_FAILED:
        be_clean(m->u.text, sizeof(m->u.text));
        out->what = BE_FAILED;
        out->text = m->u.text;
        return true;
    default:
        return false;
    }
}

const struct beproc_kind networds_kind = {
    .what = "vif",
    .program = FREEHOLD_LIBEXECDIR "/freehold-net",
    .argv0 = "freehold-net",
    .message_bytes = sizeof(struct net_ctl),
    .quit = NET_CTL_QUIT,
    .read = read_message,
};
