/* SPDX-License-Identifier: MIT */
/*
 * mover.h - a migration, between its engine, dom0's page and dom0's buffers
 *
 * How this works: export.c or import.c decides what an event means; here events
 * are found on the control page, one at a time, and what comes of them is put
 * there.  Nothing blocks: mover_go() does a step of each kind and says whether
 * there is more, so that dom0's next command is heard between any two frames.
 *
 *   a guest that runs        export: again and again, until it is RETIRED
 *   one that is to come      import, once; DONE, and it is one that runs
 */
#ifndef STEWARD_MOVER_H
#define STEWARD_MOVER_H

#include "export.h"
#include "import.h"
#include "machine.h"
#include "movepage.h"
#include "xenworld.h"

struct mover {
    struct control *control;
    struct machine_shape shape;
    bool receives;             /* no guest has come yet */
    bool begun;                /* receives: RECEIVE was heard */
    bool news;                 /* dom0 is to be rung */
    struct movepage_view view; /* as it was shown last */

    struct xenworld xen;
    struct mig_machine me;
    struct scratch scratch;
    struct drbg drbg;
    union {
        struct export x;
        struct import m; /* receives */
    };

    struct slots slots;
    uint32_t moved[FH_MOVE_STREAMS]; /* ours */
    uint32_t nr_answers;             /* receives: to epochs */
    uint32_t mail_taken;             /* dom0's, of that seq */
    bool mail_waits;                 /* ours, for the one before */
    struct fh_mail mail;             /* ours; seq is of the last */
};

/* shape: of the guest that runs, or is to come. */
void mover_open(struct mover *v, struct control *c,
                const struct machine_shape *shape, bool receives);

/*
 * CANCEL, and SEND and what is behind it.  0, though the transfer may have
 * ended by it: that is on the page; or refused, and nothing changed:
 *
 *   FH_ERR_STATE     not now, or not on this side
 *   FH_ERR_PROTOCOL  what the page has for SEND or RECEIVE makes no sense
 *   FH_ERR_POPULATE, FH_ERR_MEMORY, FH_ERR_XEN   there is nothing to begin with
 */
int mover_obey(struct mover *v, uint32_t op, struct st_err *e);

/* Between SEND and an end; and for as long as no guest came. */
bool mover_is_busy(const struct mover *v);

/*
 * The seq of dom0's mail.  Fetch it before the command: a command that was
 * written before a mail is then heard before it, too.
 */
uint32_t mover_mail_seq(const struct mover *v);

/* Mail of that seq, frames; say what is new.  true: there may be more. */
bool mover_go(struct mover *v, uint32_t mail_seq);

#endif
