/* SPDX-License-Identifier: MIT */
/*
 * mover_priv.h - mover.c's parts, for one another
 */
#ifndef STEWARD_MOVER_PRIV_H
#define STEWARD_MOVER_PRIV_H

#include "mover.h"

/* mover_begin.c: SEND and RECEIVE, as mover_obey() says. */
int mover_send(struct mover *v, struct st_err *e);
int mover_receive(struct mover *v, struct st_err *e);

/*
 * mover_mail.c.  There is one mail to dom0 at a time: what would say another
 * waits until dom0 has taken the one before.
 */
void mover_say(struct mover *v, enum fh_mail_kind kind, uint32_t arg,
               const void *p, uint32_t len_bytes);
/* Whatever waits and may go now. */
void mover_flush(struct mover *v);
/* dom0's mail of that seq, if it is new and no answer to it would wait. */
void mover_hear(struct mover *v, uint32_t seq);

/* mover_frames.c: one frame of each stream; whether there was any. */
bool mover_frames(struct mover *v);

#endif
