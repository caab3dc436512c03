/* SPDX-License-Identifier: MIT */
/*
 * blkwords.c - what a block backend may say
 */
#include "toolstack/supervisor/blkwords.h"

#include <string.h>

#include "backends/blk/blk_ctl.h"

_Static_assert(sizeof(struct blk_ctl) <= BE_MESSAGE_BYTES_MAX, "blk_ctl");
_Static_assert(BLK_FD_LISTEN == 3 && BLK_FD_JOURNAL == 4, "bespawn.h");

static bool read_message(void *message, struct be_word *out)
{
    struct blk_ctl *m = message;
    struct blk_hello *h = &m->u.hello;

    switch (m->type) {
    case BLK_CTL_HELLO:
        be_clean(h->build, sizeof(h->build));
        out->what = BE_HELLO;
        out->hello.pid = h->pid;
        out->hello.build = h->build;
        out->hello.opened = h->opened;
        out->hello.connected = h->connected;
        out->hello.same = h->version == BLK_CTL_VERSION &&
                          strcmp(h->build, FREEHOLD_BUILD) == 0;
        return true;
    case BLK_CTL_OPENED:
        out->what = BE_OPENED;
        return true;
    case BLK_CTL_WANT_SOCKET:
        out->what = BE_EARLY;
        return true;
    case BLK_CTL_CONNECTED:
    case BLK_CTL_DISCONNECTED:
    case BLK_CTL_SIZE:
        return true;
    case BLK_CTL_BROKEN:
        be_clean(m->u.text, sizeof(m->u.text));
        return true;
    case BLK_CTL_FAILED:
        be_clean(m->u.text, sizeof(m->u.text));
        out->what = BE_FAILED;
        out->text = m->u.text;
        return true;
    default:
        return false;
    }
}

const struct beproc_kind blkwords_kind = {
    .what = "disk",
    .program = FREEHOLD_LIBEXECDIR "/freehold-blk",
    .argv0 = "freehold-blk",
    .message_bytes = sizeof(struct blk_ctl),
    .quit = BLK_CTL_QUIT,
    .read = read_message,
};
