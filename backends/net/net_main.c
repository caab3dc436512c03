/* SPDX-License-Identifier: MIT */
/*
 * net_main.c - freehold-net GUEST/VIF: the backend of one vif
 *
 * Started by a supervisor alone, with the descriptors that net_ctl.h names.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backends/net/net_ctl.h"
#include "backends/net/net_server.h"
#include "common/err.h"
#include "common/log.h"

static int usage(void)
{
    fprintf(stderr,
            "freehold-net: it is started by `freehold create`, `run` or "
            "`serve-net`, with descriptors %d and %d\n",
            NET_FD_LISTEN, NET_FD_JOURNAL);
    return 2;
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct stat listen, journal;
    int arg = 1;

    if (arg < argc && strcmp(argv[arg], "-v") == 0) {
        log_set_level(LOG_LEVEL_DEBUG);
        arg++;
    }
    if (argc != arg + 1 || fstat(NET_FD_LISTEN, &listen) ||
        fstat(NET_FD_JOURNAL, &journal) || !S_ISSOCK(listen.st_mode) ||
        !S_ISREG(journal.st_mode))
        return usage();
    /* A terminal's, for the supervisor; and there is no /etc/localtime soon. */
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    tzset();
    if (net_server_run(argv[arg], &e) < 0) {
        log_err("%s", e.text);
        return 1;
    }
    return 0;
}
