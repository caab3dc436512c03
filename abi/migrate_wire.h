/* SPDX-License-Identifier: MIT */
/*
 * migrate_wire.h - the bytes of a migration that stewards make and check
 *
 * migrate/stream.md is the specification; this file is its structs.  Stewards
 * make and open all of them; dom0's relay looks at sizes, frame heads and
 * tokens, and can read no more.  Little endian, fixed sizes, and every member
 * called zero is zero.
 */
#ifndef MIGRATE_WIRE_H
#define MIGRATE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "abi/steward_abi.h"

#define FH_MIG_VERSION 1u
#define FH_MIG_SUITE_GCM 1u /* X25519, HKDF-SHA-256, AES-256-GCM */
#define FH_MIG_STREAMS_MAX 4u
#define FH_MIG_EVIDENCE_BYTES 320u /* Xen's, opaque to everybody but Xen */
#define FH_MIG_ID_BYTES 16u        /* session, instance, guest id */
#define FH_MIG_HASH_BYTES 32u

/* Every label is 16 bytes, filled up with zeroes. */
#define FH_MIG_LABEL_BYTES 16u
#define FH_MIG_LABEL_H2 "freehold-1 H2"
#define FH_MIG_LABEL_H3 "freehold-1 H3"
#define FH_MIG_LABEL_H4 "freehold-1 H4"
#define FH_MIG_LABEL_SESSION "freehold-1 sess"
#define FH_MIG_LABEL_S2D "freehold-1 s2d"
#define FH_MIG_LABEL_D2S "freehold-1 d2s"
#define FH_MIG_LABEL_FIN_D "freehold-1 fin d"
#define FH_MIG_LABEL_FIN_S "freehold-1 fin s"
#define FH_MIG_LABEL_DIGEST "freehold-1 dig"
#define FH_MIG_LABEL_READY "freehold-1 ready"

/* ---- handshake ---- */

#define FH_MIG_H1 "FHH1"
#define FH_MIG_H2 "FHH2"
#define FH_MIG_H3 "FHH3"
#define FH_MIG_H4 "FHH4"
#define FH_MIG_H5 "FHH5"

#define FH_MIG_SIDE_CHECK 1u /* side.flags: a dry run, no page moves */

struct fh_mig_side { /* the body of H1 and H2 */
    char magic[4];
    uint16_t version_min, version_max; /* H2: both the chosen one */
    uint32_t suites;                   /* bit n: suite n; H2: one bit */
    uint32_t flags;                    /* FH_MIG_SIDE_* */
    uint16_t nr_streams;
    uint16_t zero;
    uint32_t nr_guest_vcpus;
    uint32_t abi_version; /* FH_ABI_VERSION */
    uint32_t visible_grant_frames;
    uint64_t ram_bytes;
    uint32_t tsc_khz;
    uint8_t zero2[20];
    uint8_t map_hash[FH_MIG_HASH_BYTES]; /* of struct fh_map_entry[] */
    uint8_t zero3[32];
    uint8_t x[32]; /* X25519 public key */
    uint8_t nonce[32];
};

struct fh_mig_h2 {
    struct fh_mig_side side;
    uint8_t evidence[FH_MIG_EVIDENCE_BYTES];
};

struct fh_mig_h3 {
    char magic[4];
    uint8_t zero[12];
    uint8_t evidence[FH_MIG_EVIDENCE_BYTES];
};

struct fh_mig_finished { /* H4, H5 */
    char magic[4];
    uint8_t zero[12];
    uint8_t mac[FH_MIG_HASH_BYTES];
};

/* ---- frames ---- */

#define FH_MIG_FRAME_MAGIC "FHMF"
#define FH_MIG_TEXT_LONG 65856u /* 16 pages, and 24 records more */
#define FH_MIG_TEXT_SHORT 464u
#define FH_MIG_TAG_BYTES 16u
#define FH_MIG_EPOCH_LAST 0xffffffffu

enum fh_mig_frame_type {
    FH_MIG_DATA = 1, /* long; the others are short and on stream 0 */
    FH_MIG_EPOCH,
    FH_MIG_EPOCH_ACK,
    FH_MIG_READY,
};

struct fh_mig_head { /* in clear, and what the tag covers beside the text */
    char magic[4];
    uint8_t version;
    uint8_t type; /* enum fh_mig_frame_type */
    uint16_t stream;
    uint8_t tag_of[8]; /* the session's first bytes */
    uint32_t epoch;
    uint32_t len_bytes; /* of the plaintext */
    uint64_t seq;       /* from 1 on, consecutive for each key */
};

struct fh_mig_long {
    struct fh_mig_head head;
    uint8_t text[FH_MIG_TEXT_LONG];
    uint8_t tag[FH_MIG_TAG_BYTES];
};

struct fh_mig_short {
    struct fh_mig_head head;
    uint8_t text[FH_MIG_TEXT_SHORT];
    uint8_t tag[FH_MIG_TAG_BYTES];
};

/* A record: u64 = gfn:40 | type:4 << 40 | arg:20 << 44, then its bytes. */
enum fh_mig_record {
    FH_MIG_PAD,      /* the rest of the frame is zero */
    FH_MIG_DATA4K,   /* arg 0; a page follows */
    FH_MIG_ZERO_RUN, /* arg: pages */
    FH_MIG_HOLE_RUN, /* arg: frames that are not populated */
    FH_MIG_STATE,    /* arg: bytes that follow, padded to 8 */
    FH_MIG_RECORDS
};

