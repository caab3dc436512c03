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

struct nic;

struct row { /* of a disk, or of a network card: `run` or `net` */
    const char *name;
    int (*run)(struct front *f, const void *arg, struct line *why);
    const void *arg;
    uint32_t flags; /* ROW_* */
    int (*net)(struct nic *n, const void *arg, struct line *why);
};

#define ROW_ALONE 1u /* starts from InitWait, and leaves it at anything */
#define ROW_LAST 2u  /* nothing can come behind it */
#define ROW_LOOSE 4u /* runs only when it is named, not with its group */
#define ROW_FATAL                                                              \
    8u /* Linux's vif is of no use behind it: the next is taken                \
        */

struct group {
    const char *name;
    const struct row *rows;
    uint32_t nr;
};

extern const struct group good_group, request_group, readonly_group, ring_group,
    key_group, storm_group, net_good_group, net_tx_group, net_fatal_group,
    net_ring_group, net_key_group, net_storm_group;

extern uint32_t rogue_n; /* rogue.n=: how often, for storms; 0: a few */
/*
 * rogue.peer=linux: the peer is xen-blkback or xen-netback.  Their reasons are
 * where a guest may not read, and the former names a forbidden inner operation
 * in its answer.
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

/* Connect plainly.  1, or 0 and why. */
int net_connect(struct nic *n, struct line *why);

/* The backend closed the device: does it say why?  Of Linux's we cannot know.
 */
int has_reason(const struct bus *b);

/* What became of a device: its state, and the reason that its backend gave. */
void say_state(const struct bus *b, uint32_t state, struct line *why);

/* Wait for a key in the device's directory, which dom0 writes. */
void rogue_wait_for_go(const struct bus *b, const char *key);

/* rogue.n, or a few; a state, any; what storms do to any device. */
uint32_t storm_times(uint32_t few);
uint32_t storm_state(void);
int storm_of_states(const struct bus *b, struct line *why);
int storm_remove_directory(const struct bus *b, struct line *why);

#endif
