/* SPDX-License-Identifier: MIT */
/*
 * rows_freed.c - what a guest leaves in frames it gives up and in Xen's trace
 * (audit 2.5)
 *
 * With freed frames the guest's part is done before: it has given some back
 * (balloon) or is gone.  Since a Xen with protected guests clears every freed
 * page, the control is a run of the same row on stock Xen.
 */
#include "accomplice.h"
#include "frames.h"
#include "memory_hunt.h"
#include "row.h"

#include <errno.h>
#include <stdio.h>

#define FRAMES_MAX 16u

static struct outcome out_of_hunt(long found, uint64_t nr_pages)
{
    char text[64];

    if (found < 0)
        return out_of_rc(found);
    if (found > 0)
        return out_canary();
    if (nr_pages == 0)
        return out_error("no page to look at", 0);
    snprintf(text, sizeof(text), "%llu pages without it",
             (unsigned long long)nr_pages);
    return out_silent(text);
}

static struct outcome free_memory(const struct attack *a)
{
    uint64_t nr_pages;
    long found = hunt_free_memory(a->h, &a->line, &nr_pages);

    return out_of_hunt(found, nr_pages);
}

static struct outcome trace_buffers(const struct attack *a)
{
    uint64_t nr_pages;
    long found = hunt_trace_buffers(a->h, &a->line, &nr_pages);

    return out_of_hunt(found, nr_pages);
}

static struct outcome trace_events(const struct attack *a)
{
    uint64_t nr_pages;
    long found = hunt_trace_events(a->h, &a->line, a->domid, &nr_pages);

    return out_of_hunt(found, nr_pages);
}

static long offline_op(const struct attack *a, uint32_t cmd, uint64_t mfn)
{
    struct xen_sysctl s = { 0 };
    uint32_t *status = hc_buf(a->h, sizeof(*status));

    if (!status)
        return -ENOBUFS;
    s.u.page_offline.cmd = cmd;
    s.u.page_offline.start = s.u.page_offline.end = (uint32_t)mfn;
    set_xen_guest_handle_raw(s.u.page_offline.status, status);
    return hc_sysctl(a->h, XEN_SYSCTL_page_offline_op, &s);
}

/*
 * Take the guest's frames offline, end the guest, bring them back: the path
 * by which a frame is freed without being cleared.
 */
static struct outcome offline_online(const struct attack *a)
{
    uint64_t mfn[FRAMES_MAX];
    int nr = frames_of_gfn(a->h, a->gfn, mfn, FRAMES_MAX);
    long rc = 0;

    if (nr <= 0)
        return out_error("M2P", -nr);
    for (int i = 0; i < nr && rc == 0; i++)
        rc = offline_op(a, sysctl_page_offline, mfn[i]);
    if (rc < 0)
        return out_of_rc(rc);
    acc_destroy(a->h, a->domid);
    for (int i = 0; i < nr; i++)
        offline_op(a, sysctl_page_online, mfn[i]);
    return free_memory(a);
}

#define FREED STAGE_FREED

/* clang-format off */
static const struct row rows[] = {
    { "freed-memory", "2.5", "free memory, after the guest gave some back",
      "K8", free_memory, 0, FREED, RULE_SILENT, 0, ROW_STOCK, NULL },
    { "freed-trace", "2.5", "stale memory in the trace buffers", "K7 K8",
      trace_buffers, 0, FREED, RULE_SILENT, 0, ROW_STOCK, NULL },
    { "trace-events", "2.6", "what Xen traces of the guest's exits", "K7 K10",
      trace_events, 0, STAGE_RUNNING, RULE_SILENT, 0, ROW_STOCK, NULL },
    { "freed-online", "2.5", "frame offline, guest destroyed, online", "K7 K8",
      offline_online, 0, STAGE_GONE, RULE_SILENT, 0, ROW_STOCK, NULL },
};
/* clang-format on */

const struct row_set rows_freed = { rows, sizeof(rows) / sizeof(rows[0]) };
