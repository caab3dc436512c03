/* SPDX-License-Identifier: MIT */
/*
 * blklink.c - a disk's backend, kept alive
 */
#include "toolstack/supervisor/blklink.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/disksource.h"
#include "toolstack/supervisor/vmdisk.h"

#define MINUTE_MS 60000u
#define PAUSE_MS_MIN 100u
#define PAUSE_MS_MAX 10000u
#define QUIT_MS 2000u
#define KILL_MS 30000u /* a process in the kernel's hands may take long */
#define BUSY_MS 100u
#define BUSY_TRIES_MAX 20u
#define SOCKET_AGAIN_MS 1000u
#define OFFLINE_MS 30000u /* requests wait so long for an NBD server */
#define PHYSICAL_BYTES_MAX (1u << 20)

enum blklink_state {
    LINK_NONE,
    LINK_PAUSE,
    LINK_HELLO,
    LINK_OPENING,
    LINK_OPENED,
    LINK_QUITTING,
    LINK_FAILED,
    LINK_STATES
};

struct want { /* one queue's NBD connection, as the backend asked for it */
    struct blklink *link;
    bool asked, busy;
    uint32_t for_process; /* the one that asked; another gets no stale one */
};

struct blklink {
    uv_loop_t *loop;
    struct blklink_spec spec;
    struct blklink_ops ops;
    void *arg;
    enum blklink_state state;
    struct disk_source *source;
    struct blkproc *proc;
    struct blkproc_id id;
    uv_timer_t timer;   /* by state: pause, a busy target, quitting */
    uv_timer_t sockets; /* NBD connections that failed: again */
    uint32_t nr_handles;
    bool adopted, resumes, opened_once, replacing, killed;
    uint32_t nr_busy, nr_processes;
    struct err said; /* by the backend: why it ends */
    uint64_t death_ms[BLKLINK_DEATHS_MAX];
    uint32_t nr_deaths, nr_restarts;
    struct want want[BLK_QUEUES_MAX];
};

static void on_timer(uv_timer_t *t);
static void on_message(void *arg, const struct blk_ctl *m);
static void on_ended(void *arg, const char *why);
static void on_sockets(uv_timer_t *t);
static void on_socket(void *arg, int fd, const struct err *failed);
static void on_handle_closed(uv_handle_t *h);

static const uint8_t link_next[] = {
    [LINK_NONE] = BIT(LINK_HELLO) | BIT(LINK_QUITTING) | BIT(LINK_FAILED),
    [LINK_PAUSE] = BIT(LINK_HELLO) | BIT(LINK_PAUSE) | BIT(LINK_QUITTING) |
                   BIT(LINK_FAILED),
    [LINK_HELLO] = BIT(LINK_OPENING) | BIT(LINK_OPENED) | BIT(LINK_PAUSE) |
                   BIT(LINK_QUITTING) | BIT(LINK_FAILED),
    [LINK_OPENING] = BIT(LINK_OPENED) | BIT(LINK_PAUSE) | BIT(LINK_QUITTING) |
                     BIT(LINK_FAILED),
    [LINK_OPENED] = BIT(LINK_PAUSE) | BIT(LINK_QUITTING) | BIT(LINK_FAILED),
    [LINK_QUITTING] = BIT(LINK_NONE) | BIT(LINK_PAUSE),
    [LINK_FAILED] = BIT(LINK_QUITTING),
};
_Static_assert(ARRAY_SIZE(link_next) == LINK_STATES, "link_next");

static const char *const link_name[] = {
    [LINK_NONE] = "none",     [LINK_PAUSE] = "pause",
    [LINK_HELLO] = "hello",   [LINK_OPENING] = "opening",
    [LINK_OPENED] = "opened", [LINK_QUITTING] = "quitting",
    [LINK_FAILED] = "failed",
};
_Static_assert(ARRAY_SIZE(link_name) == LINK_STATES, "link_name");

/* The only writer of l->state. */
static void link_move(struct blklink *l, enum blklink_state to, const char *why)
{
    assert(link_next[l->state] & BIT(to));
    log_debug("disk %s: backend: %s -> %s: %s", l->spec.name,
              link_name[l->state], link_name[to], why);
    l->state = to;
    uv_timer_stop(&l->timer);
}

