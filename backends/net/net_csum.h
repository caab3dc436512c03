/* SPDX-License-Identifier: MIT */
/*
 * net_csum.h - the Internet checksum, where neither guest nor kernel does it
 *
 * Sums are 32 bits that are folded last, of 16-bit words as they are in memory
 * (RFC 1071: byte order does not matter to the sum).
 */
#ifndef NET_CSUM_H
#define NET_CSUM_H

#include <stdbool.h>
#include <stdint.h>

/* Add len bytes, from an even place of what is summed, to a sum. */
uint32_t net_csum_add(uint32_t sum, const void *bytes, uint32_t len);
/* 16 bits, not inverted, to be stored as they are. */
uint16_t net_csum_fold(uint32_t sum);

/*
 * The sum of a pseudo header, folded and not inverted: what is in a checksum
 * field before the packet is summed.  Addresses are of 4 or 16 bytes;
 * l4_bytes: from the transport header on.
 */
uint16_t net_csum_pseudo(const uint8_t *src, const uint8_t *dst,
                         uint32_t address_bytes, uint8_t proto,
                         uint32_t l4_bytes);

/*
 * Sum frame[start..len) and put the result, inverted, at start + offset, whose
 * two bytes hold the pseudo header's sum before.  udp: 0 is written as 0xffff.
 * The caller has checked that start + offset + 2 <= len.
 */
void net_csum_fill(uint8_t *frame, uint32_t len, uint32_t start,
                   uint32_t offset, bool udp);

#endif
