/* SPDX-License-Identifier: MIT */
/*
 * guest_rename.h - give a guest that runs another name
 */
#ifndef GUEST_RENAME_H
#define GUEST_RENAME_H

struct err;
struct guest;

/*
 * The name on this host, in xenstore and of the logs; a restart keeps it.
 *
 *   -EEXIST     the other name is taken, or something is left under it
 *   -EBUSY      a service manager knows the guest by its name
 *   -EINVAL     it can be no name
 */
int guest_rename(struct guest *g, const char *to, struct err *e);

#endif
