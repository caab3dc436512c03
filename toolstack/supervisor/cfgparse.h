/* SPDX-License-Identifier: MIT */
/*
 * cfgparse.h - the grammar of xl.cfg files, with positions
 *
 * Statements `key = value` and `key += value`, ended by a newline or `;`.  A
 * value is a number, a 'string' or "string", or a [list] of values, in which
 * newlines and comments may stand between members.  The same key twice: the
 * last wins.  What keys mean is vmcfg.c's business.
 *
 * Source: Xen 4.20, tools/libs/util/libxlu_cfg_y.y.  The differential test
 * and fuzzer (tests/xlcfg) hold it against libxlutil itself.
 */
#ifndef CFGPARSE_H
#define CFGPARSE_H

#include <stddef.h>

struct cfg;
struct err;

#define CFGPARSE_DEPTH_MAX 32u       /* of lists in lists */
#define CFGPARSE_FILE_MAX (1u << 20) /* bytes */

/*
 * Parse text, which file names in messages, on top of what cfg holds.  On an
 * error cfg is still good, and holds the statements before the bad one.
 *
 *   -EINVAL     `file:line:col: what: got ..., want ...`
 *   -ENOMEM
 */
int cfgparse_text(struct cfg *cfg, const char *file, const char *text,
                  size_t text_bytes, struct err *e);

/*
 * A whole file, at most CFGPARSE_FILE_MAX; the caller frees *out.
 *
 *   -EFBIG      it is larger
 */
int cfgparse_read(const char *path, char **out, size_t *out_bytes,
                  struct err *e);

/* cfgparse_text() for a whole file. */
int cfgparse_file(struct cfg *cfg, const char *path, struct err *e);

/*
 * The same for words of a command line, one after another as if each were a
 * line: `command line:2:5` is the second word's fifth letter.
 */
int cfgparse_words(struct cfg *cfg, int nr_words, char **words, struct err *e);

#endif
