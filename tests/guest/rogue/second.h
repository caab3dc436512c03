/* SPDX-License-Identifier: MIT */
/*
 * second.h - the second vCPU: does one thing again and again, beside the first
 */
#ifndef ROGUE_SECOND_H
#define ROGUE_SECOND_H

#include <stdint.h>

/* Have it call once(), for ever.  0, or -1: there is no second vCPU. */
int second_run(void (*once)(void));
/* Not any more, a moment from now; how often it has, since second_run(). */
uint32_t second_stop(void);

#endif
