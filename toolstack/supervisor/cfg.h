/* SPDX-License-Identifier: MIT */
/*
 * cfg.h - what a configuration file says, before anybody asks what it means
 *
 * A tree of settings.  A value is a word (a number or a quoted string: xl
 * tells them apart only in its lexer, so `memory = "512"` is a number too) or
 * a list of values.  cfgparse.c fills the tree, vmcfg.c reads it.
 *
 * Source: Xen 4.20, tools/libs/util/libxlu_cfg.c.
 */
#ifndef CFG_H
#define CFG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cfg_type { CFG_NUMBER, CFG_STRING, CFG_LIST };

struct cfg_place {
    const char *file;   /* the tree's; lives as long as it */
    uint32_t line, col; /* from 1 */
};

struct cfg_value {
    enum cfg_type type;
    char *text;              /* a number's digits, a string's bytes */
    struct cfg_value *first; /* a list's members */
    struct cfg_value *next;
    struct cfg_place at;
};

struct cfg_setting {
    char *key;
    struct cfg_value *value;
    struct cfg_place at;
    bool grown; /* by `+=`, last: then it is no number any more */
    struct cfg_setting *next;
};

struct cfg_name {
    struct cfg_name *next;
    char text[];
};

struct cfg { /* all zero: nothing is set */
    struct cfg_setting *first;
    struct cfg_name *names; /* of files */
};

/* Where the first setting was read from; NULL: nowhere. */
const char *cfg_first_file(const struct cfg *cfg);

/* NULL: not set. */
const struct cfg_setting *cfg_find(const struct cfg *cfg, const char *key);

/*
 * The number that a word stands for: decimal, 0octal or 0xhexadecimal, also
 * with blanks or a sign in front, as strtol() takes it.
 *
 *   -EINVAL  no number, or not only one; a list
 *   -ERANGE  does not fit
 */
int cfg_number(const struct cfg_value *v, long *out);

/*
 * For cfgparse.c.  NULL and -ENOMEM: no memory.  cfg_set() and cfg_grow() take
 * key and v, whatever they return; cfg_grow() on an unset key sets it, and
 * returns -EINVAL for a list and a word.
 */
const char *cfg_file_name(struct cfg *cfg, const char *file);
struct cfg_value *cfg_value_new(enum cfg_type type, struct cfg_place at);
void cfg_value_free(struct cfg_value *v); /* and its next ones; NULL: no-op */
int cfg_set(struct cfg *cfg, char *key, struct cfg_place at,
            struct cfg_value *v);
int cfg_grow(struct cfg *cfg, char *key, struct cfg_place at,
             struct cfg_value *v);

void cfg_free(struct cfg *cfg); /* leaves it empty */

#endif
