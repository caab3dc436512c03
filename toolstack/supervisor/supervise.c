/* SPDX-License-Identifier: MIT */
/*
 * supervise.c - the process that owns one guest
 *
 * How this works: take the name, look what an earlier supervisor left, open
 * the guest, run the loop until gone().  Everything is closed from the loop's
 * own turn after that, so that an answer on its way (`destroy`) still goes.
 *
 * A reload is an exec() of the program as it is installed now.  The lock stays
 * open over it, so the name is never free; everything else is given back
 * first, and taken by the new program as if we had died.
 */
#include "toolstack/supervisor/supervise.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>
#include <uv.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/devfile.h"
#include "toolstack/supervisor/guest.h"
#include "toolstack/supervisor/left.h"
#include "toolstack/supervisor/notify.h"
#include "toolstack/supervisor/reexec.h"
#include "toolstack/supervisor/vifdev.h"
#include "toolstack/supervisor/vmcfg.h"

#define DEADLINE_AGAIN_MS 10000u

struct supervisor {
    uv_loop_t loop;
    uv_signal_t term, intr, hup;
    uv_timer_t turn;     /* runs once: what waits for the loop's next turn */
    uv_timer_t deadline; /* of a guest that was asked to stop */
    uv_timer_t watchdog; /* systemd's */
    struct guest *guest;
    struct rundir dir;
    struct left left;
    struct vm_config *cfg; /* own, or left.cfg; a rename changes it */
    const struct supervise_options *o;
    struct moveproc *mover; /* not the guest's yet */
    int report_fd;
    uint32_t nr_signals;
    uint32_t turns_left; /* until a reload */
    struct err failed;
};

static void on_stop(uv_signal_t *s, int signum);
static void on_deadline(uv_timer_t *t);
static void on_hup(uv_signal_t *s, int signum);
static void on_reload(uv_timer_t *t);
static void on_closing(uv_timer_t *t);
static void on_watchdog(uv_timer_t *t);

/* One line to whoever started us; takes o. */
static void report_line(struct supervisor *s, struct json_object *o)
{
    const char *text =
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);

    if (s->report_fd >= 0 && (write(s->report_fd, text, strlen(text)) < 0 ||
                              write(s->report_fd, "\n", 1) < 0))
        log_debug("guest %s: nobody waits for the report", s->cfg->name);
    json_object_put(o);
}

static void report_end(struct supervisor *s)
{
    if (s->report_fd >= 0)
        close(s->report_fd);
    s->report_fd = -1;
}

static void report_error(struct supervisor *s, const struct err *failed)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "errno", json_object_new_int(-failed->rc));
    json_object_object_add(o, "error", json_object_new_string(failed->text));
    report_line(s, o);
    report_end(s);
}

static void on_outcome(void *arg, struct guest *g, const struct err *failed)
{
    struct supervisor *s = arg;
    struct json_object *o;

    if (failed) {
        report_error(s, failed);
        return;
    }
    o = guest_info(g);
    json_object_object_add(o, "ok", json_object_new_boolean(true));
    report_line(s, o);
    report_end(s);
    notify_ready();
}

static void on_gone(void *arg, const struct err *failed)
{
    struct supervisor *s = arg;

    if (failed)
        s->failed = *failed;
    rundir_remove(&s->dir);
    uv_timer_start(&s->turn, on_closing, 0, 0);
}

static uv_handle_t *handle_at(struct supervisor *s, uint32_t i)
{
    uv_handle_t *all[] = {
        (uv_handle_t *)&s->term,     (uv_handle_t *)&s->intr,
        (uv_handle_t *)&s->hup,      (uv_handle_t *)&s->turn,
        (uv_handle_t *)&s->deadline, (uv_handle_t *)&s->watchdog,
    };

    return i < ARRAY_SIZE(all) ? all[i] : NULL;
}

static void close_all(struct supervisor *s)
{
    uv_handle_t *h;

    guest_close(s->guest);
    s->guest = NULL;
    for (uint32_t i = 0; (h = handle_at(s, i)); i++)
        uv_close(h, NULL);
}

static void on_closing(uv_timer_t *t)
{
    close_all(t->data);
}

static void on_stop(uv_signal_t *h, int signum)
{
    struct supervisor *s = h->data;
    struct err e = { 0 };

    (void)signum;
    if (!s->guest)
        return;
    if (s->nr_signals++ > 0) {
        guest_stop_now(s->guest);
        return;
    }
    notify_stopping();
    log_info("guest %s: asked to stop", s->cfg->name);
    if (s->o->stop_timeout_s)
        uv_timer_start(&s->deadline, on_deadline,
                       s->o->stop_timeout_s * 1000ull, 0);
    if (guest_stop_for_good(s->guest, &e) < 0)
        log_err("guest %s: %s", s->cfg->name, e.text);
}

