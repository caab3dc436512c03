/* SPDX-License-Identifier: MIT */
/*
 * intake.h - a connection's bytes, cut into hello and units
 *
 * How this works: intake_want() says where the next bytes belong, so a frame
 * is read from the socket straight into the buffer that the steward copies it
 * from; intake_got() tells how many came.  No byte is looked at before all of
 * its struct is there, and none behind what was wanted is read.
 *
 *   HELLO ──▶ HEAD ──▶ BODY ──▶ HEAD ..        any error: BROKEN, for ever
 *                ▲       │
 *                └ no room: stays in HEAD's end until there is some
 *
 * Sizes of other units are bounded by INTAKE_BODY_MAX, which is allocated once.
 */
#ifndef MIGRATE_INTAKE_H
#define MIGRATE_INTAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "migrate/wire.h"

struct intake_ops {
    /* Negative errno: the connection is over. */
    int (*hello)(void *arg, const struct wire_hello *h, struct err *e);
    /*
     * Where a frame's bytes go: u->len_bytes of memory, which is written to
     * until unit() has it; NULL: nowhere now, intake_retry() later.  *mine:
     * leave it to the intake's own buffer.
     */
    void *(*room)(void *arg, const struct wire_unit *u, bool *mine);
    /* One unit, checked, and its bytes, for the time of the call. */
    int (*unit)(void *arg, const struct wire_unit *u, const void *p,
                struct err *e);
};

enum intake_state {
    INTAKE_HELLO,
    INTAKE_HEAD,
    INTAKE_STUCK, /* a head is there, and no room for its body */
    INTAKE_BODY,
    INTAKE_BROKEN,
};

#define INTAKE_BODY_MAX WIRE_PLAN_MAX

struct intake {
    const struct intake_ops *ops;
    void *arg;
    enum wire_side from; /* the peer is that */
    uint16_t stream;     /* set by who knows it; hello() may */
    enum intake_state state;
    struct wire_hello hello;
    struct wire_unit head;
    uint8_t *own;  /* INTAKE_BODY_MAX bytes, allocated at the first need */
    uint8_t *body; /* where the unit goes */
    size_t have_bytes;
};

void intake_open(struct intake *in, const struct intake_ops *ops, void *arg,
                 enum wire_side from);
void intake_close(struct intake *in); /* twice: no-op */

/* Where bytes go, and how many; NULL: none are wanted now (STUCK, BROKEN). */
void *intake_want(struct intake *in, size_t *bytes);
/* So many came there.  Negative errno: the connection is over. */
int intake_got(struct intake *in, size_t bytes, struct err *e);
/* There may be room now.  1: bytes are wanted again; 0; negative errno. */
int intake_retry(struct intake *in, struct err *e);

#endif