#define FH_MIG_RECORD_BYTES 8u
#define FH_MIG_PAGE_BYTES 4096u
#define FH_MIG_BLOCK_PAGES 512u /* no run crosses a multiple of it */
#define FH_MIG_GFN_BITS 40
#define FH_MIG_TYPE_BITS 4
#define FH_MIG_STATE_BYTES 32768u /* of each part but a state's last */

enum fh_mig_state { /* each once, in this order, in the last epoch */
                    FH_MIG_STATE_CONTEXT = 1,
                    FH_MIG_STATE_TSC,
                    FH_MIG_STATE_POLICY,
                    FH_MIG_STATE_PARAMS,
                    FH_MIG_STATE_MAP,
                    FH_MIG_STATE_GUEST,
                    FH_MIG_STATE_LAUNCH,
                    FH_MIG_STATES
};

struct fh_mig_tsc {
    uint32_t mode, khz;
    uint64_t zero;
};

struct fh_mig_param {
    uint32_t index, zero;
    uint64_t value;
};
#define FH_MIG_PARAMS 4u

struct fh_mig_guest {
    uint8_t guest_id[FH_MIG_ID_BYTES];
    uint64_t generation;
    uint64_t zero;
};

struct fh_mig_launch {
    uint8_t measurement[FH_MIG_HASH_BYTES];
    struct fh_measured_config config;
};

struct fh_mig_epoch { /* what is hashed into digest comes before it */
    uint32_t epoch;
    uint32_t nr_streams;
    uint64_t frames; /* DATA, all so far; and so on */
    uint64_t data_pages, zero_pages, hole_pages;
    uint32_t epoch_pages; /* named in this epoch */
    uint32_t states;      /* STATE ids, all so far */
    uint64_t last_seq[FH_MIG_STREAMS_MAX];
    uint8_t digest[FH_MIG_HASH_BYTES];
    uint8_t zero[352];
};

struct fh_mig_ack { /* EPOCH_ACK, READY */
    uint32_t epoch;
    uint32_t zero;
    uint64_t frames;
    uint8_t digest[FH_MIG_HASH_BYTES];
    uint8_t evidence[FH_MIG_EVIDENCE_BYTES]; /* READY; else zero */
    uint8_t zero2[FH_MIG_TEXT_SHORT - 48 - FH_MIG_EVIDENCE_BYTES];
};

/* ---- tokens ---- */

#define FH_MIG_TOKEN_MAGIC "FHMT"

enum fh_mig_token_type { FH_MIG_START = 1, FH_MIG_ABORT, FH_MIG_DONE };

struct fh_mig_token { /* in clear: its evidence speaks for itself */
    char magic[4];
    uint8_t version;
    uint8_t type; /* enum fh_mig_token_type */
    uint8_t zero[10];
    uint8_t session[FH_MIG_ID_BYTES];
    uint8_t evidence[FH_MIG_EVIDENCE_BYTES];
};

/* ---- errors, on the control page ---- */

enum fh_mig_error {
    FH_MIG_ERR_NONE,
    FH_MIG_ERR_VERSION,   /* no version or suite in common */
    FH_MIG_ERR_SHAPE,     /* memory, vCPUs, grants, ABI or map differ */
    FH_MIG_ERR_POLICY,    /* CPU policy or TSC differ */
    FH_MIG_ERR_EVIDENCE,  /* Xen does not accept the peer's */
    FH_MIG_ERR_PEER,      /* genuine, of the wrong state, image, digest */
    FH_MIG_ERR_HANDSHAKE, /* H4, H5, a DH result, a message out of order */
    FH_MIG_ERR_FRAME,     /* head, sequence or tag */
    FH_MIG_ERR_RECORD,    /* type, frame number, stream */
    FH_MIG_ERR_EPOCH,     /* totals or digest */
    FH_MIG_ERR_STATE,     /* missing, doubled, of wrong size, refused by Xen */
    FH_MIG_ERR_RESUMED,   /* the guest ran between last epoch and fence */
    FH_MIG_ERR_GUEST,     /* memory outside its map, devices passed through */
    FH_MIG_ERR_XEN,       /* a hypercall failed; no CPU to encrypt with */
    FH_MIG_ERR_CANCELLED, /* dom0 asked for it */
    FH_MIG_ERRORS
};

_Static_assert(sizeof(struct fh_mig_side) == 192, "fh_mig_side");
_Static_assert(offsetof(struct fh_mig_side, map_hash) == 64, "fh_mig_side");
_Static_assert(sizeof(struct fh_mig_h2) == 192 + FH_MIG_EVIDENCE_BYTES,
               "fh_mig_h2");
_Static_assert(sizeof(struct fh_mig_h3) == 16 + FH_MIG_EVIDENCE_BYTES,
               "fh_mig_h3");
_Static_assert(sizeof(struct fh_mig_finished) == 48, "fh_mig_finished");
_Static_assert(sizeof(struct fh_mig_head) == 32, "fh_mig_head");
_Static_assert(sizeof(struct fh_mig_long) == 65904, "fh_mig_long");
_Static_assert(sizeof(struct fh_mig_short) == 512, "fh_mig_short");
_Static_assert(sizeof(struct fh_mig_epoch) == FH_MIG_TEXT_SHORT, "epoch");
_Static_assert(offsetof(struct fh_mig_epoch, digest) == 80, "epoch");
_Static_assert(sizeof(struct fh_mig_ack) == FH_MIG_TEXT_SHORT, "ack");
_Static_assert(sizeof(struct fh_mig_token) == 32 + FH_MIG_EVIDENCE_BYTES,
               "token");
_Static_assert(sizeof(struct fh_mig_launch) == 240, "launch");

#endif
