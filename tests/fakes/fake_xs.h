/* SPDX-License-Identifier: MIT */
/*
 * fake_xs.h - the fake xenstore's own door for fake.c
 */
#ifndef FAKE_XS_H
#define FAKE_XS_H

void fake_xs_reset(void);

#endif
