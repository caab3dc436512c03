/* SPDX-License-Identifier: MIT */
/*
 * net_csum.c - the Internet checksum
 *
 * Source: RFC 1071; RFC 8200, section 8.1 for the pseudo header.
 */
#include "backends/net/net_csum.h"

#include <arpa/inet.h>
#include <string.h>

/* Adds 32 bits at once: carries gather above and come round at the end. */
uint32_t net_csum_add(uint32_t sum, const void *bytes, uint32_t len)
{
    const uint8_t *at = bytes;
    uint64_t all = sum;
    uint32_t word;
    uint16_t last = 0;

    for (; len >= sizeof(word); len -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        all += word;
    }
    if (len >= sizeof(last)) {
        memcpy(&last, at, sizeof(last));
        all += last;
        len -= sizeof(last);
        at += sizeof(last);
    }
    if (len) {
        last = 0;
        memcpy(&last, at, 1);
        all += last;
    }
    all = (all & UINT32_MAX) + (all >> 32);
    all = (all & UINT32_MAX) + (all >> 32);
    return (uint32_t)all;
}

uint16_t net_csum_fold(uint32_t sum)
{
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t)sum;
}

uint16_t net_csum_pseudo(const uint8_t *src, const uint8_t *dst,
                         uint32_t address_bytes, uint8_t proto,
                         uint32_t l4_bytes)
{
    uint32_t tail[2] = { htonl(l4_bytes), htonl(proto) };
    uint32_t sum = net_csum_add(0, src, address_bytes);

    sum = net_csum_add(sum, dst, address_bytes);
    return net_csum_fold(net_csum_add(sum, tail, sizeof(tail)));
}

void net_csum_fill(uint8_t *frame, uint32_t len, uint32_t start,
                   uint32_t offset, bool udp)
{
    uint32_t sum = net_csum_add(0, frame + start, len - start);
    uint16_t csum = (uint16_t)~net_csum_fold(sum);

    if (udp && csum == 0)
        csum = UINT16_MAX;
    memcpy(frame + start + offset, &csum, sizeof(csum));
}
