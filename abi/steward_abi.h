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
 * With FH_OFFER_RECEIVE nothing is loaded: every len_bytes is 0, no other flag
 * is set, and from READY the state goes to RECEIVING.  When the guest's vCPUs
 * run here it is RUNNING; guest_id and measurement are the guest's then, and
 * noted was not waited for.
 *
 * While the guest runs, dom0 has the steward move it by commands, one at a
 * time:
 *
 *   write command.op, then command.seq, ring ───▶ do it, whatever it takes
 *                          ◀──────────────────── answer, answer.seq = seq, ring
 *
 * A migration's bulk goes by buffers that dom0 granted: struct fh_move_dom0.
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
    FH_STATE_READY,     /* rings and grants stand; waiting for introduced */
    FH_STATE_LOADING,   /* offer accepted; batches are wanted */
    FH_STATE_STARTING,  /* measured, every grant taken back; waits for noted */
    FH_STATE_RUNNING,   /* the guest's vCPU 0 was started */
    FH_STATE_FAILED,    /* see error and text */
    FH_STATE_RECEIVING, /* memory stands, a guest may come: RECEIVE; RUNNING
                           when it runs here */
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
    /* A migration's; enum fh_move_state says what came of them. */
    FH_OP_SEND,    /* begin at the source: fh_move_dom0's first four are set */
    FH_OP_RECEIVE, /* begin at the destination: the same */
    FH_OP_ROUND,   /* begin the next epoch */
    FH_OP_PAUSED,  /* the guest should be suspended now: the last epoch */
    FH_OP_DRAINED, /* no request of it is in flight at any backend */
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

/*
 * A migration (migrate/stream.md): what its two ends tell their dom0, and the
 * way that frames, handshake messages and tokens go between them.
 *
 * How it goes: dom0 grants nr_slots buffers of FH_SLOT_PAGES pages each to the
 * guest, writes nr_streams, nr_slots, flags and ref[], and says SEND or
 * RECEIVE.  The steward fetches these once, then; nothing of it changes while
 * the transfer lasts, and dom0 takes the grants back only when the state is
 * one that ends it (IDLE, CANCELLED, RETIRED, DONE, POISONED) or it is FENCED.
 *
 * Frames.  Slot i serves stream i % nr_streams, so each stream has a ring of
 * m = nr_slots / nr_streams of them (nr_slots is a multiple), and its frame
 * number n, from 0 on, is in slot (n % m) * nr_streams + stream.  Both sides
 * count in moved[stream], free running, from 0 at SEND or RECEIVE:
 *
 *                        source               destination
 *   steward's moved      frames it filled in  frames it took out
 *   dom0's moved         frames it took out   frames it filled in
 *
 * Filled minus taken is 0..m; a side that sees anything else ends the transfer
 * (each compares the other's count with its own private one).  Who fills
 * writes the slot, then len_bytes[slot], then moved; who takes says so only
 * when it does not look at the slot again.  All of stream 0 is in order: DATA
 * and EPOCH.  The steward reaches slots by GNTTABOP_copy alone.
 *
 * Mail.  One struct each way: the writer fills it, seq last, which differs
 * from the one before and is not 0, and writes no other until the reader's
 * mail_taken is that seq.  The reader copies all of it before it looks, and
 * says mail_taken when it does not look again.  It holds
 *
 *   HAND   H1..H5, arg = 1..5                          both ways
 *   SHORT  EPOCH_ACK or READY                          D to dom0, dom0 to S
 *   TOKEN  START, ABORT or DONE                        dom0 to steward
 *
 * A message that means nothing in a state is taken all the same.  What a
 * steward has to say of a transfer's end has places of its own: token, and at
 * the destination READY, which is the last mail in state READY.
 *
 * The doorbell says "look again" for all of it.
 */
enum fh_move_state { /* stream.md, 8.1 and 8.4 */
                     FH_MOVE_IDLE,
                     /* source */
                     FH_MOVE_HELLO,
                     FH_MOVE_SEND_KEYED,
                     FH_MOVE_PRECOPY,
                     FH_MOVE_LAST,
                     FH_MOVE_WAIT_READY,
                     FH_MOVE_AGREED,
                     FH_MOVE_FENCED, /* token is START */
                     FH_MOVE_CANCELLED,
                     FH_MOVE_RETIRED,
                     /* destination */
                     FH_MOVE_ANSWERED,
                     FH_MOVE_KEYED,
                     FH_MOVE_IMPORT,
                     FH_MOVE_READY,
                     FH_MOVE_DONE, /* token is DONE; what follows is the guest's
                                      to write */
                     FH_MOVE_POISONED, /* token is ABORT */
                     FH_MOVE_STATES
};

