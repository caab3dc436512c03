/* SPDX-License-Identifier: MIT */
/*
 * mig.h - what a migration needs of Xen and of the guest, and how it fails
 *
 * The engine makes no hypercall and knows no page table: it asks a struct
 * mig_world.  The steward fills that with hypercalls, tests with a fake.
 */
#ifndef STEWARD_MIG_H
#define STEWARD_MIG_H

#include <stdbool.h>

#include "abi/migrate_wire.h"
#include "err.h"

/* A transfer's types of evidence, and the states that evidence names. */
enum mig_evidence { MIG_ATTEST = 1, MIG_FENCED, MIG_POISONED, MIG_COMMITTED };
#define MIG_STATE_RUN 2u
#define MIG_STATE_RECEIVING 3u
#define MIG_FLAGS_HOST 7u          /* of its flags, those of the host */
#define MIG_FLAG_MIGRATABLE 0x100u /* the domain may be fenced */
#define MIG_TSC_NATIVE 2u          /* mode: never emulated */

struct mig_claims { /* what Xen says is true, checked by our own Xen */
    uint32_t type;  /* enum mig_evidence */
    uint32_t flags; /* MIG_FLAGS_HOST, MIG_FLAG_MIGRATABLE */
    uint32_t state;
    uint8_t instance[FH_MIG_ID_BYTES];
    uint8_t peer[FH_MIG_ID_BYTES];
    uint8_t guest_id[FH_MIG_ID_BYTES];
    uint8_t session[FH_MIG_ID_BYTES];
    uint64_t generation;
    uint8_t digest[FH_MIG_HASH_BYTES];
    uint8_t image[FH_MIG_HASH_BYTES];
    uint8_t measurement[FH_MIG_HASH_BYTES];
    uint8_t config[FH_MIG_HASH_BYTES]; /* of how dom0 made the domain */
    uint8_t cpu_policy[FH_MIG_HASH_BYTES];
};

/* This domain, as its own Xen describes it; both sides must agree. */
struct mig_machine {
    uint32_t nr_guest_vcpus;
    uint32_t visible_grant_frames;
    uint64_t ram_bytes;
    struct fh_mig_tsc tsc;
    struct fh_mig_param param[FH_MIG_PARAMS];
    struct fh_measured_config config; /* its map is the guest's */
    const void *policy;               /* CPU policy, canonical bytes */
    uint32_t policy_bytes;
    struct mig_claims own; /* of its own evidence */
};

struct mig_fence {
    uint8_t session[FH_MIG_ID_BYTES];
    uint8_t peer[FH_MIG_ID_BYTES];
    uint8_t digest[FH_MIG_HASH_BYTES];
    uint32_t suspension; /* the one whose memory was sent */
};

/*
 * Each function returns 0, or what Xen said (negative).  Evidence buffers are
 * FH_MIG_EVIDENCE_BYTES.  A block is 512 frames, 2 MiB aligned.
 */
struct mig_world {
    void *arg;

    /* evidence: xen/README.md and stream.md, section 2 */
    long (*attest)(void *arg, const uint8_t digest[FH_MIG_HASH_BYTES],
                   uint8_t *evidence);
    /* of ATTEST, over that digest */
    long (*verify)(void *arg, const uint8_t *evidence,
                   const uint8_t digest[FH_MIG_HASH_BYTES],
                   struct mig_claims *out);
    /* what evidence of any type says, true or not */
    void (*claims)(void *arg, const uint8_t *evidence, struct mig_claims *out);
    long (*fence)(void *arg, const struct mig_fence *f, uint8_t *evidence);
    long (*poison)(void *arg, const uint8_t *session, const uint8_t *peer,
                   uint8_t *evidence);
    long (*commit)(void *arg, const uint8_t *fenced, const uint8_t *session,
                   const uint8_t *peer, const uint8_t *digest,
                   uint8_t *evidence);
    long (*unfence)(void *arg, const uint8_t *poisoned);
    long (*retire)(void *arg, const uint8_t *committed);

    /* Where a block's memory is, until the next call; never NULL. */
    uint8_t *(*block)(void *arg, uint64_t block);

    /* bit i of present: frame i of the block is populated */
    long (*present)(void *arg, uint64_t block, uint64_t present[8]);

    /* source: how many frames the guest has outside its memory map */
    long (*stray)(void *arg);
    long (*log)(void *arg, bool on);
    /* fetch and clear: 8 words a block */
    long (*take_dirty)(void *arg, uint64_t block, uint64_t nr_blocks,
                       uint64_t *bitmap);
    /* the number of the guest's suspend; 0: it is not suspended */
    uint32_t (*suspended)(void *arg);
    /* log what is written to behind the log's back */
    long (*mark_mapped)(void *arg, uint32_t suspension);
    /* its vCPUs stand still so much of the time; ends with the log */
    long (*slow)(void *arg, uint32_t percent);
    /* *bytes: room, then how many */
    long (*get_context)(void *arg, uint32_t suspension, void *out,
                        uint32_t *bytes);
    /* of that moment: FH_MIG_PARAMS, the one that is the guest's first */
    long (*get_params)(void *arg, struct fh_mig_param *out);

    /* destination */
    long (*populate)(void *arg, uint64_t gfn, uint32_t nr);
    long (*give_back)(void *arg, uint64_t gfn, uint32_t nr);
    /* all were compared, but the first: that one is set */
    long (*set_params)(void *arg, const struct fh_mig_param *p);
    long (*set_context)(void *arg, const void *p, uint32_t bytes);
};

/*
 * Record why a transfer ended, as err.h does it: `object: what: cause`, and
 * never a word about memory.  e->code is an enum fh_mig_error.
 */
int mig_fail(struct st_err *e, enum fh_mig_error code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Constant time; for what is secret, or made from it. */
bool mig_equal(const void *a, const void *b, size_t bytes);
bool mig_is_zero(const void *p, size_t bytes);

#endif
