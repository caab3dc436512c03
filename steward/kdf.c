/* SPDX-License-Identifier: MIT */
/*
 * kdf.c - keys out of a shared secret
 *
 * BearSSL's HKDF produces one output for one info; a copy of the state after
 * the extraction serves for each.
 */
#include "kdf.h"

#include "wipe.h"

void kdf_extract(struct kdf *k, const void *salt, size_t salt_bytes,
                 const void *secret, size_t secret_bytes)
{
    br_hkdf_init(&k->hkdf, &br_sha256_vtable, salt, salt_bytes);
    br_hkdf_inject(&k->hkdf, secret, secret_bytes);
    br_hkdf_flip(&k->hkdf);
}

void kdf_expand(const struct kdf *k, const void *info, size_t info_bytes,
                void *out, size_t bytes)
{
    br_hkdf_context copy = k->hkdf;

    br_hkdf_produce(&copy, info, info_bytes, out, bytes);
    wipe(&copy, sizeof(copy));
}

void kdf_hmac(const uint8_t key[KDF_BYTES], const void *p, size_t bytes,
              uint8_t out[KDF_BYTES])
{
    br_hmac_key_context k;
    br_hmac_context c;

    br_hmac_key_init(&k, &br_sha256_vtable, key, KDF_BYTES);
    br_hmac_init(&c, &k, 0);
    br_hmac_update(&c, p, bytes);
    br_hmac_out(&c, out);
    wipe(&k, sizeof(k));
    wipe(&c, sizeof(c));
}
