/* SPDX-License-Identifier: MIT */
/*
 * serve.c - `freehold serve-blk` and `serve-net`: disks and cards of guests
 * that xl made
 *
 * With a device it serves that one (serve.h); without, it starts a process of
 * its own for each (servewatch.h), and ends by a signal.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>

#include <uv.h>

#include "common/err.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/units.h"
#include "toolstack/supervisor/notify.h"
#include "toolstack/supervisor/reexec.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/serve.h"
#include "toolstack/supervisor/servewatch.h"

#define DOMID_MAX 0x7fefu /* DOMID_FIRST_RESERVED - 1 */

/* ---- one ---- */

struct one {
    struct serve *serve;
    struct err failed;
};

static void on_gone(void *arg, const struct err *failed)
{
    struct one *one = arg;

    if (failed)
        one->failed = *failed;
    serve_close(one->serve);
    one->serve = NULL;
}

static int serve_one(uv_loop_t *loop, struct serve_options *o, struct err *e)
{
    struct one one = { 0 };
    int rc;

    o->gone = on_gone;
    o->arg = &one;
    rc = serve_open(loop, o, &one.serve, e);
    uv_run(loop, UV_RUN_DEFAULT);
    if (rc == 0 && one.failed.rc) {
        *e = one.failed;
        rc = e->rc;
    }
    return rc < 0 ? rc : 0;
}

/* ---- all of them ---- */

struct all {
    struct servewatch *watch;
    uv_signal_t term, intr;
    struct err failed;
};

static void close_all(struct all *all)
{
    if (!all->watch)
        return;
    notify_stopping();
    servewatch_close(all->watch);
    all->watch = NULL;
    uv_close((uv_handle_t *)&all->term, NULL);
    uv_close((uv_handle_t *)&all->intr, NULL);
}

static void on_stop(uv_signal_t *h, int signum)
{
    (void)signum;
    close_all(h->data);
}

static void on_ended(void *arg, const struct err *failed)
{
    struct all *all = arg;

    all->failed = *failed;
    close_all(all);
}

static int serve_all(uv_loop_t *loop, const struct serve_options *of,
                     struct err *e)
{
    char program[PATH_MAX];
    struct all all = { .term.data = &all, .intr.data = &all };
    struct servewatch_options o = {
        .base = RUNDIR_BASE,
        .what = of->what,
        .program = program,
        .any_mac = of->any_mac,
        .ended = on_ended,
        .arg = &all,
    };
    int rc = reexec_program(program, e);

    if (rc == 0)
        rc = servewatch_open(loop, &o, &all.watch, e);
    if (rc == 0) {
        uv_signal_init(loop, &all.term);
        uv_signal_init(loop, &all.intr);
        uv_signal_start(&all.term, on_stop, SIGTERM);
        uv_signal_start(&all.intr, on_stop, SIGINT);
        notify_ready();
    }
    uv_run(loop, UV_RUN_DEFAULT);
    if (rc == 0 && all.failed.rc) {
        *e = all.failed;
        rc = e->rc;
    }
    return rc;
}

/* ---- the commands ---- */

static int read_device(char **words, struct serve_options *o, struct err *e)
{
    uint32_t domid;
    int rc = units_number("domid", words[0], DOMID_MAX, &domid, e);

    if (rc == 0)
        rc = units_number("devid", words[1], INT_MAX, &o->devid, e);
    o->domid = (uint16_t)domid;
    return rc;
}

/* words: none, or a device's two. */
static int serve(struct serve_options *o, int nr_words, char **words,
                 struct err *e)
{
    uv_loop_t loop;
    int rc = nr_words ? read_device(words, o, e) : 0;

    if (rc < 0)
        return rc;
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    rc = nr_words ? serve_one(&loop, o, e) : serve_all(&loop, o, e);
    uv_loop_close(&loop);
    return rc;
}

int cmd_serve_blk(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    static const struct option options[] = {
        { "target", required_argument, NULL, 't' },
        { NULL, 0, NULL, 0 },
    };
    struct serve_options o = { .base = RUNDIR_BASE, .what = SERVE_DISK };
    int option, nr_words;

    (void)x;
    optind = 0;
    while ((option = getopt_long(argc, argv, "t:", options, NULL)) != -1) {
        if (option != 't')
            return EXIT_USAGE;
        o.params = optarg;
    }
    nr_words = argc - optind;
    if (nr_words != 2 && (nr_words != 0 || o.params))
        return EXIT_USAGE;
    return serve(&o, nr_words, argv + optind, e);
}

int cmd_serve_net(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    static const struct option options[] = {
        { "any-mac", no_argument, NULL, 'm' },
        { NULL, 0, NULL, 0 },
    };
    struct serve_options o = { .base = RUNDIR_BASE, .what = SERVE_CARD };
    int option, nr_words;

    (void)x;
    optind = 0;
    while ((option = getopt_long(argc, argv, "m", options, NULL)) != -1) {
        if (option != 'm')
            return EXIT_USAGE;
        o.any_mac = true;
    }
    nr_words = argc - optind;
    if (nr_words != 2 && nr_words != 0)
        return EXIT_USAGE;
    return serve(&o, nr_words, argv + optind, e);
}
