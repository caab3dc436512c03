/* SPDX-License-Identifier: MIT */
/*
 * supervise.c - the process that owns one guest
 *
 * How this works: take the name, look what an earlier supervisor left, open
 * the guest, run the loop until gone().  Everything is closed from the loop's
 * own turn after that, so that an answer on its way (`destroy`) still goes.
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

#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/guest.h"
#include "toolstack/supervisor/hyp.h"
#include "toolstack/supervisor/notify.h"
#include "toolstack/supervisor/rundir.h"

struct supervisor {
    uv_loop_t loop;
    uv_signal_t term, intr;
    uv_timer_t closing; /* runs once, when the guest is gone */
    struct guest *guest;
    struct rundir dir;
    const struct vm_config *cfg;
    int report_fd;
    uint32_t nr_signals;
    struct err failed;
};

static void on_signal(uv_signal_t *s, int signum);
static void on_closing(uv_timer_t *t);

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
    uv_timer_start(&s->closing, on_closing, 0, 0);
}

static void close_all(struct supervisor *s)
{
    guest_close(s->guest);
    s->guest = NULL;
    uv_close((uv_handle_t *)&s->term, NULL);
    uv_close((uv_handle_t *)&s->intr, NULL);
    uv_close((uv_handle_t *)&s->closing, NULL);
}

static void on_closing(uv_timer_t *t)
{
    close_all(t->data);
}

static void on_signal(uv_signal_t *h, int signum)
{
    struct supervisor *s = h->data;
    struct err e = { 0 };

    (void)signum;
    if (!s->guest)
        return;
    if (s->nr_signals++ > 0) {
        guest_destroy(s->guest);
        return;
    }
    notify_stopping();
    log_info("guest %s: asked to stop", s->cfg->name);
    if (guest_stop(s->guest, "poweroff", &e) < 0)
        log_err("guest %s: %s", s->cfg->name, e.text);
}

static void loop_open(struct supervisor *s)
{
    uv_loop_init(&s->loop);
    uv_signal_init(&s->loop, &s->term);
    uv_signal_init(&s->loop, &s->intr);
    uv_timer_init(&s->loop, &s->closing);
    s->term.data = s->intr.data = s->closing.data = s;
    uv_signal_start(&s->term, on_signal, SIGTERM);
    uv_signal_start(&s->intr, on_signal, SIGINT);
}

/*
 * The name was left by a supervisor that died: its domain's info in *out and
 * 1, or 0 when there is none (and its tree is removed).
 */
static int find_left(struct supervisor *s, const struct run_state *left,
                     struct hyp_info *out, struct err *e)
{
    struct hyp *h;
    int rc = hyp_open(&h, e);

    if (rc < 0)
        return rc;
    rc = hyp_find(h, left->uuid, out, e);
    hyp_close(h);
    if (rc == 0)
        return 1;
    if (rc == -ESRCH)
        log_info("guest %s: an earlier supervisor died; nothing is left of "
                 "its domain",
                 s->cfg->name);
    return rc == -ESRCH ? 0 : rc;
}

/*
 * Returns 1 when the guest was taken over, 0 when it is to be made, or a
 * negative errno.  Its identity then is the one it was made with.
 */
static int look_back(struct supervisor *s, struct vm_config *cfg,
                     struct hyp_info *domain, struct run_state *left,
                     struct err *e)
{
    static const uint8_t none[16];
    int rc = rundir_read(RUNDIR_BASE, cfg->name, left, e);

    if (rc < 0 || memcmp(left->uuid, none, sizeof(none)) == 0)
        return rc;
    rc = find_left(s, left, domain, e);
    if (rc == 1)
        memcpy(cfg->uuid, left->uuid, sizeof(cfg->uuid));
    return rc;
}

static int open_guest(struct supervisor *s, const struct vm_config *cfg,
                      const struct supervise_options *o, struct err *e)
{
    struct guest_options g = {
        .paused = o->paused,
        .log_dir = LOG_BASE,
        .start_us = o->start_us,
        .outcome = on_outcome,
        .gone = on_gone,
        .arg = s,
    };
    struct json_object *listening;
    int rc;

    if (mkdir(LOG_BASE, 0750) && errno != EEXIST)
        return fail(e, -errno, "%s: make it: %s", LOG_BASE, strerror(errno));
    rc = guest_open(&s->loop, cfg, &s->dir, &g, &s->guest, e);
    if (rc < 0)
        return rc;
    listening = json_object_new_object();
    json_object_object_add(listening, "listening",
                           json_object_new_boolean(true));
    report_line(s, listening);
    return 0;
}

static int adopt_or_start(struct supervisor *s, const struct hyp_info *domain,
                          const struct run_state *left, struct err *e)
{
    int rc = guest_adopt(s->guest, domain->domid, left, e);

    if (rc != -EPROTO)
        return rc;
    log_warn("guest %s: %s; it is removed and made anew", s->cfg->name,
             e->text);
    guest_start(s->guest);
    return 0;
}

static int start(struct supervisor *s, struct vm_config *cfg,
                 const struct supervise_options *o, struct err *e)
{
    struct run_state left;
    struct hyp_info domain = { 0 };
    int rc, found;

    rc = rundir_take(RUNDIR_BASE, cfg->name, &s->dir, e);
    if (rc < 0)
        return rc;
    rc = found = look_back(s, cfg, &domain, &left, e);
    if (found == 1 && !o->adopt)
        rc = fail(e, -EEXIST,
                  "guest %s: take the name: domain %u has it and runs "
                  "without a supervisor; freehold run takes it over, "
                  "freehold destroy removes it",
                  cfg->name, domain.domid);
    if (rc >= 0)
        rc = open_guest(s, cfg, o, e);
    if (rc == 0 && found == 1)
        rc = adopt_or_start(s, &domain, &left, e);
    else if (rc == 0)
        guest_start(s->guest);
    if (rc == 0)
        return 0;
    if (found == 1)
        close(s->dir.lock_fd); /* its state still tells its name */
    else
        rundir_remove(&s->dir);
    return rc;
}

int supervise(const struct vm_config *cfg, const struct supervise_options *o,
              struct err *e)
{
    struct vm_config own = *cfg; /* its uuid may become another */
    struct supervisor s = {
        .cfg = &own,
        .report_fd = o->report_fd,
        .dir.lock_fd = -1,
    };
    int rc;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    loop_open(&s);
    rc = start(&s, &own, o, e);
    if (rc < 0) {
        report_error(&s, e);
        close_all(&s);
    }
    uv_run(&s.loop, UV_RUN_DEFAULT);
    uv_loop_close(&s.loop);
    report_end(&s);
    if (rc == 0 && s.failed.rc) {
        *e = s.failed;
        rc = s.failed.rc;
    }
    return rc;
}
