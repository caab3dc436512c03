/* SPDX-License-Identifier: MIT */
/*
 * seat.h - a transfer's place at Xen: page, doorbell and granted buffers
 *
 * How this works: everything is opened before the process is sealed off, and
 * for no guest yet; seat_attach() then restricts the doorbell's handle to one,
 * for good.  Slots are dom0's own pages, granted to that guest by gntalloc:
 * they are the guest's to write while they last, so nothing else is on them.
 *
 * The doorbell's other user is the supervisor, which unbinds it before.
 */
#ifndef MIGRATE_SEAT_H
#define MIGRATE_SEAT_H

#include "common/gnt.h"
#include "migrate/chan.h"

struct evt;

struct seat { /* all zero: nothing is open */
    struct gnt *gnt;
    struct evt *evt;
    void *share; /* xengntshr_handle */
    struct gnt_map page;
    uint32_t port;
    uint16_t domid;
    uint8_t *slots;
    uint32_t nr_slots;
    uint32_t refs[FH_MOVE_SLOTS][FH_SLOT_PAGES];
};

int seat_open(struct seat *s, struct err *e);
void seat_close(struct seat *s); /* twice: no-op */

/* -ENOENT: no control page, or no doorbell, of that domain. */
int seat_attach(struct seat *s, uint16_t domid, struct err *e);
int seat_grant(struct seat *s, uint32_t nr_slots, struct err *e);
struct fh_control *seat_page(const struct seat *s);

int seat_fd(const struct seat *s); /* readable: seat_hear() */
/*
 * The doorbell rang: it may ring again.  A guest that rings without end has so
 * many of them taken, and is heard again in the loop's next turn.
 */
#define SEAT_RINGS_MAX 16u
void seat_hear(struct seat *s);
void seat_ring(struct seat *s);

/* What seccomp must let through beside sandbox.h's own. */
extern const unsigned long seat_ioctls[];
extern const uint32_t seat_nr_ioctls;

#endif
