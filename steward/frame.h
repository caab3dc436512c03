/* SPDX-License-Identifier: MIT */
/*
 * frame.h - sealed frames: one key, one direction, one stream
 *
 * A frame is head, text and tag in one piece of private memory, and its text
 * is encrypted where it stands.  Short and long frames differ in their text's
 * length alone.
 */
#ifndef STEWARD_FRAME_H
#define STEWARD_FRAME_H

#include "abi/migrate_wire.h"
#include "gcm.h"

struct frame_key { /* wipe() it after the last frame */
    struct gcm gcm;
    uint64_t seq; /* of the last frame; consecutive, never one twice */
    uint16_t stream;
    uint8_t tag_of[8];
};

struct frame_kind { /* what is in clear of a frame */
    enum fh_mig_frame_type type;
    uint32_t epoch;
};

/* Encrypt the text behind head in place, and write head and tag. */
void frame_seal(struct frame_key *k, struct frame_kind kind,
                struct fh_mig_head *head, uint32_t text_bytes);

/*
 * The reverse: head is checked whole, then the tag, and only then is there any
 * plaintext.  NULL, or what is wrong; the text is no plaintext then.
 */
const char *frame_open(struct frame_key *k, struct frame_kind want,
                       struct fh_mig_head *head, uint32_t text_bytes);

/* A frame's tag. */
const uint8_t *frame_tag(const struct fh_mig_head *head, uint32_t text_bytes);

#endif
