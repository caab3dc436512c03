/* SPDX-License-Identifier: MIT */
/*
 * whole.h - a migration with all its parts, in one process
 *
 * Two guests' stewards as they are in the image, behind their control pages,
 * over fake Xens; two dom0s with freehold-migrate's own channel and state
 * machines; a link with room for a few frames.  A steward looks when it was
 * rung, and dom0 when it was: a ring that is missing stops the transfer.
 */
#ifndef WHOLE_H
#define WHOLE_H

#include "migrate/dest.h"
#include "migrate/source.h"
#include "steward/serve.h"
#include "tests/fakes/fake_hosts.h"

#define WHOLE_QUEUE 6u

struct whole;

struct whole_unit {
    struct wire_unit u;
    uint16_t stream;
    uint8_t bytes[FH_FRAME_LONG_BYTES];
};

struct whole_way {
    struct whole_unit unit[WHOLE_QUEUE + 4u]; /* frames leave room for words */
    uint32_t nr;
};

struct whole_side {
    struct fake_host h;
    struct control control;
    struct serve serve;
    struct chan chan;
    bool rung;         /* the steward */
    bool more;         /* it said so */
    uint32_t heard;    /* of its rings, by dom0 */
    uint32_t nr_looks; /* of the steward */
};

enum whole_who { WHOLE_NOBODY, WHOLE_SOURCE, WHOLE_DEST };

struct whole {
    /* What is to happen. */
    uint16_t nr_streams;
    bool live, check;
    uint32_t frame_ms; /* that the link takes for one */
    uint32_t changes;  /* pages the guest writes a step; 0: few */
    bool slow; /* S's steward looks only when all else has come to rest */
    uint32_t seed;
    uint32_t cut_at, cancel_at; /* the nth message */
    enum whole_who cancels;
    /* Before each look of a steward: whatever dom0 may do to its page. */
    void (*evil)(struct whole *w, struct whole_side *side);
    void *evil_arg;

    struct whole_side s, d;
    struct source src;
    struct dest dst;
    struct whole_way s2d, d2s;
    bool is_up, hello_said;
    bool has_room;    /* a frame has left S's side of the link */
    uint32_t blocked; /* streams that wait for a slot at D */
    enum wire_purpose purpose;
    uint32_t nr_messages, nr_frames;
    bool suspend_asked, drain_asked, plan_asked;
    uint64_t now_ms;
    uint8_t file[2][WIRE_TOKENS][FH_TOKEN_BYTES];
};

/* Set what is to happen; then: */
void whole_open(struct whole *w);
/* A transfer, until both dom0s have ended.  s and d were opened. */
void whole_run(struct whole *w);
void whole_close(struct whole *w);

/* The guest at S changes one page in every. */
void whole_mutate(struct whole *w, uint32_t every);

/* `freehold resolve` over a new link. */
void whole_resolve(struct whole *w, bool want_abort);

/*
 * The guest has moved to D, where a new domain waits to receive: D becomes S,
 * and is not rung for it.
 */
void whole_turn(struct whole *w, uint32_t seed);

/* One of the stewards looks, if only for this. */
void whole_look(struct whole *w, struct whole_side *side);

#endif
