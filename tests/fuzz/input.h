/* SPDX-License-Identifier: MIT */
/*
 * input.h - a fuzzer's bytes, taken piece by piece
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/must.h"

static const uint8_t *in;
static size_t left;

/* false: there are not as many left, and none was taken. */
static bool input(void *out, size_t len_bytes)
{
    if (left < len_bytes)
        return false;
    memcpy(out, in, len_bytes);
    in += len_bytes;
    left -= len_bytes;
    return true;
}

#endif