#define FH_MOVE_STREAMS 4u
#define FH_MOVE_SLOTS 16u
#define FH_SLOT_PAGES 17u
#define FH_FRAME_LONG_BYTES 65904u
#define FH_FRAME_SHORT_BYTES 512u
#define FH_TOKEN_BYTES 352u
#define FH_MAIL_BYTES 512u
#define FH_MOVE_LAST_EPOCH 0xffffffffu

/* fh_move_dom0.flags */
#define FH_MOVE_CHECK 1u /* a dry run: no page moves */

/*
 * fh_move_dom0.slow_percent: for that share of the time the guest's vCPUs are
 * to stand still.  0 at SEND; looked at for as long as the source is PRECOPY.
 */
#define FH_MOVE_SLOW_MAX 80u

enum fh_mail_kind { FH_MAIL_NONE, FH_MAIL_HAND, FH_MAIL_SHORT, FH_MAIL_TOKEN };

struct fh_mail {
    uint32_t kind;      /* enum fh_mail_kind */
    uint32_t arg;       /* HAND: which; else 0 */
    uint32_t len_bytes; /* what is there behind it is zero, or old */
    uint32_t seq;       /* written last */
    uint8_t bytes[FH_MAIL_BYTES];
};

struct fh_move_steward {
    uint32_t state; /* enum fh_move_state; written after what it announces */
    uint32_t error; /* of stream.md section 10; CANCELLED, POISONED: why */
    uint32_t epoch; /* sent or received now or last; 0xffffffff: the last */
    uint32_t acked; /* S: epochs that have their EPOCH_ACK; D: answered */
    uint64_t ram_pages;   /* the guest has */
    uint64_t sent_pages;  /* S: named in frames so far, D: taken from them */
    uint64_t epoch_pages; /* of these, in this epoch; both go by steps of
                             ram_pages / 64 + 1 until it ends */
    uint64_t dirty_pages; /* S: that changed since; UINT64_MAX: not known */
    uint8_t session[16];  /* zero: none yet */
    uint32_t moved[FH_MOVE_STREAMS];
    uint32_t len_bytes[FH_MOVE_SLOTS]; /* S: FH_FRAME_*_BYTES */
    uint32_t mail_taken;               /* seq of dom0's */
    uint32_t pad;
    struct fh_mail mail;
    uint8_t token[FH_TOKEN_BYTES];
    char text[128]; /* what error says, in words; NUL terminated */
};

struct fh_move_dom0 {
    uint32_t nr_streams;   /* 1..FH_MOVE_STREAMS */
    uint32_t nr_slots;     /* a multiple of it, at most FH_MOVE_SLOTS */
    uint32_t flags;        /* FH_MOVE_CHECK */
    uint32_t slow_percent; /* S: 0..FH_MOVE_SLOW_MAX */
    uint32_t moved[FH_MOVE_STREAMS];
    uint32_t len_bytes[FH_MOVE_SLOTS]; /* D: FH_FRAME_*_BYTES */
    uint32_t mail_taken;               /* seq of the steward's */
    uint32_t pad2;
    struct fh_mail mail;
    uint32_t ref[FH_MOVE_SLOTS][FH_SLOT_PAGES]; /* of dom0's grant table */
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
    struct fh_move_steward move;
};

/* offer.flags */
#define FH_OFFER_TRUST_BACKENDS 1u /* no xen_*front.trusted=0 suffix */
#define FH_OFFER_RECEIVE 2u        /* nothing to load: a guest will come */

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
    struct fh_move_dom0 move;
};

struct fh_control {
    struct fh_steward_half steward;
    uint8_t pad[2048 - sizeof(struct fh_steward_half)];
    struct fh_dom0_half dom0;
};
_Static_assert(offsetof(struct fh_control, dom0) == 2048, "fh_control");
_Static_assert(sizeof(struct fh_steward_half) <= 2048, "fh_steward_half");
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
