/* SPDX-License-Identifier: MIT */
/*
 * measure.h - the launch measurement (abi/steward_abi.h says of what)
 */
#ifndef STEWARD_MEASURE_H
#define STEWARD_MEASURE_H

#include <bearssl/bearssl_hash.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/steward_abi.h"

#define MEASURE_BYTES 32u

struct measure {
    br_sha256_context sha;
    bool fast; /* by the CPU's own instructions */
};

void measure_begin(struct measure *m);

/* Announce an item of item_bytes, then feed its bytes in order. */
void measure_item(struct measure *m, uint64_t item_bytes);
void measure_bytes(struct measure *m, const void *p, size_t bytes);

/* The last item. */
void measure_config(struct measure *m, const struct fh_measured_config *c);
void measure_end(struct measure *m, uint8_t out[MEASURE_BYTES]);

#endif
