/* SPDX-License-Identifier: MIT */
/*
 * shm.c - look at memory that another domain changes while we look
 */
#include "common/shm.h"

#include <string.h>

uint32_t shm_u32(const uint32_t *shared)
{
    return *(const volatile uint32_t *)shared;
}

void shm_set_u32(uint32_t *shared, uint32_t value)
{
    *(volatile uint32_t *)shared = value;
}

void shm_fetch(void *out, const void *shared, size_t len_bytes)
{
    const volatile uint8_t *from = shared;
    uint8_t *to = out;

    while (len_bytes >= sizeof(uint64_t) && ((uintptr_t)from & 7) == 0) {
        uint64_t word = *(const volatile uint64_t *)from;

        memcpy(to, &word, sizeof(word));
        from += sizeof(word);
        to += sizeof(word);
        len_bytes -= sizeof(word);
    }
    while (len_bytes--)
        *to++ = *from++;
}

void shm_put(void *shared, const void *in, size_t len_bytes)
{
    volatile uint8_t *to = shared;
    const uint8_t *from = in;

    while (len_bytes >= sizeof(uint64_t) && ((uintptr_t)to & 7) == 0) {
        uint64_t word;

        memcpy(&word, from, sizeof(word));
        *(volatile uint64_t *)to = word;
        from += sizeof(word);
        to += sizeof(word);
        len_bytes -= sizeof(word);
    }
    while (len_bytes--)
        *to++ = *from++;
}
