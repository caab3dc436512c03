/* SPDX-License-Identifier: MIT */
/*
 * fake_mover.h - a guest's steward and its Xen, as freehold-migrate sees them
 *
 * Speaks abi/steward_abi.h from the guest's side, over a page and slots in
 * plain memory: handshake, epochs, tokens, states.  Nothing is encrypted; what
 * must be checked of a frame (stream, sequence, epoch) is.  Tokens carry
 * "evidence" that only a fake Xen with the right session and state accepts.
 */
#ifndef FAKE_MOVER_H
#define FAKE_MOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/steward_abi.h"
#include "migrate/wire.h"

enum fake_xen { /* stream.md, 8.3 */
                FAKE_XEN_RUN = 2,
                FAKE_XEN_RECEIVING,
                FAKE_XEN_FENCED,
                FAKE_XEN_POISONED,
                FAKE_XEN_RETIRED,
};

#define FAKE_MOVER_EPOCHS 4u

struct fake_mover {
    struct fh_control page; /* shared with dom0 */
    uint8_t *slots;         /* dom0's, granted */
    enum fake_xen xen;
    bool suspended; /* the guest; set by who suspends it */
    bool dead;      /* it does nothing any more */
    bool forgets;   /* PAUSED is answered, and that is all */
    bool by_itself; /* source: the guest says PAUSED, DRAINED, and suspends */
    uint32_t frames_in[FAKE_MOVER_EPOCHS]; /* a stream, of an epoch; then 1 */
    uint32_t busy_until;    /* source: that many epochs do not get less */
    uint32_t fail_at_frame; /* destination: that one is bad; 0: none */

    /* Its own memory. */
    bool sends;
    enum fh_move_state state;
    uint32_t nr_streams, nr_slots;
    uint32_t moved[FH_MOVE_STREAMS];
    uint32_t seq[FH_MOVE_STREAMS];  /* sealed or opened last */
    uint32_t left[FH_MOVE_STREAMS]; /* of this epoch, to be sent */
    uint32_t last[FH_MOVE_STREAMS]; /* destination: EPOCH's */
    uint32_t epoch, acked, nr_frames;
    bool sending, paused, drained, ended;
    uint32_t slow_percent, slow_most; /* as Xen was told last, and at most */
    uint32_t command_seq, mail_taken, mail_seq;
    bool mail_waits;
    struct fh_mail mail;
    uint8_t h[2][512]; /* H1, H2 */
    uint8_t session[WIRE_ID_BYTES];
    uint8_t token[FH_TOKEN_BYTES];
    uint32_t rings; /* of dom0's doorbell */
};

/* A domain that runs, or one in RECEIVING.  seed: of what it draws. */
void fake_mover_open(struct fake_mover *m, enum fake_xen xen, uint8_t *slots,
                     uint32_t seed);
/* Do one thing that there is to do; false: there was none. */
bool fake_mover_step(struct fake_mover *m);

/* All bytes of a frame that are looked at. */
#define FAKE_FRAME_BYTES 32u

#endif
