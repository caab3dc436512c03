/* SPDX-License-Identifier: MIT */
/*
 * blklink.c - a disk's backend, and what it opens
 */
#include "toolstack/supervisor/blklink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/blkwords.h"
#include "toolstack/supervisor/disksource.h"
#include "toolstack/supervisor/vmdisk.h"

#define BUSY_MS 100u
#define BUSY_TRIES_MAX 20u
#define SOCKET_AGAIN_MS 1000u
#define OFFLINE_MS 30000u /* requests wait so long for an NBD server */
#define PHYSICAL_BYTES_MAX (1u << 20)

struct want { /* one queue's NBD connection, as the backend asked for it */
    struct blklink *link;
    bool asked, busy;
    uint32_t for_process; /* the one that asked; another gets no stale one */
};

struct blklink {
    struct blklink_spec spec;
    struct blklink_ops ops;
    void *arg;
    struct belink *be;
    struct disk_source *source;
    uv_timer_t busy;    /* the target is another's yet: again */
    uv_timer_t sockets; /* NBD connections that failed: again */
    uint32_t nr_handles;
    bool resumes;
    bool limits_changed; /* since the backend was asked to open */
    uint32_t nr_busy, nr_processes;
    struct want want[BLK_QUEUES_MAX];
};

static void on_busy(uv_timer_t *t);
static void on_sockets(uv_timer_t *t);
static void on_socket(void *arg, int fd, const struct err *failed);
static void on_handle_closed(uv_handle_t *h);

/* ---- what it says ---- */

static bool is_power_of_2(uint32_t n)
{
    return n && (n & (n - 1)) == 0;
}

/* The guest believes these, and a backend may be the guest's by now. */
static bool is_store_sound(const struct blklink *l,
                           const struct blk_store_info *i)
{
    return i->size_bytes % BLK_SECTOR == 0 && i->size_bytes <= INT64_MAX &&
           is_power_of_2(i->physical_bytes) &&
           i->physical_bytes >= BLK_SECTOR &&
           i->physical_bytes <= PHYSICAL_BYTES_MAX && i->nr_queues > 0 &&
           i->nr_queues <= l->spec.nr_queues;
}

static const char *on_check(void *arg, const struct be_word *w,
                            const void *message)
{
    const struct blk_ctl *m = message;
    const struct blk_store_info *i = NULL;
    struct blklink *l = arg;

    if (w->what == BE_HELLO && m->u.hello.opened && w->hello.same)
        i = &m->u.hello.store;
    else if (m->type == BLK_CTL_OPENED || m->type == BLK_CTL_SIZE)
        i = &m->u.store;
    else if (m->type == BLK_CTL_WANT_SOCKET &&
             (m->u.socket >= l->spec.nr_queues ||
              disk_source_kind(l->source) != BLK_STORE_NBD))
        return "it wants what its store has not";
    return !i || is_store_sound(l, i) ? NULL : "it says what no store is like";
}

/* ---- what is opened ---- */

static bool is_block_device(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISBLK(st.st_mode);
}

static void fill_open(const struct blklink *l, int fd, struct blk_open *out)
{
    const struct vm_disk *d = l->spec.disk;

    *out = (struct blk_open){
        .kind = disk_source_kind(l->source),
        .readonly = !d->writable,
        .direct = d->direct_io_safe || (fd >= 0 && is_block_device(fd)),
        .discard = d->writable && d->discard != VM_NO,
        .resume = l->resumes,
        .nr_queues = l->spec.nr_queues,
        .domid = l->spec.domid,
        .devid = l->spec.devid,
        .limits = l->spec.limits,
        .offline_ms = OFFLINE_MS,
    };
    snprintf(out->export, sizeof(out->export), "%s",
             disk_source_export(l->source));
}

static void send_open(struct blklink *l)
{
    struct blk_ctl m = { .type = BLK_CTL_OPEN };
    struct err e = { 0 };
    int fd = -1;

    if (disk_source_kind(l->source) == BLK_STORE_RAW) {
        fd = disk_source_fd(l->source);
        if (fd == -EBUSY &&
            (l->spec.patient || l->nr_busy++ < BUSY_TRIES_MAX)) {
            uv_timer_start(&l->busy, on_busy, BUSY_MS, 0);
            return;
        }
        if (fd < 0) {
            fail(&e, fd, "%s", disk_source_why(l->source));
            belink_cannot_open(l->be, &e);
            return;
        }
    }
    fill_open(l, fd, &m.u.open);
    l->limits_changed = false;
    belink_open(l->be, &m, fd);
    if (fd >= 0)
        close(fd);
}

static void on_busy(uv_timer_t *t)
{
    send_open(t->data);
}

static void on_open(void *arg, bool resumes)
{
    struct blklink *l = arg;

    l->resumes = resumes;
    l->nr_busy = 0;
    send_open(l);
}

static void on_opened(void *arg, const void *message, enum belink_opened how)
{
    const struct blk_ctl *m = message;
    struct blklink *l = arg;

    if (l->limits_changed)
        blklink_set_limits(l, &l->spec.limits);
    l->ops.opened(l->arg,
                  m->type == BLK_CTL_HELLO ? &m->u.hello.store : &m->u.store,
                  how);
}

/* ---- its NBD connections ---- */

static void connect_socket(struct blklink *l, uint32_t number)
{
    struct want *w = &l->want[number];
    struct err e = { 0 };

    w->asked = false;
    w->busy = true;
    w->for_process = l->nr_processes;
    if (disk_source_connect(l->source, on_socket, w, &e) < 0)
        on_socket(w, -1, &e);
}

