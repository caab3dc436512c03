/* SPDX-License-Identifier: MIT */
/*
 * lane.h - one direction of one connection: bytes in, units, rules, bytes out
 *
 * How this works: a lane holds what came until a unit is whole, asks every rule
 * about it, and appends what is left to what goes out.  Lanes know each other
 * by their crew: a unit may wait for one of another lane.  No I/O here but for
 * the files that rules name and the record.
 *
 * A record is, for each unit as it came: u8 side, u8 stream, u8 whether it is a
 * hello, u8 zero, u32 bytes, and these.
 */
#ifndef LANE_H
#define LANE_H

#include <stdio.h>

#include "tests/evil-relay/rule.h"

#define LANES_MAX 8u /* four streams, two ways */
#define RULES_MAX 16u

struct bytes {
    uint8_t *p;
    size_t len, room;
};

void bytes_add(struct bytes *b, const void *p, size_t len);
void bytes_drop(struct bytes *b, size_t len); /* of the front */
void bytes_free(struct bytes *b);

struct record_head {
    uint8_t side, stream, first, zero;
    uint32_t len_bytes;
};

struct lane {
    enum side side; /* whose words these are */
    uint16_t stream;
    bool begun, passed_hold;
    struct bytes in, out;
    struct lane *twin; /* the other direction: it has no number of its own */
    struct bytes swapped, late, before; /* a unit each, or nothing */
    char late_for[16];
    uint64_t nr_frames;
};

enum order { ORDER_ON, ORDER_HELD, ORDER_SHUT, ORDER_CUT };

struct crew {
    struct lane *lane[LANES_MAX];
    uint32_t nr_lanes;
    struct rule rule[RULES_MAX];
    uint32_t nr_rules;
    FILE *record, *log; /* NULL: none */
};

void crew_add(struct crew *c, struct lane *l);

/*
 * Do all that is whole.  ORDER_HELD: it stands at a unit, and goes on when
 * called again; ORDER_SHUT, ORDER_CUT: what is out is to be sent, then its
 * connection or all of them closed.  What no unit can be passes as it came.
 */
enum order lane_run(struct crew *c, struct lane *l);

/*
 * Print the next whole unit and forget it: "WHO NAME [SESSION|WORDS]", a
 * token's session, an END's words.  False: there is none.
 */
bool lane_tell(struct lane *l, const char *who);
void lane_free(struct lane *l);

#endif
