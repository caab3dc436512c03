/* SPDX-License-Identifier: MIT */
/*
 * cfg.h - the grammar of xl.cfg files, with positions
 *
 * Statements `key = value` and `key += value`, ended by a newline or `;`.  A
 * value is a number, a 'string' or "string", or a [list] of values.  The same
 * key twice: the last wins.  What keys mean is vmcfg.c's business.
 *
 * Source: Xen 4.20, tools/libs/util/libxlu_cfg_l.l and libxlu_cfg_y.y.  Two of
 * its bugs are not kept: `\NNN` is octal here, `\xHH` takes both digits; and a
 * comment on the last line needs no newline behind it.
 */
#ifndef CFG_H
#define CFG_H

#include <stddef.h>
#include <stdint.h>

struct err;

enum cfg_type { CFG_NUMBER, CFG_STRING, CFG_LIST };

struct cfg_value {
    enum cfg_type type;
    char *text;              /* a number's digits, a string's bytes */
    struct cfg_value *first; /* a list's members */
    struct cfg_value *next;
    uint32_t line, col; /* from 1 */
};

struct cfg_setting {
    char *key;
    struct cfg_value *value;
    char *file;
    uint32_t line, col;
    struct cfg_setting *next;
};

struct cfg { /* all zero: nothing is set */
    struct cfg_setting *first;
};

#define CFG_DEPTH_MAX 8u        /* of lists in lists */
#define CFG_FILE_MAX (1u << 20) /* bytes */

/*
 * Parse text, which file names in messages, on top of what cfg holds.  On an
 * error cfg is still good, and holds the statements before the bad one.
 *
 *   -EINVAL     `file:line:col: what: got ..., want ...`
 *   -ENOMEM
 */
int cfg_parse(struct cfg *cfg, const char *file, const char *text,
              size_t text_bytes, struct err *e);

/* The same for a whole file, at most CFG_FILE_MAX. */
int cfg_parse_file(struct cfg *cfg, const char *path, struct err *e);

/* NULL: not set. */
const struct cfg_setting *cfg_find(const struct cfg *cfg, const char *key);

void cfg_free(struct cfg *cfg); /* leaves it empty */

#endif
