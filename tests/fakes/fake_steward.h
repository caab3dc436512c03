/* SPDX-License-Identifier: MIT */
/*
 * fake_steward.h - a Xen, a guest's memory and a dom0 for the steward
 *
 * Exports steward/hyper.h, pages.h and fault.h.  The fake dom0 acts whenever
 * the steward sleeps: it answers as the supervisor would, then calls tamper,
 * which may undo or worsen that.
 */
#ifndef FAKE_STEWARD_H
#define FAKE_STEWARD_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>

#include <xen/grant_table.h>
#include <xen/hvm/hvm_vcpu.h>

#include "steward/layout.h"

#define FAKE_RAM_BYTES (128 * MIB_BYTES)
#define FAKE_GRANT_FRAMES 4u

enum fake_end {
    FAKE_RUNNING, /* the guest was started, or is waited for */
    FAKE_FAILED,  /* the steward said why */
    FAKE_STUCK,   /* it sleeps and nobody will ring */
    FAKE_CRASHED, /* it crashed the domain */
};

struct fake_steward {
    struct fh_control *control;
    struct grant_entry_v1 *grants;
    uint8_t *ram; /* FAKE_RAM_BYTES, from guest address 0 on */

    /* What the test wants; fake_reset() gives sound values. */
    struct xen_steward_info info;
    struct fh_offer offer;
    const uint8_t *blob[FH_BLOBS];
    void (*tamper)(struct fake_steward *f, const struct fh_batch *filled,
                   unsigned window); /* filled: NULL after the offer */
    bool mute;                       /* dom0 fills nothing */
    bool never_notes;                /* dom0 does not say that it noted */
    bool no_memory;
    /* Of the guest, once it runs: what it has, wrote, and where it stands. */
    struct xen_steward_run has[8];
    uint32_t nr_has;
    uint64_t wrote[16];  /* page numbers, logged while there is a log */
    uint64_t mapped[16]; /* those that mark_mapped puts in */
    uint32_t nr_wrote, nr_mapped;
    uint32_t suspension, context_bytes;
    /* Instead of sleeping, once the guest runs; false: sleep for good. */
    bool (*while_running)(struct fake_steward *f);
    /* Xen refuses the nth of these calls from now on: 0: none. */
    uint32_t refuse_at;
    uint32_t step; /* pages that one take does at most; 0: all */

    /* What happened. */
    unsigned nr_batches, nr_roles, nr_notify, live_frames, nr_private;
    uint32_t role;
    bool logs, context_clear;
    bool populated, started;
    uint8_t measurement[32]; /* as given to Xen */
    struct vcpu_hvm_context context;
};

extern struct fake_steward fake;

/* Empty memory, a sound offer without blobs, a dom0 that plays by the rules. */
void fake_reset(void);
void fake_blob(enum fh_blob blob, const void *bytes, uint64_t len_bytes);

/* Run steward_main() until it sleeps for good. */
enum fake_end fake_launch(void);

/* Grants that dom0 could use at this moment. */
unsigned fake_live_grants(void);

#endif
