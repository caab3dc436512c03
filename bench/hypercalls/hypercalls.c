/* SPDX-License-Identifier: MIT */
/*
 * hypercalls.c - a program in dom0 that times hypercalls; bench/xen
 *
 * usage: bench_hypercalls
 *
 * It prints `CALLS name COUNT NS` for each, as tests/guest/calls does for a
 * guest: NS is the shortest time that COUNT in a row took in any of BURSTS
 * bursts.  All are asked of dom0 about dom0, in the way that programs do, so a
 * system call is part of each.  Exits 1 if one failed.
 */
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xencall.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#define PAGE_BYTES 4096u
#define BURSTS 25u
#define TRIES 3u /* to find how many calls fill a burst */
#define BURST_NS 10000000u
#define COUNT_MAX (1u << 24)

struct bench {
    xc_interface *xc;
    xencall_handle *call;
    xenevtchn_handle *evtchn;
    xengnttab_handle *gnttab;
    xengntshr_handle *gntshr;
    evtchn_port_t send_port, heard_port; /* ends of one channel */
    uint32_t ref;                        /* a page of ours, granted to dom0 */
    uint8_t *buffer;
};

struct job {
    const char *name;
    int (*once)(struct bench *b); /* 0: it worked; else errno says */
};

/* --- the calls ----------------------------------------------------------- */
static int once_version(struct bench *b)
{
    return xencall2(b->call, __HYPERVISOR_xen_version, XENVER_version, 0) <= 0;
}

static int once_yield(struct bench *b)
{
    return xencall2(b->call, __HYPERVISOR_sched_op, SCHEDOP_yield, 0) < 0;
}

/* There and back: sent, heard by /dev/xen/evtchn, unmasked. */
static int once_send(struct bench *b)
{
    if (xenevtchn_notify(b->evtchn, b->send_port) < 0)
        return -1;
    if (xenevtchn_pending(b->evtchn) != (int)b->heard_port)
        return -1;
    return xenevtchn_unmask(b->evtchn, b->heard_port);
}

static int once_map(struct bench *b)
{
    void *va =
        xengnttab_map_grant_ref(b->gnttab, 0, b->ref, PROT_READ | PROT_WRITE);

    return va ? xengnttab_unmap(b->gnttab, va, 1) : -1;
}

static int once_copy(struct bench *b)
{
    xengnttab_grant_copy_segment_t s = {
        .source.foreign = { .ref = b->ref, .domid = 0 },
        .dest.virt = b->buffer,
        .len = PAGE_BYTES,
        .flags = GNTCOPY_source_gref,
    };

    if (xengnttab_grant_copy(b->gnttab, 1, &s) < 0)
        return -1;
    return s.status != GNTST_okay;
}

static int once_domctl(struct bench *b)
{
    xc_domaininfo_t info;

    return xc_domain_getinfo_single(b->xc, 0, &info);
}

static int once_sysctl(struct bench *b)
{
    xc_physinfo_t info = { 0 };

    return xc_physinfo(b->xc, &info);
}

static int once_memory(struct bench *b)
{
    xen_pfn_t last;

    return xc_domain_maximum_gpfn(b->xc, 0, &last);
}

/* A PV dom0's page tables are Xen's to check: a process made and gone. */
static int once_fork(struct bench *b)
{
    pid_t pid = fork();
    int status;

    (void)b;
    if (pid == 0)
        _exit(0);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

/* --- the stopwatch ---------------------------------------------------------
 */
static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ns that count calls take; 0: one failed. */
static uint64_t burst(struct bench *b, const struct job *j, uint32_t count)
{
    uint64_t t0 = now_ns();

    for (uint32_t i = 0; i < count; i++)
        if (j->once(b))
            return 0;
    return now_ns() - t0;
}

/* The shortest of so many bursts; 0: one call failed. */
static uint64_t shortest(struct bench *b, const struct job *j, uint32_t count,
                         uint32_t bursts)
{
    uint64_t best = UINT64_MAX;

    while (bursts--) {
        uint64_t ns = burst(b, j, count);

        if (!ns)
            return 0;
        if (ns < best)
            best = ns;
    }
    return best;
}

static int measure(struct bench *b, const struct job *j)
{
    uint32_t count = 16;
    uint64_t best;

    while ((best = shortest(b, j, count, TRIES)) && best < BURST_NS &&
           count < COUNT_MAX)
        count *= 2;
    if (best)
        best = shortest(b, j, count, BURSTS);
    if (!best) {
        printf("CALLS %s failed %s\n", j->name, strerror(errno));
        return -1;
    }
    printf("CALLS %s %u %llu\n", j->name, count, (unsigned long long)best);
    return 0;
}

static int prepare(struct bench *b)
{
    uint8_t *shared;
    int port;

    b->xc = xc_interface_open(NULL, NULL, 0);
    b->call = xencall_open(NULL, 0);
    b->evtchn = xenevtchn_open(NULL, 0);
    b->gnttab = xengnttab_open(NULL, 0);
    b->gntshr = xengntshr_open(NULL, 0);
    b->buffer = aligned_alloc(PAGE_BYTES, PAGE_BYTES);
    if (!b->xc || !b->call || !b->evtchn || !b->gnttab || !b->gntshr ||
        !b->buffer)
        return -1;
    memset(b->buffer, 1, PAGE_BYTES);
    shared = xengntshr_share_pages(b->gntshr, 0, 1, &b->ref, 1);
    if (!shared)
        return -1;
    memset(shared, 2, PAGE_BYTES);
    port = xenevtchn_bind_unbound_port(b->evtchn, 0);
    if (port < 0)
        return -1;
    b->heard_port = (evtchn_port_t)port;
    port = xenevtchn_bind_interdomain(b->evtchn, 0, b->heard_port);
    if (port < 0)
        return -1;
    b->send_port = (evtchn_port_t)port;
    /* An end that is bound may be rung at once. */
    for (;;) {
        struct timespec wait = { .tv_nsec = 50000000 };
        fd_set set;
        int fd = xenevtchn_fd(b->evtchn);

        FD_ZERO(&set);
        FD_SET(fd, &set);
        if (pselect(fd + 1, &set, NULL, NULL, &wait, NULL) <= 0)
            return 0;
        port = xenevtchn_pending(b->evtchn);
        if (port < 0 || xenevtchn_unmask(b->evtchn, (evtchn_port_t)port) < 0)
            return -1;
    }
}

int main(void)
{
    static const struct job jobs[] = {
        { "version", once_version }, { "yield", once_yield },
        { "send", once_send },       { "map", once_map },
        { "copy", once_copy },       { "domctl", once_domctl },
        { "sysctl", once_sysctl },   { "memory", once_memory },
        { "fork", once_fork },
    };
    struct bench b = { 0 };
    int failed = 0;
    cpu_set_t first;

    /* Where dom0's events come: else `send` has two speeds. */
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    if (sched_setaffinity(0, sizeof(first), &first) < 0 || prepare(&b) < 0) {
        fprintf(stderr, "bench_hypercalls: prepare: %s\n", strerror(errno));
        return 1;
    }
    for (unsigned i = 0; i < sizeof(jobs) / sizeof(*jobs); i++)
        failed |= measure(&b, &jobs[i]);
    return failed ? 1 : 0;
}
