/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h - what a backend gives up before it looks at a guest's bytes
 *
 * Everything that is needed is open by then.  Whoever takes the process over
 * has its descriptors, and can copy to and from what is granted to dom0 at that
 * moment; it has no file system, no network, no other process, and no way to
 * open anything.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdint.h>

struct err;

enum sandbox_kind { SANDBOX_DISK, SANDBOX_CARD, SANDBOX_TRANSFER };

/*
 * A uid of its own for each device on a host: nobody else's processes have it.
 * A transfer has no guest at first: devid is any number of its own.
 */
uint32_t sandbox_uid(enum sandbox_kind kind, uint16_t domid, uint32_t devid);

/*
 * Before the first thread: an empty root, own namespaces, the uid, no
 * capabilities, no new privileges, no core files.
 */
int sandbox_leave_host(uint32_t uid, struct err *e);
/*
 * No file may be written, or reserved, beyond so many bytes: a journal is on a
 * tmpfs that the host needs.  Not where the log is a file, which grows.
 */
int sandbox_limit_files(uint64_t bytes, struct err *e);
/*
 * With all threads running: seccomp, for each of them.  ioctls: those that are
 * allowed beside gntdev's and evtchn's.
 */
int sandbox_seal(const unsigned long *ioctls, uint32_t nr, struct err *e);

#endif
