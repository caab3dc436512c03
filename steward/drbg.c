/* SPDX-License-Identifier: MIT */
/*
 * drbg.c - random bytes, and the CPU's part of their seed
 */
#include "drbg.h"

#include <immintrin.h>
#include <string.h>

#include "cpu.h"
#include "wipe.h"

#define LEAF_1_RDRAND (1u << 30) /* ecx */
#define LEAF_7_RDSEED (1u << 18) /* ebx */
#define TRIES 10000u /* RDSEED runs dry when other cores draw on it */

typedef unsigned long long word;

void drbg_open(struct drbg *d, const uint8_t cpu[DRBG_SEED_BYTES],
               const void *xen, size_t xen_bytes)
{
    br_hmac_drbg_init(&d->ctx, &br_sha256_vtable, cpu, DRBG_SEED_BYTES);
    br_hmac_drbg_update(&d->ctx, xen, xen_bytes);
}

void drbg_bytes(struct drbg *d, void *out, size_t bytes)
{
    br_hmac_drbg_generate(&d->ctx, out, bytes);
}

__attribute__((target("rdseed"))) static bool from_rdseed(word *out)
{
    for (unsigned i = 0; i < TRIES; i++) {
        if (_rdseed64_step(out))
            return true;
        __builtin_ia32_pause();
    }
    return false;
}

__attribute__((target("rdrnd"))) static bool from_rdrand(word *out)
{
    for (unsigned i = 0; i < TRIES; i++)
        if (_rdrand64_step(out))
            return true;
    return false;
}

/* A source that always says the same is broken: some CPUs said all ones. */
static bool looks_random(const word *seed, unsigned nr)
{
    for (unsigned i = 1; i < nr; i++)
        if (seed[i] != seed[0])
            return true;
    return false;
}

static bool fill(word *seed, unsigned nr, bool (*source)(word *out))
{
    for (unsigned i = 0; i < nr; i++)
        if (!source(&seed[i]))
            return false;
    return looks_random(seed, nr);
}

bool drbg_cpu_seed(uint8_t out[DRBG_SEED_BYTES])
{
    word seed[DRBG_SEED_BYTES / sizeof(word)] = { 0 };
    unsigned nr = DRBG_SEED_BYTES / sizeof(word);
    bool have = false;

    if (cpu_cpuid(0, 0).a >= 7 && (cpu_cpuid(7, 0).b & LEAF_7_RDSEED))
        have = fill(seed, nr, from_rdseed);
    if (!have && (cpu_cpuid(1, 0).c & LEAF_1_RDRAND))
        have = fill(seed, nr, from_rdrand);
    memcpy(out, seed, DRBG_SEED_BYTES);
    wipe(seed, sizeof(seed));
    return have;
}
