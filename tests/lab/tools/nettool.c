/* SPDX-License-Identifier: MIT */
/*
 * nettool.c - what tests of the network need and busybox has not
 *
 *   nettool frame IF HEX [COUNT]     send that frame, whole, as it stands
 *   nettool echo PORT                answer UDP datagrams, IPv4 and IPv6, until
 *                                    killed; says "ready" when it can
 *   nettool udp HOST PORT COUNT BYTES...
 *                                    COUNT datagrams of each size, one after
 *                                    the other; each must come back whole.
 *                                    Prints what was right, lost and wrong and
 *                                    the median of the microseconds it took
 *   nettool xdp IF CMD...            run CMD while an XDP program that passes
 *                                    everything is attached to IF
 *
 * Built into the guests' initrd, and beside the tests' programs for dom0.
 * Exit status: 0, 1: what came was not what was sent, 2: it cannot be done.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DATAGRAM_MAX 65507u
#define TRIES 5
#define WAIT_MS 1000

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "nettool: %s: %s\n", what, strerror(errno));
    exit(2);
}

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* --- frame ------------------------------------------------------------------
 */

static unsigned from_hex(const char *hex, uint8_t *out, unsigned max)
{
    unsigned n = 0;

    for (; hex[0] && hex[1] && n < max; hex += 2) {
        char two[3] = { hex[0], hex[1], '\0' }, *end;

        out[n++] = (uint8_t)strtoul(two, &end, 16);
        if (*end) {
            errno = EINVAL;
            die(hex);
        }
    }
    return n;
}

static int frame(const char *device, const char *hex, unsigned count)
{
    static uint8_t bytes[9216];
    unsigned n = from_hex(hex, bytes, sizeof(bytes));
    struct sockaddr_ll to = { .sll_family = AF_PACKET };
    int fd = socket(AF_PACKET, SOCK_RAW, 0);

    to.sll_ifindex = (int)if_nametoindex(device);
    if (fd < 0 || !to.sll_ifindex)
        die(device);
    while (count--)
        if (sendto(fd, bytes, n, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
            die("sendto");
    return 0;
}

/* --- echo and udp -----------------------------------------------------------
 */

static int echo(const char *port)
{
    static uint8_t bytes[DATAGRAM_MAX];
    struct sockaddr_in6 at = { .sin6_family = AF_INET6 };
    int fd = socket(AF_INET6, SOCK_DGRAM, 0), no = 0, much = 4 << 20;

    at.sin6_port = htons((uint16_t)atoi(port));
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &much, sizeof(much));
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        die(port);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct sockaddr_storage who;
        socklen_t len = sizeof(who);
        ssize_t n = recvfrom(fd, bytes, sizeof(bytes), 0,
                             (struct sockaddr *)&who, &len);

        if (n >= 0)
            sendto(fd, bytes, (size_t)n, 0, (struct sockaddr *)&who, len);
    }
}

struct tally {
    unsigned right, wrong, lost, nr_us;
    uint32_t *us;
};

/* Bytes that differ with each datagram and place: a shift shows, too. */
static void fill(uint8_t *bytes, unsigned n, uint32_t seed)
{
    uint32_t x = seed * 2654435761u + 1;

    for (unsigned i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(x >> 24);
    }
    if (n >= sizeof(seed))
        memcpy(bytes, &seed, sizeof(seed));
}

