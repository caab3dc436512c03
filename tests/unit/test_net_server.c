/* SPDX-License-Identifier: MIT */
/*
 * test_net_server.c - what a network backend's process says and does
 *
 * The real net_server.c in a process of its own, but for the sandbox, with the
 * descriptors it is started with.  We are its supervisor, its guest and its
 * network.  What the tap is told beside packets is written down.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/base/sandbox.h"
#include "backends/net/net_server.h"
#include "backends/net/net_tap.h"
#include "common/checked.h"
#include "common/fdpass.h"
#include "tests/fakes/fake.h"
#include "tests/unit/netcard.h"
#include "tests/unit/test.h"

#define WAIT_MS 20000

int __wrap_sandbox_leave_host(uint32_t uid, struct err *e);
int __wrap_sandbox_seal(const unsigned long *ioctls, uint32_t nr,
                        struct err *e);
void __wrap_net_tap_offload(int fd, const struct net_wiring *w);
void __wrap_net_tap_use(int fd, bool use);
void __wrap_net_tap_carrier(int fd, bool on);

static struct told { /* shared with the backend */
    _Atomic uint32_t uid, sealed, offloads, used, carrier;
} *told;

static struct {
    int listen_fd, conn_fd, bell_fd;
    struct sockaddr_un address;
    socklen_t address_bytes;
    pid_t pid;
} w;

int __wrap_sandbox_leave_host(uint32_t uid, struct err *e)
{
    (void)e;
    told->uid = uid;
    return 0;
}

int __wrap_sandbox_seal(const unsigned long *ioctls, uint32_t nr, struct err *e)
{
    (void)ioctls, (void)e;
    told->sealed = nr;
    return 0;
}

void __wrap_net_tap_offload(int fd, const struct net_wiring *wiring)
{
    (void)fd, (void)wiring;
    told->offloads++;
}

void __wrap_net_tap_use(int fd, bool use)
{
    (void)fd;
    told->used = use;
}

void __wrap_net_tap_carrier(int fd, bool on)
{
    (void)fd;
    told->carrier = on;
}

/* ---- the process ---- */

static void *hear_bell(void *arg)
{
    char ring[64];

    while (read(*(int *)arg, ring, sizeof(ring)) > 0)
        fake_netfront_ring(card.front, 0);
    _exit(9);
}

static void be_backend(int bell_fd)
{
    struct err e = { 0 };
    char path[32];
    pthread_t t;
    /* Out of the way of those that it is started with. */
    int fd = fcntl(bell_fd, F_DUPFD_CLOEXEC, 100);
    int listen_fd = fcntl(w.listen_fd, F_DUPFD_CLOEXEC, 100);
    int journal_fd;
    int rung_fd = fcntl(card.rung_fd, F_DUPFD_CLOEXEC, 100);

    card.rung_fd = rung_fd;
    /* Of its own, or the lock of the last one would be its as well. */
    snprintf(path, sizeof(path), "/proc/self/fd/%d", card.journal_fd);
    journal_fd = fcntl(open(path, O_RDWR | O_CLOEXEC), F_DUPFD_CLOEXEC, 100);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fd < 0 || dup2(listen_fd, NET_FD_LISTEN) < 0 ||
        dup2(journal_fd, NET_FD_JOURNAL) < 0 ||
        pthread_create(&t, NULL, hear_bell, &fd))
        _exit(8);
    _exit(net_server_run("test/vif-0", &e) < 0);
}

static void backend_start(void)
{
    int fd[2];

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    w.pid = fork();
    if (w.pid == 0) {
        be_backend(fd[1]);
    }
    close(fd[1]);
    w.bell_fd = fd[0];
}

static int backend_end(void)
{
    int status;

    CHECK_EQ(waitpid(w.pid, &status, 0), w.pid);
    close(w.bell_fd);
    return status;
}

static void bell(void)
{
    CHECK_EQ(send(w.bell_fd, "!", 1, MSG_NOSIGNAL), 1);
}

/* ---- the supervisor ---- */

static void say(struct net_ctl m, int fd)
{
    CHECK_EQ(fdpass_send(w.conn_fd, &m, sizeof(m), fd), 0);
}

static struct net_ctl hear(uint32_t type)
{
    struct pollfd p = { .fd = w.conn_fd, .events = POLLIN };
    struct net_ctl m;
    int fd;

    CHECK_EQ(poll(&p, 1, WAIT_MS), 1);
    CHECK_EQ(fdpass_receive(w.conn_fd, &m, sizeof(m), &fd), sizeof(m));
    CHECK_EQ(fd, -1);
    CHECK_EQ(m.type, type);
    return m;
}

static struct net_hello dial(void)
{
    struct net_hello h;

