/* SPDX-License-Identifier: MIT */
/*
 * sha2.c - Xen's SHA-256 by BearSSL's
 */
#include <bearssl/bearssl.h>
#include <xen/sha2.h>

void sha2_256_digest(uint8_t digest[SHA2_256_DIGEST_SIZE], const void *msg,
                     size_t len)
{
    br_sha256_context c;

    br_sha256_init(&c);
    br_sha256_update(&c, msg, len);
    br_sha256_out(&c, digest);
}
