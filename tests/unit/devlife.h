/* SPDX-License-Identifier: MIT */
/*
 * devlife.h - a guest's devices over its life, for test_guest_disks.c and
 * test_guest_vifs.c
 *
 * A life as life.h's, in which a test waits for what its devices do, asks for
 * others as a client would, and lives on.
 */
#ifndef DEVLIFE_H
#define DEVLIFE_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "tests/unit/life.h"

extern struct devlife { /* after devlife_fresh(): the test's */
    struct guest_options options;
    void (*finished)(void); /* nothing of its devices is left */
} devlife;

void devlife_fresh(void);
int devlife_begin(void); /* as life_open(), and started */
void devlife_finish(void);
/* All of it; when_running: as life's, or NULL. */
void devlife_live(void (*when_running)(struct life *l));

/*
 * Live once for each call into a library, and let that one fail; fresh(nr)
 * comes before each.  Returns how many there were, and one.
 */
uint32_t devlife_sweep(void (*fresh)(uint32_t nr), uint32_t nr);

/* Ask again each turn until it is so, and then go on. */
void devlife_when(bool (*is_so)(void), void (*next)(void));
bool devlife_is_ending(void); /* its domain is gone, it is not */
bool devlife_one_left(void);  /* of its devices */
void devlife_off(void);
void devlife_reboot(void);

/* As guest_call(); *result is the caller's, NULL: nobody's. */
int devlife_call(const char *method, const char *params,
                 struct json_object **result, struct err *e);

struct devlife_refusal {
    const char *method, *params, *words;
    int rc;
};

/* Each call fails so, with the words in its error. */
void devlife_refused(const struct devlife_refusal *row, uint32_t nr_rows);

uint64_t devlife_number(struct json_object *o, const char *key);
/* "(none)": there is no such key. */
const char *devlife_text(struct json_object *o, const char *key);

#endif