static void drop_process(struct blklink *l)
{
    blkproc_close(l->proc);
    l->proc = NULL;
    l->id = (struct blkproc_id){ 0 };
    l->nr_processes++;
    uv_timer_stop(&l->sockets);
    for (uint32_t i = 0; i < BLK_QUEUES_MAX; i++)
        l->want[i].asked = false;
}

/* Nothing comes any more. */
static void give_up(struct blklink *l, const struct err *e)
{
    if (l->proc)
        blkproc_kill(l->proc, e->text);
    drop_process(l);
    link_move(l, LINK_FAILED, "given up");
    log_err("disk %s: %s", l->spec.name, e->text);
    l->ops.failed(l->arg, e);
}

static const struct blkproc_events *events_of(struct blklink *l,
                                              struct blkproc_events *out)
{
    *out = (struct blkproc_events){
        .message = on_message,
        .ended = on_ended,
        .arg = l,
    };
    return out;
}

/* ---- start, and again ---- */

static int launch(struct blklink *l, struct err *e)
{
    char base[BLK_BASE_BYTES];
    struct blkproc_events events;
    int rc;

    l->ops.base(l->arg, base);
    l->adopted = l->replacing = l->killed = false;
    l->said = (struct err){ 0 };
    l->nr_busy = 0;
    l->resumes = l->ops.resumes(l->arg);
    rc = blkproc_start(l->loop, l->spec.program, l->spec.name, base,
                       events_of(l, &events), &l->proc, e);
    if (rc < 0)
        return rc;
    l->id = blkproc_id(l->proc);
    link_move(l, LINK_HELLO, l->resumes ? "to go on" : "started");
    l->ops.started(l->arg);
    return 0;
}

int blklink_start(struct blklink *l, struct err *e)
{
    return launch(l, e);
}

/* How many died within the last minute, this one too. */
static uint32_t count_death(struct blklink *l)
{
    uint64_t now_ms = uv_now(l->loop);
    uint32_t nr = 1;

    for (uint32_t i = 0; i < MIN_OF(l->nr_deaths, BLKLINK_DEATHS_MAX); i++)
        nr += now_ms - l->death_ms[i] < MINUTE_MS;
    l->death_ms[l->nr_deaths++ % BLKLINK_DEATHS_MAX] = now_ms;
    return nr;
}

static void again(struct blklink *l, const char *why)
{
    uint32_t nr = count_death(l), pause_ms = 0;
    struct err e = { 0 };

    if (nr > BLKLINK_DEATHS_MAX) {
        fail(&e, -EIO, "its backend died %u times in a minute, at last: %s", nr,
             l->said.text[0] ? l->said.text : why);
        give_up(l, &e);
        return;
    }
    if (nr > 1)
        pause_ms = MIN_OF(PAUSE_MS_MIN << (nr - 2), PAUSE_MS_MAX);
    log_err("disk %s: its backend died: %s; again in %u ms", l->spec.name,
            l->said.text[0] ? l->said.text : why, pause_ms);
    l->nr_restarts++;
    link_move(l, LINK_PAUSE, "it died");
    uv_timer_start(&l->timer, on_timer, pause_ms, 0);
    l->ops.died(l->arg, why);
}

