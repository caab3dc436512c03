/* SPDX-License-Identifier: MIT */
/*
 * proxied.h - a protected domain that makes the hypercalls a test asks for
 *
 * Xen was booted with xen/test/proxy.c's image in the steward's place.  What
 * goes wrong outside of the calls themselves ends the program, in words.
 */
#ifndef PROXIED_H
#define PROXIED_H

#include <stdint.h>

#include "abi/xen_steward.h"

struct world; /* what this program has open */

struct proxied {
    struct world *world;
    uint16_t domid;
    uint32_t port;            /* ours, of the doorbell */
    volatile uint8_t *window; /* PROXY_PAGES pages */
};

struct world *world_open(void);
void world_close(struct world *w);

/* Make a domain with one guest vCPU, launch it, and wait for its proxy. */
void proxied_open(struct world *w, struct proxied *p);
void proxied_close(struct proxied *p); /* destroys it */

/* Address in the domain of what is at off_bytes of the window. */
uint64_t proxied_at(uint32_t off_bytes);

int64_t proxied_call(struct proxied *p, uint32_t nr, uint64_t a, uint64_t b,
                     uint64_t c);

/* A steward's command on arg, which comes back as Xen left it. */
int64_t proxied_op(struct proxied *p, uint32_t cmd, void *arg, uint32_t bytes);

/* Bytes into and out of the window. */
void proxied_put(struct proxied *p, uint32_t off_bytes, const void *from,
                 uint32_t bytes);
void proxied_get(struct proxied *p, uint32_t off_bytes, void *to,
                 uint32_t bytes);

/* What VCPUOP_initialise and VCPUOP_up of the guest's vCPU say. */
int64_t guest_initialise(struct proxied *p);
int64_t guest_up(struct proxied *p);

int guest_runs(struct proxied *p); /* 1: its ticks go up, within a second */
void proxied_suspend(struct proxied *p); /* and wait until it did */
uint64_t guest_resumed(struct proxied *p, uint32_t *times);

/* dom0's resumedomain: 0 or a negative errno. */
int dom0_resume(struct proxied *p);

#endif
