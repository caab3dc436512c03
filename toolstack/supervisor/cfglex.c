/* SPDX-License-Identifier: MIT */
/*
 * cfglex.c - a configuration file, word by word
 */
#include "toolstack/supervisor/cfglex.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

static int peek(const struct cfglex *l)
{
    return l->at < l->end ? (unsigned char)*l->at : EOF;
}

static int take(struct cfglex *l)
{
    int c = peek(l);

    if (c == EOF)
        return EOF;
    l->at++;
    l->place.col++;
    if (c == '\n') {
        l->place.line++;
        l->place.col = 1;
    }
    return c;
}

static int bad(const struct cfglex *l, const char *what, const char *want)
{
    struct cfglex_word w = {
        .kind = peek(l) == EOF    ? CFGLEX_END
                : peek(l) == '\n' ? CFGLEX_NEWLINE
                                  : CFGLEX_ODD,
        .start = l->at,
        .len_bytes = 1,
    };
    char got[CFGLEX_SHOW_BYTES];

    cfglex_show(&w, got);
    return fail(l->e, -EINVAL, "%s:%u:%u: %s: got %s, want %s", l->place.file,
                l->place.line, l->place.col, what, got, want);
}

static bool is_key_char(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_';
}

static bool is_number_char(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == 'x';
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = c == EOF ? c : tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \NNN: one to three octal digits.  \xHH: two hexadecimal ones. */
static int coded(struct cfglex *l, char *out)
{
    int value = 0;

    if (peek(l) == 'x') {
        take(l);
        for (int i = 0; i < 2; i++) {
            if (hex_digit(peek(l)) < 0)
                return bad(l, "\\x in a string", "two hexadecimal digits");
            value = value * 16 + hex_digit(take(l));
        }
    } else {
        for (int i = 0; i < 3 && peek(l) >= '0' && peek(l) <= '7'; i++)
            value = value * 8 + (take(l) - '0');
    }
    if (value == 0 || value > 0xff)
        return fail(l->e, -EINVAL, "%s:%u:%u: string: got byte %d, want 1..255",
                    l->place.file, l->place.line, l->place.col, value);
    *out = (char)value;
    return 0;
}

static int escape(struct cfglex *l, char *out)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    int c = peek(l);
    const char *which = c == EOF || c == 0 ? NULL : strchr(from, c);

    if (which) {
        take(l);
        *out = to[which - from];
        return 0;
    }
    if (c == 'x' || (c >= '0' && c <= '7'))
        return coded(l, out);
    return bad(l, "\\ in a string", "one of \\ ' \" a b f n r t v x or digits");
}

static int no_memory(const struct cfglex *l)
{
    return fail(l->e, -ENOMEM, "%s: no memory", l->place.file);
}

/* How much can it be at most: what is left of the line. */
static size_t line_left(const struct cfglex *l)
{
    const char *newline = memchr(l->at, '\n', l->end - l->at);

    return (newline ? newline : l->end) - l->at;
}

static int string(struct cfglex *l, struct cfglex_word *w)
{
    int quote = take(l), rc;
    size_t used = 0;

    w->text = malloc(line_left(l) + 1);
    if (!w->text)
        return no_memory(l);
    for (;;) {
        int c = peek(l);

        if (c == EOF || c == '\n' || c == 0)
            return bad(l, "string", "its closing quote on the same line");
        take(l);
        if (c == quote)
            break;
        w->text[used] = (char)c;
        if (c == '\\') {
            rc = escape(l, &w->text[used]);
            if (rc < 0)
                return rc;
        }
        used++;
    }
    w->text[used] = 0;
    return 0;
}

static int word(struct cfglex *l, struct cfglex_word *w, bool (*part)(int))
{
    while (part(peek(l)))
        take(l);
    w->text = strndup(w->start, l->at - w->start);
    return w->text ? 0 : no_memory(l);
}

static enum cfglex_kind sign(struct cfglex *l)
{
    switch (take(l)) {
    case EOF:
        return CFGLEX_END;
    case '\n':
        return CFGLEX_NEWLINE;
    case ',':
        return CFGLEX_COMMA;
    case ';':
        return CFGLEX_SEMICOLON;
    case '[':
        return CFGLEX_OPEN;
    case ']':
        return CFGLEX_CLOSE;
    case '=':
        return CFGLEX_SET;
    case '+':
        if (peek(l) != '=')
            return CFGLEX_ODD;
        take(l);
        return CFGLEX_GROW;
    default:
        return CFGLEX_ODD;
    }
}

int cfglex_next(struct cfglex *l, struct cfglex_word *w)
{
    int c, rc = 0;

    cfglex_drop(w);
    while (peek(l) == ' ' || peek(l) == '\t')
        take(l);
    if (peek(l) == '#')
        while (peek(l) != '\n' && peek(l) != EOF)
            take(l);
    c = peek(l);
    w->place = l->place;
    w->start = l->at;
    if (c >= 'a' && c <= 'z') {
        w->kind = CFGLEX_KEY;
        rc = word(l, w, is_key_char);
    } else if (c >= '0' && c <= '9') {
        w->kind = CFGLEX_NUMBER;
        rc = word(l, w, is_number_char);
    } else if (c == '\'' || c == '"') {
        w->kind = CFGLEX_STRING;
        rc = string(l, w);
    } else {
        w->kind = sign(l);
    }
    w->len_bytes = (uint32_t)(l->at - w->start);
    return rc;
}

void cfglex_drop(struct cfglex_word *w)
{
    free(w->text);
    *w = (struct cfglex_word){ 0 };
}

void cfglex_show(const struct cfglex_word *w, char out[CFGLEX_SHOW_BYTES])
{
    int most = CFGLEX_SHOW_BYTES - 8;

    if (w->kind == CFGLEX_END)
        snprintf(out, CFGLEX_SHOW_BYTES, "the end");
    else if (w->kind == CFGLEX_NEWLINE)
        snprintf(out, CFGLEX_SHOW_BYTES, "the line's end");
    else if (w->start[0] == '\r')
        snprintf(out, CFGLEX_SHOW_BYTES, "a carriage return (DOS line end?)");
    else if (!isprint((unsigned char)w->start[0]))
        snprintf(out, CFGLEX_SHOW_BYTES, "byte 0x%02x",
                 (unsigned char)w->start[0]);
    else
        snprintf(out, CFGLEX_SHOW_BYTES, "'%.*s'%s",
                 (int)w->len_bytes < most ? (int)w->len_bytes : most, w->start,
                 (int)w->len_bytes < most ? "" : "...");
}
