/* SPDX-License-Identifier: MIT */
/*
 * burglar.h - what the attempts of the burglar share
 */
#ifndef BURGLAR_H
#define BURGLAR_H

#include <stdint.h>

#include "../tiny/guest.h"
#include "abi/xen_steward.h"

#define PAGE_BYTES 4096u
#define NOTHING 0xffffffffu /* what is read where nothing is */

/* The steward's first page, a page it lacks, and a place where nothing is. */
#define STEWARD_GPA XEN_STEWARD_PRIVATE_GPA
#define STEWARD_GFN (XEN_STEWARD_PRIVATE_GPA / PAGE_BYTES)
#define VACANT_GFN (STEWARD_GFN + 0xf00u)
#define ELSEWHERE_GFN (0xd0000000u / PAGE_BYTES)

/*
 * A page of the steward's for each attempt, as one that comes off may take it
 * away, or hold on to it, and the next one would fail for that.
 */
enum page {
    PAGE_FIRST,
    PAGE_INFO,
    PAGE_RUNSTATE,
    PAGE_TIME,
    PAGE_CONTROL,
    PAGE_GRANTED,
    PAGE_REPLACED,
    PAGE_MOVED_TO,
    PAGE_SHARED_INFO,
    PAGE_MOVED_FROM,
    PAGE_EXCHANGED,
    PAGE_UNMAPPED,
    PAGE_GIVEN,
};

static inline uint32_t steward_gfn(enum page n)
{
    return STEWARD_GFN + (uint32_t)n;
}

/* Say whether a rule holds: "ok RULE", or "BAD RULE" and what was got. */
void judge(const char *rule, int64_t got, int64_t want);

void try_to_touch(void);    /* touch.c: loads, stores, copies by Xen */
void try_to_move(void);     /* move.c: the physical address space */
void try_to_register(void); /* register.c: pages for Xen to write to */
void try_grants(void);      /* grants.c: for others to reach */

/* touch.c: for good or ill, and no way back. */
void jump_there(void) __attribute__((noreturn));
void page_by_it(void) __attribute__((noreturn));

#endif
