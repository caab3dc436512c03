/* SPDX-License-Identifier: MIT */
/*
 * test_miglink.c - a transfer's connections: by a shell in ssh's place, and by
 * sockets
 */
#include "toolstack/cli/miglink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/test.h"

#define BANNER "printf 'freehold migrate-receive 1\\n'; "
#define PATIENCE_MS 20000

static struct err e;

/* host: all of the command. */
static int by_shell(struct miglink *l, const char *host)
{
    const struct migopts o = { .ssh = "", .host = host, .nr_streams = 1 };

    return miglink_open(l, &o, -1, &e);
}

static void read_all(int fd, char *text, size_t room)
{
    size_t used = 0;
    ssize_t r;

    while ((r = read(fd, text + used, room - 1 - used)) > 0)
        used += (size_t)r;
    text[used] = 0;
}

/* No child of ours is left. */
static void check_alone(void)
{
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
    CHECK_EQ(errno, ECHILD);
}

TEST(what_is_behind_the_banner_is_the_transfers_and_all_of_it)
{
    struct miglink l;
    char got[64];

    CHECK_EQ(by_shell(&l, "echo Welcome; echo freehold; " BANNER "cat"), 0);
    CHECK_EQ(l.nr, 1);
    CHECK_EQ(write(l.fd[0][1], "both ways", 9), 9);
    close(l.fd[0][1]);
    l.fd[0][1] = l.fd[0][0]; /* as one: it is closed once */
    read_all(l.fd[0][0], got, sizeof(got));
    CHECK_STR(got, "both ways");
    CHECK_EQ(miglink_end(&l, PATIENCE_MS), 0);
    check_alone();
}

TEST(ssh_gets_the_host_as_one_word_and_the_command_behind_it)
{
    const struct migopts o = {
        .ssh = "sh -c 'echo freehold migrate-receive 1; echo \"$0|$*\"'",
        .host = "a b;exit 3",
        .nr_streams = 1,
    };
    struct miglink l;
    char got[64];

    CHECK_EQ(miglink_open(&l, &o, -1, &e), 0);
    read_all(l.fd[0][0], got, sizeof(got));
    CHECK_STR(got, "a b;exit 3|freehold migrate-receive\n");
    CHECK_EQ(miglink_end(&l, PATIENCE_MS), 0);
}

TEST(a_banner_is_a_line_of_its_own)
{
    struct miglink l;

    CHECK_EQ(by_shell(&l, "echo xfreehold migrate-receive 1"), -EIO);
    CHECK_EQ(by_shell(&l, "echo freehold migrate-receive 1x"), -EIO);
    CHECK_EQ(by_shell(&l, "echo freehold migrate-receive 2"), -EIO);
    CHECK_EQ(by_shell(&l, "printf 'freehold migrate-receive 1'"), -EIO);
    check_alone();
}

TEST(one_that_ends_before_it_says_by_what)
{
    struct miglink l;

    CHECK_EQ(by_shell(&l, "exit 255"), -EIO);
    CHECK_STR(e.text, "exit 255: connect: ssh ended with 255 before freehold "
                      "migrate-receive was there");
    CHECK_EQ(by_shell(&l, "exec /nowhere/ssh 2>/dev/null"), -EIO);
    CHECK_HAS(e.text, "was not found");
    check_alone();
}

TEST(one_that_talks_for_ever_is_not_listened_to)
{
    struct miglink l;

    CHECK_EQ(by_shell(&l, "yes"), -EIO);
    CHECK_HAS(e.text, "says anything but \"freehold migrate-receive 1\"");
    check_alone();
}

TEST(an_interrupt_does_not_reach_it_and_the_end_does)
{
    sigset_t all, before;
    struct miglink l;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    CHECK_EQ(by_shell(&l, BANNER "kill -INT $$; kill -HUP $$; exit 5"), 0);
    CHECK_EQ(miglink_end(&l, PATIENCE_MS), 5);
    CHECK_EQ(by_shell(&l, BANNER "kill -TERM $$; exit 5"), 0);
    CHECK_EQ(miglink_end(&l, PATIENCE_MS), 128 + SIGTERM);
    sigprocmask(SIG_SETMASK, &before, NULL);
    check_alone();
}

