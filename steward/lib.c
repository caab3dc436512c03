/* SPDX-License-Identifier: MIT */
/*
 * lib.c - the few functions of libc that the compiler and BearSSL call
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Each moves bytes by a string instruction: fast on every CPU since 2013, and
 * one the compiler cannot turn back into a call of the function it is in.
 */
void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    void *start = to;

    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
    return start;
}

void *memmove(void *to, const void *from, size_t n)
{
    if ((uintptr_t)to - (uintptr_t)from >= n) /* no overlap ahead */
        return memcpy(to, from, n);
    {
        void *last_to = (char *)to + n - 1;
        const void *last_from = (const char *)from + n - 1;

        __asm__ volatile("std; rep movsb; cld"
                         : "+D"(last_to), "+S"(last_from), "+c"(n)::"memory");
    }
    return to;
}

void *memset(void *to, int c, size_t n)
{
    void *start = to;

    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
    return start;
}

int memcmp(const void *left, const void *right, size_t n)
{
    const uint8_t *a = left, *b = right;

    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

/*
 * Debian builds BearSSL so that it calls these where the compiler knows how
 * much room there is.
 */
void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);
void *__memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
    if (n > room)
        __builtin_trap();
    return memcpy(to, from, n);
}

void *__memset_chk(void *to, int c, size_t n, size_t room);
void *__memset_chk(void *to, int c, size_t n, size_t room)
{
    if (n > room)
        __builtin_trap();
    return memset(to, c, n);
}
