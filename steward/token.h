/* SPDX-License-Identifier: MIT */
/*
 * token.h - START, ABORT and DONE: Xen's evidence, with a head for dom0
 */
#ifndef STEWARD_TOKEN_H
#define STEWARD_TOKEN_H

#include "mig.h"

void token_make(struct fh_mig_token *t, enum fh_mig_token_type type,
                const uint8_t session[FH_MIG_ID_BYTES],
                const uint8_t evidence[FH_MIG_EVIDENCE_BYTES]);

/*
 * The type of a token of that session; 0 for anything else, with words.  Its
 * evidence is only as good as Xen says.
 */
enum fh_mig_token_type token_check(const struct fh_mig_token *t,
                                   const uint8_t session[FH_MIG_ID_BYTES],
                                   struct st_err *e);

#endif
