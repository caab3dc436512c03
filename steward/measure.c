/* SPDX-License-Identifier: MIT */
/*
 * measure.c - the launch measurement, by SHA-256
 *
 * How this works: BearSSL keeps the state, the partial blocks and the end.
 * Whole blocks go past it to the CPU's own instructions where it has them:
 * several times faster, and hashing is most of a launch.
 */
#include "measure.h"

#include "sha_ni.h"

/* What is hashed is the struct's bytes: it must have no padding. */
_Static_assert(sizeof(struct fh_map_entry) == 24, "fh_map_entry");
_Static_assert(sizeof(struct fh_measured_config) ==
                   16 + FH_MAP_MAX * sizeof(struct fh_map_entry),
               "fh_measured_config");

void measure_begin(struct measure *m)
{
    br_sha256_init(&m->sha);
    m->fast = sha_ni_available();
}

void measure_item(struct measure *m, uint64_t item_bytes)
{
    measure_bytes(m, &item_bytes, sizeof(item_bytes));
}

void measure_bytes(struct measure *m, const void *p, size_t bytes)
{
    const uint8_t *from = p;

    if (m->fast) {
        size_t filled = m->sha.count % SHA_NI_BLOCK_BYTES;
        size_t head = filled ? SHA_NI_BLOCK_BYTES - filled : 0, nr_blocks;

        if (head > bytes)
            head = bytes;
        br_sha256_update(&m->sha, from, head);
        from += head;
        bytes -= head;
        nr_blocks = bytes / SHA_NI_BLOCK_BYTES;
        sha_ni_blocks(m->sha.val, from, nr_blocks);
        m->sha.count += nr_blocks * SHA_NI_BLOCK_BYTES;
        from += nr_blocks * SHA_NI_BLOCK_BYTES;
        bytes -= nr_blocks * SHA_NI_BLOCK_BYTES;
    }
    br_sha256_update(&m->sha, from, bytes);
}

void measure_config(struct measure *m, const struct fh_measured_config *c)
{
    measure_item(m, sizeof(*c));
    measure_bytes(m, c, sizeof(*c));
}

void measure_end(struct measure *m, uint8_t out[MEASURE_BYTES])
{
    br_sha256_out(&m->sha, out);
}
