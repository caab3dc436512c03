/* SPDX-License-Identifier: MIT */
/*
 * shm.h - look at memory that another domain changes while we look
 *
 * Every look is exactly one look: a compiler can neither repeat nor split it.
 * What comes out is a private copy and still lies; the caller checks it.
 */
#ifndef SHM_H
#define SHM_H

#include <stddef.h>
#include <stdint.h>

uint32_t shm_u32(const uint32_t *shared);
void shm_set_u32(uint32_t *shared, uint32_t value);

/* Copy into, or out of, private memory; each byte is touched once. */
void shm_fetch(void *out, const void *shared, size_t len_bytes);
void shm_put(void *shared, const void *in, size_t len_bytes);

/* x86 keeps loads and stores in order; the compiler must as well. */
#define shm_rmb() __asm__ __volatile__("" ::: "memory")
#define shm_wmb() __asm__ __volatile__("" ::: "memory")
#define shm_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)

#endif
