/* SPDX-License-Identifier: MIT */
/*
 * movepair.h - two dom0s, their stewards, and a link that may be cut
 *
 * Nothing but memory and a clock that moves when nothing else does.
 */
#ifndef MOVEPAIR_H
#define MOVEPAIR_H

#include "migrate/dest.h"
#include "migrate/source.h"
#include "tests/fakes/fake_mover.h"

#define PAIR_QUEUE 256u
#define PAIR_SLOTS 8u

struct pair_unit {
    struct wire_unit u;
    uint16_t stream;
    uint8_t bytes[512]; /* of a frame, the first ones */
};

struct pair_way {
    struct pair_unit unit[PAIR_QUEUE];
    uint32_t nr;
};

enum pair_who { PAIR_NOBODY, PAIR_SOURCE, PAIR_DEST };

struct pair {
    /* What is to happen; a message is one of either direction, from 1 on. */
    uint32_t nr_streams;
    bool live, check;
    uint32_t cut_at, twice_at, cancel_at;
    enum pair_who cancels;
    bool alone; /* no operator: D's supervisor ends */
    uint32_t seed;
    bool no_suspend, no_drain, no_answer; /* the supervisors do nothing */
    bool no_frames; /* the peer takes none, once the guest stands still */
    bool holds;     /* nor before */
    uint64_t timeout_ms;
    bool force;

    uint64_t now_ms;
    struct fake_mover s, d;
    struct chan cs, cd;
    uint8_t *slots[2];
    struct source src;
    struct dest dst;
    struct pair_way s2d, d2s;
    bool is_up, hello_said;
    enum wire_purpose purpose;
    uint32_t nr_messages; /* delivered */
    bool suspend_asked, drain_asked, plan_asked;
    uint8_t file[2][WIRE_TOKENS][FH_TOKEN_BYTES]; /* of S and D */
    uint32_t nr_slow, nr_rounds;
    uint32_t asked_at; /* to suspend: as slow it was then, by its page */
    bool resumed;      /* S's supervisor let its guest go on */
    bool d_destroyed;  /* POISONED, and it kept the file */
};

/* Set what is to happen, then: */
void pair_open(struct pair *p);
void pair_close(struct pair *p);
/* Until both have ended and all is quiet.  Checks what must always hold. */
void pair_run(struct pair *p);
/* `freehold resolve` on a new connection, cut after so many; 0: not. */
void pair_resolve(struct pair *p, bool want_abort, uint32_t cut_at);
/* Does exactly one side have the guest? */
bool pair_is_settled(const struct pair *p);

#endif
