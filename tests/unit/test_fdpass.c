/* SPDX-License-Identifier: MIT */
/*
 * test_fdpass.c - descriptors from a peer that sends more than it should
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fdpass.h"
#include "tests/unit/test.h"

#define SENT_MAX 8u

static void send_some(int socket, int fd, uint32_t nr)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(SENT_MAX * sizeof(int))];
    } control = { 0 };
    char byte = 'x';
    struct iovec io = { &byte, 1 };
    struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
    struct cmsghdr *c;

    m.msg_control = control.bytes;
    m.msg_controllen = CMSG_SPACE(nr * sizeof(int));
    c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(nr * sizeof(int));
    for (uint32_t i = 0; i < nr; i++)
        memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(fd));
    CHECK_EQ(sendmsg(socket, &m, 0), 1);
}

/* The lowest number that is free: it moves when one is left open. */
static int next_number(void)
{
    int fd = dup(0);

    CHECK(fd >= 0);
    close(fd);
    return fd;
}

TEST(no_more_than_one_is_ever_kept)
{
    int pair[2], before;

    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    before = next_number();
    for (uint32_t nr = 1; nr <= SENT_MAX; nr++) {
        char byte = 0;
        int fd;

        send_some(pair[0], pair[0], nr);
        CHECK_EQ(fdpass_receive(pair[1], &byte, 1, &fd), 1);
        CHECK_EQ(byte, 'x');
        CHECK_EQ(fd, before);
        close(fd);
        CHECK_EQ(next_number(), before);
    }
    close(pair[0]);
    close(pair[1]);
}

RUN_TESTS(RULE(no_more_than_one_is_ever_kept))