static void on_socket(void *arg, int fd, const struct err *failed)
{
    struct want *w = arg;
    struct blklink *l = w->link;
    struct blk_ctl m = { .type = BLK_CTL_SOCKET };
    bool current = w->for_process == l->nr_processes;

    w->busy = false;
    if (fd >= 0) {
        m.u.socket = (uint32_t)(w - l->want);
        if (current)
            belink_send(l->be, &m, fd);
        close(fd);
    } else if (current && !belink_opened_once(l->be)) {
        belink_cannot_open(l->be, failed);
        return;
    } else if (current) {
        log_warn("disk %s: %s; again in %u ms", l->spec.name, failed->text,
                 SOCKET_AGAIN_MS);
        w->asked = true;
    }
    if (w->asked && !uv_is_active((uv_handle_t *)&l->sockets))
        uv_timer_start(&l->sockets, on_sockets, SOCKET_AGAIN_MS, 0);
}

static void on_sockets(uv_timer_t *t)
{
    struct blklink *l = t->data;

    for (uint32_t i = 0; i < BLK_QUEUES_MAX; i++)
        if (l->want[i].asked && !l->want[i].busy)
            connect_socket(l, i);
}

static void want_socket(struct blklink *l, uint32_t number)
{
    l->want[number].asked = true;
    if (!l->want[number].busy)
        connect_socket(l, number);
}

/* ---- its process ---- */

static void on_message(void *arg, const void *message)
{
    const struct blk_ctl *m = message;
    struct blklink *l = arg;

    if (m->type == BLK_CTL_WANT_SOCKET)
        want_socket(l, m->u.socket);
    else
        l->ops.message(l->arg, m);
}

static void on_dropped(void *arg)
{
    struct blklink *l = arg;

    l->nr_processes++;
    uv_timer_stop(&l->busy);
    uv_timer_stop(&l->sockets);
    for (uint32_t i = 0; i < BLK_QUEUES_MAX; i++)
        l->want[i].asked = false;
}

static void on_base(void *arg, char out[BE_BASE_BYTES])
{
    struct blklink *l = arg;

    l->ops.base(l->arg, out);
}

static bool on_resumes(void *arg)
{
    struct blklink *l = arg;

    return l->ops.resumes(l->arg);
}

static void on_started(void *arg)
{
    struct blklink *l = arg;

    disk_source_renew(l->source);
    l->ops.started(l->arg);
}

static void on_died(void *arg, const char *why)
{
    struct blklink *l = arg;

    l->ops.died(l->arg, why);
}

static void on_failed(void *arg, const struct err *e)
{
    struct blklink *l = arg;

    l->ops.failed(l->arg, e);
}

static void on_ended(void *arg)
{
    struct blklink *l = arg;

    l->ops.ended(l->arg);
}

/* A server of ours has nothing of it left to write, then. */
static void on_held(void *arg)
{
    struct blklink *l = arg;

    disk_source_renew(l->source);
    if (l->ops.held)
        l->ops.held(l->arg);
}

/* ---- the object ---- */

static const struct belink_ops disk_ops = {
    .base = on_base,
    .resumes = on_resumes,
    .started = on_started,
    .open = on_open,
    .check = on_check,
    .opened = on_opened,
    .message = on_message,
    .dropped = on_dropped,
    .died = on_died,
    .failed = on_failed,
    .ended = on_ended,
    .held = on_held,
};

int blklink_open(uv_loop_t *loop, const struct blklink_spec *spec,
                 const struct blklink_ops *ops, void *arg, struct blklink **out,
                 struct err *e)
{
    struct belink_spec be = { .kind = &blkwords_kind,
                              .program = spec->program };
    struct blklink *l = calloc(1, sizeof(*l));
    char base[BE_BASE_BYTES];
    int rc;

    if (!l)
        return fail(e, -ENOMEM, "disk %s: no memory", spec->name);
    l->spec = *spec;
    l->ops = *ops;
    l->arg = arg;
    uv_timer_init(loop, &l->busy);
    uv_timer_init(loop, &l->sockets);
    l->busy.data = l->sockets.data = l;
    l->nr_handles = 2;
    for (uint32_t i = 0; i < BLK_QUEUES_MAX; i++)
        l->want[i].link = l;
    memcpy(be.name, spec->name, sizeof(be.name));
    ops->base(arg, base);
    rc = disk_source_open(loop, spec->disk, base, &l->source, e);
    if (rc == 0)
        rc = belink_new(loop, &be, &disk_ops, l, &l->be, e);
    if (rc == 0)
        *out = l;
    else
        blklink_close(l);
    return rc;
}

struct belink *blklink_be(struct blklink *l)
{
    return l->be;
}

void blklink_set_limits(struct blklink *l, const struct blk_limits *limits)
{
    struct blk_ctl m = { .type = BLK_CTL_LIMITS };

    l->spec.limits = m.u.limits = *limits;
    l->limits_changed = true; /* also for one that opens just now */
    belink_tell(l->be, &m);
}

void blklink_close(struct blklink *l)
{
    if (!l)
        return;
    belink_close(l->be);
    l->be = NULL;
    disk_source_close(l->source);
    l->source = NULL;
    uv_close((uv_handle_t *)&l->busy, on_handle_closed);
    uv_close((uv_handle_t *)&l->sockets, on_handle_closed);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct blklink *l = h->data;

    if (--l->nr_handles == 0)
        free(l);
}
