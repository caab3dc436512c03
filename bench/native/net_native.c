/* SPDX-License-Identifier: MIT */
/*
 * net_native.c - what a queue of the network backend costs, without Xen
 *
 * usage: bench_net_native tx|rx FRAME-BYTES SECONDS [gso|one]
 *
 * The real queue, rings, checks and io_uring, between a frontend of the tests
 * that keeps its ring full and a tap that is a pair of sockets, whose other end
 * is a thread that throws away, or makes, frames.  A grant copy is the fakes'
 * memcpy; an event is an eventfd.  gso: frames are TCP to be segmented.  one:
 * the guest sends one and waits for its answer before it sends the next.
 *
 * Prints packets a second, the CPU time that the queue's thread took for one,
 * bytes for each second of that time, what memcpy does of such frames, packets
 * of a grant copy, and events that the guest sent for one.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/virtio_net.h>

#include <xen/grant_table.h>
#include <xen/io/netif.h>

#include "backends/base/loop.h"
#include "backends/net/net_queue.h"
#include "backends/net/net_rings.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/fakes/fake_netfront.h"

#define GUEST 7u
#define BATCH 64u
#define SOCKET_BYTES (16 << 20)
#define HEAD_BYTES 54u /* Ethernet, IPv4, TCP */
#define MSS 1448u

static struct {
    bool rx, gso, one;
    uint32_t len, seconds;
    struct net_card card;
    struct net_rings rings;
    struct net_queue *queue;
    struct fake_netfront *front;
    int rung_fd, peer_fd;
    uint8_t frame[FAKE_NET_BYTES_MAX];
    struct virtio_net_hdr hdr;
    pthread_t peer;
    uint64_t answered;        /* packets that the guest sent, so far */
    _Atomic uint64_t peer_ns; /* CPU time of that thread */
    atomic_bool over;
} b;

static void die(const char *what, const struct err *e)
{
    struct net_queue_news news = { 0 };

    if (b.queue)
        net_queue_news(b.queue, &news);
    if (news.why[0])
        fprintf(stderr, "bench_net_native: %s\n", news.why);
    fprintf(stderr, "bench_net_native: %s: %s\n", what,
            e && e->rc ? e->text : strerror(errno));
    exit(1);
}

static uint64_t clock_ns(clockid_t c)
{
    struct timespec t;

    clock_gettime(c, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the frame ---- */

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* IPv4 and TCP as far as anybody looks. */
static void make_frame(void)
{
    uint8_t *f = b.frame;

    memset(f, 0x5a, b.len);
    f[0] = 2;
    put16(f + 12, 0x0800);
    memset(f + 14, 0, MIN_OF(b.len, HEAD_BYTES) - 14);
    f[14] = 0x45;
    put16(f + 16, b.len - 14);
    f[22] = 64;
    f[23] = 6;
    f[46] = 0x50;
    if (!b.gso)
        return;
    b.hdr = (struct virtio_net_hdr){
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
        .hdr_len = HEAD_BYTES,
        .gso_size = MSS,
        .csum_start = HEAD_BYTES - 20,
        .csum_offset = 16,
    };
}

/* ---- the network ---- */

static void throw_away(void)
{
    struct mmsghdr m[BATCH];

    memset(m, 0, sizeof(m));
    recvmmsg(b.peer_fd, m, BATCH, MSG_TRUNC | MSG_WAITFORONE, NULL);
}

static void send_frames(void)
{
    struct iovec iov[] = { { &b.hdr, sizeof(b.hdr) }, { b.frame, b.len } };
    struct mmsghdr m[BATCH];

    memset(m, 0, sizeof(m));
    for (uint32_t i = 0; i < BATCH; i++) {
        m[i].msg_hdr.msg_iov = iov;
        m[i].msg_hdr.msg_iovlen = 2;
    }
    sendmmsg(b.peer_fd, m, BATCH, MSG_NOSIGNAL);
}

static void *be_network(void *arg)
{
    while (!atomic_load(&b.over)) {
        if (b.rx)
            send_frames();
        else
            throw_away();
        atomic_store(&b.peer_ns, clock_ns(CLOCK_THREAD_CPUTIME_ID));
    }
    return arg;
}

/* ---- the backend ---- */

static void on_rung(struct fake_domain *d, uint32_t port, void *arg)
{
    (void)d, (void)port, (void)arg;
    eventfd_write(b.rung_fd, 1);
}

static void guest_up(void)
{
    struct fake_domain *d = &fake.domain[0];

    fake_reset();
    d->there = true;
    d->domid = GUEST;
    d->next_port = 4;
    d->on_rung = on_rung;
    b.rung_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    b.front = fake_netfront_new(GUEST, &(struct fake_net_options){ 0 });
}

static void tap_up(void)
{
    int fd[2], bytes = SOCKET_BYTES;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd))
        die("socketpair", NULL);
    for (int i = 0; i < 2; i++)
        if (setsockopt(fd[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes,
                       sizeof(bytes)))
            setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    b.card.tap_fd[0] = fd[0];
    b.peer_fd = fd[1];
}

static void backend_up(void)
{
    static const struct net_rules any = { .any_mac = 1 };
    struct net_card *c = &b.card;
    struct err e = { 0 };

    c->name = "bench";
    c->domid = GUEST;
    c->stall_ns = NET_STALL_NS;
    c->journal_fd = memfd_create("journal", MFD_CLOEXEC);
    c->news_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (net_journal_map(c->journal_fd, &c->journal, &e) < 0 ||
        net_rings_open(&b.rings, GUEST, 1, &e) < 0)
        die("journal", &e);
    c->gnt = b.rings.gnt;
    if (net_queue_open(c, 0, &b.queue, &e) < 0 ||
        net_rings_link(&b.rings, fake_netfront_wiring(b.front), &e) < 0)
        die("queue", &e);
    net_queue_rules(b.queue, &any);
    net_queue_connect(b.queue, &b.rings.queue[0].link);
}

/* CPU time of this process but for this thread and the network's. */
static uint64_t backend_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID) -
           clock_ns(CLOCK_THREAD_CPUTIME_ID) - atomic_load(&b.peer_ns);
}

