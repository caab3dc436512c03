/* SPDX-License-Identifier: MIT */
/*
 * gcm_ni.c - AES-256-GCM by the CPU's own instructions
 *
 * How this works: eight counter blocks go through AES together, which hides
 * an instruction's latency, and between their rounds eight blocks of
 * ciphertext are multiplied into the hash: those of this turn when opening,
 * those of the last turn when sealing.  The two units then work side by side.
 *
 * The hash's field is kept as in Gueron, "AES-GCM for efficient authenticated
 * encryption" (2013): blocks byte-reversed, H multiplied by x once, so that a
 * product needs no shift; eight products share one reduction.  Powers of H
 * come with their halves added up, for Karatsuba's middle product.
 *
 * Source: NIST SP 800-38D; FIPS 197.
 */
#include "gcm_ni.h"

#include <immintrin.h>
#include <string.h>

#include "cpu.h"
#include "wipe.h"

#define LEAF_1_PCLMUL (1u << 1) /* ecx */
#define LEAF_1_SSSE3 (1u << 9)
#define LEAF_1_AES (1u << 25)

#define WIDE GCM_NI_WIDE
#define WIDE_BYTES (WIDE * 16u)
#define LAST_ROUND (GCM_NI_ROUND_KEYS - 1)
#define POLY 0xc200000000000000ull

#define NI __attribute__((target("aes,pclmul,ssse3")))
#define NI_INLINE NI static inline __attribute__((always_inline))

bool gcm_ni_available(void)
{
    uint32_t need = LEAF_1_PCLMUL | LEAF_1_SSSE3 | LEAF_1_AES;

    return cpu_cpuid(0, 0).a >= 1 && (cpu_cpuid(1, 0).c & need) == need;
}

NI_INLINE __m128i load(const void *p)
{
    return _mm_loadu_si128(p);
}

