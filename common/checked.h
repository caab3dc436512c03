/* SPDX-License-Identifier: MIT */
/*
 * checked.h - arithmetic that cannot wrap, and addresses nobody dereferences
 */
#ifndef CHECKED_H
#define CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES 4096u
#define MIB_BYTES (1ull << 20)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n) (1u << (n))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))
/* The struct that has *ptr as its member. */
#define CONTAINER_OF(ptr, type, member)                                        \
    ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* A guest physical address: only Xen and the guest can reach it. */
struct gpa {
    uint64_t v;
};

/* True when the result does not fit *out. */
#define add_overflow(a, b, out) __builtin_add_overflow(a, b, out)
#define mul_overflow(a, b, out) __builtin_mul_overflow(a, b, out)

/* Pages that bytes take, the last one perhaps in part. */
static inline uint64_t pages_of(uint64_t bytes)
{
    return bytes / PAGE_BYTES + (bytes % PAGE_BYTES != 0);
}

/* Is [off, off + len) inside an object of size bytes? */
static inline bool range_inside(uint64_t off, uint64_t len, uint64_t size)
{
    uint64_t end;

    return !add_overflow(off, len, &end) && end <= size;
}

#endif
