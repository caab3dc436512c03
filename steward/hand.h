/* SPDX-License-Identifier: MIT */
/*
 * hand.h - the handshake: who is at the other end, and keys between us
 *
 * Source and destination prove by Xen's evidence what they are, agree on what
 * the guest's machine looks like, and derive one key a direction and stream
 * from an X25519 exchange that neither dom0 can take part in.  hand_src.c and
 * hand_dst.c are the two sides; messages are private copies of what dom0
 * relayed.  Whoever gets an error must hand_wipe() and start no second time.
 *
 * Source: migrate/stream.md, section 5.
 */
#ifndef STEWARD_HAND_H
#define STEWARD_HAND_H

#include "dh.h"
#include "drbg.h"
#include "frame.h"
#include "mig.h"

#define HAND_OVER 0xffu /* struct hand.step: no message is wanted any more */

struct hand { /* zero it, then set the first three */
    const struct mig_world *world;
    const struct mig_machine *me;
    bool soft; /* encrypt by BearSSL's code, where the CPU has none */

    uint8_t step; /* the message that comes next */
    bool check;   /* a dry run */
    uint16_t nr_streams;
    struct dh dh;
    struct fh_mig_side h1;
    struct fh_mig_h2 h2;
    struct fh_mig_h3 h3;
    struct mig_claims peer; /* after H2 or H3 */
    uint8_t t4[FH_MIG_HASH_BYTES];
    uint8_t fin_s[FH_MIG_HASH_BYTES], fin_d[FH_MIG_HASH_BYTES];

    /* What it is all for. */
    uint8_t session[FH_MIG_ID_BYTES];
    struct frame_key s2d[FH_MIG_STREAMS_MAX], d2s;
};

/* Source: make H1; answer H2 by H3; answer H4 by H5. */
int hand_src_begin(struct hand *h, struct drbg *d, uint16_t nr_streams,
                   bool check, struct fh_mig_side *h1, struct st_err *e);
int hand_src_h2(struct hand *h, const struct fh_mig_h2 *h2,
                struct fh_mig_h3 *h3, struct st_err *e);
int hand_src_h4(struct hand *h, const struct fh_mig_finished *h4,
                struct fh_mig_finished *h5, struct st_err *e);

/* Destination: answer H1 by H2; answer H3 by H4; check H5. */
int hand_dst_h1(struct hand *h, struct drbg *d, const struct fh_mig_side *h1,
                struct fh_mig_h2 *h2, struct st_err *e);
int hand_dst_h3(struct hand *h, const struct fh_mig_h3 *h3,
                struct fh_mig_finished *h4, struct st_err *e);
int hand_dst_h5(struct hand *h, const struct fh_mig_finished *h5,
                struct st_err *e);

/* Forget every key; session and peer stay. */
void hand_wipe(struct hand *h);

/* SHA-256 of a label and nr pieces. */
struct hand_piece {
    const void *p;
    size_t bytes;
};
void hand_hash(const char *label, const struct hand_piece *piece, unsigned nr,
               uint8_t out[FH_MIG_HASH_BYTES]);

/* ---- for hand_src.c and hand_dst.c ---- */

/* This side's own struct, a new key and nonce in it. */
void hand_side(struct hand *h, struct drbg *d, const char *magic,
               struct fh_mig_side *out);
/* Ranges, and that the other side's machine is as ours. */
int hand_check_side(const struct hand *h, const struct fh_mig_side *s,
                    const char *magic, struct st_err *e);
/* Xen's word on the peer's evidence: a domain like this one, in that state. */
int hand_check_peer(struct hand *h, const uint8_t *evidence, uint32_t state,
                    const uint8_t digest[FH_MIG_HASH_BYTES], struct st_err *e);
/* What it means that verify said rc. */
enum fh_mig_error hand_verify_error(long rc);
int hand_attest(const struct hand *h, const uint8_t digest[FH_MIG_HASH_BYTES],
                uint8_t *evidence, struct st_err *e);
/* T2, T3, T4 out of what h has of the messages. */
void hand_t2(const struct hand *h, uint8_t out[FH_MIG_HASH_BYTES]);
void hand_t3(const struct hand *h, uint8_t out[FH_MIG_HASH_BYTES]);
/* T4, session and all keys. */
int hand_keys(struct hand *h, const uint8_t peer_x[DH_BYTES], struct st_err *e);
void hand_h4(const struct hand *h, struct fh_mig_finished *out);
void hand_h5(const struct hand *h, const struct fh_mig_finished *h4,
             struct fh_mig_finished *out);
int hand_check_finished(const struct fh_mig_finished *got,
                        const struct fh_mig_finished *want, struct st_err *e);
/* Messages come in order, each once. */
int hand_expect(struct hand *h, uint8_t step, struct st_err *e);

#endif
