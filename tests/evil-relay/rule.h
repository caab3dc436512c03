/* SPDX-License-Identifier: MIT */
/*
 * rule.h - what the relay does, to which unit
 *
 *   SIDE:NAME[#NTH][/STREAM]:ACTION
 *
 * SIDE: s or d, who sent it.  NAME: of unit.h, or any (all but alive).  NTH:
 * the first is 1, which it is if nothing is said; 0: each.
 *
 *   flip@AT       one bit of that byte, the unit's head included; -1: the last
 *   set@AT=HEX    these bytes there
 *   drop, twice   not sent, sent two times
 *   swap          sent behind the next one of its connection
 *   old           in its place the one before it on its connection
 *   late@NAME     sent when a unit of that name has gone by, on either side
 *   insert@FILE   that file's bytes before it
 *   trunc@BYTES   only so many of it, and all connections are closed
 *   cut, cutafter all connections are closed before it, or behind it
 *   shut          its own connection is closed before it
 *   hold          nothing goes on, in either direction, until SIGUSR1
 */
#ifndef RULE_H
#define RULE_H

#include "tests/evil-relay/unit.h"

struct err;

enum act {
    ACT_FLIP,
    ACT_SET,
    ACT_DROP,
    ACT_TWICE,
    ACT_SWAP,
    ACT_OLD,
    ACT_LATE,
    ACT_INSERT,
    ACT_TRUNC,
    ACT_CUT,
    ACT_CUTAFTER,
    ACT_SHUT,
    ACT_HOLD,
    ACTS
};

struct rule {
    const char *text; /* the caller's */
    enum side side;
    char name[16];
    uint32_t nth;
    int stream; /* -1: any */
    enum act act;
    int64_t at;
    char word[256]; /* late: NAME, insert: FILE */
    uint8_t bytes[64];
    uint32_t nr_bytes;
    uint32_t seen, fired;
};

/* -EINVAL: it is none. */
int rule_parse(struct rule *r, const char *text, struct err *e);

/* Is it for this one?  Counts it, so once a unit. */
bool rule_meets(struct rule *r, enum side side, uint16_t stream,
                const char *name);

#endif
