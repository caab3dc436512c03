/* SPDX-License-Identifier: MIT */
/*
 * cfg.c - the grammar of xl.cfg files, with positions
 *
 * How this works: recursive descent over one buffer, a character at a time.
 * Every node is owned by the tree as soon as it is made, so that an error
 * leaves nothing behind but what cfg_free() finds.
 */
#include "toolstack/supervisor/cfg.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"

struct parser {
    const char *file;
    const char *at, *end;
    uint32_t line, col;
    struct err *e;
};

static int peek(const struct parser *p)
{
    return p->at < p->end ? (unsigned char)*p->at : EOF;
}

static int take(struct parser *p)
{
    int c = peek(p);

    if (c == EOF)
        return EOF;
    p->at++;
    p->col++;
    if (c == '\n') {
        p->line++;
        p->col = 1;
    }
    return c;
}

/* `file:line:col: what: got X, want Y`, at the place where we stand. */
static int bad(struct parser *p, const char *what, const char *want)
{
    int c = peek(p);

    if (c == EOF)
        return fail(p->e, -EINVAL, "%s:%u:%u: %s: got the end, want %s",
                    p->file, p->line, p->col, what, want);
    if (c == '\n')
        return fail(p->e, -EINVAL, "%s:%u:%u: %s: got the line's end, want %s",
                    p->file, p->line, p->col, what, want);
    return fail(p->e, -EINVAL, "%s:%u:%u: %s: got '%c', want %s", p->file,
                p->line, p->col, what, isprint(c) ? c : '?', want);
}

static int no_memory(struct parser *p)
{
    return fail(p->e, -ENOMEM, "%s: no memory", p->file);
}

/* Blanks and comments; newlines too where a list allows them. */
static void skip_blanks(struct parser *p, bool newlines)
{
    for (;;) {
        int c = peek(p);

        if (c == '#') {
            while (peek(p) != '\n' && peek(p) != EOF)
                take(p);
        } else if (c == ' ' || c == '\t' || c == '\r' ||
                   (newlines && c == '\n')) {
            take(p);
        } else {
            return;
        }
    }
}

static void value_free(struct cfg_value *v)
{
    while (v) {
        struct cfg_value *next = v->next;

        value_free(v->first);
        free(v->text);
        free(v);
        v = next;
    }
}

static struct cfg_value *value_new(const struct parser *p, enum cfg_type type)
{
    struct cfg_value *v = calloc(1, sizeof(*v));

