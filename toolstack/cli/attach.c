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
#include "toolstack/cli/units.h"

struct terminal {
    bool is_tty;
    char detach_key;
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
static int pass_input(int fd, const struct terminal *t)
{
    char bytes[512], *key;
    ssize_t r = read(STDIN_FILENO, bytes, sizeof(bytes));

    if (r < 0 && errno == EINTR)
        return 0;
    if (r <= 0)
        return 2;
    key = t->is_tty ? memchr(bytes, t->detach_key, r) : NULL;
    if (key)
        r = key - bytes;
    if (write_all(fd, bytes, r) < 0)
        return 1;
    return key != NULL;
}

int attach(const char *name, int fd, bool dump, char detach_key, struct err *e)
{
    struct pollfd p[] = {
        { .fd = fd, .events = POLLIN },
        { .fd = dump ? -1 : STDIN_FILENO, .events = POLLIN },
    };
    struct terminal t = { .detach_key = detach_key };
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
            int what = pass_input(fd, &t);

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

/* As xl: ^X for a key with Ctrl, or the character itself. */
static int parse_key(const char *text, char *out, struct err *e)
{
    bool ctrl = text[0] == '^' && text[1];
    const char *key = text + ctrl;

    if (key[0] <= 0 || key[1] || (ctrl && (key[0] < '@' || key[0] > 'z')))
        return fail(e, -EINVAL,
                    "console: -e: got %.16s, want a character, or ^ and one of "
                    "@ to z",
                    text);
    *out = ctrl ? key[0] & 0x1f : key[0];
    return 0;
}

static int check_type(const char *type, struct err *e)
{
    if (strcmp(type, "pv") == 0)
        return 0;
    return fail(
        e,
        strcmp(type, "serial") && strcmp(type, "vuart") ? -EINVAL : -EOPNOTSUPP,
        "console: -t: got %.16s, want pv: a PVH guest has no other", type);
}

static int check_number(const char *text, struct err *e)
{
    uint32_t nr;
    int rc = units_number("console: -n", text, UINT32_MAX, &nr, e);

    if (rc == 0 && nr)
        rc = fail(e, -EOPNOTSUPP,
                  "console: -n: got %u, want 0: a guest has one console", nr);
    return rc;
}

int cmd_console(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    char detach_key = ATTACH_DETACH_KEY;
    bool dump = false;
    int option, fd, rc = 0;

    (void)x;
    optind = 0;
    while (rc == 0 && (option = getopt(argc, argv, "+dt:n:e:")) != -1) {
        if (option == '?')
            return EXIT_USAGE;
        if (option == 'd')
            dump = true;
        else if (option == 't')
            rc = check_type(optarg, e);
        else if (option == 'n')
            rc = check_number(optarg, e);
        else
            rc = parse_key(optarg, &detach_key, e);
    }
    if (rc < 0)
        return rc;
    if (optind != argc - 1)
        return EXIT_USAGE;
    fd = client_connect(argv[optind], "console", e);
    return fd < 0 ? fd : attach(argv[optind], fd, dump, detach_key, e);
}