static void on_deadline(uv_timer_t *t)
{
    struct supervisor *s = t->data;

    if (!s->guest)
        return;
    log_err("guest %s: it did not stop in %u s: it is destroyed", s->cfg->name,
            s->o->stop_timeout_s);
    uv_timer_start(t, on_deadline, DEADLINE_AGAIN_MS, 0); /* if it is not */
    guest_stop_now(s->guest);
}

/* Signals that mean us: held back while nobody of us can hear them. */
static void hold_signals(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(how, &set, NULL);
}

/*
 * In two turns from now: an answer on its way still goes, and signals that
 * came before they were held are still heard.
 */
static int ask_reload(void *arg, struct err *e)
{
    struct supervisor *s = arg;
    int rc = reexec_check(e);

    if (s->nr_signals > 0)
        return fail(e, -EBUSY, "guest %s: reload: it is being stopped",
                    s->cfg->name);
    if (rc < 0)
        return rc;
    hold_signals(SIG_BLOCK);
    s->turns_left = 1;
    uv_timer_start(&s->turn, on_reload, 0, 0);
    return 0;
}

static void on_hup(uv_signal_t *h, int signum)
{
    struct supervisor *s = h->data;
    struct err e = { 0 };

    (void)signum;
    if (!s->guest || guest_reload(s->guest, &e) == 0)
        return;
    log_err("%s", e.text);
    notify_reloading(); /* systemd waits for an end, and that is it */
    notify_ready();
}

static void on_reload(uv_timer_t *t)
{
    struct supervisor *s = t->data;
    struct err e = { 0 };

    if (s->turns_left-- > 0) {
        uv_timer_start(&s->turn, on_reload, 0, 0);
        return;
    }
    notify_reloading();
    if (!s->guest || s->nr_signals || guest_may_leave(s->guest, &e) < 0) {
        hold_signals(SIG_UNBLOCK); /* it ended meanwhile, or is about to */
        notify_ready();
        return;
    }
    guest_leave(s->guest);
    notify_watchdog();
    reexec(s->cfg->name, s->dir.lock_fd, s->o->stop_timeout_s, &e);
    log_err("%s; this supervisor goes on", e.text);
    guest_return(s->guest);
    hold_signals(SIG_UNBLOCK);
    notify_ready();
}

static void on_watchdog(uv_timer_t *t)
{
    (void)t;
    notify_watchdog();
}

static void loop_open(struct supervisor *s)
{
    uint32_t watchdog_ms = notify_watchdog_ms();
    uv_handle_t *h;

    uv_loop_init(&s->loop);
    uv_signal_init(&s->loop, &s->term);
    uv_signal_init(&s->loop, &s->intr);
    uv_signal_init(&s->loop, &s->hup);
    uv_timer_init(&s->loop, &s->turn);
    uv_timer_init(&s->loop, &s->deadline);
    uv_timer_init(&s->loop, &s->watchdog);
    for (uint32_t i = 0; (h = handle_at(s, i)); i++)
        h->data = s;
    uv_signal_start(&s->term, on_stop, SIGTERM);
    uv_signal_start(&s->intr, on_stop, SIGINT);
    uv_signal_start(&s->hup, on_hup, SIGHUP);
    if (watchdog_ms)
        uv_timer_start(&s->watchdog, on_watchdog, 0, watchdog_ms);
    hold_signals(SIG_UNBLOCK); /* from before exec() */
}

static int open_guest(struct supervisor *s, bool adopting, struct err *e)
{
    struct guest_options g = {
        .paused = s->o->paused,
        .adopting = adopting,
        .log_dir = LOG_BASE,
        .receive = s->mover,
        .receive_check = s->o->receive_check,
        .start_us = s->o->start_us,
        .outcome = on_outcome,
        .gone = on_gone,
        .reload = ask_reload,
        .arg = s,
    };
    struct json_object *listening;
    char uuid[VM_UUID_TEXT];
    int rc;

    vmcfg_uuid_text(s->cfg->uuid, uuid);
    log_set_guest(s->cfg->name, uuid, NULL);
    if (mkdir(LOG_BASE, 0750) && errno != EEXIST)
        return fail(e, -errno, "%s: make it: %s", LOG_BASE, strerror(errno));
    rc = guest_open(&s->loop, s->cfg, &s->dir, &g, &s->guest, e);
    if (rc < 0)
        return rc;
    s->mover = NULL; /* the guest's */
    listening = json_object_new_object();
    json_object_object_add(listening, "listening",
                           json_object_new_boolean(true));
    report_line(s, listening);
    return 0;
}

