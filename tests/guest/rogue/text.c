/* SPDX-License-Identifier: MIT */
/*
 * text.c - words and numbers, without a C library
 */
#include "text.h"

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;

    for (size_t i = 0; i < n; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

void line_add(struct line *l, const char *text)
{
    while (*text && l->len < sizeof(l->text) - 1)
        l->text[l->len++] = *text++;
    l->text[l->len] = '\0';
}

void line_number(struct line *l, uint32_t n)
{
    char text[11], *p = text + sizeof(text) - 1;

    *p = '\0';
    do {
        *--p = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    line_add(l, p);
}

void line_signed(struct line *l, int32_t n)
{
    if (n < 0)
        line_add(l, "-");
    line_number(l, n < 0 ? 0u - (uint32_t)n : (uint32_t)n);
}

uint64_t text_number(const char **at)
{
    uint64_t n = 0;

    while (**at >= '0' && **at <= '9')
        n = n * 10 + (uint32_t)(*(*at)++ - '0');
    return n;
}

const char *text_value(const char *cmdline, const char *key)
{
    size_t n = strlen(key);

    for (const char *p = cmdline; *p; p++)
        if ((p == cmdline || p[-1] == ' ') && memcmp(p, key, n) == 0 &&
            p[n] == '=')
            return p + n + 1;
    return NULL;
}

int text_lists(const char *list, const char *word)
{
    size_t n = strlen(word);

    while (*list && *list != ' ') {
        if (memcmp(list, word, n) == 0 &&
            (list[n] == ',' || list[n] == ' ' || !list[n]))
            return 1;
        while (*list && *list != ' ' && *list++ != ',')
            ;
    }
    return 0;
}

uint32_t text_random(void)
{
    static uint32_t x = 2463534242u;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x;
}
