/* SPDX-License-Identifier: MIT */
/*
 * cfgparse.c - the grammar of xl.cfg files, with positions
 *
 * How this works: recursive descent with one word of lookahead, p->w.  A node
 * hangs in its parent as soon as it is made, so that an error leaves nothing
 * behind but what the statement's own clean-up finds.
 */
#include "toolstack/supervisor/cfgparse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "toolstack/supervisor/cfg.h"
#include "toolstack/supervisor/cfglex.h"

struct parser {
    struct cfglex lex;
    struct cfglex_word w;
    struct err *e;
};

static int next(struct parser *p)
{
    return cfglex_next(&p->lex, &p->w);
}

/* `file:line:col: what: got X, want Y`, at the word where we stand. */
static int bad(struct parser *p, const char *what, const char *want)
{
    const struct cfg_place *at = &p->w.place;
    char got[CFGLEX_SHOW_BYTES];

    cfglex_show(&p->w, got);
    return fail(p->e, -EINVAL, "%s:%u:%u: %.80s: got %s, want %s", at->file,
                at->line, at->col, what, got, want);
}

static int no_memory(struct parser *p)
{
    return fail(p->e, -ENOMEM, "%s: no memory", p->lex.place.file);
}

static int skip_newlines(struct parser *p)
{
    int rc = 0;

    while (rc == 0 && p->w.kind == CFGLEX_NEWLINE)
        rc = next(p);
    return rc;
}

static int parse_value(struct parser *p, uint32_t depth,
                       struct cfg_value **out);

/* Behind the bracket.  Newlines: behind it, a comma, a member. */
static int parse_members(struct parser *p, uint32_t depth, struct cfg_value *v)
{
    struct cfg_value **tail = &v->first;
    int rc = skip_newlines(p);

    while (rc == 0 && p->w.kind != CFGLEX_CLOSE) {
        rc = parse_value(p, depth + 1, tail);
        if (rc == 0)
            rc = skip_newlines(p);
        if (rc < 0)
            return rc;
        tail = &(*tail)->next;
        if (p->w.kind == CFGLEX_CLOSE)
            break;
        if (p->w.kind != CFGLEX_COMMA)
            return bad(p, "list", "',' or ']'");
        rc = next(p);
        if (rc == 0)
            rc = skip_newlines(p);
    }
    return rc < 0 ? rc : next(p);
}

/* *out is set even on an error: the caller's tree owns it. */
static int parse_value(struct parser *p, uint32_t depth, struct cfg_value **out)
{
    enum cfg_type type;
    int rc;

    if (p->w.kind == CFGLEX_NUMBER)
        type = CFG_NUMBER;
    else if (p->w.kind == CFGLEX_STRING)
        type = CFG_STRING;
    else if (p->w.kind == CFGLEX_OPEN)
        type = CFG_LIST;
    else
        return bad(p, "value", "a number, a quoted string or a [list]");
    if (type == CFG_LIST && depth == CFGPARSE_DEPTH_MAX)
        return bad(p, "list", "at most 32 lists in one another");

    *out = cfg_value_new(type, p->w.place);
    if (!*out)
        return no_memory(p);
    (*out)->text = p->w.text;
    p->w.text = NULL;
    rc = next(p);
    if (rc == 0 && type == CFG_LIST)
        rc = parse_members(p, depth, *out);
    return rc;
}

static int store(struct cfg *cfg, struct parser *p, char *key,
                 struct cfg_place at, struct cfg_value *v, bool grow)
{
    const struct cfg_setting *old = cfg_find(cfg, key);
    struct cfg_place where = v->at;
    char name[64];
    int rc;

    snprintf(name, sizeof(name), "%s", key);
    rc = grow ? cfg_grow(cfg, key, at, v) : cfg_set(cfg, key, at, v);
    if (rc == -EINVAL)
        return fail(p->e, rc,
                    "%s:%u:%u: %s +=: got another type than at line %u, want "
                    "two single values or two lists",
                    where.file, where.line, where.col, name,
                    old->value->at.line);
    return rc < 0 ? no_memory(p) : 0;
}

