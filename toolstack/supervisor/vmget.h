/* SPDX-License-Identifier: MIT */
/*
 * vmget.h - reading settings as xl does, and telling people about them
 *
 * A value of the wrong kind is what xl makes of it: a warning, and the key
 * counts as not set.  With `strict` it is an error.  A value of the right kind
 * that cannot be served is an error always.
 */
#ifndef VMGET_H
#define VMGET_H

#include <stdbool.h>
#include <stdint.h>

#include "toolstack/supervisor/cfg.h"

struct err;

typedef void vmget_warn(void *arg, const char *text);

struct vmget {
    const struct cfg *cfg;
    vmget_warn *warn; /* NULL: nobody listens */
    void *arg;
    bool strict;
    struct err *e;
};

/* `file:line:col: words`.  at NULL: the words alone. */
void vmget_note(const struct vmget *g, const struct cfg_place *at,
                const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same for a mistake: 0 after a warning, or -EINVAL when strict. */
int vmget_mistake(const struct vmget *g, const struct cfg_place *at,
                  const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same for what cannot be: returns rc, a negative errno. */
int vmget_bad(const struct vmget *g, const struct cfg_place *at, int rc,
              const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same for a key that must be set, and is not: -EINVAL. */
int vmget_missing(const struct vmget *g, const char *key, const char *want);

/*
 * Each returns 1 and the value, 0 when the key is not set (or set to another
 * kind), or a negative errno.  Texts and lists are the tree's.
 */
int vmget_text(const struct vmget *g, const char *key, const char **out);
int vmget_number(const struct vmget *g, const char *key, long *out);
int vmget_bool(const struct vmget *g, const char *key, bool *out);
int vmget_list(const struct vmget *g, const char *key,
               const struct cfg_value **first);

/* A number that must be in min..max: any other is -EINVAL. */
int vmget_within(const struct vmget *g, const char *key, uint64_t min,
                 uint64_t max, uint64_t *out);

/*
 * A text that must be one of nr names: *out is its index.  want is the list
 * for people.  Any other is -EINVAL.
 */
int vmget_one_of(const struct vmget *g, const char *key,
                 const char *const *names, uint32_t nr, const char *want,
                 uint32_t *out);

/* Where a key that is set stands: its value. */
const struct cfg_place *vmget_place(const struct vmget *g, const char *key);

#endif
