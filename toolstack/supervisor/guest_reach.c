/* SPDX-License-Identifier: MIT */
/*
 * guest_reach.c - do the NBD servers of a guest that is to come answer from
 * here?
 *
 * How this works: each is dialled in turn, and hung up on when it greets. Files
 * and devices were looked at when the disks were made.  A server that lets us
 * connect and does not greet may be one of a client at a time, which the source
 * still is: that is noted, and no reason to refuse the guest.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/nbddial.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/vmdisk.h"

#define REACH_MS 5000u

struct guest_reach {
    struct guest *guest;
    guest_reach_done *done;
    struct nbd_dial *dial;
    struct json_object *missing;
    uint32_t at; /* the disk that is dialled */
};

static void look_on(struct guest_reach *r);

static void note(struct guest_reach *r, const struct err *why)
{
    const struct vm_disk *d = &r->guest->cfg->disks[r->at];
    struct err e = { 0 };

    fail(&e, why->rc, "disk %s: %.300s: %s", d->vdev, d->target, why->text);
    if (why->rc == -EBUSY)
        log_warn("guest %s: %s", r->guest->cfg->name, e.text);
    else
        json_object_array_add(r->missing, json_object_new_string(e.text));
}

static void on_dialled(void *arg, int fd, const struct err *failed)
{
    struct guest_reach *r = arg;

    r->dial = NULL;
    if (fd >= 0)
        close(fd);
    else
        note(r, failed);
    r->at++;
    look_on(r);
}

/* True: done() will go on from there. */
static bool dial(struct guest_reach *r)
{
    const struct vm_disk *d = &r->guest->cfg->disks[r->at];
    struct nbd_uri uri;
    struct err e = { 0 };

    if (!d->target || !nbduri_is(d->target))
        return false;
    if (nbduri_parse(d->target, &uri, &e) == 0 &&
        nbd_dial(r->guest->loop, &uri, REACH_MS, on_dialled, r, &r->dial, &e) ==
            0)
        return true;
    note(r, &e);
    return false;
}

static void look_on(struct guest_reach *r)
{
    guest_reach_done *done = r->done;
    struct guest *g = r->guest;
    struct json_object *missing = r->missing;

    for (; r->at < g->cfg->nr_disks; r->at++)
        if (dial(r))
            return;
    r->missing = NULL;
    done(g, missing);
    json_object_put(missing);
}

int guest_reach(struct guest *g, guest_reach_done *done,
                struct guest_reach **out, struct err *e)
{
    struct guest_reach *r = calloc(1, sizeof(*r));

    if (!r)
        return fail(e, -ENOMEM, "guest %s: no memory", g->cfg->name);
    r->guest = g;
    r->done = done;
    r->missing = json_object_new_array();
    *out = r;
    look_on(r);
    return 0;
}

void guest_reach_stop(struct guest_reach *r)
{
    if (!r)
        return;
    nbd_dial_stop(r->dial);
    json_object_put(r->missing);
    free(r);
}
