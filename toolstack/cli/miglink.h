/* SPDX-License-Identifier: MIT */
/*
 * miglink.h - the connections of a transfer, made here and handed over
 *
 * How this works: by default a shell runs `ssh HOST freehold migrate-receive`,
 * joined to us by two pipes and otherwise to the user's terminal, where it may
 * ask for a password.  migrate-receive says MIGLINK_BANNER before all else.
 * What is in front of that is the far login shell's and is passed over; only
 * what is behind it is the transfer's.  ^C and a terminal that goes away do
 * not reach ssh: the transfer lives by it, and is cancelled in order.
 */
#ifndef MIGLINK_H
#define MIGLINK_H

#include <stdint.h>
#include <sys/types.h>

#include "toolstack/cli/migopts.h"

struct err;

#define MIGLINK_BANNER "freehold migrate-receive 1\n"

struct miglink { /* all zero: nothing is open */
    uint32_t nr;
    int fd[MIGOPTS_STREAMS][2]; /* to read, to write; one socket is both */
    pid_t child;                /* the shell, then ssh; 0: none */
    const char *peer;
};

/*
 * Reach whom the options name; nobody is nr 0.  stop_fd (-1: none) readable
 * ends the wait.
 *
 *   -EINVAL     the address is none
 *   -EINTR      stop_fd
 *   -ETIMEDOUT  30 s for a socket, 120 s for the banner
 *   -EIO        ssh ended, with its exit status; or it said anything else
 *   -ENOENT     the UNIX socket is not there
 *   whatever connecting fails with
 */
int miglink_open(struct miglink *l, const struct migopts *o, int stop_fd,
                 struct err *e);
/* Somebody else has the connections now: only theirs stay open. */
void miglink_let_go(struct miglink *l);
/*
 * Wait for ssh, timeout_ms at most, and end it then.  Its exit status, 128
 * and a signal's number as shells have it; 0 when there was none.
 */
int miglink_end(struct miglink *l, int timeout_ms);
/* Close what is ours, and leave ssh to the transfer. */
void miglink_leave(struct miglink *l);
/* End it at once; twice: no-op. */
void miglink_close(struct miglink *l);

#endif
