/* SPDX-License-Identifier: MIT */
/*
 * netask.h - what is asked of a supervisor about a card
 */
#ifndef NETASK_H
#define NETASK_H

#include <stdbool.h>

struct client;
struct err;
struct json_object;

/*
 * The words of `network-attach` as one specification: to be freed; NULL: no
 * memory.
 */
char *net_spec(int nr, char **words);

/* As devask_attach(); *out: {"devid", "mac", "state"}. */
int net_attach(struct client *c, const char *spec, bool any_mac, int timeout_ms,
               struct json_object **out, struct err *e);

/* As devask_detach().  word: its number, or its address. */
int net_detach(struct client *c, const char *word, bool force, int timeout_ms,
               struct err *e);

/* rate: as vif='s; "0" or "none": no limit. */
int net_rate(struct client *c, const char *word, const char *rate,
             struct err *e);

#endif
