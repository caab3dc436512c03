/* SPDX-License-Identifier: MIT */
/*
 * steward_abi.h - the control page: what dom0 and a guest's steward say
 *
 * One page, grant entry XEN_STEWARD_CONTROL_REF, shared for the guest's life.
 * Each side writes its own half and never reads back what it wrote; each
 * fetches the other's fields once and checks them before use.  Rings of the
 * doorbell say only "look again": none may be relied upon.
 *
 * How a launch goes:
 *
 *   steward                                dom0's supervisor
 *   state = READY, ring ─────────────────▶ map the page, XS_INTRODUCE,
 *                                          console nodes, fill offer,
 *   read offer once        ◀───────────── offer.introduced = 1, ring
 *   state = LOADING
 *   grant a batch, want[w], ring ────────▶ fill its pages by grant copy
 *   revoke every grant of the batch ◀───── done[w] = want[w].seq, ring
 *   (both windows in flight: one is hashed while dom0 fills the other)
 *   measure, set_role, start vCPU 0
 *   state = RUNNING, ring ───────────────▶ guest runs
 *
 * Any failure: the steward writes error and text, then state = FAILED, rings
 * and never starts a guest vCPU.  dom0's own failure: offer.aborted = 1.
 *
 * While the guest runs, dom0 has the steward move it by commands, one at a
 * time:
 *
 *   write command.op, then command.seq, ring ───▶ do it, whatever it takes
 *                          ◀──────────────────── answer, answer.seq = seq, ring
 */
#ifndef STEWARD_ABI_H
#define STEWARD_ABI_H

#include <stddef.h>
#include <stdint.h>

#define FH_CONTROL_MAGIC 0x46485354U /* "FHST" */
#define FH_ABI_VERSION 1

/* The steward's, in struct fh_control.state. */
enum fh_state {
    FH_STATE_NONE,
    FH_STATE_READY,    /* rings and grants stand; waiting for introduced */
    FH_STATE_LOADING,  /* offer accepted; batches are wanted */
    FH_STATE_STARTING, /* measured, every grant taken back; waits for noted */
    FH_STATE_RUNNING,  /* the guest's vCPU 0 was started */
    FH_STATE_FAILED,   /* see error and text */
    FH_STATES
};

enum fh_error {
    FH_ERR_NONE,
    FH_ERR_OFFER,    /* a length or size of the offer is out of range */
    FH_ERR_CMDLINE,  /* the command line is not acceptable */
    FH_ERR_KERNEL,   /* neither a bzImage nor a PVH ELF, or damaged */
    FH_ERR_MEMORY,   /* kernel and initrd do not fit the guest's memory */
    FH_ERR_POPULATE, /* Xen had no memory for the guest */
    FH_ERR_PROTOCOL, /* dom0 broke the rules above */
    FH_ERR_GRANT,    /* dom0 kept a page that was taken back */
    FH_ERR_XEN,      /* a hypercall failed */
    FH_ERR_FAULT,    /* the steward itself faulted */
    FH_ERR_STATE,    /* not now */
    FH_ERRORS
};

enum fh_blob { FH_BLOB_CMDLINE, FH_BLOB_KERNEL, FH_BLOB_INITRD, FH_BLOBS };

#define FH_CMDLINE_MAX 4096u       /* bytes, the suffix and NUL included */
#define FH_KERNEL_MAX (1ull << 30) /* bytes */
#define FH_WINDOWS 2u
#define FH_BATCH_PAGES 512u /* at most, per window */

/* A batch of granted pages that the steward wants filled. */
struct fh_batch {
    uint32_t seq;       /* 0: none yet; written last */
    uint32_t blob;      /* enum fh_blob */
    uint64_t off_bytes; /* into the blob; a multiple of 4096 */
    uint32_t len_bytes; /* at most nr_refs pages, more than nr_refs - 1 */
    uint32_t nr_refs;   /* 1..FH_BATCH_PAGES */
    uint32_t first_ref; /* first_ref .. first_ref + nr_refs - 1 */
    uint32_t pad;
};

