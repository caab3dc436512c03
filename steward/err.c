/* SPDX-License-Identifier: MIT */
/*
 * err.c - the steward's words: one error, and the formatter that writes it
 */
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

struct text {
    char *to;
    size_t left; /* room for that many characters, the NUL apart */
    size_t len;
};

static void put_char(struct text *t, char c)
{
    if (t->left == 0)
        return;
    t->to[t->len++] = c;
    t->left--;
}

static void put_string(struct text *t, const char *s)
{
    while (*s)
        put_char(t, *s++);
}

static void put_number(struct text *t, unsigned long n, unsigned base)
{
    char digits[20];
    unsigned i = 0;

    do {
        digits[i++] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n);
    while (i)
        put_char(t, digits[--i]);
}

static void put_signed(struct text *t, long n)
{
    if (n < 0)
        put_char(t, '-');
    put_number(t, n < 0 ? 0ul - (unsigned long)n : (unsigned long)n, 10);
}

static void put_argument(struct text *t, char kind, bool is_long, va_list *ap)
{
    switch (kind) {
    case 's':
        put_string(t, va_arg(*ap, const char *));
        break;
    case 'c':
        put_char(t, (char)va_arg(*ap, int));
        break;
    case 'd':
        put_signed(t, is_long ? va_arg(*ap, long) : va_arg(*ap, int));
        break;
    case 'u':
    case 'x':
        put_number(t,
                   is_long ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned),
                   kind == 'x' ? 16 : 10);
        break;
    default:
        put_char(t, kind);
        break;
    }
}

size_t st_format(char *out, size_t out_bytes, const char *fmt, va_list ap)
{
    struct text t = { .to = out, .left = out_bytes - 1 };
    va_list args;

    va_copy(args, ap);
    for (; *fmt; fmt++) {
        bool is_long;

        if (*fmt != '%' || fmt[1] == '\0') {
            put_char(&t, *fmt);
            continue;
        }
        fmt++;
        is_long = *fmt == 'l' && fmt[1] != '\0';
        if (is_long)
            fmt++;
        put_argument(&t, *fmt, is_long, &args);
    }
    va_end(args);
    out[t.len] = '\0';
    return t.len;
}

int st_fail(struct st_err *e, enum fh_error code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    st_format(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    e->code = code;
    return -(int)code;
}

unsigned long st_mib(unsigned long bytes)
{
    return (bytes >> 20) + ((bytes & 0xfffff) != 0);
}
