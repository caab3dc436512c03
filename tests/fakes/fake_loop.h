/* SPDX-License-Identifier: MIT */
/*
 * fake_loop.h - time for those who wait in a fake loop
 */
#ifndef FAKE_LOOP_H
#define FAKE_LOOP_H

#include <stdint.h>

/* So much time has passed: what loop_now_ns() says, and timers. */
void fake_loop_pass(uint32_t ms);

#endif
