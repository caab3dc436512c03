/* SPDX-License-Identifier: MIT */
/*
 * guest_json.h - what a guest's API is asked and answers, for guest*.c alone
 *
 * Parameters are anybody's who may connect: nothing about them is believed.
 */
#ifndef GUEST_JSON_H
#define GUEST_JSON_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct guest;
struct json_object;

void guest_json_text(struct json_object *o, const char *key,
                     const char *text); /* NULL: "" */
void guest_json_number(struct json_object *o, const char *key, uint64_t n);
void guest_json_bool(struct json_object *o, const char *key, bool is);

/* Returns 1 and the text, 0 without it, or -EINVAL. */
int guest_json_get_text(struct json_object *params, const char *key,
                        const char **out, struct err *e);
/* True if it is there and true. */
bool guest_json_is(struct json_object *params, const char *key);

/*
 * A method that needs the guest's kernel.
 *
 *   -EBUSY      it does not run
 *   ...         as guest_store_want()
 */
int guest_json_want_running(struct guest *g, const char *what, struct err *e);

#endif
