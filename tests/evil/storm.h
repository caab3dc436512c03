/* SPDX-License-Identifier: MIT */
/*
 * storm.h - do one thing over and over, in a thread of its own
 */
#ifndef STORM_H
#define STORM_H

struct err;
struct evil;
struct storm;

/* Call blow(v) again and again until storm_stop(). */
int storm_start(struct evil *v, void (*blow)(struct evil *v),
                struct storm **out, struct err *e);
void storm_stop(struct storm *s); /* NULL: no-op */

#endif