/* One datagram there and back, sent again if nothing comes. */
static void round_trip(int fd, unsigned bytes, uint32_t seed, struct tally *t)
{
    static uint8_t out[DATAGRAM_MAX], in[DATAGRAM_MAX];

    fill(out, bytes, seed);
    for (int i = 0; i < TRIES; i++) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        uint64_t start = now_us();
        ssize_t n;

        if (send(fd, out, bytes, 0) < 0 && errno != ECONNREFUSED)
            die("send");
        while (poll(&p, 1, WAIT_MS) > 0) {
            n = recv(fd, in, sizeof(in), 0);
            if (n < 0)
                die("recv");
            /* An answer to an earlier try of another seed is late, not wrong.
             */
            if (bytes >= sizeof(seed) && n >= (ssize_t)sizeof(seed) &&
                memcmp(in, out, sizeof(seed)) != 0)
                continue;
            if (n == (ssize_t)bytes && memcmp(in, out, bytes) == 0) {
                t->right++;
                t->us[t->nr_us++] = (uint32_t)(now_us() - start);
            } else {
                t->wrong++;
            }
            return;
        }
    }
    t->lost++;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static int udp(const char *host, const char *port, unsigned count, char **sizes,
               int nr_sizes)
{
    struct addrinfo hint = { .ai_socktype = SOCK_DGRAM }, *to;
    struct tally t = { 0 };
    uint32_t seed = (uint32_t)now_us();
    int fd;

    if (getaddrinfo(host, port, &hint, &to) != 0) {
        errno = EINVAL;
        die(host);
    }
    t.us = calloc((size_t)count * (size_t)nr_sizes + 1, sizeof(*t.us));
    fd = socket(to->ai_family, SOCK_DGRAM, 0);
    if (!t.us || fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen) != 0)
        die(host);
    for (int s = 0; s < nr_sizes; s++) {
        unsigned bytes = (unsigned)atoi(sizes[s]);

        for (unsigned i = 0; i < count; i++)
            round_trip(fd, bytes > DATAGRAM_MAX ? DATAGRAM_MAX : bytes, seed++,
                       &t);
    }
    qsort(t.us, t.nr_us, sizeof(*t.us), by_value);
    printf("right %u lost %u wrong %u us %u\n", t.right, t.lost, t.wrong,
           t.nr_us ? t.us[t.nr_us / 2] : 0);
    return t.lost || t.wrong;
}

/* --- xdp --------------------------------------------------------------------
 */

static long bpf(int cmd, union bpf_attr *attr)
{
    return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* The link, and with it the program, is gone with its descriptor. */
static int xdp(const char *device, char **cmd)
{
    static const struct bpf_insn pass[] = {
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS },
        { .code = BPF_JMP | BPF_EXIT },
    };
    union bpf_attr load = { .prog_type = BPF_PROG_TYPE_XDP,
                            .insn_cnt = 2,
                            .insns = (uint64_t)(uintptr_t)pass,
                            .license = (uint64_t)(uintptr_t)"MIT" };
    union bpf_attr link = { 0 };
    int status = 0;
    pid_t pid;

    link.link_create.prog_fd = (uint32_t)bpf(BPF_PROG_LOAD, &load);
    if ((int)link.link_create.prog_fd < 0)
        die("BPF_PROG_LOAD");
    link.link_create.target_ifindex = if_nametoindex(device);
    link.link_create.attach_type = BPF_XDP;
    link.link_create.flags = 1u << 2; /* XDP_FLAGS_DRV_MODE: the driver's own */
    if (bpf(BPF_LINK_CREATE, &link) < 0)
        die(device);
    pid = fork();
    if (pid == 0) {
        execvp(cmd[0], cmd);
        die(cmd[0]);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        die(cmd[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[1] : "";

    if (strcmp(verb, "frame") == 0 && argc >= 4)
        return frame(argv[2], argv[3], argc > 4 ? (unsigned)atoi(argv[4]) : 1);
    if (strcmp(verb, "echo") == 0)
        return echo(argv[2]);
    if (strcmp(verb, "udp") == 0 && argc >= 6)
        return udp(argv[2], argv[3], (unsigned)atoi(argv[4]), argv + 5,
                   argc - 5);
    if (strcmp(verb, "xdp") == 0 && argc >= 4)
        return xdp(argv[2], argv + 3);
    fputs("usage: nettool frame|echo|udp|xdp ...: see nettool.c\n", stderr);
    return 2;
}
