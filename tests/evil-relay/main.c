/* SPDX-License-Identifier: MIT */
/*
 * main.c - evil-relay: sits between the two ends of a migration
 *
 *   evil-relay [-r RECORD] [-a ALSO] LISTEN CONNECT [RULE...]
 *       for each connection that comes at the UNIX socket LISTEN one to the
 *       socket CONNECT; between them the RULEs (rule.h).  -r: record all units,
 *       as they came; -a: what the source says goes to that socket, too, and
 *       what comes from there is only told.  One transfer: ends when all its
 *       connections are closed.  Says "ready" first, then a line a unit.
 *   evil-relay play RECORD CONNECT
 *       say what a recorded source said, waiting for a word of the destination
 *       wherever it had said one; tell what it says now.
 *
 * SIGUSR1: what is held goes on; SIGTERM: everything is cut.  Exit status: 0,
 * and each rule was used; 3: one was not; 2: it cannot be done.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/err.h"
#include "tests/evil-relay/lane.h"
#include "tests/evil-relay/play.h"

#define OUT_MAX (4u << 20) /* bytes that wait: then nothing more is read */
#define PAIRS 4u

struct pair {
    int fd[2]; /* towards the source, towards the destination; -1: closed */
    bool ended[2], told[2]; /* that side has no more; the other was told */
    struct lane lane[2];    /* enum side: whose words */
};

struct relay {
    struct crew crew;
    struct pair pair[PAIRS];
    uint32_t nr_pairs;
    int listen_fd, also_fd; /* -1: none */
    const char *connect_to, *also;
    struct lane also_lane;
    bool held;
};

static volatile sig_atomic_t go_on, stop;

static void on_signal(int signo)
{
    if (signo == SIGUSR1)
        go_on = 1;
    else
        stop = 1;
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "evil-relay: %s: %s\n", what, strerror(errno));
    exit(2);
}

static struct sockaddr_un address(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(a.sun_path)) {
        errno = ENAMETOOLONG;
        die(path);
    }
    strcpy(a.sun_path, path);
    return a;
}

static int listen_at(const char *path)
{
    struct sockaddr_un a = address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    unlink(path);
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 8) < 0)
        die(path);
    return fd;
}

