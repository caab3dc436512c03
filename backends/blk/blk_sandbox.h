/* SPDX-License-Identifier: MIT */
/*
 * blk_sandbox.h - what a backend gives up before it looks at a guest's bytes
 *
 * Everything that is needed is open by then.  Whoever takes the process over
 * has its descriptors, and can copy to and from what is granted to dom0 at that
 * moment; it has no file system, no network, no other process, and no way to
 * open anything.
 */
#ifndef BLK_SANDBOX_H
#define BLK_SANDBOX_H

#include <stdint.h>

struct err;

/* A uid of its own for each disk on a host: nobody else's processes have it. */
uint32_t blk_sandbox_uid(uint16_t domid, uint32_t devid);

/*
 * Before the first thread: an empty root, own namespaces, the uid, no
 * capabilities, no new privileges, no core files.
 */
int blk_sandbox_leave_host(uint32_t uid, struct err *e);
/* With all threads running: seccomp, for each of them. */
int blk_sandbox_seal(struct err *e);

#endif
