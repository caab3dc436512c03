/* SPDX-License-Identifier: MIT */
/*
 * fake_nbd.c - a small NBD server in threads of the test, which can misbehave
 *
 * Source: the protocol's doc/proto.md, newstyle negotiation and simple replies.
 */
#include "tests/fakes/fake_nbd.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/checked.h"

#define OPT_GO 7u
#define OPT_REPLY_MAGIC 0x3e889045565a9ull
#define REP_ACK 1u
#define REP_INFO 3u
#define REP_UNSUP 0x80000001u
#define REP_UNKNOWN 0x80000006u
#define REQUEST_MAGIC 0x25609513u
#define REPLY_MAGIC 0x67446698u
#define STRUCTURED_MAGIC 0x668e33efu
#define GROUP_MAX 16u

enum { CMD_READ, CMD_WRITE, CMD_DISC, CMD_FLUSH, CMD_TRIM };

struct request {
    uint32_t magic;
    uint16_t flags, type;
    uint64_t cookie, off;
    uint32_t len;
} __attribute__((packed));

struct reply {
    uint32_t magic, error;
    uint64_t cookie;
} __attribute__((packed));

struct conn {
    struct fake_nbd *n;
    int fd;
    uint32_t nr_requests;
    struct request kept[GROUP_MAX];
    uint32_t nr_kept;
};

static bool get(int fd, void *to, size_t bytes)
{
    return bytes == 0 || recv(fd, to, bytes, MSG_WAITALL) == (ssize_t)bytes;
}

static bool put(int fd, const void *from, size_t bytes)
{
    while (bytes > 0) {
        ssize_t r = send(fd, from, bytes, MSG_NOSIGNAL);

        if (r <= 0)
            return false;
        from = (const char *)from + r;
        bytes -= (size_t)r;
    }
    return true;
}

/* ---- handshake ---- */

static bool answer_option(int fd, uint32_t option, uint32_t type,
                          const void *what, uint32_t bytes)
{
    struct {
        uint64_t magic;
        uint32_t option, type, bytes;
    } __attribute__((packed)) h = { htobe64(OPT_REPLY_MAGIC), htobe32(option),
                                    htobe32(type), htobe32(bytes) };

    return put(fd, &h, sizeof(h)) && put(fd, what, bytes);
}

static bool describe(const struct fake_nbd *n, int fd)
{
    struct {
        uint16_t type;
        uint64_t size;
        uint16_t flags;
    } __attribute__((packed)) export = { 0, htobe64(n->size_bytes),
                                         htobe16(n->flags) };
    struct {
        uint16_t type;
        uint32_t min, preferred, max;
    } __attribute__((packed)) sizes = { htobe16(3), htobe32(n->min_bytes),
                                        htobe32(n->preferred_bytes),
                                        htobe32(n->max_bytes) };

    if (!answer_option(fd, OPT_GO, REP_INFO, &export, sizeof(export)))
        return false;
    if (n->lie == FAKE_NBD_CUT)
        return false;
    if (n->preferred_bytes &&
        !answer_option(fd, OPT_GO, REP_INFO, &sizes, sizeof(sizes)))
        return false;
    return answer_option(fd, OPT_GO, REP_ACK, NULL, 0);
}

/* 1: go on with requests; 0: the next option; -1: hang up. */
static int hear_option(struct fake_nbd *n, int fd)
{
    struct {
        uint64_t magic;
        uint32_t option, bytes;
    } __attribute__((packed)) h;
    char junk[4096];

    if (!get(fd, &h, sizeof(h)) || be32toh(h.bytes) > sizeof(junk) ||
        !get(fd, junk, be32toh(h.bytes)))
        return -1;
    if (be32toh(h.option) != OPT_GO)
        return answer_option(fd, be32toh(h.option), REP_UNSUP, NULL, 0) ? 0
                                                                        : -1;
    if (n->lie == FAKE_NBD_REFUSE)
        return answer_option(fd, OPT_GO, REP_UNKNOWN, NULL, 0) ? 0 : -1;
    return describe(n, fd) ? 1 : -1;
}

static bool shake(struct fake_nbd *n, int fd)
{
    struct {
        char magic[16];
        uint16_t flags;
    } __attribute__((packed)) hello = { "NBDMAGICIHAVEOP", htobe16(3) };
    uint32_t client;
    int r = 0;

    hello.magic[15] = 'T';
    if (n->lie == FAKE_NBD_BAD_MAGIC)
        hello.magic[0] = 'X';
    if (n->lie == FAKE_NBD_MUTE)
        return get(fd, &client, 1) && false;
    if (!put(fd, &hello, sizeof(hello)) || !get(fd, &client, sizeof(client)))
        return false;
    while (r == 0)
        r = hear_option(n, fd);
    return r == 1;
}

/* ---- requests ---- */

static bool answer(const struct conn *c, const struct request *q,
                   uint32_t error)
{
    struct reply r = { htobe32(REPLY_MAGIC), htobe32(error), q->cookie };

    return put(c->fd, &r, sizeof(r));
}

/* Do it, and answer; what it has to read was checked. */
static bool serve(struct conn *c, const struct request *q)
{
    uint64_t off = be64toh(q->off);
    uint32_t len = be32toh(q->len);
    uint8_t *copy = NULL;
    bool ok;

    pthread_mutex_lock(&c->n->lock);
    if (be16toh(q->type) == CMD_READ && (copy = malloc(len)))
        memcpy(copy, c->n->data + off, len);
    pthread_mutex_unlock(&c->n->lock);
    ok = answer(c, q, 0) && (!copy || put(c->fd, copy, len));
    free(copy);
    return ok;
}

