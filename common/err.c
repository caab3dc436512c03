/* SPDX-License-Identifier: MIT */
/*
 * err.c - one error, told once where its cause is known
 */
#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>

int fail(struct err *e, int rc, const char *fmt, ...)
{
    va_list ap;

    if (!e)
        return rc;
    e->rc = rc;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    for (char *c = e->text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return rc;
}