    if (!v)
        return NULL;
    v->type = type;
    v->line = p->line;
    v->col = p->col;
    return v;
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

static int parse_number(struct parser *p, struct cfg_value *v)
{
    const char *start = p->at;

    while (is_number_char(peek(p)))
        take(p);
    v->text = strndup(start, p->at - start);
    return v->text ? 0 : no_memory(p);
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = c == EOF ? c : tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \NNN: one to three octal digits.  \xHH: two hexadecimal ones. */
static int parse_coded(struct parser *p, char *out)
{
    int value = 0;

    if (peek(p) == 'x') {
        take(p);
        for (int i = 0; i < 2; i++) {
            if (hex_digit(peek(p)) < 0)
                return bad(p, "\\x in a string", "two hexadecimal digits");
            value = value * 16 + hex_digit(take(p));
        }
    } else {
        for (int i = 0; i < 3 && peek(p) >= '0' && peek(p) <= '7'; i++)
            value = value * 8 + (take(p) - '0');
    }
    if (value == 0 || value > 0xff)
        return fail(p->e, -EINVAL, "%s:%u:%u: string: got byte %d, want 1..255",
                    p->file, p->line, p->col, value);
    *out = (char)value;
    return 0;
}

static int parse_escape(struct parser *p, char *out)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    int c = peek(p);
    const char *which = c == EOF || c == 0 ? NULL : strchr(from, c);

    if (which) {
        take(p);
        *out = to[which - from];
        return 0;
    }
    if (c == 'x' || (c >= '0' && c <= '7'))
        return parse_coded(p, out);
    return bad(p, "\\ in a string", "one of \\ ' \" a b f n r t v x or digits");
}

static int parse_string(struct parser *p, struct cfg_value *v)
{
    int quote = take(p);
    size_t used = 0;
    int rc;

    v->text = malloc(p->end - p->at + 1);
    if (!v->text)
        return no_memory(p);
    for (;;) {
        int c = peek(p);

        if (c == EOF || c == '\n' || c == 0) {
            v->text[used] = 0;
            return bad(p, "string", "its closing quote on the same line");
        }
        take(p);
        if (c == quote)
            break;
        v->text[used] = (char)c;
        if (c == '\\') {
            rc = parse_escape(p, &v->text[used]);
            if (rc < 0) {
                v->text[used] = 0;
                return rc;
            }
        }
        used++;
    }
    v->text[used] = 0;
    return 0;
}

static int parse_value(struct parser *p, uint32_t depth,
                       struct cfg_value **out);

static int parse_list(struct parser *p, uint32_t depth, struct cfg_value *v)
{
    struct cfg_value **tail = &v->first;
    int rc;

    if (depth == CFG_DEPTH_MAX)
        return bad(p, "list", "at most 8 lists in one another");
    take(p); /* the bracket */
    for (;;) {
        skip_blanks(p, true);
        if (peek(p) == ']')
            break;
        rc = parse_value(p, depth + 1, tail);
        if (rc < 0)
            return rc;
        tail = &(*tail)->next;
        skip_blanks(p, true);
        if (peek(p) == ']')
            break;
        if (peek(p) != ',')
            return bad(p, "list", "',' or ']'");
        take(p);
    }
    take(p);
    return 0;
}

/* *out is set even on an error: the caller's tree owns it. */
static int parse_value(struct parser *p, uint32_t depth, struct cfg_value **out)
{
    int c = peek(p);
    enum cfg_type type;

    if (c >= '0' && c <= '9')
        type = CFG_NUMBER;
    else if (c == '\'' || c == '"')
        type = CFG_STRING;
    else if (c == '[')
        type = CFG_LIST;
    else
        return bad(p, "value", "a number, a quoted string or a [list]");

    *out = value_new(p, type);
    if (!*out)
        return no_memory(p);
    if (type == CFG_NUMBER)
        return parse_number(p, *out);
    if (type == CFG_STRING)
        return parse_string(p, *out);
    return parse_list(p, depth, *out);
}

/* `+=` on a key that is set: lists and strings grow; v is used up. */
static int setting_grow(struct parser *p, struct cfg_setting *s,
                        struct cfg_value *v)
{
    struct cfg_value *old = s->value, **tail = &old->first;
    char *joined;

    if (old->type != v->type || v->type == CFG_NUMBER)
        return fail(p->e, -EINVAL,
                    "%s:%u:%u: %s +=: got another type than at line %u, want "
                    "two strings or two lists",
                    p->file, v->line, v->col, s->key, old->line);
    if (v->type == CFG_LIST) {
        while (*tail)
            tail = &(*tail)->next;
        *tail = v->first;
        v->first = NULL;
        return 0;
    }
    if (asprintf(&joined, "%s%s", old->text, v->text) < 0)
        return no_memory(p);
    free(old->text);
    old->text = joined;
    return 0;
}

static struct cfg_setting *find(const struct cfg *cfg, const char *key)
{
    struct cfg_setting *s;

