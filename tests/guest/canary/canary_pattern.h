/* SPDX-License-Identifier: MIT */
/*
 * canary_pattern.h - the secret that a canary guest holds and the intruder
 * looks for
 *
 * A seed gives one line of 64 bytes.  The guest fills its canary memory with
 * that line, over and over, and keeps the line's words in its registers.  The
 * seed is the only thing the two sides share: the guest gets it on its
 * command line, the intruder on its own.
 */
#ifndef CANARY_PATTERN_H
#define CANARY_PATTERN_H

#include <stdint.h>

#define CANARY_LINE_BYTES 64u
#define CANARY_LINE_WORDS (CANARY_LINE_BYTES / sizeof(uint64_t))
#define CANARY_GPA_DEFAULT 0x2000000u   /* 32 MiB */
#define CANARY_BYTES_DEFAULT 0x1000000u /* 16 MiB */

struct canary_line {
    uint64_t word[CANARY_LINE_WORDS];
};

/* One step of SplitMix64, whose constants are its definition. */
static inline uint64_t canary_mix(uint64_t *state)
{
    uint64_t z;

    *state += 0x9e3779b97f4a7c15ull;
    z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static inline void canary_line_from_seed(uint32_t seed,
                                         struct canary_line *line)
{
    uint64_t state = 0xc0ffee0000000000ull ^ seed;

    for (unsigned i = 0; i < CANARY_LINE_WORDS; i++)
        line->word[i] = canary_mix(&state);
}

/*
 * The registers of an idle canary guest: the low halves of the first words.
 * Order: eax, ebx, ecx, edx, esi, edi, ebp.  xmm0..xmm3 hold the whole line.
 */
#define CANARY_REGS 7u

static inline uint32_t canary_reg(const struct canary_line *line, unsigned i)
{
    return (uint32_t)line->word[i];
}

#endif
