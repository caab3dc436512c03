/* SPDX-License-Identifier: MIT */
/*
 * unpack.h - a DATA frame's plaintext, record by record, each one checked
 *
 * The frame was sealed by the peer's steward; that makes it the peer's, not
 * right.  What comes out of here may be done: its frames are the guest's
 * memory, belong to this stream, and were not named before in this epoch.
 */
#ifndef STEWARD_UNPACK_H
#define STEWARD_UNPACK_H

#include "abi/migrate_wire.h"
#include "ram.h"

struct unpack_order {  /* a stream's, from frame to frame; zero per epoch */
    uint64_t next_gfn; /* frames of one stream ascend in an epoch */
    bool in_state;     /* nothing but STATE comes behind STATE */
};

struct unpack {
    const struct ram *ram;
    struct unpack_order *order;
    const uint8_t *text; /* FH_MIG_TEXT_LONG bytes, private */
    uint32_t at;
    uint32_t record; /* which one, from 1 on: for messages */
    uint16_t stream, nr_streams;
    bool last_epoch; /* STATE is only there */
};

struct unpacked { /* checked */
    enum fh_mig_record type;
    uint64_t gfn;
    uint32_t nr;          /* frames */
    const uint8_t *bytes; /* of DATA4K and STATE */
    uint32_t len_bytes;
    uint32_t state, part, nr_parts;
};

/*
 * The next record: 1 and *out; 0 at the end of the text; or -1, when *why says
 * what is wrong with it.  There is no going on after that.
 */
int unpack_next(struct unpack *u, struct unpacked *out, const char **why);

#endif
