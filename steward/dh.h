/* SPDX-License-Identifier: MIT */
/*
 * dh.h - X25519, the key exchange of a migration (RFC 7748)
 */
#ifndef STEWARD_DH_H
#define STEWARD_DH_H

#include <stdbool.h>
#include <stdint.h>

#define DH_BYTES 32u

struct dh { /* one side's key pair; wipe() it after dh_shared() */
    uint8_t secret[DH_BYTES];
    uint8_t public[DH_BYTES];
};

/* Fill in the public half of a random secret. */
void dh_public(struct dh *d);

/*
 * false: the peer's point is of small order and the result all zero, so
 * anybody could know it; out is zero then.
 */
bool dh_shared(const struct dh *d, const uint8_t peer[DH_BYTES],
               uint8_t out[DH_BYTES]);

#endif
