/* SPDX-License-Identifier: MIT */
/*
 * fake_image.c - freehold-image for tests: greets, and serves nothing
 *
 * The image's name says how it behaves: `broken` has a reason and ends, `deaf`
 * ends without a word, others greet each client and end with the last one.
 * How often one was started is the image's size.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN 3
#define LOCKED 4
#define CLIENTS_MAX 8

static int serve(void)
{
    struct pollfd p[1 + CLIENTS_MAX];
    int nr = 1;

    p[0] = (struct pollfd){ .fd = LISTEN, .events = POLLIN };
    do {
        if (poll(p, (nfds_t)nr, 20000) <= 0)
            return 3; /* nobody came */
        if (p[0].revents && nr <= CLIENTS_MAX) {
            p[nr] = (struct pollfd){ .fd = accept(LISTEN, NULL, NULL),
                                     .events = POLLIN };
            if (write(p[nr].fd, "NBDMAGIC", 8) == 8)
                p[nr++].revents = 0;
        }
        for (int i = nr - 1; i > 0; i--)
            if (p[i].revents) {
                close(p[i].fd);
                p[i] = p[--nr];
            }
    } while (nr > 1);
    return 0;
}

int main(int argc, char **argv)
{
    const char *name = argc == 7 ? strrchr(argv[6], '/') : NULL;

    if (!name || strcmp(argv[1], "web/xvda") || strcmp(argv[2], "qcow2"))
        return 2;
    if (flock(LOCKED, LOCK_EX | LOCK_NB)) /* the same open file: a no-op */
        return 4;
    if (lseek(LOCKED, 0, SEEK_END) < 0 || write(LOCKED, "x", 1) != 1)
        return 5;
    if (strcmp(name, "/deaf") == 0)
        return 1;
    if (strcmp(name, "/broken") == 0) {
        fprintf(stderr, "first words\nqemu-nbd: it is \001 broken\n");
        return 1;
    }
    if (strcmp(name, "/base") == 0) {
        fprintf(stderr, "qemu-nbd: Could not open backing file: none");
        return 1;
    }
    return serve();
}
