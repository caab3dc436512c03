/* SPDX-License-Identifier: MIT */
/*
 * gcm_ni.h - AES-256-GCM by the CPU's own instructions
 *
 * Needs AES-NI, PCLMULQDQ and SSSE3, and only the SSE state that start.S
 * enables.  gcm.c is the only caller.
 */
#ifndef STEWARD_GCM_NI_H
#define STEWARD_GCM_NI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GCM_NI_ROUND_KEYS 15u
#define GCM_NI_WIDE 8u /* blocks at a time */

struct gcm_ni {
    uint8_t round_key[GCM_NI_ROUND_KEYS][16] __attribute__((aligned(16)));
    uint64_t power[GCM_NI_WIDE][2] __attribute__((aligned(16))); /* H^8 first */
    uint64_t folded[GCM_NI_WIDE][2] __attribute__((aligned(16)));
};

bool gcm_ni_available(void);

void gcm_ni_key(struct gcm_ni *k, const uint8_t key[32]);

/*
 * Encrypt or decrypt bytes in place and return the tag of aad and ciphertext.
 * The text must be private: it is read more than once.
 */
void gcm_ni_seal(const struct gcm_ni *k, const uint8_t nonce[12],
                 const void *aad, size_t aad_bytes, void *text, size_t bytes,
                 uint8_t tag[16]);
void gcm_ni_open(const struct gcm_ni *k, const uint8_t nonce[12],
                 const void *aad, size_t aad_bytes, void *text, size_t bytes,
                 uint8_t tag[16]);

#endif
