/* SPDX-License-Identifier: MIT */
/*
 * hex.h - test vectors as the standards print them
 */
#ifndef HEX_H
#define HEX_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint8_t hex_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Returns how many bytes the text is; they must fit. */
static inline size_t unhex(const char *text, uint8_t *out, size_t out_bytes)
{
    size_t bytes = strlen(text) / 2;

    assert(bytes <= out_bytes);
    for (size_t i = 0; i < bytes; i++)
        out[i] =
            (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    return bytes;
}

#endif
