/* SPDX-License-Identifier: MIT */
/*
 * killed.h - every state of shared memory that a kill could leave
 *
 * A child runs instruction by instruction (ptrace); each time that the memory
 * differs from what it was, the state is kept.  A kill could have left any of
 * these, and no other.
 */
#ifndef KILLED_H
#define KILLED_H

#include <stdbool.h>
#include <stdint.h>

struct killed { /* all zero: none */
    uint8_t *state;
    uint32_t nr, size_bytes, room;
};

/* Memory that a child changes for us. */
void *killed_memory(uint32_t len_bytes);

/*
 * Run run(memory) in a child, to its end.  false: this machine does not let us
 * look.  The first state is the one before it.
 */
bool killed_look(struct killed *k, void (*run)(void *memory), void *memory,
                 uint32_t len_bytes);
/* State i, len_bytes of it. */
const void *killed_state(const struct killed *k, uint32_t i);
void killed_free(struct killed *k);

#endif
