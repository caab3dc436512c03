/* SPDX-License-Identifier: MIT */
/*
 * attach.h - join a terminal, or a pipe, to a guest's console
 */
#ifndef ATTACH_H
#define ATTACH_H

#include <stdbool.h>

struct err;

#define ATTACH_DETACH_KEY 0x1d /* ^] */

/*
 * Copy both ways until the guest is gone or detach_key is typed; takes fd.  A
 * stdin that ends is no reason to leave.  dump: print what is there and leave.
 */
int attach(const char *name, int fd, bool dump, char detach_key, struct err *e);

#endif
