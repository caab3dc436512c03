/* SPDX-License-Identifier: MIT */
/*
 * oracle.h - does xl read the same? what libxlutil makes of a text, and we
 *
 * The only caller of libxlutil.  It is the library that xl itself parses with,
 * and it needs neither Xen nor root.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <stddef.h>

enum oracle_answer {
    ORACLE_SAME,      /* both refuse, or both accept and read the same */
    ORACLE_NOT_ASKED, /* a known difference: see each function */
    ORACLE_DIFFERENT, /* oracle_why() says where */
};

/*
 * A whole configuration file.  Not asked: a NUL byte, at which libxlutil
 * aborts; \x and \0 to \7 in it, which libxlutil never parses, or loses; lists
 * deeper than ours go.  Both get a newline behind the text.
 */
enum oracle_answer oracle_cfg(const char *text, size_t text_bytes);

/*
 * One member of disk=[].  Not asked: a `=` that ends it behind no key, which
 * libxlutil's scanner loses; a `=` and a newline, at which it ends the program.
 */
enum oracle_answer oracle_disk(const char *text);

/* vif's rate=.  Not asked: a nought before other digits. */
enum oracle_answer oracle_rate(const char *text);

const char *oracle_why(void); /* of the last ORACLE_DIFFERENT */

#endif