void blklink_adopt(struct blklink *l, const struct blkproc_id *id)
{
    char base[BLK_BASE_BYTES];
    struct blkproc_events events;
    struct err e = { 0 };

    l->ops.base(l->arg, base);
    if (blkproc_adopt(l->loop, base, id, events_of(l, &events), &l->proc, &e) ==
        0) {
        l->id = blkproc_id(l->proc);
        l->adopted = true;
        link_move(l, LINK_HELLO, "taken over");
        return;
    }
    log_warn("disk %s: %s; another is started", l->spec.name, e.text);
    if (launch(l, &e) < 0)
        give_up(l, &e);
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

/* It never served: words for whoever waits; else another try. */
static void cannot_open(struct blklink *l, const struct err *e)
{
    l->said = *e;
    if (l->opened_once)
        blkproc_kill(l->proc, "its store cannot be opened");
    else
        give_up(l, e);
}

static void send_open(struct blklink *l)
{
    struct blk_ctl m = { .type = BLK_CTL_OPEN };
    struct err e = { 0 };
    int fd = -1;

    if (disk_source_kind(l->source) == BLK_STORE_RAW) {
        fd = disk_source_fd(l->source);
        if (fd == -EBUSY && l->nr_busy++ < BUSY_TRIES_MAX) {
            uv_timer_start(&l->timer, on_timer, BUSY_MS, 0);
            return;
        }
        if (fd < 0) {
            fail(&e, fd, "%s", disk_source_why(l->source));
            cannot_open(l, &e);
            return;
        }
    }
    fill_open(l, fd, &m.u.open);
    link_move(l, LINK_OPENING, "asked to open");
    blkproc_send(l->proc, &m, fd);
    if (fd >= 0)
        close(fd);
}

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

static void opened(struct blklink *l, const struct blk_store_info *i,
                   enum blklink_opened how)
{
    if (!is_store_sound(l, i)) {
        blkproc_kill(l->proc, "it says what no store is like");
        return;
    }
    l->opened_once = true;
    link_move(l, LINK_OPENED, how == BLKLINK_WIRED ? "it serves" : "open");
    l->ops.opened(l->arg, i, how);
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
    bool current = w->for_process == l->nr_processes && l->proc;

    w->busy = false;
    if (fd >= 0) {
        m.u.socket = (uint32_t)(w - l->want);
        if (current)
            blkproc_send(l->proc, &m, fd);
        close(fd);
    } else if (current && !l->opened_once) {
        cannot_open(l, failed);
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

    for (uint32_t i = 0; i < BLK_QUEUES_MAX && l->proc; i++)
        if (l->want[i].asked && !l->want[i].busy)
            connect_socket(l, i);
}

static void want_socket(struct blklink *l, uint32_t number)
{
    if (number >= l->spec.nr_queues ||
        disk_source_kind(l->source) != BLK_STORE_NBD) {
        blkproc_kill(l->proc, "it wants what its store has not");
        return;
    }
    l->want[number].asked = true;
    if (!l->want[number].busy)
        connect_socket(l, number);
}

/* ---- what it says ---- */

static void quit(struct blklink *l, const char *why)
{
    struct blk_ctl m = { .type = BLK_CTL_QUIT };

    link_move(l, LINK_QUITTING, why);
    if (l->proc)
        blkproc_send(l->proc, &m, -1);
    uv_timer_start(&l->timer, on_timer, l->proc ? QUIT_MS : 0, 0);
}

static void on_hello(struct blklink *l, const struct blk_hello *h)
{
    struct err e = { 0 };
    bool same =
        h->version == BLK_CTL_VERSION && strcmp(h->build, FREEHOLD_BUILD) == 0;

    if (l->adopted && (!same || l->id.pid == 0)) {
        l->replacing = true;
        quit(l, "it is replaced by the program that is installed now");
        return;
    }
    if (!same) {
        fail(&e, -EPROTO,
             "its backend is build %.60s, want %s: install one "
             "version",
             h->build, FREEHOLD_BUILD);
        cannot_open(l, &e);
        return;
    }
    if (h->opened)
        opened(l, &h->store, h->connected ? BLKLINK_WIRED : BLKLINK_UNWIRED);
    else
        send_open(l);
}

static void on_message(void *arg, const struct blk_ctl *m)
{
    struct blklink *l = arg;

    if (l->state == LINK_QUITTING)
        return;
    if (m->type == BLK_CTL_FAILED) {
        fail(&l->said, -EIO, "%s", m->u.text);
    } else if (m->type == BLK_CTL_HELLO && l->state == LINK_HELLO &&
               l->nr_busy == 0) {
        on_hello(l, &m->u.hello);
    } else if (m->type == BLK_CTL_WANT_SOCKET && l->state >= LINK_OPENING) {
        want_socket(l, m->u.socket);
    } else if (m->type == BLK_CTL_OPENED && l->state == LINK_OPENING) {
        opened(l, &m->u.store, l->resumes ? BLKLINK_RESUMES : BLKLINK_UNWIRED);
    } else if (m->type >= BLK_CTL_CONNECTED && l->state == LINK_OPENED &&
               (m->type != BLK_CTL_SIZE || is_store_sound(l, &m->u.store))) {
        l->ops.message(l->arg, m);
    } else {
        blkproc_kill(l->proc, "it says what makes no sense now");
    }
}

static void on_ended(void *arg, const char *why)
{
    struct blklink *l = arg;
    struct err e = { 0 };

    drop_process(l);
    if (l->state == LINK_QUITTING && !l->replacing) {
        uv_timer_start(&l->timer, on_timer, 0, 0); /* ended() */
    } else if (l->state == LINK_QUITTING) {
        link_move(l, LINK_PAUSE, "replaced");
        uv_timer_start(&l->timer, on_timer, 0, 0);
        l->ops.died(l->arg, "it is replaced");
    } else if (!l->opened_once && !l->adopted && !l->ops.resumes(l->arg)) {
        fail(&e, -EIO, "its backend could not start: %s",
             l->said.text[0] ? l->said.text : why);
        give_up(l, l->said.rc ? &l->said : &e);
    } else {
        again(l, why);
    }
}

/* ---- time ---- */

static void on_quit_timer(struct blklink *l)
{
    if (l->proc && !l->killed) {
        l->killed = true;
        blkproc_kill(l->proc, "it did not quit");
        uv_timer_start(&l->timer, on_timer, l->id.pid ? KILL_MS : 0, 0);
        return;
    }
    if (l->proc)
        log_err("disk %s: its backend (%d) does not end; it is left alone",
                l->spec.name, l->id.pid);
    drop_process(l);
    if (l->replacing) {
        link_move(l, LINK_PAUSE, "it does not end");
        uv_timer_start(&l->timer, on_timer, 0, 0);
        return;
    }
    link_move(l, LINK_NONE, "it ended");
    l->ops.ended(l->arg);
}

static void on_timer(uv_timer_t *t)
{
    struct blklink *l = t->data;
    struct err e = { 0 };

    if (l->state == LINK_HELLO)
        send_open(l);
    else if (l->state == LINK_QUITTING)
        on_quit_timer(l);
    else if (l->state == LINK_PAUSE && launch(l, &e) < 0) {
        l->said = e;
        again(l, "it cannot be started");
    }
}

/* ---- the object ---- */

int blklink_open(uv_loop_t *loop, const struct blklink_spec *spec,
                 const struct blklink_ops *ops, void *arg, struct blklink **out,
                 struct err *e)
{
    struct blklink *l = calloc(1, sizeof(*l));
    char base[BLK_BASE_BYTES];
    int rc;

    if (!l)
        return fail(e, -ENOMEM, "disk %s: no memory", spec->name);
    l->loop = loop;
    l->spec = *spec;
    l->ops = *ops;
    l->arg = arg;
    uv_timer_init(loop, &l->timer);
    uv_timer_init(loop, &l->sockets);
    l->timer.data = l->sockets.data = l;
    l->nr_handles = 2;
    for (uint32_t i = 0; i < BLK_QUEUES_MAX; i++)
        l->want[i].link = l;
    ops->base(arg, base);
    rc = disk_source_open(loop, spec->disk, base, &l->source, e);
    if (rc < 0) {
        blklink_close(l);
        return rc;
    }
    *out = l;
    return 0;
}

void blklink_tell(struct blklink *l, const struct blk_ctl *m)
{
    if (l->state == LINK_OPENED)
        blkproc_send(l->proc, m, -1);
}

void blklink_set_limits(struct blklink *l, const struct blk_limits *limits)
{
    struct blk_ctl m = { .type = BLK_CTL_LIMITS };

    l->spec.limits = m.u.limits = *limits;
    blklink_tell(l, &m);
}

void blklink_end(struct blklink *l)
{
    l->replacing = false;
    if (l->state != LINK_QUITTING)
        quit(l, "asked to");
}

void blklink_close(struct blklink *l)
{
    if (!l)
        return;
    blkproc_close(l->proc);
    l->proc = NULL;
    disk_source_close(l->source);
    l->source = NULL;
    uv_close((uv_handle_t *)&l->timer, on_handle_closed);
    uv_close((uv_handle_t *)&l->sockets, on_handle_closed);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct blklink *l = h->data;

    if (--l->nr_handles == 0)
        free(l);
}

struct blkproc_id blklink_id(const struct blklink *l)
{
    return l->id;
}

uint32_t blklink_restarts(const struct blklink *l)
{
    return l->nr_restarts;
}
