/* SPDX-License-Identifier: MIT */
/*
 * xswire.c - many xenstore requests in one go
 */
#include "common/xswire.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "common/checked.h"
#include "common/err.h"

#define SOCKET_PATH "/run/xenstored/socket"
#define ANSWER_TIMEOUT_MS 30000

struct xswire {
    int fd;
};

int xswire_open(struct xswire **out, struct err *e)
{
    struct sockaddr_un where = { .sun_family = AF_UNIX,
                                 .sun_path = SOCKET_PATH };
    struct xswire *w = calloc(1, sizeof(*w));
    int rc;

    if (!w)
        return fail(e, -ENOMEM, "xenstore: no memory");
    w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (w->fd >= 0 &&
        connect(w->fd, (struct sockaddr *)&where, sizeof(where)) == 0) {
        *out = w;
        return 0;
    }
    rc = fail(e, -errno, "xenstore: connect to " SOCKET_PATH ": %s",
              strerror(errno));
    xswire_close(w);
    return rc;
}

void xswire_close(struct xswire *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}

static bool make_room(struct xswire_batch *b, size_t more_bytes)
{
    size_t room = b->room ? b->room : 4096;
    char *bytes;

    while (room - b->used < more_bytes)
        room *= 2;
    if (room == b->room)
        return true;
    bytes = realloc(b->bytes, room);
    if (!bytes)
        return false;
    b->bytes = bytes;
    b->room = room;
    return true;
}

void xswire_add(struct xswire_batch *b, uint32_t type, uint32_t tx,
                const char *path, const void *more, size_t more_bytes)
{
    size_t path_bytes = strlen(path) + 1;
    struct xsd_sockmsg head = {
        .type = type,
        .req_id = b->nr,
        .tx_id = tx,
        .len = (uint32_t)(path_bytes + more_bytes),
    };

    if (b->rc < 0)
        return;
    if (path_bytes + more_bytes > XENSTORE_PAYLOAD_MAX)
        b->rc = -E2BIG;
    else if (!make_room(b, sizeof(head) + path_bytes + more_bytes))
        b->rc = -ENOMEM;
    if (b->rc < 0)
        return;
    memcpy(b->bytes + b->used, &head, sizeof(head));
    b->used += sizeof(head);
    memcpy(b->bytes + b->used, path, path_bytes);
    b->used += path_bytes;
    if (more_bytes)
        memcpy(b->bytes + b->used, more, more_bytes);
    b->used += more_bytes;
    b->nr++;
}

void xswire_batch_free(struct xswire_batch *b)
{
    free(b->bytes);
    *b = (struct xswire_batch){ 0 };
}

/* xenstored's answer to a failed request is the errno's name. */
static int error_number(const char *name)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(xsd_errors); i++)
        if (strcmp(xsd_errors[i].errstring, name) == 0)
            return -xsd_errors[i].errnum;
    return -EIO;
}

struct answers { /* as they come in */
    char bytes[2 * (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX)];
    size_t used;
    uint32_t nr; /* taken out so far */
    uint32_t failed;
    int rc; /* of the first that failed */
};

static void take_answer(struct answers *a, const struct xsd_sockmsg *head,
                        const char *text, char *first, size_t first_bytes)
{
    if (head->type == XS_ERROR && a->rc == 0) {
        a->rc = error_number(text);
        a->failed = a->nr;
    }
    if (a->nr == 0 && first)
        snprintf(first, first_bytes, "%s", text);
    a->nr++;
}

/* Take out every answer that is there as a whole.  -EIO: no answer of ours. */
static int take_answers(struct answers *a, char *first, size_t first_bytes)
{
    char text[XENSTORE_PAYLOAD_MAX + 1];
    struct xsd_sockmsg head;
    size_t at = 0;

    while (a->used - at >= sizeof(head)) {
        memcpy(&head, a->bytes + at, sizeof(head));
        if (head.len > XENSTORE_PAYLOAD_MAX || head.req_id != a->nr)
            return -EIO;
        if (a->used - at < sizeof(head) + head.len)
            break;
        memcpy(text, a->bytes + at + sizeof(head), head.len);
        text[head.len] = 0;
        take_answer(a, &head, text, first, first_bytes);
        at += sizeof(head) + head.len;
    }
    memmove(a->bytes, a->bytes + at, a->used - at);
    a->used -= at;
    return 0;
}

/* Send what goes out without waiting.  Returns bytes, 0: none, or -errno. */
static ssize_t push(int fd, const char *bytes, size_t nr)
{
    ssize_t r = nr ? send(fd, bytes, nr, MSG_NOSIGNAL) : 0;

    if (r < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return r < 0 ? -errno : r;
}

static int pull(int fd, struct answers *a)
{
    ssize_t r = recv(fd, a->bytes + a->used, sizeof(a->bytes) - a->used, 0);

    if (r < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (r <= 0)
        return -EIO;
    a->used += r;
    return 0;
}

/* Both ways at once: xenstored may stop reading while its answers wait. */
int xswire_exchange(struct xswire *w, const struct xswire_batch *b,
                    uint32_t *failed, char *first, size_t first_bytes)
{
    struct answers a = { 0 };
    size_t sent = 0;
    int rc = b->rc;

    while (rc == 0 && a.nr < b->nr) {
        struct pollfd p = { .fd = w->fd, .events = POLLIN };
        ssize_t r = push(w->fd, b->bytes + sent, b->used - sent);

        if (r < 0)
            return -EIO;
        sent += r;
        if (sent < b->used)
            p.events |= POLLOUT;
        if (poll(&p, 1, ANSWER_TIMEOUT_MS) == 0)
            return -EIO;
        if (p.revents & ~POLLOUT)
            rc = pull(w->fd, &a);
        if (rc == 0)
            rc = take_answers(&a, first, first_bytes);
    }
    *failed = a.failed;
    return rc < 0 ? rc : a.rc;
}
