/* SPDX-License-Identifier: MIT */
/*
 * play.c - say again what a recorded source said
 *
 * Where the destination had said something, its word now is waited for, that it
 * may be the wrong one is the point of it.
 */
#include "tests/evil-relay/play.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/evil-relay/lane.h"

#define WAIT_MS 40000 /* longer than a destination is patient */

static bool gone;

/* Until it has said nr units more, is gone, or the time is over. */
static void hear(struct lane *l, int fd, uint32_t nr)
{
    while (!gone) {
        struct pollfd f = { .fd = fd, .events = POLLIN };
        uint8_t part[65536];
        ssize_t n;

        while (nr && lane_tell(l, "peer"))
            nr--;
        if (nr == 0)
            return;
        if (poll(&f, 1, WAIT_MS) <= 0) {
            printf("peer silent\n");
            return;
        }
        n = recv(fd, part, sizeof(part), 0);
        if (n <= 0) {
            printf("peer gone\n");
            gone = true;
        } else {
            bytes_add(&l->in, part, (size_t)n);
        }
    }
}

static void say(int fd, const uint8_t *p, size_t len)
{
    while (len && !gone) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

        if (n <= 0)
            return; /* what it said before is still to be read */
        p += n;
        len -= (size_t)n;
    }
}

int play(const char *path, int fd)
{
    FILE *f = fopen(path, "rb");
    struct lane peer = { .side = SIDE_DEST };
    struct record_head h;
    uint8_t *p;

    if (!f) {
        perror(path);
        return 2;
    }
    fcntl(fd, F_SETFL, 0);
    p = malloc(UNIT_BYTES_MAX);
    while (p && fread(&h, sizeof(h), 1, f) == 1 &&
           h.len_bytes <= UNIT_BYTES_MAX &&
           fread(p, 1, h.len_bytes, f) == h.len_bytes) {
        const char *name = unit_name(p, h.first);

        if (h.stream != 0 || strcmp(name, "alive") == 0)
            continue;
        if (h.side == SIDE_DEST) {
            hear(&peer, fd, 1);
            continue;
        }
        if (strcmp(name, "frame") != 0)
            printf("say %s\n", name);
        say(fd, p, h.len_bytes);
    }
    hear(&peer, fd, UINT32_MAX);
    lane_free(&peer);
    free(p);
    fclose(f);
    close(fd);
    return 0;
}
