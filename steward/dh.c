/* SPDX-License-Identifier: MIT */
/*
 * dh.c - X25519 by BearSSL
 */
#include "dh.h"

#include <bearssl.h>
#include <string.h>

/* point = secret * point, both as RFC 7748 writes them. */
static void multiply(uint8_t point[DH_BYTES], const uint8_t secret[DH_BYTES])
{
    br_ec_c25519_m31.mul(point, DH_BYTES, secret, DH_BYTES, BR_EC_curve25519);
}

void dh_public(struct dh *d)
{
    memset(d->public, 0, DH_BYTES);
    d->public[0] = 9; /* the base point */
    multiply(d->public, d->secret);
}

bool dh_shared(const struct dh *d, const uint8_t peer[DH_BYTES],
               uint8_t out[DH_BYTES])
{
    uint8_t any = 0;

    memcpy(out, peer, DH_BYTES);
    multiply(out, d->secret);
    for (unsigned i = 0; i < DH_BYTES; i++)
        any |= out[i];
    return any != 0;
}
