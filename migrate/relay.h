/* SPDX-License-Identifier: MIT */
/*
 * relay.h - one transfer: its connections, its steward, and who decides
 *
 * How this works: source.c or dest.c decides.  Frames go past it: from the
 * steward's slots to the connections, or from there into slots, one ring and
 * one connection a stream, each at its own speed; a connection is not read
 * while its ring is full.  The supervisor's words are JSON objects.
 *
 *   orders                                      events
 *   suspended, drained, cancel          S       state {state}, note {text}
 *   bandwidth {bytes_per_s}             S       suspend, drain
 *   answer {ok, domid, answer}          D       progress {..}: see relay_say.c
 *   session {found, domid, token}       D       plan {plan}, session {session}
 *   start {token}                       D       token {type, session, token}
 *                                               end {end, why}: the last one
 *
 * Source: migrate/stream.md, sections 3 and 8.
 */
#ifndef MIGRATE_RELAY_H
#define MIGRATE_RELAY_H

#include <uv.h>

#include "migrate/source.h"

struct json_object;
struct relay;

struct relay_world { /* main.c's: Xen and the supervisor */
    void *arg;
    /* The steward of that domain: its page. */
    int (*attach)(void *arg, uint16_t domid, struct fh_control **page,
                  struct err *e);
    /* Slots, granted to it; refs as in struct fh_move_dom0. */
    int (*grant)(void *arg, uint32_t nr_slots, uint8_t **slots,
                 const uint32_t (**refs)[FH_SLOT_PAGES], struct err *e);
    void (*ring)(void *arg);
    /* An event; it is the callee's to put. */
    void (*event)(void *arg, struct json_object *o);
    /* The last event is out, the connections are closed. */
    void (*over)(void *arg, enum move_end end);
};

struct relay_opts {
    enum wire_side side;
    uint16_t nr_connections;    /* source: streams; destination: 1 at least */
    int fd[FH_MOVE_STREAMS][2]; /* to read, to write */
    /* source */
    enum wire_purpose purpose;
    uint8_t transfer[WIRE_ID_BYTES], session[WIRE_ID_BYTES];
    uint16_t domid;
    struct source_opts source;
    uint64_t bytes_per_s;
};

/* The descriptors are the relay's, also when this fails. */
int relay_open(struct relay **out, uv_loop_t *loop,
               const struct relay_world *world, const struct relay_opts *opts,
               struct err *e);
/* Destination: one more connection. */
void relay_connection(struct relay *r, int fd);
void relay_rang(struct relay *r); /* the doorbell */
/* One of the supervisor's orders; -EINVAL: it is none. */
int relay_order(struct relay *r, struct json_object *order, struct err *e);
/* The supervisor is gone: it is given up, as far as nothing is lost by that. */
void relay_alone(struct relay *r);
void relay_close(struct relay *r); /* after over() */

#endif
