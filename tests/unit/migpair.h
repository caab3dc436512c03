/* SPDX-License-Identifier: MIT */
/*
 * migpair.h - two stewards and the dom0s between them, which may be evil
 */
#ifndef MIGPAIR_H
#define MIGPAIR_H

#include "steward/export.h"
#include "steward/import.h"
#include "tests/fakes/fake_mig.h"

struct pair;

/*
 * A frame on its way to the destination; what the relay does with it.  Returns
 * how often it is to be delivered as it is now: 1 for an honest one.
 */
typedef unsigned pair_relay(struct pair *p, uint16_t *stream,
                            struct fh_mig_long *f, bool is_long);

struct pair {
    struct fake_mig s, d;
    struct export x;
    struct import m;
    uint16_t nr_streams;
    pair_relay *relay; /* NULL: honest */
    void *relay_arg;
    unsigned nr_long, nr_short; /* that went through the relay */
};

void pair_open(struct pair *p, uint16_t nr_streams);
/* With that many blocks below 2 GiB and from 4 GiB on: fake_mig_open(). */
void pair_open_sized(struct pair *p, uint16_t nr_streams, uint32_t low,
                     uint32_t high);
void pair_close(struct pair *p);

/* H1..H5.  0, or the first error of either side. */
int pair_handshake(struct pair *p, bool check);
/* Frames until the source has no more, and answers.  The same. */
int pair_carry(struct pair *p);
/* ROUND and its frames. */
int pair_round(struct pair *p);
/* The guest suspends; the last epoch; READY. */
int pair_last(struct pair *p);

/* A guest's memory: a third data, a third zero, a third holes; by seed. */
void pair_fill(struct pair *p, uint32_t seed);
/* It changes one frame in every. */
void pair_mutate(struct pair *p, uint32_t every, uint32_t seed);

#endif