static int take_name(struct supervisor *s, struct err *e)
{
    if (s->o->lock_fd >= 0)
        return rundir_inherit(RUNDIR_BASE, s->cfg->name, s->o->lock_fd, &s->dir,
                              e);
    return rundir_take(RUNDIR_BASE, s->cfg->name, &s->dir, e);
}

static int start_anew(struct supervisor *s, struct err *e)
{
    int rc = s->o->config_text
                 ? rundir_keep_config(&s->dir, s->o->config_text, e)
                 : 0;

    if (rc == 0)
        rc = open_guest(s, false, e);
    if (rc == 0)
        guest_start(s->guest);
    return rc;
}

static int adopt(struct supervisor *s, struct err *e)
{
    int rc;

    if (s->left.cfg.name[0])
        s->cfg = &s->left.cfg;
    /* The handle is the domain's, whatever a file says by now. */
    memcpy(s->cfg->uuid, s->left.state.uuid, sizeof(s->cfg->uuid));
    rc = open_guest(s, true, e);
    if (rc < 0)
        return rc;
    rc = guest_adopt(s->guest, s->left.domain.domid, &s->left.state, e);
    if (rc == 0 && s->left.ended)
        guest_destroy(s->guest); /* as it was to be */
    if (rc != -EPROTO)
        return rc;
    if (s->left.state.receives) { /* it runs where it came from, or did */
        log_warn("guest %s: %s; it was being received, and is removed",
                 s->cfg->name, e->text);
        guest_destroy(s->guest);
        return 0;
    }
    log_warn("guest %s: %s; it is removed and made anew", s->cfg->name,
             e->text);
    guest_start(s->guest);
    return 0;
}

/* The supervisor before us died while it cleaned up after its guest's end. */
static int finish_end(struct supervisor *s)
{
    log_info("guest %s: it had ended", s->cfg->name);
    devfile_clear(&s->dir);
    if (s->left.state.domid)
        vifdev_remove_left(s->left.state.domid);
    rundir_remove(&s->dir);
    uv_timer_start(&s->turn, on_closing, 0, 0);
    return 0;
}

static int start(struct supervisor *s, struct err *e)
{
    int found, rc;

    rc = take_name(s, e);
    if (rc < 0)
        return rc;
    rc = found = left_find(RUNDIR_BASE, s->cfg->name, &s->left, e);
    if (found == 1 && !s->o->adopt)
        rc = fail(e, -EEXIST,
                  "guest %s: take the name: domain %u has it and runs "
                  "without a supervisor; freehold run takes it over, "
                  "freehold destroy removes it",
                  s->cfg->name, s->left.domain.domid);
    else if (found == 1)
        rc = adopt(s, e);
    else if (found == 0 && s->o->adopt &&
             (s->left.ended || s->left.state.receives))
        return finish_end(s);
    else if (found == 0 && s->o->lock_fd >= 0)
        rc = fail(e, -ECANCELED,
                  "guest %s: reload: its domain was destroyed meanwhile",
                  s->cfg->name);
    else if (found == 0 && s->o->config_error)
        rc = fail(e, s->o->config_error->rc, "%s", s->o->config_error->text);
    else if (found == 0)
        rc = start_anew(s, e);
    if (rc == 0)
        return 0;
    if (found == 1 && s->o->adopt) { /* whoever started us may try again */
        struct err why = *e;

        rc = fail(e, -EAGAIN, "%s; the guest runs on without a supervisor",
                  why.text);
    }
    if (found == 0)
        rundir_remove(&s->dir);
    else
        close(s->dir.lock_fd); /* its state still tells its name */
    return rc;
}

int supervise(const struct vm_config *cfg, const struct supervise_options *o,
              struct err *e)
{
    struct vm_config own = *cfg;
    struct supervisor s = {
        .cfg = &own,
        .o = o,
        .mover = o->receive,
        .report_fd = o->report_fd,
        .dir.lock_fd = -1,
    };
    int rc;

    signal(SIGPIPE, SIG_IGN);
    loop_open(&s);
    rc = start(&s, e);
    if (rc < 0) {
        report_error(&s, e);
        if (s.mover)
            guest_refuse_mover(s.mover, e);
        close_all(&s);
    }
    uv_run(&s.loop, UV_RUN_DEFAULT);
    uv_loop_close(&s.loop);
    report_end(&s);
    left_free(&s.left);
    if (rc == 0 && s.failed.rc) {
        *e = s.failed;
        rc = s.failed.rc;
    }
    return rc;
}
