/* SPDX-License-Identifier: MIT */
/*
 * ask.h - find a guest's supervisor and have it do something
 */
#ifndef ASK_H
#define ASK_H

#include "toolstack/cli/target.h"

struct client;
struct err;
struct json_object;

/*
 * Connect to the supervisor of the guest that word names.
 *
 *   -ESRCH  there is no such guest, or nobody supervises it
 */
int ask_open(const char *word, struct client **c, struct target *t,
             struct err *e);

/* And what its `info` answers; the caller's to put. */
int ask_info(const char *word, struct target *t, struct json_object **out,
             struct err *e);

/* And call one method of it; takes params, which may be NULL. */
int ask(const char *word, const char *method, struct json_object *params,
        struct err *e);

#endif
