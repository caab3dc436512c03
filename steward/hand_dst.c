/* SPDX-License-Identifier: MIT */
/*
 * hand_dst.c - the handshake, from the destination's side: H2, H4
 */
#include <string.h>

#include "hand.h"
#include "wipe.h"

int hand_dst_h1(struct hand *h, struct drbg *d, const struct fh_mig_side *h1,
                struct fh_mig_h2 *h2, struct st_err *e)
{
    uint8_t t2[FH_MIG_HASH_BYTES];
    int rc = hand_expect(h, 0, e);

    if (rc < 0)
        return rc;
    h->h1 = *h1;
    rc = hand_check_side(h, &h->h1, FH_MIG_H1, e);
    if (rc < 0)
        return rc;
    h->check = h->h1.flags & FH_MIG_SIDE_CHECK;
    h->nr_streams = h->h1.nr_streams;
    hand_side(h, d, FH_MIG_H2, &h->h2.side);
    hand_t2(h, t2);
    rc = hand_attest(h, t2, h->h2.evidence, e);
    if (rc < 0)
        return rc;
    *h2 = h->h2;
    h->step = 3;
    return 0;
}

int hand_dst_h3(struct hand *h, const struct fh_mig_h3 *h3,
                struct fh_mig_finished *h4, struct st_err *e)
{
    uint8_t t3[FH_MIG_HASH_BYTES];
    int rc = hand_expect(h, 3, e);

    if (rc < 0)
        return rc;
    h->h3 = *h3;
    if (memcmp(h->h3.magic, FH_MIG_H3, sizeof(h->h3.magic)) ||
        !mig_is_zero(h->h3.zero, sizeof(h->h3.zero)))
        return mig_fail(e, FH_MIG_ERR_HANDSHAKE, "H3: it is no such message");
    hand_t3(h, t3);
    rc = hand_check_peer(h, h->h3.evidence, MIG_STATE_RUN, t3, e);
    if (rc < 0)
        return rc;
    if (mig_is_zero(h->peer.guest_id, sizeof(h->peer.guest_id)))
        return mig_fail(e, FH_MIG_ERR_PEER, "evidence: it names no guest");
    if (!(h->peer.flags & MIG_FLAG_MIGRATABLE))
        return mig_fail(e, FH_MIG_ERR_PEER,
                        "evidence: its guest is pinned to its host");
    rc = hand_keys(h, h->h1.x, e);
    if (rc < 0)
        return rc;
    hand_h4(h, h4);
    h->step = 5;
    return 0;
}

int hand_dst_h5(struct hand *h, const struct fh_mig_finished *h5,
                struct st_err *e)
{
    struct fh_mig_finished h4, want;
    int rc = hand_expect(h, 5, e);

    if (rc < 0)
        return rc;
    hand_h4(h, &h4);
    hand_h5(h, &h4, &want);
    rc = hand_check_finished(h5, &want, e);
    wipe(h->fin_s, sizeof(h->fin_s));
    wipe(h->fin_d, sizeof(h->fin_d));
    h->step = HAND_OVER; /* one in its life */
    return rc;
}
