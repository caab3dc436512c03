/* SPDX-License-Identifier: MIT */
/*
 * bare-domain.c - a protected domain without a toolstack, for xen/test/probe.S
 *
 * usage: bare-domain
 *
 * Creates it (1 vCPU and the steward's, 64 MiB), unpauses it, waits until it
 * suspends itself, resumes it, waits until it powers off, destroys it.  Exits
 * 0 if all of that came to pass, 1 if not.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <xencall.h>
#include <xenctrl.h>

#include "common/err.h"
#include "toolstack/supervisor/hyp.h"

#define WAIT_MS 60000u
#define LOOK_NS 10000000

/*
 * xenstored does not know this domain, so nothing announces its end: look
 * again and again.
 */
static int wait_shutdown(struct hyp *h, uint16_t domid, uint32_t reason,
                         struct err *e)
{
    struct timespec look = { .tv_nsec = LOOK_NS };
    struct hyp_info info = { 0 };

    for (uint32_t ms = 0; ms < WAIT_MS; ms += LOOK_NS / 1000000) {
        int rc = hyp_info(h, domid, &info, e);

        if (rc < 0)
            return rc;
        if (info.shutdown && info.reason == reason)
            return 0;
        if (info.shutdown)
            return fail(e, -EPROTO,
                        "domain %u: shut down: got reason %u, want %u", domid,
                        info.reason, reason);
        nanosleep(&look, NULL);
    }
    return fail(e, -ETIMEDOUT,
                "domain %u: wait for shutdown reason %u: not within %u ms",
                domid, reason, WAIT_MS);
}

/* libxenguest's own would drag in the library that maps foreign pages. */
static int resume(uint16_t domid, struct err *e)
{
    xencall_handle *call = xencall_open(NULL, 0);
    struct xen_domctl *d = call ? xencall_alloc_buffer_pages(call, 1) : NULL;
    int rc;

    if (!d)
        return fail(e, -errno, "domain %u: resume: no privcmd", domid);
    *d = (struct xen_domctl){ .cmd = XEN_DOMCTL_resumedomain,
                              .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                              .domain = domid };
    rc = xencall1(call, __HYPERVISOR_domctl, (uintptr_t)d)
             ? fail(e, -errno, "domain %u: resume: %s", domid, strerror(errno))
             : 0;
    xencall_close(call);
    return rc;
}

static int play(struct hyp *h, uint16_t *domid, struct err *e)
{
    struct hyp_spec s = { .uuid = "bare-domain",
                          .ram_bytes = 64u << 20,
                          .nr_vcpus = 1 };
    struct hyp_ports ports;
    int rc = hyp_create(h, &s, domid, e);

    if (rc == 0)
        rc = hyp_configure(h, *domid, &s, &ports, e);
    if (rc == 0)
        rc = hyp_unpause(h, *domid, e);
    if (rc == 0)
        rc = wait_shutdown(h, *domid, HYP_SUSPEND, e);
    if (rc == 0)
        rc = resume(*domid, e);
    if (rc == 0)
        rc = wait_shutdown(h, *domid, HYP_POWEROFF, e);
    return rc;
}

int main(void)
{
    uint16_t domid = HYP_DOMID_NONE;
    struct err e = { 0 };
    struct hyp *h = NULL;
    int rc = hyp_open(&h, &e);

    if (rc == 0)
        rc = play(h, &domid, &e);
    if (rc < 0)
        fprintf(stderr, "bare-domain: %s\n", e.text);
    if (h && domid != HYP_DOMID_NONE && hyp_destroy(h, domid, NULL) < 0)
        rc = -1;
    hyp_close(h);
    return rc < 0;
}