    for (s = cfg->first; s; s = s->next)
        if (strcmp(s->key, key) == 0)
            return s;
    return NULL;
}

/* Takes key and v, whatever it returns. */
static int setting_store(struct cfg *cfg, struct parser *p, char *key,
                         const struct parser *start, struct cfg_value *v,
                         bool grow)
{
    struct cfg_setting *s = find(cfg, key), **tail = &cfg->first;
    int rc = 0;

    if (s && grow) {
        rc = setting_grow(p, s, v);
        goto out;
    }
    if (!s) {
        s = calloc(1, sizeof(*s));
        if (!s) {
            rc = no_memory(p);
            goto out;
        }
        s->key = key;
        key = NULL;
        while (*tail)
            tail = &(*tail)->next;
        *tail = s;
    }
    free(s->file);
    value_free(s->value);
    s->value = v;
    v = NULL;
    s->line = start->line;
    s->col = start->col;
    s->file = strdup(p->file);
    if (!s->file)
        rc = no_memory(p);
out:
    value_free(v);
    free(key);
    return rc;
}

static int parse_statement(struct cfg *cfg, struct parser *p)
{
    struct parser start = *p;
    struct cfg_value *v = NULL;
    bool grow = false;
    char *key;
    int rc;

    if (peek(p) < 'a' || peek(p) > 'z')
        return bad(p, "key", "a lower-case letter");
    while (is_key_char(peek(p)))
        take(p);
    key = strndup(start.at, p->at - start.at);
    if (!key)
        return no_memory(p);
    skip_blanks(p, false);
    if (peek(p) == '+') {
        take(p);
        grow = true;
    }
    rc = peek(p) == '=' ? 0 : bad(p, key, "'='");
    if (rc == 0) {
        take(p);
        skip_blanks(p, false);
        rc = parse_value(p, 0, &v);
    }
    if (rc == 0) {
        skip_blanks(p, false);
        if (peek(p) != '\n' && peek(p) != ';' && peek(p) != EOF)
            rc = bad(p, key, "the statement's end");
    }
    if (rc < 0) {
        value_free(v);
        free(key);
        return rc;
    }
    return setting_store(cfg, p, key, &start, v, grow);
}

int cfg_parse(struct cfg *cfg, const char *file, const char *text,
              size_t text_bytes, struct err *e)
{
    struct parser p = {
        .file = file,
        .at = text,
        .end = text + text_bytes,
        .line = 1,
        .col = 1,
        .e = e,
    };
    int rc;

    for (;;) {
        skip_blanks(&p, true);
        if (peek(&p) == EOF)
            return 0;
        if (peek(&p) == ';') {
            take(&p);
            continue;
        }
        rc = parse_statement(cfg, &p);
        if (rc < 0)
            return rc;
    }
}

/* Read until the end or until the buffer is full; the count, or -errno. */
static ssize_t read_all(int fd, char *out, size_t out_bytes)
{
    size_t used = 0;

    while (used < out_bytes) {
        ssize_t r = read(fd, out + used, out_bytes - used);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -errno;
        if (r == 0)
            break;
        used += r;
    }
    return used;
}

int cfg_parse_file(struct cfg *cfg, const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = NULL;
    ssize_t used;
    int rc;

    if (fd < 0)
        return fail(e, -errno, "%s: open: %s", path, strerror(errno));
    text = malloc(CFG_FILE_MAX + 1);
    if (!text) {
        rc = fail(e, -ENOMEM, "%s: no memory", path);
        goto out;
    }
    used = read_all(fd, text, CFG_FILE_MAX + 1);
    if (used < 0)
        rc = fail(e, used, "%s: read: %s", path, strerror(-used));
    else if (used > CFG_FILE_MAX)
        rc = fail(e, -EFBIG, "%s: read: got more than %u bytes, want less",
                  path, CFG_FILE_MAX);
    else
        rc = cfg_parse(cfg, path, text, used, e);
out:
    free(text);
    close(fd);
    return rc;
}

const struct cfg_setting *cfg_find(const struct cfg *cfg, const char *key)
{
    return find(cfg, key);
}

void cfg_free(struct cfg *cfg)
{
    while (cfg->first) {
        struct cfg_setting *s = cfg->first;

        cfg->first = s->next;
        value_free(s->value);
        free(s->key);
        free(s->file);
        free(s);
    }
}
