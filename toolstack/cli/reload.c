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
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/err.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/await.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"

static int reload(const char *word, struct err *e)
{
    struct client *c = NULL;
    struct target t;
    int fd = -1, rc = ask_open(word, &c, &t, e);

    if (rc < 0)
        return rc;
    rc = await_open(t.name, &fd, e);
    if (rc == 0)
        rc = client_call(c, "reload", NULL, NULL, e);
    if (rc == 0)
        rc = await_member(fd, t.name, "state", AWAIT_TAKE_OVER_MS, e);
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
