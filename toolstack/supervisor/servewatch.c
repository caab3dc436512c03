/* SPDX-License-Identifier: MIT */
/*
 * servewatch.c - a process for each disk, or card, that xl means for us
 */
#include "toolstack/supervisor/servewatch.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "common/checked.h"
#include "common/log.h"
#include "toolstack/supervisor/serve_priv.h"
#include "toolstack/supervisor/serveproc.h"
#include "toolstack/supervisor/storewatch.h"
#include "toolstack/supervisor/xbnodes.h"
#include "toolstack/supervisor/xldev.h"

#define LOOK_MS 10u
#define PAUSE_MS 100u /* doubled at each death */
#define PAUSE_MS_MAX 10000u
#define OBSTACLE_MS 1000u /* then it is looked for again */
#define LIVED_MS 60000u   /* then its deaths are forgotten */

enum served_state {
    SERVED_DUE,
    SERVED_RUNS,
    SERVED_DONE, /* the device is over; its directory is still there */
};

struct served { /* one device */
    struct servewatch *watch;
    uint16_t domid;
    uint32_t devid;
    enum served_state state;
    struct serveproc *process; /* when it RUNS */
    uint64_t started_ms, due_ms;
    uint32_t nr_deaths;
    bool seen; /* in this look */
    struct served *next;
};

struct servewatch {
    uv_loop_t *loop;
    struct servewatch_options o;
    const struct serve_kind *kind;
    const char *obstacle; /* that was there, and told; or NULL */
    struct storewatch *watch;
    struct store *store;
    uv_timer_t look;
    struct served *all;
};

static void on_fired(void *arg, const char *token);
static void on_look(uv_timer_t *t);
static void on_ended(void *arg, bool over);
static void on_store_ended(void *arg);
static void on_watch_closed(uv_handle_t *h);

/* ---- the list ---- */

static struct served *find(struct servewatch *w, uint16_t domid, uint32_t devid)
{
    struct served *d = w->all;

    while (d && (d->domid != domid || d->devid != devid))
        d = d->next;
    return d;
}

/* It is there; nothing is done about it yet. */
static void see(struct servewatch *w, uint16_t domid, uint32_t devid)
{
    struct served *d = find(w, domid, devid);

    if (!d) {
        d = calloc(1, sizeof(*d));
        if (!d) {
            log_err("%s %u/%u: no memory", w->kind->what, domid, devid);
            return;
        }
        d->watch = w;
        d->domid = domid;
        d->devid = devid;
        d->next = w->all;
        w->all = d;
    }
    d->seen = true;
}

static void drop(struct served **at)
{
    struct served *d = *at;

    *at = d->next;
    free(d);
}

/* ---- one process ---- */

static void look_within(struct servewatch *w, uint64_t ms)
{
    if (!uv_is_active((uv_handle_t *)&w->look) ||
        uv_timer_get_due_in(&w->look) > ms)
        uv_timer_start(&w->look, on_look, ms, 0);
}

static void due_again(struct served *d)
{
    uint64_t now_ms = uv_now(d->watch->loop), pause_ms = 0;

    if (now_ms - d->started_ms > LIVED_MS)
        d->nr_deaths = 0;
    if (d->nr_deaths > 0)
        pause_ms = MIN_OF(PAUSE_MS << MIN_OF(d->nr_deaths, 10u), PAUSE_MS_MAX);
    d->nr_deaths++;
    d->state = SERVED_DUE;
    d->due_ms = now_ms + pause_ms;
}

static struct serveproc_order order_of(struct served *d)
{
    const struct servewatch_options *o = &d->watch->o;

    return (struct serveproc_order){
        .base = o->base,
        .what = o->what,
        .program = o->program,
        .any_mac = o->any_mac,
        .domid = d->domid,
        .devid = d->devid,
        .ended = on_ended,
        .arg = d,
    };
}

static void start(struct served *d)
{
    struct serveproc_order o = order_of(d);
    int rc = serveproc_find(d->watch->loop, &o, &d->process);

    if (rc == 0)
        rc = serveproc_start(d->watch->loop, &o, &d->process);
    d->started_ms = uv_now(d->watch->loop);
    if (rc >= 0) {
        d->state = SERVED_RUNS;
        log_debug("%s %u/%u: %s", d->watch->kind->what, d->domid, d->devid,
                  rc > 0 ? "it is served already" : "its process was started");
        return;
    }
    if (rc != -EAGAIN)
        log_err("%s %u/%u: start %s: %s", d->watch->kind->what, d->domid,
                d->devid, d->watch->o.program, strerror(-rc));
    d->nr_deaths += d->nr_deaths == 0; /* not at once */
    due_again(d);
}

static void on_ended(void *arg, bool over)
{
    struct served *d = arg;

    d->process = NULL;
    if (over) {
        d->state = SERVED_DONE;
        d->nr_deaths = 0;
    } else {
        log_warn("%s %u/%u: its process ended; its backend is looked after "
                 "again soon",
                 d->watch->kind->what, d->domid, d->devid);
        due_again(d);
    }
    look_within(d->watch, 0);
}

/* ---- a look at all of it ---- */

static bool is_number(const char *s, unsigned long max)
{
    size_t len = strspn(s, "0123456789");

    return len > 0 && len < 11 && !s[len] && strtoul(s, NULL, 10) <= max;
}

static void back_of(const struct servewatch *w, uint16_t domid, uint32_t devid,
                    char out[SERVE_PATH_BYTES])
{
    snprintf(out, SERVE_PATH_BYTES, "%s/%u/%u", w->kind->dir, domid, devid);
}

