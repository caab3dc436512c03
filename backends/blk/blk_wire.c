/* SPDX-License-Identifier: MIT */
/*
 * blk_wire.c - requests and responses in each ABI's layout
 *
 * How this works: the ABIs have the same fields in the same order, and differ
 * in how a 64-bit one is aligned: i386 puts the id at 4, all others at 8.
 * Behind it nothing moves any more.  So a request is a head, perhaps four bytes
 * of padding, and a body.
 */
#include "backends/blk/blk_wire.h"

#include <stddef.h>
#include <string.h>

#include "common/checked.h"

struct head {
    uint8_t op;
    uint8_t detail; /* number of segments, discard's flag, the inner op */
    uint16_t more;  /* handle; of an indirect request its segments */
};

struct body {
    uint64_t id;
    uint64_t sector;
    union {
        struct blk_wire_seg seg[BLKIF_MAX_SEGMENTS_PER_REQUEST];
        uint64_t nr_sectors;
        struct {
            uint16_t handle, pad;
            uint32_t ref[BLK_WIRE_INDIRECT_PAGES_MAX];
        } indirect;
    } u;
};

struct answer {
    uint64_t id;
    uint8_t op, pad;
    int16_t status;
    uint32_t tail; /* not on i386 */
};

#define BODY_AT_32 4u
#define BODY_AT_64 8u

/* clang-format off */
#define SAME(theirs, field, at) \
    _Static_assert(offsetof(theirs, field) == (at), #theirs " " #field)

/* The one with 64-bit alignment is what this side's own header says. */
SAME(struct blkif_request, nr_segments, offsetof(struct head, detail));
SAME(struct blkif_request, id, BODY_AT_64);
SAME(struct blkif_request, sector_number,
     BODY_AT_64 + offsetof(struct body, sector));
SAME(struct blkif_request, seg, BODY_AT_64 + offsetof(struct body, u.seg));
SAME(struct blkif_request_discard, flag, offsetof(struct head, detail));
SAME(struct blkif_request_discard, id, BODY_AT_64);
SAME(struct blkif_request_discard, sector_number,
     BODY_AT_64 + offsetof(struct body, sector));
SAME(struct blkif_request_discard, nr_sectors,
     BODY_AT_64 + offsetof(struct body, u.nr_sectors));
SAME(struct blkif_request_indirect, indirect_op,
     offsetof(struct head, detail));
SAME(struct blkif_request_indirect, nr_segments, offsetof(struct head, more));
SAME(struct blkif_request_indirect, id, BODY_AT_64);
SAME(struct blkif_request_indirect, sector_number,
     BODY_AT_64 + offsetof(struct body, sector));
SAME(struct blkif_request_indirect, indirect_grefs,
     BODY_AT_64 + offsetof(struct body, u.indirect.ref));
SAME(struct blkif_response, operation, offsetof(struct answer, op));
SAME(struct blkif_response, status, offsetof(struct answer, status));
_Static_assert(sizeof(struct blkif_response) == sizeof(struct answer), "");
_Static_assert(sizeof(struct blkif_request) ==
               BODY_AT_64 + sizeof(struct body), "");
_Static_assert(sizeof(union blkif_sring_entry) == sizeof(struct blkif_request),
               "");
SAME(struct blkif_request_segment, first_sect,
     offsetof(struct blk_wire_seg, first));
SAME(struct blkif_request_segment, last_sect,
     offsetof(struct blk_wire_seg, last));
_Static_assert(sizeof(struct blkif_request_segment) ==
               sizeof(struct blk_wire_seg), "");

/* What an i386 compiler makes of the same header. */
_Static_assert(BODY_AT_32 + sizeof(struct body) == 108, "i386 request");
_Static_assert(BODY_AT_32 + offsetof(struct body, u.indirect.ref) == 24,
               "i386 indirect request");
#define ANSWER_BYTES_32 12u
_Static_assert(offsetof(struct answer, tail) == ANSWER_BYTES_32, "");
/* clang-format on */

static size_t body_at(enum blk_abi abi)
{
    return abi == BLK_ABI_X86_32 ? BODY_AT_32 : BODY_AT_64;
}

uint32_t blk_wire_slot_bytes(enum blk_abi abi)
{
    return body_at(abi) + sizeof(struct body);
}

void blk_wire_read(enum blk_abi abi, const void *slot, struct blk_wire *out)
{
    struct head h;
    struct body b;

    memcpy(&h, slot, sizeof(h));
    memcpy(&b, (const uint8_t *)slot + body_at(abi), sizeof(b));
    *out = (struct blk_wire){ .id = b.id, .sector = b.sector, .op = h.op };
    switch (h.op) {
    case BLKIF_OP_DISCARD:
        out->flag = h.detail;
        out->nr_sectors = b.u.nr_sectors;
        break;
    case BLKIF_OP_INDIRECT:
        out->inner = h.detail;
        out->nr_segs = h.more;
        memcpy(out->u.indirect, b.u.indirect.ref, sizeof(out->u.indirect));
        break;
    default:
        out->nr_segs = h.detail;
        memcpy(out->u.seg, b.u.seg,
               MIN_OF(h.detail, ARRAY_SIZE(b.u.seg)) * sizeof(b.u.seg[0]));
        break;
    }
}

uint32_t blk_wire_answer(enum blk_abi abi, uint64_t id, uint8_t op,
                         int16_t status, void *slot)
{
    struct answer a = { .id = id, .op = op, .status = status };

    memset(slot, 0, blk_wire_slot_bytes(abi));
    if (abi == BLK_ABI_X86_32) {
        memcpy(slot, &a, ANSWER_BYTES_32);
        return ANSWER_BYTES_32;
    }
    memcpy(slot, &a, sizeof(a));
    return sizeof(a);
}
