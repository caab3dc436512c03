/* SPDX-License-Identifier: MIT */
/*
 * fake_mig.h - a domain and its Xen, for the steward's migration engine
 *
 * Fills a struct mig_world.  Evidence is HMAC'd as Xen does it, states move
 * as Xen moves them, memory has a log, holes and pages that are nobody's.
 */
#ifndef FAKE_MIG_H
#define FAKE_MIG_H

#include <bearssl.h>

#include "steward/drbg.h"
#include "steward/layout.h"
#include "steward/mig.h"
#include "steward/ram.h"

#define FAKE_MIG_CONTEXT_MAX 100000u
#define FAKE_MIG_POLICY_BYTES 40000u
#define FAKE_MIG_WINDOW_BLOCKS 3u /* small, so that epochs have several */

enum fake_mig_state { /* stream.md, 8.3 */
                      FAKE_MIG_RUN = 2,
                      FAKE_MIG_RECEIVING,
                      FAKE_MIG_FENCED,
                      FAKE_MIG_POISONED,
                      FAKE_MIG_RETIRED,
};

struct fake_mig {
    struct mig_world world;
    struct mig_machine me;
    struct ram ram;
    struct drbg drbg;
    uint8_t pool_key[32];
    uint64_t nr_blocks; /* 0 .. nr_blocks - 1, and those from high_block on */
    uint64_t high_block, nr_high;
    uint8_t *memory;           /* low blocks, then high ones */
    uint64_t *present, *dirty; /* 8 words a block, in the same order */
    uint64_t *window;          /* for struct export */
    uint64_t holed[64];        /* for struct import */
    uint8_t *context_buffer;   /* for either */
    uint8_t policy[FAKE_MIG_POLICY_BYTES];
    uint8_t context[FAKE_MIG_CONTEXT_MAX]; /* of the guest's vCPUs */
    uint32_t context_bytes;

    enum fake_mig_state state;
    bool logging, context_set;
    uint32_t slow_percent;        /* of the time it stands still */
    uint32_t nr_slowed;           /* how often that was news */
    uint32_t suspension, resumes; /* suspension 0: it runs */
    struct xen_steward_evidence fenced, poisoned, committed;
    uint64_t callback;   /* the parameter that is the guest's */
    uint64_t mapped_gfn; /* changes behind the log's back; 0: none */
    long stray;
    uint32_t nr_calls, fail_at; /* the nth call fails; 0: none does */
};

/*
 * A domain of low_blocks + high_blocks of 2 MiB, but for its last block, of
 * which 5 pages are there; high ones from 4 GiB on.  A RECEIVING one has no
 * guest id and zeroed memory.  Seeds differ: so do instances.
 */
void fake_mig_open(struct fake_mig *f, enum fake_mig_state state,
                   uint32_t low_blocks, uint32_t high_blocks, uint32_t seed);
void fake_mig_close(struct fake_mig *f);

/* The guest writes to a page.  false: it has no such page. */
bool fake_mig_write(struct fake_mig *f, uint64_t gfn, const void *page);
/* The guest gives a page back, or gets it again, zero. */
void fake_mig_balloon(struct fake_mig *f, uint64_t gfn, bool out);
/* A page, NULL where there is none. */
const uint8_t *fake_mig_page(const struct fake_mig *f, uint64_t gfn);

/* Every frame of the map, in order; UINT64_MAX behind the last. */
uint64_t fake_mig_next(const struct fake_mig *f, uint64_t gfn);

/* Does D have what S has, page for page? */
bool fake_mig_same(const struct fake_mig *s, const struct fake_mig *d);
/* Hash of all memory, what is nobody's included. */
void fake_mig_hash(const struct fake_mig *f, uint8_t out[32]);

#endif
