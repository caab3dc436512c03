/* SPDX-License-Identifier: MIT */
/* sha2.h - what Xen's own of this name has that the series needs */
#ifndef XEN_SHA2_H
#define XEN_SHA2_H
#include <xen/types.h>
#define SHA2_256_DIGEST_SIZE 32
void sha2_256_digest(uint8_t digest[SHA2_256_DIGEST_SIZE], const void *msg,
                     size_t len);
#endif
