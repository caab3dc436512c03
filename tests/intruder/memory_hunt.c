/* SPDX-License-Identifier: MIT */
/* memory_hunt.c - search what other domains left behind */
#include "memory_hunt.h"

#include "accomplice.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <xen/trace.h>

#define PAGE_BYTES 4096u
#define BATCH_PAGES 2048u
#define LARGE_ORDER 9u
#define HUNT_GFN (1u << LARGE_ORDER)
#define HUNT_PAGES_MAX 0xc0000u /* 3 GiB: the accomplice is 32-bit code */
#define RESERVE_PAGES 16384u    /* 64 MiB that the host keeps to go on */
#define RUNS_WANTED 3u
#define RUN_LOOK_MS 250
#define RUN_LOOKS_MAX 60u
#define TRACE_PAGES 256u /* per CPU */

/* Does a page hold the secret? */
typedef int page_matches(const struct canary_line *line, const void *page);

/* The guest filled whole pages with it. */
static int begins_with_line(const struct canary_line *line, const void *page)
{
    return canary_lines_in(line, page, sizeof(*line)) > 0;
}

static int has_registers(const struct canary_line *line, const void *page)
{
    return canary_regs_in(line, page, PAGE_BYTES);
}

/* Map nr frames of domid and count those that match. */
static long scan(struct hc *h, const struct canary_line *line, uint16_t domid,
                 const xen_pfn_t *pfn, uint32_t nr, page_matches *matches)
{
    int *err = calloc(nr, sizeof(*err));
    uint8_t *va = NULL;
    long found = 0;

    if (!err)
        return -ENOMEM;
    va = xenforeignmemory_map(h->fmem, domid, PROT_READ, nr, pfn, err);
    if (!va)
        found = -errno;
    for (uint32_t i = 0; va && i < nr; i++)
        if (!err[i])
            found += matches(line, va + (size_t)i * PAGE_BYTES);
    if (va)
        xenforeignmemory_unmap(h->fmem, va, nr);
    free(err);
    return found;
}

static uint64_t free_pages(struct hc *h)
{
    struct xen_sysctl s = { 0 };

    if (hc_sysctl(h, XEN_SYSCTL_physinfo, &s) < 0)
        return 0;
    /* Pages that wait to be scrubbed are free, too. */
    return s.u.physinfo.free_pages;
}

/*
 * Let the accomplice have what is free: large pages first, which is faster,
 * and small ones for what they leave.  How many pages it got.
 */
static uint64_t take_all(struct hc *h, uint16_t acc, uint64_t avail)
{
    unsigned order = LARGE_ORDER;
    uint64_t got = 0;

    while (got < avail) {
        long rc =
            acc_populate(h, acc, HUNT_GFN + got, BATCH_PAGES >> order, order);

        if (rc > 0)
            got += (uint64_t)rc << order;
        else if (order > 0)
            order = 0;
        else
            break;
    }
    return got;
}

long hunt_free_memory(struct hc *h, const struct canary_line *line,
                      uint64_t *nr_pages)
{
    uint64_t avail = free_pages(h);
    long found;
    int acc;

    *nr_pages = 0;
    avail = avail > RESERVE_PAGES ? avail - RESERVE_PAGES : 0;
    if (avail > HUNT_PAGES_MAX)
        avail = HUNT_PAGES_MAX;
    acc = acc_create(h, ACC_HVM, avail * 4);
    if (acc < 0)
        return acc;
    found = acc_populate(h, (uint16_t)acc, 0, 1, 0);
    if (found == 1) {
        *nr_pages = take_all(h, (uint16_t)acc, avail);
        found = acc_count(h, (uint16_t)acc, HUNT_GFN, (uint32_t)*nr_pages,
                          line->word[0]);
    }
    acc_destroy(h, acc);
    return found;
}

static long trace_op(struct hc *h, struct xen_sysctl *s, uint32_t cmd,
                     uint32_t size)
{
    *s = (struct xen_sysctl){ .u.tbuf_op.cmd = cmd, .u.tbuf_op.size = size };
    return hc_sysctl(h, XEN_SYSCTL_tbuf_op, s);
}

