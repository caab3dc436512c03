/* SPDX-License-Identifier: MIT */
/*
 * words.h - the JSON of ANSWER, END and PLAN, made and checked
 *
 * What a peer sends is bytes: no NUL at its end, perhaps deep, perhaps no JSON.
 * Strings that come out are printable, and short.
 */
#ifndef MIGRATE_WORDS_H
#define MIGRATE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "migrate/wire.h"

#define WORDS_BYTES 512u

struct json_object;

/* An object, or NULL with *e filled; the caller puts it. */
struct json_object *words_object(const void *p, uint32_t len_bytes,
                                 const char *what, struct err *e);

/*
 * ANSWER: {"ok": bool, "missing": ["words", ..]}; ok is false when anything is
 * missing.  -EPROTO.  why: all that is missing, `; ` between.
 */
int words_answer(const void *p, uint32_t len_bytes, bool *ok,
                 char why[WORDS_BYTES], struct err *e);
/* END: {"why": "words"}.  What is none reads as "no reason was given". */
void words_end(const void *p, uint32_t len_bytes, char why[WORDS_BYTES]);
/* PLAN: an object with at least a name; -EPROTO. */
int words_plan(const void *p, uint32_t len_bytes, struct err *e);

/* END's bytes; at most WIRE_END_MAX with their NUL. */
uint32_t words_make_end(char out[WIRE_END_MAX], const char *why);

#endif
