/* SPDX-License-Identifier: MIT */
/*
 * units.c - amounts as command lines write them
 */
#include "toolstack/cli/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define KIB_MAX (1ull << 42) /* 4 PiB: more than any host has */

int units_kib(const char *text, uint64_t *out, struct err *e)
{
    static const char suffix[] = "kmgt";
    unsigned long long n;
    const char *at;
    char *end;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || errno || (*end && end[1]))
        goto bad;
    if (tolower((unsigned char)*end) == 'b') {
        n /= 1024;
    } else {
        at = *end ? strchr(suffix, tolower((unsigned char)*end)) : suffix + 1;
        if (!at || n > KIB_MAX >> 10 * (at - suffix))
            goto bad;
        n <<= 10 * (at - suffix);
    }
    if (n > KIB_MAX)
        goto bad;
    *out = n;
    return 0;
bad:
    return fail(e, -EINVAL,
                "memory: got %.32s, want a number of MiB, or one with b, k, m, "
                "g or t",
                text);
}

int units_range(const char *what, const char *text, uint32_t min, uint32_t max,
                uint32_t *out, struct err *e)
{
    unsigned long n;
    char *end;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || errno || *end || n < min || n > max)
        return fail(e, -EINVAL, "%s: got %.32s, want %u..%u", what, text, min,
                    max);
    *out = (uint32_t)n;
    return 0;
}

int units_number(const char *what, const char *text, uint32_t max,
                 uint32_t *out, struct err *e)
{
    return units_range(what, text, 0, max, out, e);
}

int units_bytes(const char *what, const char *text, uint64_t *out,
                struct err *e)
{
    static const char suffix[] = "kmg";
    const char *at = NULL;
    unsigned long long n;
    uint32_t shift = 0;
    char *end;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (*end)
        at = strchr(suffix, tolower((unsigned char)*end));
    if (at)
        shift = 10 * (uint32_t)(at - suffix + 1);
    if (!isdigit((unsigned char)*text) || errno || (*end && (!at || end[1])) ||
        n > UNITS_BYTES_MAX >> shift)
        return fail(e, -EINVAL,
                    "%s: got %.32s, want bytes, or a number with K, M or G",
                    what, text);
    *out = n << shift;
    return 0;
}
