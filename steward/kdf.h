/* SPDX-License-Identifier: MIT */
/*
 * kdf.h - keys out of a shared secret: HKDF-SHA-256 (RFC 5869), and HMAC
 */
#ifndef STEWARD_KDF_H
#define STEWARD_KDF_H

#include <bearssl.h>
#include <stddef.h>
#include <stdint.h>

#define KDF_BYTES 32u

struct kdf { /* the extracted key; wipe() it after the last kdf_expand() */
    br_hkdf_context hkdf;
};

void kdf_extract(struct kdf *k, const void *salt, size_t salt_bytes,
                 const void *secret, size_t secret_bytes);

/* At most 255 * 32 bytes; any order, any number of times. */
void kdf_expand(const struct kdf *k, const void *info, size_t info_bytes,
                void *out, size_t bytes);

/* HMAC-SHA-256 of one piece. */
void kdf_hmac(const uint8_t key[KDF_BYTES], const void *p, size_t bytes,
              uint8_t out[KDF_BYTES]);

#endif
