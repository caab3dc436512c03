/* SPDX-License-Identifier: MIT */
/*
 * err.h - why a launch failed, as a code for programs and words for people
 */
#ifndef STEWARD_ERR_H
#define STEWARD_ERR_H

#include <stdarg.h>
#include <stddef.h>

#include "abi/steward_abi.h"

struct st_err { /* all zero: no error */
    enum fh_error code;
    char text[256];
};

/*
 * Record an error: `object: what was tried: cause`.  Returns -code, so that a
 * caller can say `return st_fail(...)`.
 */
int st_fail(struct st_err *e, enum fh_error code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * A small vsnprintf: %s, %c, %d, %u, %lu, %x, %lx, %%, no widths.  Always ends
 * out with a NUL; what does not fit is cut off.  Returns the length.
 */
size_t st_format(char *out, size_t out_bytes, const char *fmt, va_list ap);

/* The sizes of messages: bytes as MiB, rounded up. */
unsigned long st_mib(unsigned long bytes);

#endif
