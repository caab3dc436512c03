/* SPDX-License-Identifier: MIT */
/*
 * attach.c - join a terminal, or a pipe, to a guest's console
 */
#include "toolstack/cli/attach.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "common/err.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"

#define DETACH_KEY 0x1d /* ^] */

struct terminal {
    bool is_tty;
    struct termios before;
};

static void terminal_raw(struct terminal *t)
{
    struct termios raw;

    t->is_tty =
        isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &t->before) == 0;
    if (!t->is_tty)
        return;
    raw = t->before;
    cfmakeraw(&raw);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static void terminal_restore(const struct terminal *t)
{
    if (t->is_tty)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &t->before);
}

static int write_all(int fd, const char *in, size_t in_bytes)
{
    while (in_bytes > 0) {
        ssize_t r = write(fd, in, in_bytes);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return -1;
        in += r;
        in_bytes -= r;
    }
    return 0;
}

/* Returns 0 to go on, 1 at the end. */
static int pass_output(int fd)
{
    char bytes[4096];
    ssize_t r = read(fd, bytes, sizeof(bytes));

    if (r < 0 && errno == EINTR)
        return 0;
    return r <= 0 || write_all(STDOUT_FILENO, bytes, r) < 0;
}

/* Returns 0 to go on, 1 when the user detaches, 2 when stdin has ended. */
static int pass_input(int fd, bool is_tty)
{
    char bytes[512], *key;
    ssize_t r = read(STDIN_FILENO, bytes, sizeof(bytes));

    if (r < 0 && errno == EINTR)
        return 0;
    if (r <= 0)
        return 2;
    key = is_tty ? memchr(bytes, DETACH_KEY, r) : NULL;
    if (key)
        r = key - bytes;
    if (write_all(fd, bytes, r) < 0)
        return 1;
    return key != NULL;
}

int attach(const char *name, int fd, bool dump, struct err *e)
{
    struct pollfd p[] = {
        { .fd = fd, .events = POLLIN },
        { .fd = dump ? -1 : STDIN_FILENO, .events = POLLIN },
    };
    struct terminal t = { 0 };
    int rc = 0, end = 0;

    if (dump)
        shutdown(fd, SHUT_WR); /* what there is, and then the end */
    else
        terminal_raw(&t);
    while (!end) {
        int ready = poll(p, 2, -1);

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            rc = fail(e, -errno, "console %s: wait: %s", name, strerror(errno));
        if (ready <= 0)
            break;
        if (p[0].revents)
            end = pass_output(fd);
        if (!end && p[1].revents) {
            int what = pass_input(fd, t.is_tty);

            if (what == 2)
                p[1].fd = -1;
            else
                end = what;
        }
    }
    terminal_restore(&t);
    close(fd);
    return rc;
}

int cmd_console(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    bool dump = false;
    int option, fd;

    (void)x;
    optind = 0;
    while ((option = getopt(argc, argv, "+d")) != -1) {
        if (option != 'd')
            return EXIT_USAGE;
        dump = true;
    }
    if (optind != argc - 1)
        return EXIT_USAGE;
    fd = client_connect(argv[optind], "console", e);
    return fd < 0 ? fd : attach(argv[optind], fd, dump, e);
}