    w.conn_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    CHECK_EQ(connect(w.conn_fd, (struct sockaddr *)&w.address, w.address_bytes),
             0);
    h = hear(NET_CTL_HELLO).u.hello;
    CHECK_EQ(h.version, NET_CTL_VERSION);
    CHECK_EQ(h.pid, w.pid);
    CHECK_STR(h.build, FREEHOLD_BUILD);
    return h;
}

static void ask_open(bool resume)
{
    struct net_ctl m = { .type = NET_CTL_OPEN };

    m.u.open = (struct net_open){
        .resume = resume,
        .nr_queues = 1,
        .domid = CARD_GUEST,
        .devid = 3,
        .rules = { .any_mac = 1 },
    };
    say(m, -1);
    say((struct net_ctl){ .type = NET_CTL_TAP, .u.tap = 0 },
        card.card.tap_fd[0]);
    hear(NET_CTL_OPENED);
}

static void ask_connect(void)
{
    struct net_ctl m = { .type = NET_CTL_CONNECT };

    m.u.wiring = *fake_netfront_wiring(card.front);
    say(m, -1);
}

static void ask(enum net_ctl_type type)
{
    say((struct net_ctl){ .type = type }, -1);
}

/* ---- the world ---- */

static void up(void)
{
    memset(&card, 0, sizeof(card));
    memset(&w, 0, sizeof(w));
    told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(told != MAP_FAILED);
    card_guest_up();
    card_tap_up();
    card.front = fake_netfront_new(CARD_GUEST, &(struct fake_net_options){ 0 });
    w.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    w.address.sun_family = AF_UNIX;
    w.address_bytes = sizeof(w.address);
    /* A name of the kernel's choice. */
    CHECK_EQ(
        bind(w.listen_fd, (struct sockaddr *)&w.address, sizeof(sa_family_t)),
        0);
    CHECK_EQ(listen(w.listen_fd, 8), 0);
    CHECK_EQ(getsockname(w.listen_fd, (struct sockaddr *)&w.address,
                         &w.address_bytes),
             0);
    backend_start();
}

static void up_connected(void)
{
    struct net_hello h;

    up();
    h = dial();
    CHECK(!h.opened && !h.connected);
    ask_open(false);
    ask_connect();
    hear(NET_CTL_CONNECTED);
}

static void quit(void)
{
    ask(NET_CTL_QUIT);
    hear(NET_CTL_DISCONNECTED);
    CHECK_EQ(backend_end(), 0);
}

static void down(void)
{
    CHECK_STR(fake_netfront_why(card.front, 0), "");
    fake_netfront_free(card.front);
    close(card.card.tap_fd[0]);
    close(card.tap_fd);
    close(card.journal_fd);
    close(card.rung_fd);
    close(w.listen_fd);
    close(w.conn_fd);
    munmap(told, sizeof(*told));
    fake_reset();
}

static uint8_t frame[FAKE_NET_BYTES_MAX], got[FAKE_NET_BYTES_MAX];
static struct fake_net_received in;

/* A packet each way. */
static void flows(uint32_t seed)
{
    struct virtio_net_hdr hdr;

    card_fill(frame, 100, seed);
    card_send(&(struct fake_net_packet){ .frame = frame, .len = 100 });
    fake_netfront_kick(card.front, 0);
    bell();
    CHECK_EQ(card_tap_take(&hdr, got), 100);
    assert_memory_equal(got, frame, 100);
    card_await_answers();
    fake_netfront_post(card.front, 0, 2);
    bell();
    card_tap_put(NULL, frame, 100);
    card_receive(&in);
    assert_memory_equal(in.frame, frame, 100);
}

TEST(a_card_is_opened_connected_left_and_connected_again)
{
    up_connected();
    CHECK_EQ(told->uid, sandbox_uid(SANDBOX_CARD, CARD_GUEST, 3));
    CHECK_EQ(told->sealed, 3);
    flows(1);
    CHECK(told->carrier && told->used);
    CHECK_EQ(told->offloads, 1);
    ask(NET_CTL_DISCONNECT);
    hear(NET_CTL_DISCONNECTED);
    CHECK(!told->carrier && !told->used);
    fake_netfront_free(card.front);
    card.front = fake_netfront_new(CARD_GUEST, &(struct fake_net_options){ 0 });
    quit();
    down();
}

/* Whoever has taken it over cannot fill the tmpfs of its journal. */
TEST(no_file_of_its_grows)
{
    char path[64], line[256], want[64] = "";
    unsigned long long bytes = 0;
    struct stat log;
    FILE *limits;

    up_connected();
    snprintf(path, sizeof(path), "/proc/%d/limits", w.pid);
    limits = fopen(path, "re");
    CHECK(limits != NULL);
    while (fgets(line, sizeof(line), limits))
        if (sscanf(line, "Max file size %63s %llu", want, &bytes) == 2)
            break;
    fclose(limits);
    if (fstat(STDERR_FILENO, &log) || !S_ISREG(log.st_mode)) {
        CHECK_EQ(strtoull(want, NULL, 10), sizeof(struct net_journal));
        CHECK_EQ(bytes, sizeof(struct net_journal)); /* nor later */
    }
    flows(1);
    quit();
    down();
}

