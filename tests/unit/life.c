/* SPDX-License-Identifier: MIT */
/*
 * life.c - one guest's life on a fake host, for test_guest*.c
 */
#include "tests/unit/life.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/hyp.h"

int __wrap_xsdaemon_name(char *out, uint32_t out_bytes, int *pid,
                         struct err *e);

struct life life;
char life_base[] = "/tmp/fh-guest-XXXXXX", life_kernel_path[64];

static uv_prepare_t watcher;
static uv_poll_t other;

/* Linked in by --wrap: no daemon runs where tests do. */
int __wrap_xsdaemon_name(char *out, uint32_t out_bytes, int *pid, struct err *e)
{
    if (fake_fails())
        return fail(e, -ENOENT, "xenstored: not there");
    if (!life.daemon_name)
        return fail(e, -ENOENT, "xenstored: not there");
    snprintf(out, out_bytes, "%s", life.daemon_name);
    if (pid)
        *pid = life.daemon_pid ? life.daemon_pid : getpid();
    return 0;
}

static void close_now(uv_timer_t *t)
{
    (void)t;
    guest_close(life.guest);
    life.guest = NULL;
    uv_close((uv_handle_t *)&life.closing, NULL);
}

static void on_gone(void *arg, const struct err *failed)
{
    struct life *l = arg;

    l->gone = true;
    if (failed)
        l->failed = *failed;
    rundir_remove(&l->dir);
    uv_timer_start(&l->closing, close_now, 0, 0);
}

static void on_outcome(void *arg, struct guest *g, const struct err *failed)
{
    struct life *l = arg;
    struct json_object *info, *state, *measurement;

    l->nr_outcomes++;
    if (failed)
        return;
    info = guest_info(g);
    json_object_object_get_ex(info, "state", &state);
    snprintf(l->state, sizeof(l->state), "%s", json_object_get_string(state));
    if (json_object_object_get_ex(info, "measurement", &measurement))
        snprintf(l->measurement, sizeof(l->measurement), "%s",
                 json_object_get_string(measurement));
    json_object_put(info);
}

/* Runs once a turn: acts when the guest's domain has become a running one. */
static void watch(uv_prepare_t *p)
{
    struct fake_domain *d;

    (void)p;
    d = life.guest ? fake_find(guest_domid(life.guest)) : NULL;
    if (!d || !d->page[2] || d->shutdown ||
        fake_control(d)->steward.state != FH_STATE_RUNNING || d->seen)
        return;
    d->seen = true;
    life.nr_runs++;
    if (life.when_running)
        life.when_running(&life);
}

static void on_other(uv_poll_t *p, int status, int events)
{
    (void)p, (void)status, (void)events;
    life.other();
}

int life_open(const struct guest_options *more)
{
    struct guest_options o = more ? *more : (struct guest_options){ 0 };
    struct err e = { 0 };
    int rc;

    o.log_dir = life_base;
    o.outcome = on_outcome;
    o.gone = on_gone;
    o.arg = &life;
    uv_loop_init(&life.loop);
    uv_timer_init(&life.loop, &life.closing);
    uv_prepare_init(&life.loop, &watcher);
    uv_prepare_start(&watcher, watch);
    uv_unref((uv_handle_t *)&watcher);
    if (life.other) {
        uv_poll_init(&life.loop, &other, life.other_fd);
        uv_poll_start(&other, UV_READABLE, on_other);
        uv_unref((uv_handle_t *)&other);
    }
    CHECK_EQ(rundir_take(life_base, "web", &life.dir, &e), 0);
    rc = guest_open(&life.loop, &life.cfg, &life.dir, &o, &life.guest, &e);
    if (rc == 0)
        return 0;
    life.failed = e;
    rundir_remove(&life.dir);
    uv_close((uv_handle_t *)&life.closing, NULL);
    return rc;
}

int life_begin(const struct guest_options *more)
{
    int rc = life_open(more);

    if (rc == 0)
        guest_start(life.guest);
    return rc;
}

void life_fresh(void)
{
    fake_reset();
    memset(&life, 0, sizeof(life));
    life.daemon_name = "xenstored";
    snprintf(life.cfg.name, sizeof(life.cfg.name), "web");
    life.cfg.uuid[0] = 0xab;
    life.cfg.kernel = life_kernel_path;
    life.cfg.cmdline = (char *)"quiet";
    life.cfg.ram_bytes = life.cfg.target_bytes = 64 << 20;
    life.cfg.nr_vcpus = 2;
    life.cfg.on_reboot = VM_RESTART;
}

void life_finish(void)
{
    struct run_state *left;

    uv_run(&life.loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&watcher, NULL);
    if (life.other)
        uv_close((uv_handle_t *)&other, NULL);
    uv_run(&life.loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&life.loop), 0);
    CHECK_EQ(fake_left(), 0);
    CHECK_EQ(rundir_list(life_base, &left, NULL), 0);
    free(left);
    fake_reset();
}

void life_power_off(struct life *l)
{
    fake_shutdown(fake_find(guest_domid(l->guest)), HYP_POWEROFF);
}

int life_set_up(void **state)
{
    FILE *f;

    (void)state;
    log_set_level(LOG_LEVEL_ERR);
    if (!mkdtemp(life_base))
        return -1;
    snprintf(life_kernel_path, sizeof(life_kernel_path), "%s.kernel",
             life_base);
    f = fopen(life_kernel_path, "w");
    for (uint32_t i = 0; i < LIFE_KERNEL_BYTES; i++)
        fputc((int)(i * 7 + i / 4096), f);
    return fclose(f);
}

int life_tear_down(void **state)
{
    char path[64];

    (void)state;
    snprintf(path, sizeof(path), "%s/web.log", life_base);
    unlink(path);
    unlink(life_kernel_path);
    return rmdir(life_base);
}