/* False: hang up. */
static bool lie(struct conn *c, struct request *q)
{
    static const char noise[] = "these are 28 bytes, or so...";
    struct reply r = { htobe32(REPLY_MAGIC), 0, q->cookie };
    uint8_t half[512] = { 0 };

    switch (c->n->lie) {
    case FAKE_NBD_SILENT:
        return true;
    case FAKE_NBD_COOKIE:
        q->cookie = ~q->cookie;
        return answer(c, q, 0);
    case FAKE_NBD_SHORT:
        put(c->fd, &r, sizeof(r));
        put(c->fd, half, sizeof(half));
        return false;
    case FAKE_NBD_STRUCTURED:
        r.magic = htobe32(STRUCTURED_MAGIC);
        put(c->fd, &r, sizeof(r));
        return put(c->fd, half, sizeof(half));
    case FAKE_NBD_NOISE:
        return put(c->fd, noise, sizeof(noise));
    case FAKE_NBD_ERROR:
        return answer(c, q, c->n->error);
    case FAKE_NBD_REVERSE:
        c->kept[c->nr_kept++] = *q;
        if (c->nr_kept < c->n->group)
            return true;
        while (c->nr_kept > 0)
            if (!serve(c, &c->kept[--c->nr_kept]))
                return false;
        return true;
    default:
        return false;
    }
}

static void note(struct fake_nbd *n, const struct request *q)
{
    uint32_t len = be32toh(q->len);

    if (n->nr_requests < ARRAY_SIZE(n->offs))
        n->offs[n->nr_requests] = be64toh(q->off);
    n->nr_requests++;
    if (be16toh(q->type) <= CMD_WRITE && len > n->biggest_bytes)
        n->biggest_bytes = len;
    pthread_cond_broadcast(&n->changed);
}

/* What changes the disk, at once. */
static bool perform(struct conn *c, const struct request *q)
{
    struct fake_nbd *n = c->n;
    uint64_t off = be64toh(q->off);
    uint32_t len = be32toh(q->len);
    bool is_write = be16toh(q->type) == CMD_WRITE;
    uint8_t *copy = is_write ? malloc(len) : NULL;
    bool drops = n->lie == FAKE_NBD_DROP && n->at_request == c->nr_requests;

    if (is_write && !get(c->fd, copy, len)) {
        free(copy);
        return false;
    }
    pthread_mutex_lock(&n->lock);
    if (is_write && !drops)
        memcpy(n->data + off, copy, len);
    if (be16toh(q->type) == CMD_TRIM && !drops)
        memset(n->data + off, 0, len);
    n->nr_flushes += be16toh(q->type) == CMD_FLUSH;
    n->nr_trims += be16toh(q->type) == CMD_TRIM;
    note(n, q);
    pthread_mutex_unlock(&n->lock);
    free(copy);
    return !drops;
}

static bool one_request(struct conn *c)
{
    struct request q;
    uint64_t end;

    if (!get(c->fd, &q, sizeof(q)) || be32toh(q.magic) != REQUEST_MAGIC)
        return false;
    if (be16toh(q.type) == CMD_DISC) {
        pthread_mutex_lock(&c->n->lock);
        c->n->nr_goodbyes++;
        pthread_mutex_unlock(&c->n->lock);
        return false;
    }
    if (add_overflow(be64toh(q.off), be32toh(q.len), &end) ||
        end > c->n->size_bytes)
        abort(); /* a client must know better */
    c->nr_requests++;
    if (!perform(c, &q))
        return false;
    if (c->n->lie > FAKE_NBD_CUT && c->nr_requests >= c->n->at_request)
        return lie(c, &q);
    return serve(c, &q);
}

static void *run(void *arg)
{
    struct conn *c = arg;
    struct fake_nbd *n = c->n;

    if (shake(n, c->fd))
        while (one_request(c))
            continue;
    close(c->fd);
    free(c);
    pthread_mutex_lock(&n->lock);
    n->nr_open--;
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->lock);
    return NULL;
}

/* ---- for tests ---- */

void fake_nbd_open(struct fake_nbd *n)
{
    memset(n, 0, sizeof(*n));
    n->size_bytes = FAKE_NBD_BYTES;
    n->at_request = 1;
    n->flags = 1 | 4 | 8 | 32 | 256; /* flags, flush, fua, trim, multi-conn */
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->changed, NULL);
}

int fake_nbd_connect(struct fake_nbd *n)
{
    struct conn *c = calloc(1, sizeof(*c));
    pthread_t thread;
    int pair[2];

    if (!c || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        abort();
    c->n = n;
    c->fd = pair[1];
    pthread_mutex_lock(&n->lock);
    n->nr_connections++;
    n->nr_open++;
    pthread_mutex_unlock(&n->lock);
    if (pthread_create(&thread, NULL, run, c))
        abort();
    pthread_detach(thread);
    return pair[0];
}

void fake_nbd_await(struct fake_nbd *n, uint32_t nr_requests)
{
    pthread_mutex_lock(&n->lock);
    while (n->nr_requests < nr_requests)
        pthread_cond_wait(&n->changed, &n->lock);
    pthread_mutex_unlock(&n->lock);
}

void fake_nbd_close(struct fake_nbd *n)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&n->lock);
    while (n->nr_open > 0)
        if (pthread_cond_timedwait(&n->changed, &n->lock, &until))
            abort(); /* the client leaks a connection */
    pthread_mutex_unlock(&n->lock);
    pthread_mutex_destroy(&n->lock);
    pthread_cond_destroy(&n->changed);
}
