/* SPDX-License-Identifier: MIT */
/*
 * token.c - START, ABORT and DONE
 */
#include "token.h"

#include <string.h>

void token_make(struct fh_mig_token *t, enum fh_mig_token_type type,
                const uint8_t session[FH_MIG_ID_BYTES],
                const uint8_t evidence[FH_MIG_EVIDENCE_BYTES])
{
    *t = (struct fh_mig_token){ .version = FH_MIG_VERSION,
                                .type = (uint8_t)type };
    memcpy(t->magic, FH_MIG_TOKEN_MAGIC, sizeof(t->magic));
    memcpy(t->session, session, sizeof(t->session));
    memcpy(t->evidence, evidence, sizeof(t->evidence));
}

enum fh_mig_token_type token_check(const struct fh_mig_token *t,
                                   const uint8_t session[FH_MIG_ID_BYTES],
                                   struct st_err *e)
{
    if (memcmp(t->magic, FH_MIG_TOKEN_MAGIC, sizeof(t->magic)) ||
        t->version != FH_MIG_VERSION || t->type < FH_MIG_START ||
        t->type > FH_MIG_DONE || !mig_is_zero(t->zero, sizeof(t->zero))) {
        mig_fail(e, FH_MIG_ERR_PEER, "token: it is none of this version");
        return 0;
    }
    if (memcmp(t->session, session, sizeof(t->session))) {
        mig_fail(e, FH_MIG_ERR_PEER, "token: it is of another session");
        return 0;
    }
    return (enum fh_mig_token_type)t->type;
}