/* ---- the guest ---- */

static void await_rung(void)
{
    struct pollfd p = { .fd = b.rung_fd, .events = POLLIN };
    eventfd_t nr;

    if (fake_netfront_arm(b.front, 0))
        return;
    if (poll(&p, 1, 3000) != 1)
        die("no event in 3 s", NULL);
    eventfd_read(b.rung_fd, &nr);
}

/* Returns how many packets were answered. */
static uint64_t guest_sends(void)
{
    const struct net_stats *s = &b.card.journal->queue[0].stats;
    uint64_t before = b.answered;
    struct fake_net_packet p = {
        .len = b.len,
        .flags = b.gso ? NETTXF_csum_blank | NETTXF_data_validated : 0,
        .gso_size = b.gso ? MSS : 0,
        .gso_type = XEN_NETIF_GSO_TYPE_TCPV4,
    };
    bool any = false;
    int nr;

    while (!(b.one && fake_netfront_busy(b.front, 0) > 0) &&
           fake_netfront_send(b.front, 0, &p))
        any = true;
    if (any)
        fake_netfront_kick(b.front, 0);
    nr = fake_netfront_reap(b.front, 0);
    if (nr < 0)
        die(fake_netfront_why(b.front, 0), NULL);
    if (!any && nr == 0)
        await_rung();
    b.answered = s->tx_packets;
    return b.answered - before;
}

static uint64_t guest_receives(void)
{
    uint64_t nr = 0;
    int r;

    while ((r = fake_netfront_receive(b.front, 0, NULL)) == 1)
        nr++;
    if (r < 0)
        die(fake_netfront_why(b.front, 0), NULL);
    if (nr)
        fake_netfront_post(b.front, 0, 256);
    else
        await_rung();
    return nr;
}

/* Its pages hold the frame before; a sender does not fill them each time. */
static void fill_pages(void)
{
    struct fake_net_packet p = { .frame = b.frame, .len = b.len };

    while (fake_netfront_send(b.front, 0, &p))
        ;
    fake_netfront_kick(b.front, 0);
    while (fake_netfront_busy(b.front, 0) > 0) {
        if (fake_netfront_reap(b.front, 0) == 0)
            await_rung();
    }
}

static uint64_t run(uint64_t ns)
{
    uint64_t end = loop_now_ns() + ns, nr = 0;

    while (loop_now_ns() < end)
        nr += b.rx ? guest_receives() : guest_sends();
    return nr;
}

/* Bytes a second of one thread that copies such frames into 16 buffers. */
static double memcpy_speed(void)
{
    uint8_t *to = calloc(16, FAKE_NET_BYTES_MAX);
    uint64_t start, nr = 0;

    if (!to)
        die("memory", NULL);
    start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    while (clock_ns(CLOCK_THREAD_CPUTIME_ID) - start < 200000000)
        for (uint32_t i = 0; i < 16; i++, nr++) {
            memcpy(to + (size_t)i * FAKE_NET_BYTES_MAX, b.frame, b.len);
            __asm__ __volatile__("" ::"r"(to) : "memory");
        }
    start = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
    free(to);
    return (double)nr * b.len * 1e9 / (double)start;
}

int main(int argc, char **argv)
{
    uint64_t nr, cpu, ns, batch, kicks;
    const struct net_stats *s;

    if (argc < 4)
        die("want tx|rx FRAME-BYTES SECONDS [gso|one]", NULL);
    log_set_level(LOG_LEVEL_ERR);
    b.rx = strcmp(argv[1], "rx") == 0;
    b.len = (uint32_t)strtoul(argv[2], NULL, 10);
    b.seconds = (uint32_t)strtoul(argv[3], NULL, 10);
    b.gso = argc > 4 && strcmp(argv[4], "gso") == 0;
    b.one = argc > 4 && strcmp(argv[4], "one") == 0;
    if (b.len < 60 || b.len > 65535)
        die("frames of 60..65535 bytes", NULL);
    make_frame();
    guest_up();
    tap_up();
    backend_up();
    if (pthread_create(&b.peer, NULL, be_network, NULL))
        die("thread", NULL);
    if (b.rx)
        fake_netfront_post(b.front, 0, 256);
    else
        fill_pages();
    s = &b.card.journal->queue[0].stats;
    run(200000000); /* warm */
    cpu = backend_ns();
    batch = s->copies;
    kicks = s->kicks;
    ns = loop_now_ns();
    nr = run(b.seconds * 1000000000ull);
    ns = loop_now_ns() - ns;
    cpu = backend_ns() - cpu;
    batch = s->copies - batch;
    kicks = s->kicks - kicks;
    printf("packets %.0f\ncpu_ns %.0f\nbytes_per_cpu_s %.0f\nmemcpy %.0f\n"
           "batch %.1f\nevents_per_packet %.4f\n",
           (double)nr * 1e9 / (double)ns, nr ? (double)cpu / (double)nr : 0.0,
           (double)nr * b.len * 1e9 / (double)cpu, memcpy_speed(),
           batch ? (double)nr / (double)batch : 0.0,
           nr ? (double)kicks / (double)nr : 0.0);
    return 0; /* the process ends, and everything with it */
}