int connect_to(const char *path)
{
    struct sockaddr_un a = address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        die(path);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* ---- connections ---- */

static void accept_one(struct relay *r)
{
    int fd = accept4(r->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct pair *p = &r->pair[r->nr_pairs];

    if (fd < 0)
        return;
    if (r->nr_pairs == PAIRS) {
        close(fd);
        return;
    }
    *p = (struct pair){ .fd = { fd, connect_to(r->connect_to) } };
    for (unsigned i = 0; i < 2; i++) {
        p->lane[i].side = (enum side)i;
        p->lane[i].twin = &p->lane[!i];
        crew_add(&r->crew, &p->lane[i]);
    }
    r->nr_pairs++;
}

static void close_pair(struct pair *p)
{
    for (unsigned i = 0; i < 2; i++) {
        if (p->fd[i] >= 0)
            close(p->fd[i]);
        p->fd[i] = -1;
    }
}

/* What can be sent of it, from that lane to the other side's descriptor. */
static void flush(struct pair *p, unsigned from)
{
    struct bytes *out = &p->lane[from].out;
    int fd = p->fd[!from];

    while (fd >= 0 && out->len) {
        ssize_t n = send(fd, out->p, out->len, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) { /* it is gone, and so is what it should have had */
            p->ended[!from] = true;
            out->len = 0;
            return;
        }
        bytes_drop(out, (size_t)n);
    }
}

static void flush_all(struct pair *p)
{
    for (unsigned i = 0; i < 2; i++) {
        if (p->fd[!i] >= 0)
            fcntl(p->fd[!i], F_SETFL, 0); /* wait for it */
        flush(p, i);
    }
}

static void cut_all(struct relay *r)
{
    for (uint32_t i = 0; i < r->nr_pairs; i++) {
        flush_all(&r->pair[i]);
        close_pair(&r->pair[i]);
    }
}

static void say_also(struct relay *r, struct pair *p, const void *bytes,
                     size_t len)
{
    const uint8_t *at = bytes;

    if (r->also_fd < 0 || p != &r->pair[0])
        return;
    fcntl(r->also_fd, F_SETFL, 0);
    while (len) {
        ssize_t n = send(r->also_fd, at, len, MSG_NOSIGNAL);

        if (n <= 0)
            break;
        at += n;
        len -= (size_t)n;
    }
    fcntl(r->also_fd, F_SETFL, O_NONBLOCK);
}

static void run(struct relay *r, struct pair *p, unsigned from)
{
    enum order order =
        r->held ? ORDER_HELD : lane_run(&r->crew, &p->lane[from]);

    switch (order) {
    case ORDER_ON:
        break;
    case ORDER_HELD:
        r->held = true;
        break;
    case ORDER_SHUT:
        flush_all(p);
        close_pair(p);
        break;
    case ORDER_CUT:
        cut_all(r);
        break;
    }
}

static void take(struct relay *r, struct pair *p, unsigned from)
{
    static uint8_t part[256u << 10];
    ssize_t n = recv(p->fd[from], part, sizeof(part), 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        p->ended[from] = true;
        return;
    }
    if (from == SIDE_SOURCE)
        say_also(r, p, part, (size_t)n);
    bytes_add(&p->lane[from].in, part, (size_t)n);
    run(r, p, from);
}

/* The other side hears of an end when it has all that came before. */
static void pass_ends(struct relay *r, struct pair *p)
{
    for (unsigned i = 0; i < 2; i++) {
        struct lane *l = &p->lane[i];

        if (!p->ended[i] || r->held || l->out.len || p->told[i])
            continue;
        p->told[i] = true;
        if (p->fd[!i] >= 0)
            shutdown(p->fd[!i], SHUT_WR);
    }
    if (p->told[0] && p->told[1])
        close_pair(p);
}

static void hear_also(struct relay *r)
{
    uint8_t part[65536];
    ssize_t n = recv(r->also_fd, part, sizeof(part), 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        printf("also gone\n");
        fflush(stdout);
        close(r->also_fd);
        r->also_fd = -1;
        return;
    }
    bytes_add(&r->also_lane.in, part, (size_t)n);
    while (lane_tell(&r->also_lane, "also"))
        ;
}

/* ---- the loop ---- */

static bool over(const struct relay *r)
{
    for (uint32_t i = 0; i < r->nr_pairs; i++)
        if (r->pair[i].fd[0] >= 0 || r->pair[i].fd[1] >= 0)
            return false;
    return r->nr_pairs > 0;
}

static void let_go(struct relay *r)
{
    go_on = 0;
    r->held = false;
    for (uint32_t i = 0; i < r->nr_pairs; i++)
        for (unsigned k = 0; k < 2; k++)
            run(r, &r->pair[i], k);
}

static void turn(struct relay *r, const sigset_t *mask)
{
    struct pollfd f[2 * PAIRS + 2];
    nfds_t nr = 0;

    f[nr++] = (struct pollfd){ .fd = r->listen_fd, .events = POLLIN };
    f[nr++] = (struct pollfd){ .fd = r->also_fd, .events = POLLIN };
    for (uint32_t i = 0; i < r->nr_pairs; i++)
        for (unsigned k = 0; k < 2; k++) {
            struct pair *p = &r->pair[i];
            short events = 0;

            if (!p->ended[k] && !r->held && p->lane[k].out.len < OUT_MAX)
                events |= POLLIN;
            if (p->lane[!k].out.len)
                events |= POLLOUT;
            f[nr++] = (struct pollfd){ .fd = events ? p->fd[k] : -1,
                                       .events = events };
        }
    if (ppoll(f, nr, NULL, mask) < 0)
        return;
    for (uint32_t i = 0; i < r->nr_pairs; i++)
        for (unsigned k = 0; k < 2; k++) {
            struct pair *p = &r->pair[i];
            short got = f[2 + 2 * i + k].revents;

            if (got && p->fd[k] >= 0)
                flush(p, !k);
            if (got & (POLLIN | POLLHUP | POLLERR) && p->fd[k] >= 0 &&
                !p->ended[k] && !r->held)
                take(r, p, k);
        }
    if (f[1].revents)
        hear_also(r);
    if (f[0].revents)
        accept_one(r);
    for (uint32_t i = 0; i < r->nr_pairs; i++)
        pass_ends(r, &r->pair[i]);
}

static int relay(struct relay *r)
{
    struct sigaction act = { .sa_handler = on_signal };
    sigset_t mask, during;
    int status = 0;

    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGTERM);
    sigprocmask(SIG_BLOCK, &mask, &during);
    sigaction(SIGUSR1, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    printf("ready\n");
    fflush(stdout);
    while (!over(r) && !stop) {
        turn(r, &during);
        if (go_on)
            let_go(r);
    }
    cut_all(r);
    for (uint32_t i = 0; i < r->crew.nr_rules; i++)
        if (!r->crew.rule[i].fired) {
            printf("never %s\n", r->crew.rule[i].text);
            status = 3;
        }
    printf("over %d\n", status);
    return status;
}

static _Noreturn void usage(void)
{
    fprintf(stderr,
            "usage: evil-relay [-r RECORD] [-a ALSO] LISTEN CONNECT [RULE...]\n"
            "       evil-relay play RECORD CONNECT\n");
    exit(2);
}

int main(int argc, char **argv)
{
    static struct relay r = { .also_fd = -1 };
    struct err e = { 0 };
    int opt;

    if (argc == 4 && strcmp(argv[1], "play") == 0)
        return play(argv[2], connect_to(argv[3]));
    while ((opt = getopt(argc, argv, "+r:a:")) != -1)
        switch (opt) {
        case 'r':
            r.crew.record = fopen(optarg, "wb");
            if (!r.crew.record)
                die(optarg);
            break;
        case 'a':
            r.also = optarg;
            break;
        default:
            usage();
        }
    if (argc - optind < 2 || argc - optind - 2 > (int)RULES_MAX)
        usage();
    r.connect_to = argv[optind + 1];
    for (int i = optind + 2; i < argc; i++)
        if (rule_parse(&r.crew.rule[r.crew.nr_rules++], argv[i], &e) < 0) {
            fprintf(stderr, "evil-relay: %s\n", e.text);
            return 2;
        }
    r.crew.log = stdout;
    if (r.also) {
        r.also_fd = connect_to(r.also);
        r.also_lane.side = SIDE_DEST;
    }
    r.listen_fd = listen_at(argv[optind]);
    return relay(&r);
}
