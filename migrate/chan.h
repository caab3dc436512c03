/* SPDX-License-Identifier: MIT */
/*
 * chan.h - the control page's migration part, from dom0's side
 *
 * abi/steward_abi.h has the rules.  A guest's kernel can write the steward's
 * half of the page at any moment, so whatever is read here is fetched once and
 * checked, and may still be a lie: nothing of it can do more than end this
 * transfer.  Our own counters live in struct chan; what we wrote is never read
 * back, but for the seq of the command before, once, in chan_open().
 *
 * How this works: commands and mails wait here, in order, until the steward
 * has taken the one before; chan_look() moves both on.  Slots are dom0's
 * own memory, which Xen copies from and to: another domain writes them while
 * we send them, which costs that domain its own transfer.
 */
#ifndef MIGRATE_CHAN_H
#define MIGRATE_CHAN_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/steward_abi.h"

struct err;

#define CHAN_COMMANDS 8u
#define CHAN_MAILS 4u
#define CHAN_SLOT_BYTES (FH_SLOT_PAGES * 4096u)

struct chan_view { /* what the steward says; checked, and perhaps a lie */
    enum fh_move_state state;
    uint32_t error;
    uint32_t epoch, acked;
    uint64_t ram_pages, sent_pages, epoch_pages, dirty_pages;
    uint32_t nr_unanswered; /* commands: the state may be of before them */
    uint8_t session[16];
    char text[128]; /* printable */
};

struct chan { /* all zero: closed */
    struct fh_control *page;
    uint8_t *slots; /* CHAN_SLOT_BYTES each */
    void (*ring)(void *arg);
    void *arg;
    bool fills;  /* destination: slots are filled here */
    bool counts; /* the steward has begun, too: its counters are of this */
    uint32_t nr_streams, nr_slots;
    uint32_t moved[FH_MOVE_STREAMS]; /* ours */

    uint32_t command_seq; /* said last */
    bool command_out;     /* and not answered yet */
    enum fh_op command[CHAN_COMMANDS];
    uint32_t nr_commands; /* that wait; [0] is out when command_out */

    uint32_t mail_seq; /* written last; 0: none */
    bool mail_out;
    struct fh_mail mail[CHAN_MAILS];
    uint32_t nr_mails;
    uint32_t mail_taken; /* the steward's */
    uint64_t since_ms;   /* the oldest of what is out was said then */
};

/*
 * A page that is mapped.  slots and page stay the caller's.  No slot moves
 * before chan_begin(): of a transfer that somebody else began, none does.
 */
void chan_open(struct chan *c, struct fh_control *page, uint8_t *slots,
               void (*ring)(void *arg), void *arg);

/*
 * Say SEND or RECEIVE (op).  Frames move when it was answered: until then the
 * steward's counters are those of another transfer.  refs: of nr_slots slots.
 * -EINVAL: streams or slots are out of range.
 */
int chan_begin(struct chan *c, enum fh_op op, uint32_t nr_streams,
               uint32_t nr_slots, uint32_t flags,
               const uint32_t (*refs)[FH_SLOT_PAGES], uint64_t now_ms,
               struct err *e);

/* In order behind what was said before.  -ENOBUFS: too much waits already. */
int chan_command(struct chan *c, enum fh_op op, uint64_t now_ms, struct err *e);
int chan_mail(struct chan *c, enum fh_mail_kind kind, uint32_t arg,
              const void *p, uint32_t len_bytes, uint64_t now_ms,
              struct err *e);

/* Source: the guest runs so much slower from now on; FH_MOVE_SLOW_MAX. */
void chan_slow(struct chan *c, uint32_t percent);

/*
 * The doorbell rang, or time has gone by: what does it say?  Says what waits,
 * too.
 *
 *   -EREMOTEIO  the steward refused a command (*refused) in its own words
 *   -EPROTO     something is out of range
 */
int chan_look(struct chan *c, uint64_t now_ms, struct chan_view *out,
              enum fh_op *refused, struct err *e);
/* How long something has been out that the steward did not take; 0: nothing. */
uint64_t chan_waits_ms(const struct chan *c, uint64_t now_ms);
/* The steward's mail: 1, and it may write the next; 0; -EPROTO. */
int chan_take_mail(struct chan *c, struct fh_mail *out, struct err *e);
/* READY as the last mail holds it, for a second time; -ENOENT: none there. */
int chan_last_mail(const struct chan *c, struct fh_mail *out);
/* A token as it stands there: its type (wire.h), or -EPROTO. */
int chan_token(const struct chan *c, uint8_t token[FH_TOKEN_BYTES],
               struct err *e);

/*
 * Source: the next frame of a stream, ours until chan_taken().  1 with *frame
 * and *len_bytes; 0: none yet; -EPROTO.
 */
int chan_next(struct chan *c, uint32_t stream, void **frame,
              uint32_t *len_bytes, struct err *e);
void chan_taken(struct chan *c, uint32_t stream);

/*
 * Destination: where the stream's next frame goes; NULL: nowhere yet.  -EPROTO
 * when the steward took more than there was.
 */
int chan_room(struct chan *c, uint32_t stream, void **room, struct err *e);
void chan_filled(struct chan *c, uint32_t stream, uint32_t len_bytes);

const char *chan_state_name(uint32_t state); /* "unknown" for others */
const char *chan_error_name(uint32_t error); /* stream.md section 10 */

#endif
