/* SPDX-License-Identifier: MIT */
/*
 * fake_vif.c - cards without nodes, taps and backends
 */
#include "tests/fakes/fake_vif.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "tests/fakes/fake.h"
#include "toolstack/supervisor/vifdev.h"

struct vif { /* what a caller holds */
    struct fake_vif *f;
    const struct vif_ops *ops;
    void *arg;
    uv_timer_t turn;
    enum vbd_state state;
    const char *why;
    char token[32];
};

struct fake_vifs fake_vifs;

void fake_vifs_fresh(void)
{
    fake_vifs = (struct fake_vifs){ 0 };
}

void fake_vif_move(struct fake_vif *f, enum vbd_state s, const char *why)
{
    f->vif->state = s;
    f->vif->why = why;
    f->vif->ops->moved(f->vif->arg);
}

static void on_gone(uv_timer_t *t)
{
    struct vif *v = t->data;

    v->f->gone = true;
    fake_vif_move(v->f, VBD_GONE, "");
    v->ops->gone(v->arg);
}

void fake_vif_end(struct fake_vif *f)
{
    uv_timer_start(&f->vif->turn, on_gone, 0, 0);
}

static void on_opened(uv_timer_t *t)
{
    struct vif *v = t->data;

    if (fake_vifs.refuse)
        fake_vif_move(v->f, VBD_FAILED, fake_vifs.refuse);
    else
        fake_vif_move(v->f, VBD_WAITING, "");
}

void __wrap_vif_dirs_of(uint16_t domid, uint32_t devid, char front[64],
                        char back[64]);
void __wrap_vif_dirs_of(uint16_t domid, uint32_t devid, char front[64],
                        char back[64])
{
    snprintf(front, 64, "/front/%u/%u", domid, devid);
    snprintf(back, 64, "/back/%u/%u", domid, devid);
}

int __wrap_vif_remove_all(uint16_t domid, struct store *s, struct err *e);
int __wrap_vif_remove_all(uint16_t domid, struct store *s, struct err *e)
{
    (void)domid, (void)s, (void)e;
    fake_vifs.nr_removed++;
    return 0;
}

void __wrap_vifdev_remove_left(uint16_t domid);
void __wrap_vifdev_remove_left(uint16_t domid)
{
    fake_vifs.taps_removed = domid;
}

int __wrap_vif_open(uv_loop_t *loop, const struct vif_options *o,
                    const struct vif_ops *ops, void *arg, struct vif **out,
                    struct err *e);
int __wrap_vif_open(uv_loop_t *loop, const struct vif_options *o,
                    const struct vif_ops *ops, void *arg, struct vif **out,
                    struct err *e)
{
    struct fake_vif *f = &fake_vifs.one[fake_vifs.nr];
    struct vif *v;

    if (fake_fails() || fake_vifs.nr == FAKE_VIFS_MAX)
        return fail(e, -ENOMEM, "vif %s: open: told to fail", o->name);
    v = calloc(1, sizeof(*v));
    *v = (struct vif){ .f = f, .ops = ops, .arg = arg, .why = "" };
    v->state = VBD_NEW;
    snprintf(v->token, sizeof(v->token), "vif:%u", fake_vifs.nr++);
    *f = (struct fake_vif){ .vif = v, .o = *o, .spec = *o->spec };
    f->id = (struct beproc_id){ FAKE_VIF_PID + (int)fake_vifs.nr - 1, 77 };
    uv_timer_init(loop, &v->turn);
    v->turn.data = v;
    *out = v;
    return 0;
}

int __wrap_vif_start(struct vif *v, struct store *s, struct err *e);
int __wrap_vif_start(struct vif *v, struct store *s, struct err *e)
{
    if (fake_fails() || fake_vifs.start_rc)
        return fail(e, fake_vifs.start_rc ? fake_vifs.start_rc : -EIO,
                    "vif %s: start: told to fail", v->f->o.name);
    v->f->started = true;
    v->f->has_store = s != NULL;
    v->state = VBD_STARTING;
    v->ops->started(v->arg);
    if (!fake_vifs.silent)
        uv_timer_start(&v->turn, on_opened, 0, 0);
    return 0;
}

void __wrap_vif_adopt(struct vif *v, struct store *s,
                      const struct beproc_id *id);
void __wrap_vif_adopt(struct vif *v, struct store *s,
                      const struct beproc_id *id)
{
    v->f->adopted = true;
    v->f->has_store = s != NULL;
    v->f->id = *id;
    v->state = VBD_STARTING;
    uv_timer_start(&v->turn, on_opened, 0, 0);
}

void __wrap_vif_set_store(struct vif *v, struct store *s);
void __wrap_vif_set_store(struct vif *v, struct store *s)
{
    v->f->has_store = s != NULL;
}

void __wrap_vif_fired(struct vif *v);
void __wrap_vif_fired(struct vif *v)
{
    v->f->nr_fired++;
}

const char *__wrap_vif_token(const struct vif *v);
const char *__wrap_vif_token(const struct vif *v)
{
    return v->token;
}

void __wrap_vif_detach(struct vif *v, bool force);
void __wrap_vif_detach(struct vif *v, bool force)
{
    v->f->detached = true;
    if (force || !fake_vifs.holds)
        uv_timer_start(&v->turn, on_gone, 0, 0);
    else
        fake_vif_move(v->f, VBD_CLOSING, "the guest is asked");
}

void __wrap_vif_end(struct vif *v);
void __wrap_vif_end(struct vif *v)
{
    v->f->ended = true;
    if (!fake_vifs.slow)
        uv_timer_start(&v->turn, on_gone, 0, 0);
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

void __wrap_vif_close(struct vif *v);
void __wrap_vif_close(struct vif *v)
{
    if (!v)
        return;
    v->f->vif = NULL;
    uv_close((uv_handle_t *)&v->turn, on_closed);
}

void __wrap_vif_set_rate(struct vif *v, uint64_t bytes, uint32_t usecs);
void __wrap_vif_set_rate(struct vif *v, uint64_t bytes, uint32_t usecs)
{
    v->f->rate_bytes = bytes;
    v->f->rate_usecs = usecs;
}

enum vbd_state __wrap_vif_state(const struct vif *v);
enum vbd_state __wrap_vif_state(const struct vif *v)
{
    return v->state;
}

const char *__wrap_vif_why(const struct vif *v);
const char *__wrap_vif_why(const struct vif *v)
{
    return v->why;
}

bool __wrap_vif_stalled(const struct vif *v);
bool __wrap_vif_stalled(const struct vif *v)
{
    return v->state == VBD_CONNECTED;
}

const char *__wrap_vif_tap(const struct vif *v);
const char *__wrap_vif_tap(const struct vif *v)
{
    (void)v;
    return "vif7.0";
}

const char *__wrap_vif_bridge(const struct vif *v);
const char *__wrap_vif_bridge(const struct vif *v)
{
    (void)v;
    return "xenbr1";
}

uint32_t __wrap_vif_mtu(const struct vif *v);
uint32_t __wrap_vif_mtu(const struct vif *v)
{
    (void)v;
    return 1500;
}

struct beproc_id __wrap_vif_process(const struct vif *v);
struct beproc_id __wrap_vif_process(const struct vif *v)
{
    return v->f->id;
}

void __wrap_vif_figures(struct vif *v, struct vif_figures *out);
void __wrap_vif_figures(struct vif *v, struct vif_figures *out)
{
    (void)v;
    *out = fake_vifs.figures;
}
