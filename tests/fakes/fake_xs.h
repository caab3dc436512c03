/* SPDX-License-Identifier: MIT */
/*
 * fake_xs.h - the fake xenstore's own door for fake.c
 */
#ifndef FAKE_XS_H
#define FAKE_XS_H

#include <stdbool.h>
#include <stdint.h>

void fake_xs_reset(void);

/* For fake_wire.c. */
bool fake_xs_set_perms(uint32_t t, const char *path, const char *perms);

#endif
