/* SPDX-License-Identifier: MIT */
/*
 * bare-domain.c - a protected domain without a toolstack, for xen/test/probe.S
 *
 * usage: bare-domain
 *
 * Creates one (1 vCPU and the steward's, 64 MiB), unpauses it, waits until it
 * suspends itself and its steward rings, takes its context from pages that it
 * granted, resumes it, waits until it powers off, destroys it.  Then one more,
 * of 2 vCPUs, which gets that context in the same way, and powers off.  Exits
 * 0 if all of that came to pass, 1 if not.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "abi/xen_steward.h"
#include "common/err.h"
#include "common/evt.h"
#include "common/gnt.h"
#include "toolstack/supervisor/hyp.h"

#define WAIT_MS 60000u
#define LOOK_NS 10000000
#define FIRST_REF 8u /* probe.S */
#define BUFFER_PAGES 4u
#define PAGE 4096u

static uint8_t buffer[BUFFER_PAGES * PAGE];

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

static int wait_ring(struct evt *evt, uint16_t domid, struct err *e)
{
    struct pollfd p = { .fd = evt_fd(evt), .events = POLLIN };
    uint32_t port;

    if (poll(&p, 1, WAIT_MS) == 1 && evt_take(evt, &port) == 1)
        return 0;
    return fail(e, -ETIMEDOUT, "domain %u: its steward has not rung", domid);
}

/* A port that is bound rings at once: that one says nothing. */
static int bind_doorbell(struct evt **out, uint16_t domid, uint32_t *port,
                         struct err *e)
{
    int rc = evt_open(domid, out, e);

    if (rc == 0)
        rc = evt_bind(*out, XEN_STEWARD_DOORBELL_PORT, port, e);
    return rc == 0 ? wait_ring(*out, domid, e) : rc;
}

/* Between our buffer and the domain's. */
static int copy(uint16_t domid, bool to_domain, struct err *e)
{
    struct gnt *g = NULL;
    int rc = gnt_open(&g, e);

    for (uint32_t i = 0; i < BUFFER_PAGES && rc == 0; i++) {
        struct gnt_map map = { 0 };

        rc = gnt_map(g, domid, FIRST_REF + i, &map, e);
        if (rc == 0 && to_domain)
            memcpy(map.va, buffer + i * PAGE, PAGE);
        else if (rc == 0)
            memcpy(buffer + i * PAGE, map.va, PAGE);
        gnt_unmap(g, &map);
    }
    gnt_close(g);
    return rc;
}

static int make(struct hyp *h, uint32_t nr_vcpus, uint16_t *domid,
                struct err *e)
{
    struct hyp_spec s = { .uuid = "bare-domain",
                          .ram_bytes = 64u << 20,
                          .nr_vcpus = nr_vcpus };
    struct hyp_ports ports;
    int rc = hyp_create(h, &s, domid, e);

    return rc == 0 ? hyp_configure(h, *domid, &s, &ports, e) : rc;
}

static int play(struct hyp *h, uint16_t domid, struct err *e)
{
    struct evt *evt = NULL;
    uint32_t port;
    int rc = bind_doorbell(&evt, domid, &port, e);

    if (rc == 0)
        rc = hyp_unpause(h, domid, e);
    if (rc == 0)
        rc = wait_shutdown(h, domid, HYP_SUSPEND, e);
    if (rc == 0)
        rc = wait_ring(evt, domid, e);
    if (rc == 0)
        rc = copy(domid, false, e);
    if (rc == 0)
        rc = hyp_resume(domid, e);
    if (rc == 0)
        rc = wait_shutdown(h, domid, HYP_POWEROFF, e);
    evt_close(evt);
    return rc;
}

static int play_receiver(struct hyp *h, uint16_t domid, struct err *e)
{
    struct evt *evt = NULL;
    uint32_t port;
    int rc = bind_doorbell(&evt, domid, &port, e);

    if (rc == 0)
        rc = hyp_unpause(h, domid, e);
    if (rc == 0)
        rc = wait_ring(evt, domid, e);
    if (rc == 0)
        rc = copy(domid, true, e);
    if (rc == 0) {
        evt_notify(evt, port);
        rc = wait_shutdown(h, domid, HYP_POWEROFF, e);
    }
    evt_close(evt);
    return rc;
}

/* One domain's life, from its making to its end. */
static int live(struct hyp *h, uint32_t nr_vcpus,
                int (*act)(struct hyp *h, uint16_t domid, struct err *e),
                struct err *e)
{
    uint16_t domid = HYP_DOMID_NONE;
    int rc = make(h, nr_vcpus, &domid, e);

    if (rc == 0)
        rc = act(h, domid, e);
    if (domid != HYP_DOMID_NONE && hyp_destroy(h, domid, NULL) < 0)
        rc = -EIO;
    return rc;
}

int main(void)
{
    struct err e = { 0 };
    struct hyp *h = NULL;
    int rc = hyp_open(&h, &e);

    if (rc == 0)
        rc = live(h, 1, play, &e);
    if (rc == 0)
        rc = live(h, 2, play_receiver, &e);
    if (rc < 0)
        fprintf(stderr, "bare-domain: %s\n", e.text);
    hyp_close(h);
    return rc < 0;
}
