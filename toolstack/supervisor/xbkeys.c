/* SPDX-License-Identifier: MIT */
/*
 * xbkeys.c - numbers that a guest wrote into its directory
 */
#include "toolstack/supervisor/xbkeys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define KEY_BYTES_MAX 48u
#define DIGITS_MAX 10u

/* Digits alone, no sign, no blank, and not more than fit. */
static bool parse_decimal(const char *text, uint32_t *out)
{
    size_t nr = strspn(text, "0123456789");
    uint64_t value;

    if (nr == 0 || nr > DIGITS_MAX || text[nr])
        return false;
    value = strtoull(text, NULL, 10);
    *out = (uint32_t)value;
    return value <= UINT32_MAX;
}

static void put_key(const struct xbkeys *k, const char *name,
                    char out[KEY_BYTES_MAX])
{
    snprintf(out, KEY_BYTES_MAX, "%s%s", k->dir, name);
}

int xbkeys_get(const struct xbkeys *k, const char *name, uint32_t min,
               uint32_t max, uint32_t *out)
{
    char key[KEY_BYTES_MAX], *text;
    int rc = 1;

    put_key(k, name, key);
    text = k->read(k->arg, key);
    if (!text)
        return 0;
    if (!parse_decimal(text, out) || *out < min || *out > max)
        rc = fail(k->e, -EINVAL, "%s: got \"%.40s\", want %u..%u", key, text,
                  min, max);
    free(text);
    return rc;
}

int xbkeys_want(const struct xbkeys *k, const char *name, uint32_t min,
                uint32_t max, uint32_t *out)
{
    char key[KEY_BYTES_MAX];
    int rc = xbkeys_get(k, name, min, max, out);

    if (rc == 1)
        return 0;
    if (rc < 0)
        return rc;
    put_key(k, name, key);
    return fail(k->e, -EINVAL, "%s: got nothing, want %u..%u", key, min, max);
}