/*
 * What dom0 may ask of the steward of a guest that runs.
 *
 *            TRACK               FINAL
 *   IDLE ───────────▶ TRACKING ─────────▶ FINAL
 *    ▲                 │ └PASS┘             │
 *    └─CANCEL, failure─┴─CANCEL, failure,───┘
 *                        or the guest runs again
 *
 * FINAL wants a guest that is suspended.  When it was not moved after all,
 * dom0 resumes it; the steward hears of that from Xen, and is IDLE again.
 */
enum fh_op {
    FH_OP_NONE,
    FH_OP_TRACK,  /* have Xen note which pages change */
    FH_OP_PASS,   /* take those that changed since they were last taken */
    FH_OP_FINAL,  /* take the rest, and the vCPUs' state */
    FH_OP_CANCEL, /* forget all of it; in any state */
    FH_OPS
};

enum fh_transfer {
    FH_TRANSFER_IDLE,
    FH_TRANSFER_TRACKING,
    FH_TRANSFER_FINAL,
    FH_TRANSFERS
};

struct fh_command {
    uint32_t seq; /* another one than before; written last */
    uint32_t op;  /* enum fh_op */
};

struct fh_answer {
    uint32_t seq;      /* of the command that was done; written last */
    uint32_t error;    /* enum fh_error; then the transfer is IDLE */
    uint32_t transfer; /* enum fh_transfer; IDLE also unasked, with a ring */
    uint32_t nr_passes;
    uint64_t ram_pages;     /* the guest has; by TRACK, and by FINAL anew */
    uint64_t dirty_pages;   /* taken by the last command */
    uint64_t context_bytes; /* of the vCPUs' state; by FINAL */
    char text[128];         /* why it failed, NUL terminated */
};

struct fh_steward_half { /* written by the steward only */
    uint32_t magic;      /* FH_CONTROL_MAGIC */
    uint32_t abi_version;
    uint32_t state; /* enum fh_state; written after what it announces */
    uint32_t error; /* enum fh_error */
    uint64_t loaded_bytes, total_bytes; /* progress; total 0: not known */
    uint8_t guest_id[16];
    uint8_t measurement[32]; /* valid from STARTING on */
    char text[256];          /* why it failed, NUL terminated */
    struct fh_batch want[FH_WINDOWS];
    struct fh_answer answer;
};

/* offer.flags */
#define FH_OFFER_TRUST_BACKENDS 1u /* no xen_*front.trusted=0 suffix */

struct fh_offer {
    uint32_t flags;               /* FH_OFFER_* */
    uint32_t pad;                 /* 0 */
    uint64_t ram_bytes;           /* the guest's memory, multiple of 4096 */
    uint64_t len_bytes[FH_BLOBS]; /* cmdline without NUL; initrd may be 0 */
    uint32_t introduced;          /* 1: the above is valid; written last */
    uint32_t aborted;             /* 1: dom0 gives up */
};

struct fh_dom0_half { /* written by dom0 only */
    struct fh_offer offer;
    uint32_t done[FH_WINDOWS]; /* seq of the batch filled last */
    uint32_t noted;            /* 1: it took down what STARTING announced */
    struct fh_command command;
};

struct fh_control {
    struct fh_steward_half steward;
    uint8_t pad[2048 - sizeof(struct fh_steward_half)];
    struct fh_dom0_half dom0;
};
_Static_assert(offsetof(struct fh_control, dom0) == 2048, "fh_control");
_Static_assert(sizeof(struct fh_control) <= 4096, "fh_control");

/*
 * The launch measurement: SHA-256 over four items, each behind its length in
 * bytes as a u64: the command line as the kernel gets it (suffix included, no
 * NUL), the kernel file, the initrd file, and this configuration.
 */
struct fh_map_entry { /* as in E820 */
    uint64_t gpa;
    uint64_t len_bytes;
    uint32_t type; /* FH_MAP_* */
    uint32_t pad;  /* 0 */
};
#define FH_MAP_RAM 1u
#define FH_MAP_RESERVED 2u
#define FH_MAP_ACPI 3u
#define FH_MAP_MAX 8u

struct fh_measured_config {
    uint32_t abi_version;
    uint32_t nr_guest_vcpus; /* without the steward's */
    uint32_t visible_grant_frames;
    uint32_t nr_map;
    struct fh_map_entry map[FH_MAP_MAX]; /* unused ones all zero */
};

#endif
