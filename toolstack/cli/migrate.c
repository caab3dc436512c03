/* SPDX-License-Identifier: MIT */
/*
 * migrate.c - `freehold migrate`, `migrate-cancel` and `resolve`
 *
 * How this works: the connections are made here, where a user may be asked for
 * a password, and handed to the guest's supervisor (miglink.h, migask.h), who
 * then does it all.  From then on we only look on: whatever becomes of us, the
 * transfer goes on, but ^C and SIGTERM cancel it first.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/migend.h"
#include "toolstack/cli/migshow.h"
#include "toolstack/cli/migsock.h"
#include "toolstack/supervisor/rundir.h"

#define SSH_ENDS_MS 10000 /* when its connections are closed */
#define CANCEL_MS 120000  /* a guest that is too far ends within these */

struct migrate { /* one command */
    struct migopts opts;
    struct miglink link;
    struct migask ask;
    struct migshow show;
    struct migend end;
    struct target target;
};

static void on_told(void *arg, const char *method, struct json_object *o)
{
    struct migrate *m = arg;

    migshow_event(&m->show, method, o, migsock_now_ms());
}

static void on_cancelling(void *arg, const struct err *refused)
{
    struct migrate *m = arg;

    migshow_clear(&m->show);
    if (refused)
        fprintf(stderr, "freehold: %s\n", refused->text);
    else
        fprintf(stderr,
                "freehold: guest %s: the transfer is being cancelled; once "
                "more leaves it alone\n",
                m->show.name);
}

/* Its supervisor's name, and how things will be told. */
static int begin(struct migrate *m, const struct cmd_context *x,
                 const char *word, struct err *e)
{
    struct client *c = NULL;
    int rc = ask_open(word, &c, &m->target, e);

    client_close(c);
    m->end.name = m->show.name = m->ask.name = m->target.name;
    m->end.opts = &m->opts;
    m->show.to = stderr;
    m->show.json = x->json;
    m->show.terminal = isatty(STDERR_FILENO);
    m->ask.base = RUNDIR_BASE;
    m->ask.stop_fd = -1;
    m->ask.told = on_told;
    m->ask.cancelling = on_cancelling;
    m->ask.arg = m;
    return rc;
}

/* ^C and SIGTERM are read from then on. */
static int open_signals(struct err *e)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_CLOEXEC);
    return fd < 0 ? fail(e, -errno, "signals: %s", strerror(errno)) : fd;
}

static int follow(struct migrate *m, int timeout_ms, struct err *e)
{
    struct migask_result r;
    int rc = migask_follow(&m->ask, timeout_ms, &r, e);

    migshow_clear(&m->show);
    if (rc < 0) {
        miglink_leave(&m->link);
        return rc;
    }
    m->end.ssh_status = miglink_end(&m->link, SSH_ENDS_MS);
    if (m->show.json)
        return migend_code(&m->end, &r);
    return migend_tell(stdout, stderr, &m->end, &r);
}

/* Reach the peer, ask the supervisor, and look on. */
static int transfer(struct migrate *m, struct err *e)
{
    const char *method = m->end.resolve ? "resolve" : "migrate";
    struct json_object *params;
    int rc;

    m->ask.stop_fd = open_signals(e);
    if (m->ask.stop_fd < 0)
        return m->ask.stop_fd;
    rc = miglink_open(&m->link, &m->opts, m->ask.stop_fd, e);
    if (rc < 0)
        return rc;
    params = m->end.resolve ? migask_resolve(&m->opts, &m->link)
                            : migask_migrate(&m->opts, &m->link);
    rc = migask_begin(&m->ask, method, params, e);
    miglink_let_go(&m->link);
    if (rc == 0)
        rc = follow(m, -1, e);
    return rc;
}

static void end(struct migrate *m)
{
    migask_close(&m->ask);
    miglink_close(&m->link);
}

int cmd_migrate(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct migrate m = { 0 };
    int rc = migopts_migrate(&m.opts, argc, argv, e);

    if (rc)
        return rc;
    m.show.times = m.opts.times;
    rc = begin(&m, x, m.opts.name, e);
    if (rc == 0)
        rc = transfer(&m, e);
    end(&m);
    return rc;
}

int cmd_resolve(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct migrate m = { .end.resolve = true };
    int rc = migopts_resolve(&m.opts, argc, argv, e);

    if (rc)
        return rc;
    rc = begin(&m, x, m.opts.name, e);
    if (rc == 0)
        rc = transfer(&m, e);
    end(&m);
    return rc;
}

int cmd_migrate_cancel(struct cmd_context *x, int argc, char **argv,
                       struct err *e)
{
    struct migrate m = { .end.cancel = true };
    int rc;

    if (argc != 2 || argv[1][0] == '-')
        return EXIT_USAGE;
    rc = begin(&m, x, argv[1], e);
    if (rc == 0)
        rc = migask_cancel(&m.ask, e);
    if (rc == 0)
        rc = follow(&m, CANCEL_MS, e);
    end(&m);
    return rc;
}
