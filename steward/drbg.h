/* SPDX-License-Identifier: MIT */
/*
 * drbg.h - random bytes: HMAC_DRBG over SHA-256 (NIST SP 800-90A)
 */
#ifndef STEWARD_DRBG_H
#define STEWARD_DRBG_H

#include <bearssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRBG_SEED_BYTES 64u

struct drbg { /* wipe() it after the last use */
    br_hmac_drbg_context ctx;
};

/*
 * Seed from two sources that are independent of dom0: the CPU's bytes, and
 * whatever Xen gave this domain.  One good source is enough.
 */
void drbg_open(struct drbg *d, const uint8_t cpu[DRBG_SEED_BYTES],
               const void *xen, size_t xen_bytes);
void drbg_bytes(struct drbg *d, void *out, size_t bytes);

/*
 * Fill out from RDSEED, or where that is missing from RDRAND.  false: the CPU
 * has neither, or neither answers; out must not be used then.
 */
bool drbg_cpu_seed(uint8_t out[DRBG_SEED_BYTES]);

#endif
