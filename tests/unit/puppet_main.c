/* SPDX-License-Identifier: MIT */
/*
 * puppet_main.c - tests/puppet: a process in a block backend's place
 *
 * It hands the descriptors that it was started with to the test and lives
 * until that hangs up.  Started with anything else, it ends with 3.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backends/blk/blk_ctl.h"
#include "common/fdpass.h"

static int connect_home(void)
{
    struct sockaddr_un where = { .sun_family = AF_UNIX };
    const char *path = getenv("FH_PUPPET");
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    snprintf(where.sun_path, sizeof(where.sun_path), "%s", path ? path : "");
    if (connect(fd, (struct sockaddr *)&where, sizeof(where)))
        exit(4);
    return fd;
}

int main(int argc, char **argv)
{
    pid_t pid = getpid();
    char byte;
    int home;

    (void)argv;
    for (int fd = 0; fd <= BLK_FD_JOURNAL; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            return 3;
    for (int fd = BLK_FD_JOURNAL + 1; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return 3; /* the supervisor's: a leak */
    if (argc != 2)
        return 3;
    home = connect_home();
    if (fdpass_send(home, &pid, sizeof(pid), BLK_FD_LISTEN) < 0 ||
        fdpass_send(home, &pid, sizeof(pid), BLK_FD_JOURNAL) < 0)
        return 4;
    close(BLK_FD_LISTEN);
    return read(home, &byte, 1) == 0 ? 0 : 4;
}