TEST(a_successor_goes_on_by_the_journal)
{
    up_connected();
    for (uint32_t i = 0; i < 5; i++) {
        struct net_hello h;

        flows(i);
        CHECK_EQ(kill(w.pid, SIGKILL), 0);
        CHECK(WIFSIGNALED(backend_end()));
        close(w.conn_fd);
        CHECK(told->carrier); /* the network sees nothing of it */
        backend_start();
        h = dial();
        CHECK(!h.opened);
        ask_open(true);
        hear(NET_CTL_CONNECTED);
    }
    flows(9);
    quit();
    down();
}

/* Its guest is gone meanwhile, or has revoked what it granted. */
TEST(a_successor_that_cannot_go_on_leaves_no_link)
{
    struct net_journal *j;

    up_connected();
    flows(1);
    CHECK_EQ(kill(w.pid, SIGKILL), 0);
    CHECK(WIFSIGNALED(backend_end()));
    close(w.conn_fd);
    CHECK(told->carrier && told->used);
    CHECK_EQ(net_journal_map(card.journal_fd, &j, &card.err), 0);
    j->wiring.queue[0].rx_ref = 12345678;
    net_journal_unmap(j);
    backend_start();
    dial();
    ask_open(true);
    CHECK_HAS(hear(NET_CTL_BROKEN).u.text, "grant 12345678");
    ask(NET_CTL_DISCONNECT);
    hear(NET_CTL_DISCONNECTED);
    CHECK(!told->carrier && !told->used);
    ask_connect();
    hear(NET_CTL_CONNECTED);
    CHECK(told->carrier && told->used);
    quit();
    down();
}

TEST(it_serves_on_without_a_supervisor)
{
    struct net_hello h;

    up_connected();
    close(w.conn_fd);
    flows(1);
    h = dial();
    CHECK(h.opened && h.connected);
    flows(2);
    quit();
    down();
}

TEST(a_guest_that_broke_the_protocol_is_told_of_to_whoever_asks)
{
    up_connected();
    flows(1);
    fake_netfront_tx(card.front, 0)->req_prod += 1000;
    bell();
    CHECK_HAS(hear(NET_CTL_BROKEN).u.text, "more than it can hold");
    CHECK(!told->carrier);
    close(w.conn_fd);
    dial();
    CHECK_HAS(hear(NET_CTL_BROKEN).u.text, "more than it can hold");
    ask(NET_CTL_DISCONNECT);
    hear(NET_CTL_DISCONNECTED);
    quit();
    down();
}

TEST(wiring_that_is_none_is_the_guests_fault)
{
    struct net_ctl m = { .type = NET_CTL_CONNECT };

    up();
    dial();
    ask_open(false);
    m.u.wiring = *fake_netfront_wiring(card.front);
    m.u.wiring.nr_queues = 2;
    say(m, -1);
    CHECK_HAS(hear(NET_CTL_BROKEN).u.text, "multi-queue-num-queues: 2");
    m.u.wiring.nr_queues = 1;
    m.u.wiring.queue[0].rx_ref = 12345678;
    say(m, -1);
    CHECK_HAS(hear(NET_CTL_BROKEN).u.text, "grant 12345678");
    ask(NET_CTL_DISCONNECT);
    hear(NET_CTL_DISCONNECTED);
    ask_connect();
    hear(NET_CTL_CONNECTED);
    flows(1);
    quit();
    down();
}

TEST(an_order_that_cannot_be_ends_it)
{
    struct net_ctl m = { .type = NET_CTL_OPEN };

    up();
    dial();
    m.u.open = (struct net_open){ .nr_queues = 9, .domid = CARD_GUEST };
    say(m, -1);
    CHECK_HAS(hear(NET_CTL_FAILED).u.text, "9 queues, want 1..8");
    CHECK_EQ(WEXITSTATUS(backend_end()), 1);
    down();
}

RUN_TESTS(RULE(a_card_is_opened_connected_left_and_connected_again),
          RULE(no_file_of_its_grows), RULE(a_successor_goes_on_by_the_journal),
          RULE(a_successor_that_cannot_go_on_leaves_no_link),
          RULE(it_serves_on_without_a_supervisor),
          RULE(a_guest_that_broke_the_protocol_is_told_of_to_whoever_asks),
          RULE(wiring_that_is_none_is_the_guests_fault),
          RULE(an_order_that_cannot_be_ends_it))
