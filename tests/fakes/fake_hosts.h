/* SPDX-License-Identifier: MIT */
/*
 * fake_hosts.h - two hosts' Xens, for two whole stewards in one process
 *
 * Exports steward/hyper.h and pages.h for the domain that was entered last.
 * Evidence, memory, log and vCPUs are fake_mig.c's; here are the hypercalls to
 * it, the steward's private pages, and the grant copy to and from dom0's slots.
 */
#ifndef FAKE_HOSTS_H
#define FAKE_HOSTS_H

#include "tests/fakes/fake_mig.h"

#define FAKE_HOST_SLOTS 8u
#define FAKE_HOST_PRIVATE_PAGES 4096u /* all of the steward's range */

struct fake_host {
    struct fake_mig mig;
    struct fh_control *page; /* shared with dom0 */
    uint8_t *slots;          /* dom0's, granted */
    uint32_t ref[FH_MOVE_SLOTS][FH_SLOT_PAGES];
    uint32_t nr_rings; /* of dom0's doorbell */
    bool revoked;      /* dom0 took its grants back */
    bool no_memory;
    uint32_t calls_left; /* of Xen's: then each is refused; 0: no limit */

    /* The steward's own. */
    uint8_t *private;
    uint8_t has[FAKE_HOST_PRIVATE_PAGES];
    uint32_t nr_private; /* pages that are there */
    bool dirty_pages;    /* one went back that was not wiped */
    bool odd_copy;       /* a copy that no steward makes */
    bool rang_nameless;  /* READY was rung, and nobody could tell of whom */
};

/* As fake_mig_open(); the page is empty. */
void fake_host_open(struct fake_host *h, enum fake_mig_state state,
                    uint32_t low_blocks, uint32_t high_blocks, uint32_t seed);
void fake_host_close(struct fake_host *h);

/* What runs now is its steward. */
void fake_host_enter(struct fake_host *h);

#endif