/* info: the page, or pages, that say where each CPU's buffer is. */
static long scan_buffers(struct hc *h, const struct canary_line *line,
                         const struct t_info *info, size_t info_bytes,
                         page_matches *matches, uint64_t *nr_pages)
{
    const uint32_t *words = (const void *)info;
    long found = 0, rc;
    xen_pfn_t *pfn = calloc(info->tbuf_size, sizeof(*pfn));

    if (!pfn)
        return -ENOMEM;
    for (unsigned cpu = 0; info->mfn_offset[cpu] != 0; cpu++) {
        uint32_t at = info->mfn_offset[cpu];

        if ((at + info->tbuf_size) * sizeof(*words) > info_bytes)
            break;
        for (unsigned i = 0; i < info->tbuf_size; i++)
            pfn[i] = words[at + i];
        rc = scan(h, line, DOMID_XEN, pfn, info->tbuf_size, matches);
        if (rc < 0) {
            found = rc;
            break;
        }
        found += rc;
        *nr_pages += info->tbuf_size;
    }
    free(pfn);
    return found;
}

/* Make the buffers, if there are none yet, and trace the events of mask. */
static long trace_start(struct hc *h, uint32_t mask)
{
    struct xen_sysctl s;
    long rc;

    trace_op(h, &s, XEN_SYSCTL_TBUFOP_set_size, TRACE_PAGES);
    s = (struct xen_sysctl){ .u.tbuf_op.cmd = XEN_SYSCTL_TBUFOP_set_evt_mask,
                             .u.tbuf_op.evt_mask = mask };
    rc = hc_sysctl(h, XEN_SYSCTL_tbuf_op, &s);
    return rc < 0 ? rc : trace_op(h, &s, XEN_SYSCTL_TBUFOP_enable, 0);
}

static long trace_search(struct hc *h, const struct canary_line *line,
                         page_matches *matches, uint64_t *nr_pages)
{
    struct xen_sysctl s;
    xen_pfn_t pfn[16];
    unsigned nr_info;
    void *info;
    long rc = trace_op(h, &s, XEN_SYSCTL_TBUFOP_get_info, 0);

    if (rc < 0)
        return rc;
    nr_info = s.u.tbuf_op.size / PAGE_BYTES;
    if (nr_info == 0 || nr_info > sizeof(pfn) / sizeof(pfn[0]))
        return -ERANGE;
    for (unsigned i = 0; i < nr_info; i++)
        pfn[i] = s.u.tbuf_op.buffer_mfn + i;
    info =
        xenforeignmemory_map(h->fmem, DOMID_XEN, PROT_READ, nr_info, pfn, NULL);
    if (!info)
        return -errno;
    rc = scan_buffers(h, line, info, s.u.tbuf_op.size, matches, nr_pages);
    xenforeignmemory_unmap(h->fmem, info, nr_info);
    return rc;
}

long hunt_trace_buffers(struct hc *h, const struct canary_line *line,
                        uint64_t *nr_pages)
{
    struct xen_sysctl s;
    long rc = trace_start(h, 0);

    *nr_pages = 0;
    if (rc == 0)
        rc = trace_search(h, line, begins_with_line, nr_pages);
    trace_op(h, &s, XEN_SYSCTL_TBUFOP_disable, 0);
    return rc;
}

static uint64_t cpu_time_ns(struct hc *h, uint16_t domid)
{
    struct xen_domctl d = { 0 };

    if (hc_domctl(h, XEN_DOMCTL_getdomaininfo, domid, &d) < 0)
        return 0;
    return d.u.getdomaininfo.cpu_time;
}

/* Nobody tells dom0 that a guest ran, so its clock is looked at. */
static void wait_until_run(struct hc *h, uint16_t domid, unsigned times)
{
    uint64_t now_ns, seen_ns = cpu_time_ns(h, domid);

    for (unsigned look = 0; times > 0 && look < RUN_LOOKS_MAX; look++) {
        poll(NULL, 0, RUN_LOOK_MS);
        now_ns = cpu_time_ns(h, domid);
        if (now_ns != seen_ns)
            times--;
        seen_ns = now_ns;
    }
}

long hunt_trace_events(struct hc *h, const struct canary_line *line,
                       uint16_t domid, uint64_t *nr_pages)
{
    struct xen_sysctl s;
    long rc = trace_start(h, TRC_HVM);

    *nr_pages = 0;
    if (rc < 0)
        return rc;
    wait_until_run(h, domid, RUNS_WANTED);
    trace_op(h, &s, XEN_SYSCTL_TBUFOP_disable, 0);
    return trace_search(h, line, has_registers, nr_pages);
}
