/* SPDX-License-Identifier: MIT */
/*
 * movelife.h - a life in which the guest moves, for test_guest_move*.c and
 * test_guest_comes.c
 *
 * A life as lifescript.h's, with mover_main.c for the transfer's process and a
 * directory for tokens.  Link with --wrap=api_take_fd and --wrap=uv_timer_start
 * besides: what is looked at every second is looked at all the time.
 */
#ifndef MOVELIFE_H
#define MOVELIFE_H

#include "abi/steward_abi.h"
#include "migrate/wire.h"
#include "tests/unit/lifescript.h"

/* Steps of $MOVER: what the process says. */
#define MOVER_STATE(s) "{\"event\": \"state\", \"state\": \"" s "\"}\n"
#define MOVER_EVENT(name) "{\"event\": \"" name "\"}\n"
#define MOVER_END(s) "{\"event\": \"end\", \"end\": \"" s "\", \"why\": \"\"}\n"

struct moveproc;

extern const char movelife_session[]; /* of every token, in hex */
extern char movelife_tokens[64];      /* their directory */
/* After movelife_fresh() the test's: its disks' program; a kernel's time. */
extern const char *movelife_blk;
extern uint32_t movelife_suspend_ms;

void movelife_fresh(void); /* as script_fresh() */
/* As script_open(); receive: what brings the guest, or NULL. */
void movelife_open(struct moveproc *receive);
/* All of it; first: as life's when_running. */
void movelife_run(void (*first)(struct life *l));
/* All of it, of a guest that comes by a process with these steps. */
void movelife_receive(const char *steps);
void movelife_finish(void); /* as script_finish() */

/* The steps of the process that is started next. */
void movelife_play(const char *steps);
/* What the supervisor said to it so far; until movelife_finish(). */
const char *movelife_heard(void);
/* The steward's part of the page. */
struct fh_move_steward *movelife_steward(void);
/* Do the files of its name say that it leaves? */
bool movelife_leaves(void);

/* Another process has the guest's doorbell, which must be free; until it ends.
 */
void movelife_hold_bell(void);
void movelife_end_holder(void);

void movelife_token(uint8_t out[FH_TOKEN_BYTES], enum wire_token type);
/* Is there a file of movelife_session, "start" or so? */
bool movelife_has_token(const char *suffix);
void movelife_drop_tokens(void); /* and their directory */

/* What a supervisor that died wrote down of its guest, ... */
struct run_state movelife_left(bool leaves, bool receives);
/* ... its domain, with a page that says so much, ... */
void movelife_leave_behind(uint32_t state, uint32_t move_state, bool suspended);
/* ... and the whole life of the one after it, whose guest_adopt() says want. */
void movelife_adopt(const struct run_state *left, int want);

#endif
