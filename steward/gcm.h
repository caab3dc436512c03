/* SPDX-License-Identifier: MIT */
/*
 * gcm.h - AES-256-GCM over private memory
 *
 * By the CPU's own instructions (gcm_ni.c).  Without them only on a host, for
 * tests, by BearSSL's constant-time code: a hundred times slower.
 */
#ifndef STEWARD_GCM_H
#define STEWARD_GCM_H

#include <bearssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gcm_ni.h"

#define GCM_KEY_BYTES 32u
#define GCM_NONCE_BYTES 12u
#define GCM_TAG_BYTES 16u

struct gcm { /* a key, ready for use; wipe() it after the last */
    bool soft;
    union {
        struct gcm_ni ni;
#if __STDC_HOSTED__
        br_aes_ct64_ctr_keys ct;
#endif
    };
};

/* Whether this CPU has what gcm_ni.c needs. */
bool gcm_fast(void);

/* soft: by BearSSL, on any CPU, never in the image; else gcm_fast() is true. */
void gcm_key(struct gcm *g, const uint8_t key[GCM_KEY_BYTES], bool soft);

/*
 * Encrypt bytes of text in place; tag covers aad and the result.  A nonce
 * must never come twice under one key.  Text and aad must be private memory:
 * they are read more than once, and hold plaintext meanwhile.
 */
void gcm_seal(const struct gcm *g, const uint8_t nonce[GCM_NONCE_BYTES],
              const void *aad, size_t aad_bytes, void *text, size_t bytes,
              uint8_t tag[GCM_TAG_BYTES]);

/*
 * Decrypt in place and compare the tag, in constant time.  false: it is not
 * what was sealed, and text was zeroed.
 */
bool gcm_open(const struct gcm *g, const uint8_t nonce[GCM_NONCE_BYTES],
              const void *aad, size_t aad_bytes, void *text, size_t bytes,
              const uint8_t tag[GCM_TAG_BYTES]);

#endif
