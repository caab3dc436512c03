/* SPDX-License-Identifier: MIT */
/*
 * cfg.c - what a configuration file says, before anybody asks what it means
 */
#include "toolstack/supervisor/cfg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *cfg_file_name(struct cfg *cfg, const char *file)
{
    struct cfg_name *n;

    for (n = cfg->names; n; n = n->next)
        if (strcmp(n->text, file) == 0)
            return n->text;
    n = malloc(sizeof(*n) + strlen(file) + 1);
    if (!n)
        return NULL;
    strcpy(n->text, file);
    n->next = cfg->names;
    cfg->names = n;
    return n->text;
}

const char *cfg_first_file(const struct cfg *cfg)
{
    const struct cfg_name *n = cfg->names;

    while (n && n->next)
        n = n->next;
    return n ? n->text : NULL;
}

struct cfg_value *cfg_value_new(enum cfg_type type, struct cfg_place at)
{
    struct cfg_value *v = calloc(1, sizeof(*v));

    if (!v)
        return NULL;
    v->type = type;
    v->at = at;
    return v;
}

void cfg_value_free(struct cfg_value *v)
{
    while (v) {
        struct cfg_value *next = v->next;

        cfg_value_free(v->first);
        free(v->text);
        free(v);
        v = next;
    }
}

static struct cfg_setting *find(const struct cfg *cfg, const char *key)
{
    struct cfg_setting *s;

    for (s = cfg->first; s; s = s->next)
        if (strcmp(s->key, key) == 0)
            return s;
    return NULL;
}

const struct cfg_setting *cfg_find(const struct cfg *cfg, const char *key)
{
    return find(cfg, key);
}

int cfg_number(const struct cfg_value *v, long *out)
{
    char *end;

    if (v->type == CFG_LIST)
        return -EINVAL;
    errno = 0;
    *out = strtol(v->text, &end, 0);
    if (errno)
        return -errno;
    return *end || end == v->text ? -EINVAL : 0;
}

/* Takes key and v. */
static int add(struct cfg *cfg, char *key, struct cfg_place at,
               struct cfg_value *v, bool grown)
{
    struct cfg_setting *s = calloc(1, sizeof(*s)), **tail = &cfg->first;

    if (!s) {
        free(key);
        cfg_value_free(v);
        return -ENOMEM;
    }
    *s = (struct cfg_setting){
        .key = key, .value = v, .at = at, .grown = grown
    };
    while (*tail)
        tail = &(*tail)->next;
    *tail = s;
    return 0;
}

int cfg_set(struct cfg *cfg, char *key, struct cfg_place at,
            struct cfg_value *v)
{
    struct cfg_setting *s = find(cfg, key);

    if (!s)
        return add(cfg, key, at, v, false);
    free(key);
    cfg_value_free(s->value);
    s->value = v;
    s->at = at;
    s->grown = false;
    return 0;
}

/* Move what v holds to the end of old. */
static int join(struct cfg_value *old, struct cfg_value *v)
{
    struct cfg_value **tail = &old->first;
    char *joined;

    if ((old->type == CFG_LIST) != (v->type == CFG_LIST))
        return -EINVAL;
    if (v->type == CFG_LIST) {
        while (*tail)
            tail = &(*tail)->next;
        *tail = v->first;
        v->first = NULL;
        return 0;
    }
    if (asprintf(&joined, "%s%s", old->text, v->text) < 0)
        return -ENOMEM;
    free(old->text);
    old->text = joined;
    old->type = CFG_STRING;
    return 0;
}

int cfg_grow(struct cfg *cfg, char *key, struct cfg_place at,
             struct cfg_value *v)
{
    struct cfg_setting *s = find(cfg, key);
    int rc;

    if (!s)
        return add(cfg, key, at, v, true);
    rc = join(s->value, v);
    if (rc == 0) {
        s->at = at;
        s->grown = true;
    }
    free(key);
    cfg_value_free(v);
    return rc;
}

void cfg_free(struct cfg *cfg)
{
    while (cfg->first) {
        struct cfg_setting *s = cfg->first;

        cfg->first = s->next;
        cfg_value_free(s->value);
        free(s->key);
        free(s);
    }
    while (cfg->names) {
        struct cfg_name *n = cfg->names;

        cfg->names = n->next;
        free(n);
    }
}
