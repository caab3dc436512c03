/* SPDX-License-Identifier: MIT */
/*
 * cpu.h - the few instructions that C cannot say
 */
#ifndef STEWARD_CPU_H
#define STEWARD_CPU_H

#include <stdint.h>

#define MSR_EFER 0xc0000080u
#define MSR_FS_BASE 0xc0000100u

struct cpuid {
    uint32_t a, b, c, d;
};

static inline struct cpuid cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;

    __asm__ volatile("cpuid"
                     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint64_t cpu_rdmsr(uint32_t msr)
{
    uint32_t lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (uint64_t)hi << 32 | lo;
}

static inline void cpu_wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value),
                     "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline uint64_t cpu_rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

static inline uint64_t cpu_cr2(void)
{
    uint64_t v;

    __asm__ volatile("mov %%cr2, %0" : "=r"(v));
    return v;
}

static inline void cpu_invlpg(const void *p)
{
    __asm__ volatile("invlpg (%0)" ::"r"(p) : "memory");
}

/* No load behind it is done before the stores ahead of it are seen. */
static inline void cpu_fence(void)
{
    __asm__ volatile("mfence" ::: "memory");
}

static inline void cpu_set_cr3(uint64_t v)
{
    __asm__ volatile("mov %0, %%cr3" ::"r"(v) : "memory");
}

#endif