NI_INLINE __m128i reversed(__m128i v)
{
    return _mm_shuffle_epi8(
        v, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

NI_INLINE __m128i swapped(__m128i v) /* its two halves */
{
    return _mm_shuffle_epi32(v, 0x4e);
}

/* ---- AES ---- */

NI_INLINE __m128i smeared(__m128i v) /* v ^ v<<32 ^ v<<64 ^ v<<96 */
{
    v = _mm_xor_si128(v, _mm_slli_si128(v, 4));
    return _mm_xor_si128(v, _mm_slli_si128(v, 8));
}

NI static void expand_key(struct gcm_ni *k, const uint8_t key[32])
{
    __m128i *out = (__m128i *)k->round_key;
    __m128i even = load(key), odd = load(key + 16);

    out[0] = even;
    out[1] = odd;
#define EXPAND_EVEN(i, constant)                                               \
    even = _mm_xor_si128(                                                      \
        smeared(even),                                                         \
        _mm_shuffle_epi32(_mm_aeskeygenassist_si128(odd, constant), 0xff));    \
    out[i] = even
#define EXPAND_ODD(i)                                                          \
    odd = _mm_xor_si128(                                                       \
        smeared(odd),                                                          \
        _mm_shuffle_epi32(_mm_aeskeygenassist_si128(even, 0), 0xaa));          \
    out[i] = odd
    EXPAND_EVEN(2, 0x01);
    EXPAND_ODD(3);
    EXPAND_EVEN(4, 0x02);
    EXPAND_ODD(5);
    EXPAND_EVEN(6, 0x04);
    EXPAND_ODD(7);
    EXPAND_EVEN(8, 0x08);
    EXPAND_ODD(9);
    EXPAND_EVEN(10, 0x10);
    EXPAND_ODD(11);
    EXPAND_EVEN(12, 0x20);
    EXPAND_ODD(13);
    EXPAND_EVEN(14, 0x40);
#undef EXPAND_EVEN
#undef EXPAND_ODD
}

NI static __m128i encrypted(const struct gcm_ni *k, __m128i block)
{
    const __m128i *key = (const __m128i *)k->round_key;

    block = _mm_xor_si128(block, key[0]);
    for (unsigned r = 1; r < LAST_ROUND; r++)
        block = _mm_aesenc_si128(block, key[r]);
    return _mm_aesenclast_si128(block, key[LAST_ROUND]);
}

/* ---- the hash ---- */

struct product { /* not yet reduced: 256 bits, the middle overlapping */
    __m128i lo, mi, hi;
};

NI_INLINE void multiply(struct product *p, __m128i block, __m128i power,
                        __m128i folded)
{
    __m128i sum = _mm_xor_si128(block, swapped(block));

    p->lo = _mm_xor_si128(p->lo, _mm_clmulepi64_si128(block, power, 0x00));
    p->hi = _mm_xor_si128(p->hi, _mm_clmulepi64_si128(block, power, 0x11));
    p->mi = _mm_xor_si128(p->mi, _mm_clmulepi64_si128(sum, folded, 0x00));
}

NI_INLINE __m128i reduced(const struct product *p)
{
    const __m128i poly = _mm_set_epi64x(0, (long long)POLY);
    __m128i mi = _mm_xor_si128(p->mi, _mm_xor_si128(p->lo, p->hi));
    __m128i hi = p->hi;

    mi = _mm_xor_si128(mi, _mm_clmulepi64_si128(p->lo, poly, 0x00));
    mi = _mm_xor_si128(mi, swapped(p->lo));
    hi = _mm_xor_si128(hi, _mm_clmulepi64_si128(mi, poly, 0x00));
    return _mm_xor_si128(hi, swapped(mi));
}

NI_INLINE __m128i power_of(const struct gcm_ni *k, unsigned i)
{
    return _mm_load_si128((const __m128i *)k->power[i]);
}

NI_INLINE __m128i folded_of(const struct gcm_ni *k, unsigned i)
{
    return _mm_load_si128((const __m128i *)k->folded[i]);
}

/* hash, with one more block in it. */
NI static __m128i hash_block(const struct gcm_ni *k, __m128i hash,
                             __m128i block)
{
    struct product p = { 0 };

    multiply(&p, _mm_xor_si128(hash, reversed(block)), power_of(k, WIDE - 1),
             folded_of(k, WIDE - 1));
    return reduced(&p);
}

/* What does not fill its last block counts as if zeroes followed. */
NI static __m128i hash_bytes(const struct gcm_ni *k, __m128i hash,
                             const uint8_t *from, size_t bytes)
{
    for (; bytes >= 16; bytes -= 16, from += 16)
        hash = hash_block(k, hash, load(from));
    if (bytes > 0) {
        uint8_t last[16] = { 0 };

        memcpy(last, from, bytes);
        hash = hash_block(k, hash, load(last));
    }
    return hash;
}

/* ---- key ---- */

NI static void set_power(struct gcm_ni *k, unsigned i, __m128i v)
{
    _mm_store_si128((__m128i *)k->power[i], v);
    _mm_store_si128((__m128i *)k->folded[i], _mm_xor_si128(v, swapped(v)));
}

NI void gcm_ni_key(struct gcm_ni *k, const uint8_t key[32])
{
    uint64_t h[2], carry;

    expand_key(k, key);
    _mm_storeu_si128((__m128i *)h, reversed(encrypted(k, _mm_setzero_si128())));
    carry = 0 - (h[1] >> 63); /* all ones or none: no branch on a secret */
    h[1] = (h[1] << 1 | h[0] >> 63) ^ (carry & POLY);
    h[0] = (h[0] << 1) ^ (carry & 1);
    set_power(k, WIDE - 1, load(h));
    for (unsigned i = WIDE - 1; i > 0; i--) {
        struct product p = { 0 };

        multiply(&p, power_of(k, i), power_of(k, WIDE - 1),
                 folded_of(k, WIDE - 1));
        set_power(k, i - 1, reduced(&p));
    }
    wipe(h, sizeof(h));
}

/* ---- text ---- */

/*
 * The counter as AES wants it is big endian: it is kept byte-reversed, counted
 * in its lowest dword, and turned round for each block.
 */
NI_INLINE __m128i counter_of(const uint8_t nonce[12], uint32_t count)
{
    uint8_t block[16];

    memcpy(block, nonce, 12);
    memset(block + 12, 0, 4);
    return _mm_add_epi32(reversed(load(block)), _mm_cvtsi32_si128((int)count));
}

/*
 * Eight counter blocks through AES and onto text; and, when there are any,
 * eight blocks of ciphertext into *hash.
 */
NI_INLINE void turn(const struct gcm_ni *k, __m128i *counter, uint8_t *text,
                    const uint8_t *cipher, __m128i *hash)
{
    const __m128i *key = (const __m128i *)k->round_key;
    struct product p = { _mm_setzero_si128(), _mm_setzero_si128(),
                         _mm_setzero_si128() };
    __m128i b[WIDE];

#pragma GCC unroll 8
    for (unsigned i = 0; i < WIDE; i++) {
        b[i] = _mm_xor_si128(reversed(*counter), key[0]);
        *counter = _mm_add_epi32(*counter, _mm_cvtsi32_si128(1));
    }
#pragma GCC unroll 8
    for (unsigned r = 1; r <= WIDE; r++) {
#pragma GCC unroll 8
        for (unsigned i = 0; i < WIDE; i++)
            b[i] = _mm_aesenc_si128(b[i], key[r]);
        if (cipher) {
            __m128i c = reversed(load(cipher + (size_t)(r - 1) * 16));

            if (r == 1)
                c = _mm_xor_si128(c, *hash);
            multiply(&p, c, power_of(k, r - 1), folded_of(k, r - 1));
        }
    }
#pragma GCC unroll 8
    for (unsigned r = WIDE + 1; r < LAST_ROUND; r++) {
#pragma GCC unroll 8
        for (unsigned i = 0; i < WIDE; i++)
            b[i] = _mm_aesenc_si128(b[i], key[r]);
    }
    if (cipher)
        *hash = reduced(&p);
#pragma GCC unroll 8
    for (unsigned i = 0; i < WIDE; i++) {
        __m128i *at = (__m128i *)(text + (size_t)i * 16);

        b[i] = _mm_aesenclast_si128(b[i], key[LAST_ROUND]);
        _mm_storeu_si128(at, _mm_xor_si128(b[i], load(at)));
    }
}

/* The blocks that no turn takes. */
NI static void crypt_tail(const struct gcm_ni *k, __m128i counter,
                          uint8_t *text, size_t bytes)
{
    while (bytes > 0) {
        size_t nr = bytes < 16 ? bytes : 16;
        uint8_t pad[16];

        _mm_storeu_si128((__m128i *)pad, encrypted(k, reversed(counter)));
        counter = _mm_add_epi32(counter, _mm_cvtsi32_si128(1));
        for (size_t i = 0; i < nr; i++)
            text[i] ^= pad[i];
        text += nr;
        bytes -= nr;
        if (bytes == 0)
            wipe(pad, sizeof(pad));
    }
}

NI static void finish(const struct gcm_ni *k, const uint8_t nonce[12],
                      __m128i hash, size_t aad_bytes, size_t bytes,
                      uint8_t tag[16])
{
    __m128i lengths =
        _mm_set_epi64x((long long)(aad_bytes * 8), (long long)(bytes * 8));

    hash = hash_block(k, hash, reversed(lengths));
    _mm_storeu_si128(
        (__m128i *)tag,
        _mm_xor_si128(reversed(hash),
                      encrypted(k, reversed(counter_of(nonce, 1)))));
}

NI void gcm_ni_seal(const struct gcm_ni *k, const uint8_t nonce[12],
                    const void *aad, size_t aad_bytes, void *text, size_t bytes,
                    uint8_t tag[16])
{
    __m128i hash = hash_bytes(k, _mm_setzero_si128(), aad, aad_bytes);
    __m128i counter = counter_of(nonce, 2);
    const uint8_t *cipher = NULL;
    uint8_t *at = text;
    size_t left = bytes;

    if (left >= WIDE_BYTES) {
        turn(k, &counter, at, NULL, NULL);
        cipher = at;
        at += WIDE_BYTES;
        left -= WIDE_BYTES;
        for (; left >= WIDE_BYTES; left -= WIDE_BYTES, at += WIDE_BYTES) {
            turn(k, &counter, at, cipher, &hash);
            cipher = at;
        }
    }
    crypt_tail(k, counter, at, left);
    if (!cipher)
        cipher = text;
    hash =
        hash_bytes(k, hash, cipher, bytes - (size_t)(cipher - (uint8_t *)text));
    finish(k, nonce, hash, aad_bytes, bytes, tag);
}

NI void gcm_ni_open(const struct gcm_ni *k, const uint8_t nonce[12],
                    const void *aad, size_t aad_bytes, void *text, size_t bytes,
                    uint8_t tag[16])
{
    __m128i hash = hash_bytes(k, _mm_setzero_si128(), aad, aad_bytes);
    __m128i counter = counter_of(nonce, 2);
    uint8_t *at = text;
    size_t left = bytes;

    for (; left >= WIDE_BYTES; left -= WIDE_BYTES, at += WIDE_BYTES)
        turn(k, &counter, at, at, &hash);
    hash = hash_bytes(k, hash, at, left);
    crypt_tail(k, counter, at, left);
    finish(k, nonce, hash, aad_bytes, bytes, tag);
}
