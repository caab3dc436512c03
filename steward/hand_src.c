/* SPDX-License-Identifier: MIT */
/*
 * hand_src.c - the handshake, from the source's side: H1, H3, H5
 */
#include <string.h>

#include "hand.h"
#include "wipe.h"

int hand_src_begin(struct hand *h, struct drbg *d, uint16_t nr_streams,
                   bool check, struct fh_mig_side *h1, struct st_err *e)
{
    if (nr_streams < 1 || nr_streams > FH_MIG_STREAMS_MAX)
        return mig_fail(e, FH_MIG_ERR_HANDSHAKE, "streams: %u, want 1 to %u",
                        nr_streams, FH_MIG_STREAMS_MAX);
    h->check = check;
    h->nr_streams = nr_streams;
    hand_side(h, d, FH_MIG_H1, &h->h1);
    *h1 = h->h1;
    h->step = 2;
    return 0;
}

/* What H2 had to choose, or to repeat. */
static int check_choice(const struct hand *h, const struct fh_mig_side *s,
                        struct st_err *e)
{
    if (s->version_min != s->version_max || s->suites != 1u << FH_MIG_SUITE_GCM)
        return mig_fail(e, FH_MIG_ERR_VERSION,
                        "H2: it chose no version, or no suite");
    if (s->flags != h->h1.flags || s->nr_streams != h->nr_streams)
        return mig_fail(e, FH_MIG_ERR_HANDSHAKE,
                        "H2: %u streams, flags %x, want %u, %x", s->nr_streams,
                        s->flags, h->nr_streams, h->h1.flags);
    return 0;
}

int hand_src_h2(struct hand *h, const struct fh_mig_h2 *h2,
                struct fh_mig_h3 *h3, struct st_err *e)
{
    uint8_t t2[FH_MIG_HASH_BYTES], t3[FH_MIG_HASH_BYTES];
    int rc = hand_expect(h, 2, e);

    if (rc < 0)
        return rc;
    h->h2 = *h2;
    rc = hand_check_side(h, &h->h2.side, FH_MIG_H2, e);
    if (rc == 0)
        rc = check_choice(h, &h->h2.side, e);
    if (rc < 0)
        return rc;
    hand_t2(h, t2);
    rc = hand_check_peer(h, h->h2.evidence, MIG_STATE_RECEIVING, t2, e);
    if (rc < 0)
        return rc;
    h->h3 = (struct fh_mig_h3){ .zero = { 0 } };
    memcpy(h->h3.magic, FH_MIG_H3, sizeof(h->h3.magic));
    hand_t3(h, t3);
    rc = hand_attest(h, t3, h->h3.evidence, e);
    if (rc == 0)
        rc = hand_keys(h, h->h2.side.x, e);
    if (rc < 0)
        return rc;
    *h3 = h->h3;
    h->step = 4;
    return 0;
}

int hand_src_h4(struct hand *h, const struct fh_mig_finished *h4,
                struct fh_mig_finished *h5, struct st_err *e)
{
    struct fh_mig_finished want;
    int rc = hand_expect(h, 4, e);

    if (rc < 0)
        return rc;
    hand_h4(h, &want);
    rc = hand_check_finished(h4, &want, e);
    if (rc < 0)
        return rc;
    hand_h5(h, &want, h5);
    wipe(h->fin_s, sizeof(h->fin_s));
    wipe(h->fin_d, sizeof(h->fin_d));
    h->step = HAND_OVER;
    return 0;
}
