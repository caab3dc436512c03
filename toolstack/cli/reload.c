/* SPDX-License-Identifier: MIT */
/*
 * reload.c - `freehold reload`: new supervisors under running guests
 *
 * How this works: the supervisor agrees, hangs up on us and becomes the program
 * that is installed now; that one writes the guest's state when it has taken
 * the guest over.  Both are waited for, so that the next command finds it.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"

#define TAKE_OVER_MS 60000

/* Does one of the events say that `state` was replaced? */
static bool has_state(const char *events, ssize_t nr)
{
    const struct inotify_event *i;

    for (ssize_t at = 0; at < nr; at += (ssize_t)(sizeof(*i) + i->len)) {
        i = (const void *)(events + at);
        if (i->len && strcmp(i->name, "state") == 0)
            return true;
    }
    return false;
}

static int wait_state(int fd, const char *name, struct err *e)
{
    char events[4096] __attribute__((aligned(8)));
    struct pollfd p = { .fd = fd, .events = POLLIN };
    ssize_t nr;

    do {
        int r = poll(&p, 1, TAKE_OVER_MS);

        if (r == 0)
            return fail(e, -ETIMEDOUT,
                        "guest %s: reload: nobody took it over in %u s; "
                        "freehold run %s does",
                        name, TAKE_OVER_MS / 1000, name);
        nr = r < 0 ? -1 : read(fd, events, sizeof(events));
        if (nr < 0 && errno != EINTR)
            return fail(e, -errno, "guest %s: reload: wait: %s", name,
                        strerror(errno));
    } while (!has_state(events, nr));
    return 0;
}

static int reload(const char *word, struct err *e)
{
    struct client *c = NULL;
    struct target t;
    char dir[PATH_MAX];
    int fd = -1, rc = ask_open(word, &c, &t, e);

    if (rc < 0)
        return rc;
    snprintf(dir, sizeof(dir), RUNDIR_BASE "/%s", t.name);
    fd = inotify_init1(IN_CLOEXEC);
    if (fd < 0 || inotify_add_watch(fd, dir, IN_MOVED_TO) < 0)
        rc = fail(e, -errno, "%s: watch: %s", dir, strerror(errno));
    if (rc == 0)
        rc = client_call(c, "reload", NULL, NULL, e);
    if (rc == 0)
        rc = wait_state(fd, t.name, e);
    if (rc == 0 && !client_hung_up(c))
        rc = fail(e, -EIO,
                  "guest %s: reload: the new supervisor did not start; the "
                  "old one goes on, and its log says why",
                  t.name);
    client_close(c);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Every one is tried; the first error is told. */
static int reload_all(struct err *e)
{
    struct run_state *list = NULL;
    int nr = rundir_list(RUNDIR_BASE, &list, e), first = 0;

    for (int i = 0; i < nr; i++) {
        struct err own = { 0 };
        int rc = list[i].supervised ? reload(list[i].name, &own) : 0;

        if (rc < 0 && rc != -ESRCH && first == 0)
            first = fail(e, rc, "%s", own.text);
    }
    free(list);
    return nr < 0 ? nr : first;
}

static const struct option long_options[] = {
    { "all", no_argument, NULL, 'a' },
    { NULL, 0, NULL, 0 },
};

int cmd_reload(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    bool all = false;
    int option;

    (void)x;
    optind = 0;
    while ((option = getopt_long(argc, argv, "a", long_options, NULL)) != -1) {
        if (option == '?')
            return EXIT_USAGE;
        all = true;
    }
    if (argc - optind != !all)
        return EXIT_USAGE;
    return all ? reload_all(e) : reload(argv[optind], e);
}
