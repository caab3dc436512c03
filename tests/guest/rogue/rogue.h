/* SPDX-License-Identifier: MIT */
/*
 * rogue.h - rows: what the rogue guest does to a backend, one at a time
 *
 * A row returns 1 if the backend did as it should, else 0, and adds a few words
 * on what came.  rogue.c connects before each row, unless it says otherwise,
 * and looks after each whether the disk still serves.
 */
#ifndef ROGUE_H
#define ROGUE_H

#include "front.h"
#include "text.h"

struct row {
    const char *name;
    int (*run)(struct front *f, const void *arg, struct line *why);
    const void *arg;
    uint32_t flags; /* ROW_* */
};

#define ROW_ALONE 1u /* starts from InitWait, and leaves it at anything */
#define ROW_LAST 2u  /* nothing can come behind it */
#define ROW_LOOSE 4u /* runs only when it is named, not with its group */

struct group {
    const char *name;
    const struct row *rows;
    uint32_t nr;
};

extern const struct group good_group, request_group, readonly_group, ring_group,
    key_group, storm_group;

extern uint32_t rogue_n; /* rogue.n=: how often, for storms; 0: a few */
/*
 * rogue.peer=linux: the peer is xen-blkback.  Its reasons are where a guest
 * may not read, and it names a forbidden inner operation in its answer.
 */
extern int rogue_peer_is_linux;

#define SECTOR 512u
#define ROW_GROUP(var, text, table)                                            \
    const struct group var = { text, table, sizeof(table) / sizeof((table)[0]) }

/*
 * Write a pattern, read it back, compare.  1: the disk serves; a read-only one
 * is only read.
 */
int good_serves(struct front *f, struct line *why);

/* The backend closed the device: does it say why?  Of Linux's we cannot know.
 */
int has_reason(const struct front *f);

/* What became of a device: its state, and the reason that its backend gave. */
void say_state(const struct front *f, uint32_t state, struct line *why);

#endif
