/* SPDX-License-Identifier: MIT */
/*
 * devinfo.h - the devices in a supervisor's `info`, of any kind
 *
 * What it does not say, or says in another type, is NULL, or 0.
 */
#ifndef DEVINFO_H
#define DEVINFO_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;

uint32_t devinfo_count(struct json_object *info, const char *list);
/* i < devinfo_count() */
struct json_object *devinfo_at(struct json_object *info, const char *list,
                               uint32_t i);
/* The array itself, or an empty one; the caller's to put. */
struct json_object *devinfo_array(struct json_object *info, const char *list);

const char *devinfo_text(struct json_object *o, const char *key);
uint64_t devinfo_number(struct json_object *o, const char *key);

/* Is that an event of a device, or of a transfer?  Its `state` is not its
   guest's. */
bool devinfo_event(const char *method);

/* Its state, for whoever lists them all; NULL: no more. */
const char *devinfo_state_at(int i);

#endif