TEST(one_that_stays_is_ended_and_one_that_is_left_is_not)
{
    struct miglink l;
    pid_t pid;

    CHECK_EQ(by_shell(&l, BANNER "exec sleep 1000"), 0);
    CHECK_EQ(miglink_end(&l, 1), 128 + SIGTERM);
    CHECK_EQ(miglink_end(&l, 1), 0); /* twice */
    CHECK_EQ(by_shell(&l, BANNER "trap '' TERM; while :; do sleep 1; done"), 0);
    miglink_close(&l);
    check_alone();
    CHECK_EQ(by_shell(&l, BANNER "exec sleep 1000"), 0);
    pid = l.child;
    miglink_leave(&l);
    miglink_close(&l);
    CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(who_interrupts_the_wait_ends_it)
{
    const struct migopts o = { .ssh = "", .host = "exec sleep 1000" };
    struct miglink l;
    int stop[2];

    CHECK_EQ(pipe(stop), 0);
    CHECK_EQ(write(stop[1], "", 1), 1);
    CHECK_EQ(miglink_open(&l, &o, stop[0], &e), -EINTR);
    close(stop[0]);
    close(stop[1]);
    check_alone();
}

/* ---- sockets ---- */

static int listen_tcp(int family, char where[64])
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                               .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr_in v4 = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    bool is6 = family == AF_INET6;
    struct sockaddr *a = is6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    socklen_t len = is6 ? sizeof(v6) : sizeof(v4);
    int fd = socket(family, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, a, len) < 0 || listen(fd, 8) < 0)
        return -1;
    CHECK_EQ(getsockname(fd, a, &len), 0);
    snprintf(where, 64, is6 ? "[::1]:%u" : "127.0.0.1:%u",
             ntohs(is6 ? v6.sin6_port : v4.sin_port));
    return fd;
}

static void connects(int listen_fd, struct migopts o)
{
    struct miglink l;

    o.nr_streams = 3;
    CHECK_EQ(miglink_open(&l, &o, -1, &e), 0);
    CHECK_EQ(l.nr, 3);
    for (uint32_t i = 0; i < 3; i++) {
        char c = (char)('a' + i), got;
        int fd = accept(listen_fd, NULL, NULL);

        CHECK(fd >= 0);
        CHECK_EQ(l.fd[i][0], l.fd[i][1]);
        CHECK_EQ(write(l.fd[i][1], &c, 1), 1);
        CHECK_EQ(read(fd, &got, 1), 1);
        CHECK_EQ(got, c); /* in their order */
        close(fd);
    }
    miglink_close(&l);
    CHECK_EQ(l.nr, 0);
    close(listen_fd);
}

TEST(each_stream_is_a_connection_in_its_order)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    char where[64];
    int fd = listen_tcp(AF_INET, where);

    CHECK(fd >= 0);
    connects(fd, (struct migopts){ .tcp = where });
    fd = listen_tcp(AF_INET6, where);
    if (fd >= 0) /* not every machine has it */
        connects(fd, (struct migopts){ .tcp = where });
    snprintf(a.sun_path, sizeof(a.sun_path), "/tmp/fh-miglink-%d", getpid());
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    CHECK_EQ(listen(fd, 8), 0);
    connects(fd, (struct migopts){ .path = a.sun_path });
    unlink(a.sun_path);
}

TEST(nobody_there_is_told_with_what_is_to_wait_there)
{
    struct migopts o = { .nr_streams = 1 };
    char where[64];
    struct miglink l;

    close(listen_tcp(AF_INET, where));
    o.tcp = where;
    CHECK_EQ(miglink_open(&l, &o, -1, &e), -ECONNREFUSED);
    CHECK_HAS(e.text, "freehold migrate-receive --tcp has to wait there");
    o.tcp = NULL;
    o.path = "/tmp/fh-miglink-nobody";
    CHECK_EQ(miglink_open(&l, &o, -1, &e), -ENOENT);
    CHECK_HAS(e.text, "freehold migrate-receive --unix has to wait there");
    CHECK_EQ(miglink_open(&l, &(struct migopts){ .nr_streams = 1 }, -1, &e), 0);
    CHECK_EQ(l.nr, 0);
}

TEST(an_address_is_one_with_a_port)
{
    static const char *const bad[] = {
        "",
        ":1",
        "a",
        "a:",
        "a:x",
        "a:0",
        "a:65536",
        "a:-1",
        "::1:80",
        "[::1]",
        "[]:1",
        "[::1]80",
        "127.0.0.1:80:80",
    };
    struct miglink l;

    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++) {
        const struct migopts o = { .tcp = bad[i], .nr_streams = 1 };

        CHECK_EQ(miglink_open(&l, &o, -1, &e), -EINVAL);
        CHECK_HAS(e.text, "--tcp: got");
    }
    CHECK_EQ(miglink_open(&l, &(struct migopts){ .path = "", .nr_streams = 1 },
                          -1, &e),
             -EINVAL);
}

RUN_TESTS(RULE(what_is_behind_the_banner_is_the_transfers_and_all_of_it),
          RULE(ssh_gets_the_host_as_one_word_and_the_command_behind_it),
          RULE(a_banner_is_a_line_of_its_own),
          RULE(one_that_ends_before_it_says_by_what),
          RULE(one_that_talks_for_ever_is_not_listened_to),
          RULE(an_interrupt_does_not_reach_it_and_the_end_does),
          RULE(one_that_stays_is_ended_and_one_that_is_left_is_not),
          RULE(who_interrupts_the_wait_ends_it),
          RULE(each_stream_is_a_connection_in_its_order),
          RULE(nobody_there_is_told_with_what_is_to_wait_there),
          RULE(an_address_is_one_with_a_port))
