/* SPDX-License-Identifier: MIT */
/*
 * proxy.h - the window between proxy.c in a domain and a test in dom0
 *
 * PROXY_PAGES pages from XEN_STEWARD_SHARED_GPA on, granted as PROXY_REF and
 * following.  dom0 puts arguments anywhere behind the struct, a call into it,
 * counts seq up and rings; the proxy makes the call, sets done and rings back.
 */
#ifndef PROXY_H
#define PROXY_H

#include <stdint.h>

#define PROXY_PAGES 16u
#define PROXY_REF 8u
#define PROXY_MAGIC 0x59585250u /* "PRXY" */

struct proxy {
    /* The proxy's. */
    uint32_t magic; /* written last: the page is whole */
    uint32_t done;  /* seq of the call that was made */
    int64_t rc;
    uint64_t guest_entry, guest_cr3; /* for a vCPU that runs guest_loop */
    /* dom0's. */
    uint32_t seq;
    uint32_t nr; /* of the hypercall */
    uint64_t arg[3];
    /* guest_loop's; its rbx points to this struct. */
    uint32_t ticks;   /* goes up for as long as it runs */
    uint32_t suspend; /* dom0: 1, please */
    uint64_t resumed; /* what Xen said when it went on */
    uint32_t resumes; /* how often it did */
    uint32_t pad;
};
_Static_assert(sizeof(struct proxy) == 88, "proxy");

#endif