/* Its place is there: it goes on, whatever is in the way now. */
static bool is_begun(struct servewatch *w, uint16_t domid, uint32_t devid)
{
    char name[SERVE_NAME_BYTES], path[PATH_MAX];

    serve_name(w->o.what, domid, devid, name);
    snprintf(path, sizeof(path), "%s/%s", w->o.base, name);
    return access(path, F_OK) == 0;
}

/* One that could not be served may be another time, whatever was told xl. */
static bool is_wanted(struct servewatch *w, uint16_t domid, uint32_t devid)
{
    char back[SERVE_PATH_BYTES];

    back_of(w, domid, devid, back);
    return !w->obstacle &&
           (find(w, domid, devid) || w->kind->is_meant(w->store, back));
}

static void look_at_device(struct servewatch *w, uint16_t domid, uint32_t devid)
{
    if (is_begun(w, domid, devid) || is_wanted(w, domid, devid))
        see(w, domid, devid);
}

static void look_at_domain(struct servewatch *w, uint16_t domid)
{
    char path[64], **list = NULL;
    int nr;

    snprintf(path, sizeof(path), "%s/%u", w->kind->dir, domid);
    nr = store_list(w->store, path, &list, NULL);
    for (int i = 0; i < nr; i++)
        if (is_number(list[i], UINT32_MAX))
            look_at_device(w, domid, (uint32_t)strtoul(list[i], NULL, 10));
    free(list);
}

static void look_at_store(struct servewatch *w)
{
    struct err e = { 0 };
    char **list = NULL;
    int nr = store_list(w->store, w->kind->dir, &list, &e);

    if (nr < 0)
        log_err("%s", e.text);
    for (int i = 0; i < nr; i++)
        if (is_number(list[i], UINT16_MAX))
            look_at_domain(w, (uint16_t)strtoul(list[i], NULL, 10));
    free(list);
}

/* What earlier ones left of devices that are no more is theirs to remove. */
static void look_at_left(struct servewatch *w)
{
    DIR *dir = opendir(w->o.base);
    struct dirent *entry;
    uint16_t domid;
    uint32_t devid;

    while (dir && (entry = readdir(dir)))
        if (serve_name_parse(w->o.what, entry->d_name, &domid, &devid) == 0)
            see(w, domid, devid);
    if (dir)
        closedir(dir);
}

/* A device that comes at once in the place of one that is over. */
static bool is_another(struct served *d)
{
    char back[SERVE_PATH_BYTES];

    back_of(d->watch, d->domid, d->devid, back);
    return xldev_is_online(d->watch->store, back) &&
           xbnodes_state(back, d->watch->store) == XenbusStateInitialising;
}

static void step(struct served *d)
{
    uint64_t now_ms = uv_now(d->watch->loop);

    if (d->state == SERVED_DONE && is_another(d)) {
        d->state = SERVED_DUE;
        d->due_ms = now_ms;
    }
    if (d->state == SERVED_DUE && d->due_ms <= now_ms)
        start(d);
    if (d->state == SERVED_DUE)
        look_within(d->watch, d->due_ms - now_ms);
}

static void step_all(struct servewatch *w)
{
    struct served **at = &w->all;

    while (*at) {
        if (!(*at)->seen && (*at)->state != SERVED_RUNS) {
            drop(at);
            continue;
        }
        if ((*at)->seen)
            step(*at);
        at = &(*at)->next;
    }
}

/* Nobody tells when it goes, so it is looked for as long as it is there. */
static void look_at_obstacle(struct servewatch *w)
{
    const char *now = w->kind->obstacle ? w->kind->obstacle() : NULL;

    if (now && !w->obstacle)
        log_err("%s: %s; until then none is begun with", w->kind->command, now);
    else if (!now && w->obstacle)
        log_info("%s: nothing is in the way any more", w->kind->command);
    w->obstacle = now;
    if (now)
        look_within(w, OBSTACLE_MS);
}

static void look(struct servewatch *w, bool first)
{
    look_at_obstacle(w);
    for (struct served *d = w->all; d; d = d->next)
        d->seen = false;
    look_at_store(w);
    if (first)
        look_at_left(w);
    step_all(w);
}

static void on_look(uv_timer_t *t)
{
    look(t->data, false);
}

static void on_fired(void *arg, const char *token)
{
    struct servewatch *w = arg;

    (void)token;
    look_within(w, LOOK_MS);
}

/* ---- the object ---- */

static void on_store_ended(void *arg)
{
    struct servewatch *w = arg;
    struct err e = { 0 };

    fail(&e, -ENOTCONN, "xenstored ended: no %s of xl's is looked after",
         w->kind->what);
    w->o.ended(w->o.arg, &e);
}

int servewatch_open(uv_loop_t *loop, const struct servewatch_options *o,
                    struct servewatch **out, struct err *e)
{
    struct servewatch *w = calloc(1, sizeof(*w));
    int rc;

    if (!w)
        return fail(e, -ENOMEM, "%s: no memory",
                    serve_kind_of(o->what)->command);
    w->loop = loop;
    w->o = *o;
    w->kind = serve_kind_of(o->what);
    rc = storewatch_open(loop, on_fired, on_store_ended, w, &w->watch, e);
    if (rc < 0) {
        free(w);
        return rc;
    }
    w->store = storewatch_store(w->watch);
    uv_timer_init(loop, &w->look);
    w->look.data = w;
    rc = store_watch(w->store, w->kind->dir, "devices", e);
    if (rc < 0) {
        servewatch_close(w);
        return rc;
    }
    look(w, true);
    *out = w;
    return 0;
}

void servewatch_close(struct servewatch *w)
{
    if (!w)
        return;
    while (w->all) {
        serveproc_let_go(w->all->process);
        drop(&w->all);
    }
    storewatch_close(w->watch);
    uv_close((uv_handle_t *)&w->look, on_watch_closed);
}

static void on_watch_closed(uv_handle_t *h)
{
    free(h->data);
}
