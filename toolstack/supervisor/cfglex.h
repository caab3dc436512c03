/* SPDX-License-Identifier: MIT */
/*
 * cfglex.h - a configuration file, word by word
 *
 * Source: Xen 4.20, tools/libs/util/libxlu_cfg_l.l.  Two of its bugs are not
 * kept: `\NNN` and `\xHH` in a string are the byte they name (there the first
 * vanishes and the second never parses), and a comment on the last line needs
 * no newline behind it.
 */
#ifndef CFGLEX_H
#define CFGLEX_H

#include "toolstack/supervisor/cfg.h"

struct err;

enum cfglex_kind {
    CFGLEX_END,
    CFGLEX_NEWLINE, /* or a comment and its newline */
    CFGLEX_KEY,
    CFGLEX_NUMBER,
    CFGLEX_STRING,
    CFGLEX_SET,  /* = */
    CFGLEX_GROW, /* += */
    CFGLEX_COMMA,
    CFGLEX_SEMICOLON,
    CFGLEX_OPEN,  /* [ */
    CFGLEX_CLOSE, /* ] */
    CFGLEX_ODD,   /* a character that begins no word */
};

struct cfglex_word {
    enum cfglex_kind kind;
    struct cfg_place place;
    const char *start; /* as it stands in the text */
    uint32_t len_bytes;
    char *text; /* a key, number or string: its bytes, to be freed */
};

struct cfglex {
    const char *at, *end;
    struct cfg_place place;
    struct err *e;
};

/*
 * Read the next word.  Frees the one that *w held; cfglex_drop() does so for
 * the last.
 *
 *   -EINVAL  a string that does not end, or a bad escape in it; e says where
 *   -ENOMEM
 */
int cfglex_next(struct cfglex *l, struct cfglex_word *w);
void cfglex_drop(struct cfglex_word *w);

/* What *w looks like to people, for messages. */
#define CFGLEX_SHOW_BYTES 48u
void cfglex_show(const struct cfglex_word *w, char out[CFGLEX_SHOW_BYTES]);

#endif