/* Stops at the statement's end, which is not read. */
static int parse_statement(struct cfg *cfg, struct parser *p)
{
    struct cfg_place at = p->w.place;
    struct cfg_value *v = NULL;
    bool grow = false;
    char *key;
    int rc;

    if (p->w.kind != CFGLEX_KEY)
        return bad(p, "key", "a lower-case letter");
    key = p->w.text;
    p->w.text = NULL;
    rc = next(p);
    if (rc == 0 && p->w.kind != CFGLEX_SET && p->w.kind != CFGLEX_GROW)
        rc = bad(p, key, "'=' or '+='");
    if (rc == 0) {
        grow = p->w.kind == CFGLEX_GROW;
        rc = next(p);
    }
    if (rc == 0)
        rc = parse_value(p, 0, &v);
    if (rc == 0 && p->w.kind != CFGLEX_NEWLINE &&
        p->w.kind != CFGLEX_SEMICOLON && p->w.kind != CFGLEX_END)
        rc = bad(p, key, "the statement's end");
    if (rc == 0)
        return store(cfg, p, key, at, v, grow);
    cfg_value_free(v);
    free(key);
    return rc;
}

int cfgparse_text(struct cfg *cfg, const char *file, const char *text,
                  size_t text_bytes, struct err *e)
{
    struct parser p = {
        .lex = { text, text + text_bytes, { NULL, 1, 1 }, e },
        .e = e,
    };
    int rc;

    p.lex.place.file = cfg_file_name(cfg, file);
    if (!p.lex.place.file)
        return fail(e, -ENOMEM, "%s: no memory", file);
    rc = next(&p);
    while (rc == 0 && p.w.kind != CFGLEX_END) {
        if (p.w.kind == CFGLEX_NEWLINE || p.w.kind == CFGLEX_SEMICOLON)
            rc = next(&p);
        else
            rc = parse_statement(cfg, &p);
    }
    cfglex_drop(&p.w);
    return rc;
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

int cfgparse_read(const char *path, char **out, size_t *out_bytes,
                  struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = NULL;
    ssize_t used;
    int rc = 0;

    if (fd < 0)
        return fail(e, -errno, "%s: open: %s", path, strerror(errno));
    text = malloc(CFGPARSE_FILE_MAX + 1);
    if (!text) {
        rc = fail(e, -ENOMEM, "%s: no memory", path);
        goto out;
    }
    used = read_all(fd, text, CFGPARSE_FILE_MAX + 1);
    if (used < 0) {
        rc = fail(e, used, "%s: read: %s", path, strerror(-used));
    } else if (used > CFGPARSE_FILE_MAX) {
        rc = fail(e, -EFBIG, "%s: read: got more than %u bytes, want less",
                  path, CFGPARSE_FILE_MAX);
    } else {
        *out = text;
        *out_bytes = used;
        text = NULL;
    }
out:
    free(text);
    close(fd);
    return rc;
}

int cfgparse_file(struct cfg *cfg, const char *path, struct err *e)
{
    size_t text_bytes;
    char *text;
    int rc = cfgparse_read(path, &text, &text_bytes, e);

    if (rc < 0)
        return rc;
    rc = cfgparse_text(cfg, path, text, text_bytes, e);
    free(text);
    return rc;
}

int cfgparse_words(struct cfg *cfg, int nr_words, char **words, struct err *e)
{
    size_t text_bytes = 1, used = 0;
    char *text;
    int rc;

    for (int i = 0; i < nr_words; i++)
        text_bytes += strlen(words[i]) + 1;
    text = malloc(text_bytes);
    if (!text)
        return fail(e, -ENOMEM, "command line: no memory");
    for (int i = 0; i < nr_words; i++)
        used += sprintf(text + used, "%s\n", words[i]);
    rc = cfgparse_text(cfg, "command line", text, used, e);
    free(text);
    return rc;
}
