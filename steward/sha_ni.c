/* SPDX-License-Identifier: MIT */
/*
 * sha_ni.c - SHA-256's inner loop by the CPU's own instructions
 *
 * How this works: sha256rnds2 does two rounds on a state that is split over
 * two registers, {a,b,e,f} and {c,d,g,h}; sha256msg1 and msg2 do four steps
 * of the message schedule.  Sixteen turns of four rounds make one block.
 *
 * Source: FIPS 180-4, section 6.2; Intel, SHA Extensions (2013).
 */
#include "sha_ni.h"

#include <immintrin.h>

#include "cpu.h"

#define LEAF_1_SSSE3 (1u << 9)   /* ecx */
#define LEAF_1_SSE4_1 (1u << 19) /* ecx */
#define LEAF_7_SHA (1u << 29)    /* ebx */
#define TURNS 16
#define TURNS_WITH_SCHEDULE 12

/* clang-format off */
static const uint32_t round_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
    0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
    0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
    0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
/* clang-format on */

struct state { /* as sha256rnds2 wants it */
    __m128i abef, cdgh;
};

bool sha_ni_available(void)
{
    uint32_t need = LEAF_1_SSSE3 | LEAF_1_SSE4_1;

    return cpu_cpuid(0, 0).a >= 7 && (cpu_cpuid(1, 0).c & need) == need &&
           (cpu_cpuid(7, 0).b & LEAF_7_SHA);
}

#define SHA_NI __attribute__((target("sha,sse4.1,ssse3")))

SHA_NI static struct state split(const uint32_t words[8])
{
    __m128i dcba = _mm_loadu_si128((const __m128i *)words);
    __m128i hgfe = _mm_loadu_si128((const __m128i *)(words + 4));
    __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1);
    __m128i efgh = _mm_shuffle_epi32(hgfe, 0x1b);

    return (struct state){ .abef = _mm_alignr_epi8(cdab, efgh, 8),
                           .cdgh = _mm_blend_epi16(efgh, cdab, 0xf0) };
}

SHA_NI static void join(struct state s, uint32_t words[8])
{
    __m128i feba = _mm_shuffle_epi32(s.abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(s.cdgh, 0xb1);

    _mm_storeu_si128((__m128i *)words, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(words + 4), _mm_alignr_epi8(dchg, feba, 8));
}

SHA_NI static struct state one_block(struct state s, const uint8_t *bytes)
{
    const __m128i big_endian =
        _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    struct state old = s;
    __m128i w[4];

    for (size_t i = 0; i < 4; i++)
        w[i] = _mm_shuffle_epi8(
            _mm_loadu_si128((const __m128i *)(bytes + 16 * i)), big_endian);
#pragma GCC unroll 16
    for (size_t i = 0; i < TURNS; i++) {
        __m128i *now = &w[i % 4], last = w[(i + 3) % 4];
        __m128i k = _mm_load_si128((const __m128i *)(round_constants + 4 * i));
        __m128i wk = _mm_add_epi32(*now, k);

        s.cdgh = _mm_sha256rnds2_epu32(s.cdgh, s.abef, wk);
        s.abef =
            _mm_sha256rnds2_epu32(s.abef, s.cdgh, _mm_shuffle_epi32(wk, 0x0e));
        if (i < TURNS_WITH_SCHEDULE) {
            __m128i seven_ago = _mm_alignr_epi8(last, w[(i + 2) % 4], 4);
            __m128i part = _mm_sha256msg1_epu32(*now, w[(i + 1) % 4]);

            *now = _mm_sha256msg2_epu32(_mm_add_epi32(part, seven_ago), last);
        }
    }
    s.abef = _mm_add_epi32(s.abef, old.abef);
    s.cdgh = _mm_add_epi32(s.cdgh, old.cdgh);
    return s;
}

SHA_NI void sha_ni_blocks(uint32_t state[8], const uint8_t *bytes,
                          size_t nr_blocks)
{
    struct state s = split(state);

    for (; nr_blocks; nr_blocks--, bytes += SHA_NI_BLOCK_BYTES)
        s = one_block(s, bytes);
    join(s, state);
}
