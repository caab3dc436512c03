/* SPDX-License-Identifier: MIT */
/*
 * sha_ni.h - SHA-256's inner loop by the CPU's own instructions
 */
#ifndef STEWARD_SHA_NI_H
#define STEWARD_SHA_NI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA_NI_BLOCK_BYTES 64u

/* Whether this CPU has them. */
bool sha_ni_available(void);

/* Feed nr_blocks to the state, eight words in the order of FIPS 180-4. */
void sha_ni_blocks(uint32_t state[8], const uint8_t *bytes, size_t nr_blocks);

#endif
