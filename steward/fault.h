/* SPDX-License-Identifier: MIT */
/*
 * fault.h - what happens when the steward itself goes wrong
 */
#ifndef STEWARD_FAULT_H
#define STEWARD_FAULT_H

struct control;

/*
 * From here on every exception ends in FH_ERR_FAULT on c's page, and the
 * steward sleeps for ever.  While c has no page the domain is crashed.
 */
void fault_init(struct control *c);

#endif
