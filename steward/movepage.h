/* SPDX-License-Identifier: MIT */
/*
 * movepage.h - the control page's migration part, from the steward's side
 *
 * abi/steward_abi.h, struct fh_move_dom0, has the rules.  With control.c the
 * only file that touches the page: dom0's half is fetched once, field by field
 * or whole, and our own never read back.
 */
#ifndef STEWARD_MOVEPAGE_H
#define STEWARD_MOVEPAGE_H

#include "control.h"
#include "slots.h"

/* All that is said of a transfer but frames, mail and token. */
struct movepage_view {
    uint32_t state; /* enum fh_move_state */
    uint32_t error; /* enum fh_mig_error */
    uint32_t epoch, acked;
    uint64_t ram_pages, sent_pages, epoch_pages;
    uint8_t session[16];
};

/* What SEND and RECEIVE find. */
void movepage_fetch_slots(const struct control *c, struct slots_wire *out);

/* A transfer begins: nothing was said of it, no frame has moved. */
void movepage_reset(const struct control *c);

/* state is written behind all else.  text: why, NUL terminated. */
void movepage_show(const struct control *c, const struct movepage_view *v,
                   const char *text);
void movepage_token(const struct control *c, const void *token);

/* dom0's mail: seq first, then all of it; taken: it may write the next. */
uint32_t movepage_mail_seq(const struct control *c);
void movepage_fetch_mail(const struct control *c, struct fh_mail *out);
void movepage_taken(const struct control *c, uint32_t seq);

/* Ours: whether dom0 has taken the one of that seq, and the next. */
bool movepage_was_taken(const struct control *c, uint32_t seq);
void movepage_put_mail(const struct control *c, const struct fh_mail *m);

/* How much slower dom0 wants the guest; it may say so at any time. */
uint32_t movepage_slow(const struct control *c);

/* Frames: dom0's count and lengths, and ours. */
uint32_t movepage_moved(const struct control *c, uint16_t stream);
uint32_t movepage_len(const struct control *c, uint32_t slot);
void movepage_set_len(const struct control *c, uint32_t slot, uint32_t bytes);
/* What dom0 does behind this store, it does in the light of it. */
void movepage_set_moved(const struct control *c, uint16_t stream, uint32_t n);

#endif
