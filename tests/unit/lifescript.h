/* SPDX-License-Identifier: MIT */
/*
 * lifescript.h - a life as life.h's, by a script: what is told, what is done
 *
 * The test stands in for every client of the guest's API: it is told what they
 * are (link with --wrap=api_event), calls what they may call, and acts upon
 * what it was told, from the loop and not from within what tells of it.
 */
#ifndef LIFESCRIPT_H
#define LIFESCRIPT_H

#include "common/err.h"
#include "tests/unit/life.h"

#define SCRIPT_BORN "state building, state launching, state running, "

struct fake_domain;

extern struct script {
    char told[2048];    /* "suspend, state suspended, " */
    char last_end[512]; /* migration-end's parameters */
    struct err err;     /* of the last script_call() */
} script;

/* A new test: life_fresh(), nothing was told and the script is empty. */
void script_fresh(void);
/* When this is told, what was added before it has had its turn: then(). */
void script_add(const char *when, void (*then)(void));
/* Ask again each turn until it is so, once, and then go on: one at a time. */
void script_when(bool (*is_so)(void), void (*then)(void));
/* The guest, as life_open() makes it; it must. */
void script_open(const struct guest_options *more);
/*
 * Run until it is gone, life_finish(); nothing of the script is left.  A life
 * that does not end fails after half a minute, and says what it waited for.
 */
void script_finish(void);

/* As a client: params are JSON text or NULL.  The call's rc. */
int script_call(const char *method, const char *params);

struct fake_domain *script_domain(void);
/* What control/shutdown says; "": nothing, or no longer. */
const char *script_asked(void);
/* Steps: the kernel hears, and takes the word away; then it suspends. */
void script_acknowledges(void);
void script_suspends(void);
/* It powers off. */
void script_ends(void);

#endif
