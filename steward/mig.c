/* SPDX-License-Identifier: MIT */
/*
 * mig.c - how a migration fails, and comparisons that tell nothing by time
 */
#include "mig.h"

#include <stdarg.h>

int mig_fail(struct st_err *e, enum fh_mig_error code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    st_format(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    e->code = (enum fh_error)code;
    return -(int)code;
}

bool mig_equal(const void *a, const void *b, size_t bytes)
{
    const volatile uint8_t *l = a, *r = b;
    uint8_t differs = 0;

    for (size_t i = 0; i < bytes; i++)
        differs |= l[i] ^ r[i];
    return differs == 0;
}

bool mig_is_zero(const void *p, size_t bytes)
{
    const uint8_t *at = p;
    uint8_t any = 0;

    for (size_t i = 0; i < bytes; i++)
        any |= at[i];
    return any == 0;
}
