/* SPDX-License-Identifier: MIT */
/*
 * boss.h - a supervisor as a process of its own, for tests of who talks to it
 *
 * It has the real api.c and rundir.c, and no guest.
 */
#ifndef BOSS_H
#define BOSS_H

#include <sys/types.h>

#define BOSS_FLOOD 20000 /* events in a flood */
#define BOSS_PAD 100000  /* bytes of "pad" in its info: answers may be long */

/*
 * What block_attach attaches, and what its "disk" says then happens to it:
 * states by commas, or `die`; a second one is refused.  block_detach: xvdb
 * goes, xvdc only by force, xvdd fails, xvde fails and goes, others are not
 * there.  The same of cards, where vif 1 is what is attached; boss.c tells the
 * others.
 */
#define BOSS_DEVID 51728 /* xvdb */

struct boss {
    pid_t pid;
    int fd;
};

extern char boss_base[32]; /* where its directory is made */

int boss_set_up(void **state); /* of the program */
int boss_tear_down(void **state);

/* Returns when it listens. */
void boss_start(struct boss *b, const char *name);

/*
 * 0, 1: tell that a transfer is in that epoch.  m, s, x: that it moved, stayed,
 * ended by what nobody knows.  i, c: have it in the info; it was cut. `migrate`
 * that is to send 77 bytes a second fails by its own words, one of 78 tells an
 * end before its answer; `migrate_cancel` makes it stay, or, k, is refused from
 * now on.
 *
 * e: tell an event.  f: tell a flood of them.  r: take the name www.  g: remove
 * its directory and end.  Returns when it is done, but for what is told, and g.
 */
void boss_order(struct boss *b, char what);

void boss_reap(struct boss *b);   /* kill it */
void boss_retire(struct boss *b); /* g, and wait for its end */

#endif
