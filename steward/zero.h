/* SPDX-License-Identifier: MIT */
/*
 * zero.h - is a page all zero?
 */
#ifndef STEWARD_ZERO_H
#define STEWARD_ZERO_H

#include <emmintrin.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Of a 4 KiB page, 16-byte aligned.  Others may write to it meanwhile: the
 * answer is then true of some moment, as is whatever is copied from it.
 */
static inline bool zero_page(const void *page)
{
    const __m128i *at = page, *end = at + 256;

    for (; at < end; at += 8) {
        __m128i a = _mm_or_si128(_mm_or_si128(at[0], at[1]),
                                 _mm_or_si128(at[2], at[3]));
        __m128i b = _mm_or_si128(_mm_or_si128(at[4], at[5]),
                                 _mm_or_si128(at[6], at[7]));
        __m128i same = _mm_cmpeq_epi8(_mm_or_si128(a, b), _mm_setzero_si128());

        if (_mm_movemask_epi8(same) != 0xffff)
            return false;
    }
    return true;
}

#endif
