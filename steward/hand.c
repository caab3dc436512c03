/* SPDX-License-Identifier: MIT */
/*
 * hand.c - the handshake: what both sides do alike
 */
#include "hand.h"

#include <errno.h>
#include <string.h>

#include "kdf.h"
#include "measure.h"
#include "wipe.h"

#define TSC_PARTS 2000u /* 500 ppm */

struct label {
    char text[FH_MIG_LABEL_BYTES];
};

static struct label label_of(const char *text)
{
    struct label l = { { 0 } };
    size_t n = strlen(text);

    memcpy(l.text, text, n < sizeof(l.text) ? n : sizeof(l.text));
    return l;
}

void hand_hash(const char *label, const struct hand_piece *piece, unsigned nr,
               uint8_t out[FH_MIG_HASH_BYTES])
{
    struct label l = label_of(label);
    struct measure m;

    measure_begin(&m);
    measure_bytes(&m, l.text, sizeof(l.text));
    for (unsigned i = 0; i < nr; i++)
        measure_bytes(&m, piece[i].p, piece[i].bytes);
    measure_end(&m, out);
}

static void hash_plain(const void *p, size_t bytes,
                       uint8_t out[FH_MIG_HASH_BYTES])
{
    struct measure m;

    measure_begin(&m);
    measure_bytes(&m, p, bytes);
    measure_end(&m, out);
}

/* Nothing came yet: H1 is what comes. */
static unsigned number(uint8_t step)
{
    return step ? step : 1;
}

int hand_expect(struct hand *h, uint8_t step, struct st_err *e)
{
    if (h->step == step)
        return 0;
    if (h->step == HAND_OVER)
        return mig_fail(e, FH_MIG_ERR_HANDSHAKE,
                        "handshake: H%u came, and it is over", number(step));
    return mig_fail(e, FH_MIG_ERR_HANDSHAKE, "handshake: H%u came, want H%u",
                    number(step), number(h->step));
}

void hand_side(struct hand *h, struct drbg *d, const char *magic,
               struct fh_mig_side *out)
{
    const struct mig_machine *me = h->me;

    *out = (struct fh_mig_side){
        .version_min = FH_MIG_VERSION,
        .version_max = FH_MIG_VERSION,
        .suites = 1u << FH_MIG_SUITE_GCM,
        .flags = h->check ? FH_MIG_SIDE_CHECK : 0,
        .nr_streams = h->nr_streams,
        .nr_guest_vcpus = me->nr_guest_vcpus,
        .abi_version = FH_ABI_VERSION,
        .visible_grant_frames = me->visible_grant_frames,
        .ram_bytes = me->ram_bytes,
        .tsc_khz = me->tsc.khz,
    };
    memcpy(out->magic, magic, sizeof(out->magic));
    hash_plain(me->config.map, sizeof(me->config.map), out->map_hash);
    drbg_bytes(d, h->dh.secret, sizeof(h->dh.secret));
    drbg_bytes(d, out->nonce, sizeof(out->nonce));
    dh_public(&h->dh);
    memcpy(out->x, h->dh.public, sizeof(out->x));
}

static int differ(struct st_err *e, enum fh_mig_error code, const char *what,
                  uint64_t theirs, uint64_t ours)
{
    return mig_fail(e, code, "%s: the other side has %lu, this one %lu", what,
                    (unsigned long)theirs, (unsigned long)ours);
}

static int check_shape(const struct mig_machine *me,
                       const struct fh_mig_side *s, struct st_err *e)
{
    uint8_t hash[FH_MIG_HASH_BYTES];

    if (s->abi_version != FH_ABI_VERSION)
        return differ(e, FH_MIG_ERR_SHAPE, "steward's version", s->abi_version,
                      FH_ABI_VERSION);
    if (s->nr_guest_vcpus != me->nr_guest_vcpus)
        return differ(e, FH_MIG_ERR_SHAPE, "vcpus", s->nr_guest_vcpus,
                      me->nr_guest_vcpus);
    if (s->visible_grant_frames != me->visible_grant_frames)
        return differ(e, FH_MIG_ERR_SHAPE, "grant frames",
                      s->visible_grant_frames, me->visible_grant_frames);
    if (s->ram_bytes != me->ram_bytes)
        return differ(e, FH_MIG_ERR_SHAPE, "memory in bytes", s->ram_bytes,
                      me->ram_bytes);
    hash_plain(me->config.map, sizeof(me->config.map), hash);
    if (memcmp(s->map_hash, hash, sizeof(hash)))
        return mig_fail(e, FH_MIG_ERR_SHAPE,
                        "memory map: the two sides' differ");
    return 0;
}

static int check_tsc(const struct mig_machine *me, const struct fh_mig_side *s,
                     struct st_err *e)
{
    uint32_t khz = me->tsc.khz;
    uint64_t off = s->tsc_khz > khz ? s->tsc_khz - khz : khz - s->tsc_khz;

    if (me->tsc.mode != MIG_TSC_NATIVE)
        return mig_fail(e, FH_MIG_ERR_POLICY,
                        "time stamp counter: mode %u, want %u, native",
                        me->tsc.mode, MIG_TSC_NATIVE);
    if (off * TSC_PARTS > khz)
        return differ(e, FH_MIG_ERR_POLICY, "time stamp counter in kHz",
                      s->tsc_khz, khz);
    return 0;
}

int hand_check_side(const struct hand *h, const struct fh_mig_side *s,
                    const char *magic, struct st_err *e)
{
    int rc;

    if (memcmp(s->magic, magic, sizeof(s->magic)) || s->zero ||
        !mig_is_zero(s->zero2, sizeof(s->zero2)) ||
        !mig_is_zero(s->zero3, sizeof(s->zero3)) ||
        (s->flags & ~FH_MIG_SIDE_CHECK))
        return mig_fail(e, FH_MIG_ERR_HANDSHAKE, "%s: it is no such message",
                        magic);
    if (s->version_min > FH_MIG_VERSION || s->version_max < FH_MIG_VERSION)
        return mig_fail(e, FH_MIG_ERR_VERSION,
                        "version: the other side speaks %u to %u, this one %u",
                        s->version_min, s->version_max, FH_MIG_VERSION);
    if (!(s->suites & 1u << FH_MIG_SUITE_GCM))
        return mig_fail(e, FH_MIG_ERR_VERSION,
                        "suites: the other side has %x, this one %x", s->suites,
                        1u << FH_MIG_SUITE_GCM);
    if (s->nr_streams < 1 || s->nr_streams > FH_MIG_STREAMS_MAX)
        return mig_fail(e, FH_MIG_ERR_HANDSHAKE, "streams: %u, want 1 to %u",
                        s->nr_streams, FH_MIG_STREAMS_MAX);
    rc = check_shape(h->me, s, e);
    return rc < 0 ? rc : check_tsc(h->me, s, e);
}

enum fh_mig_error hand_verify_error(long rc)
{
    return rc == -EXDEV ? FH_MIG_ERR_PEER : FH_MIG_ERR_EVIDENCE;
}

int hand_attest(const struct hand *h, const uint8_t digest[FH_MIG_HASH_BYTES],
                uint8_t *evidence, struct st_err *e)
{
    long rc = h->world->attest(h->world->arg, digest, evidence);

    if (rc < 0)
        return mig_fail(e, FH_MIG_ERR_XEN, "evidence: Xen gives none: %ld", rc);
    return 0;
}

int hand_check_peer(struct hand *h, const uint8_t *evidence, uint32_t state,
                    const uint8_t digest[FH_MIG_HASH_BYTES], struct st_err *e)
{
    const struct mig_claims *own = &h->me->own;
    struct mig_claims *c = &h->peer;
    long rc = h->world->verify(h->world->arg, evidence, digest, c);

    if (rc < 0)
        return mig_fail(e, hand_verify_error(rc),
                        "evidence: Xen does not accept the other side's: %ld",
                        rc);
    if (c->type != MIG_ATTEST || memcmp(c->digest, digest, sizeof(c->digest)))
        return mig_fail(e, FH_MIG_ERR_PEER,
                        "evidence: it is not about this handshake");
    if (c->state != state)
        return mig_fail(e, FH_MIG_ERR_PEER,
                        "evidence: the other side is in state %u, want %u",
                        c->state, state);
    if (memcmp(c->image, own->image, sizeof(c->image)))
        return mig_fail(e, FH_MIG_ERR_PEER,
                        "evidence: the other side runs another steward");
    if ((c->flags ^ own->flags) & MIG_FLAGS_HOST)
        return mig_fail(e, FH_MIG_ERR_PEER, "evidence: host flags %x, want %x",
                        c->flags & MIG_FLAGS_HOST, own->flags & MIG_FLAGS_HOST);
    if (memcmp(c->cpu_policy, own->cpu_policy, sizeof(c->cpu_policy)))
        return mig_fail(e, FH_MIG_ERR_POLICY,
                        "cpu policy: the two sides' differ");
    if (memcmp(c->config, own->config, sizeof(c->config)))
        return mig_fail(e, FH_MIG_ERR_PEER,
                        "evidence: the other side's domain was made otherwise");
    if (mig_is_zero(c->instance, sizeof(c->instance)) ||
        !memcmp(c->instance, own->instance, sizeof(c->instance)))
        return mig_fail(e, FH_MIG_ERR_PEER,
                        "evidence: the other side is this one");
    return 0;
}

void hand_t2(const struct hand *h, uint8_t out[FH_MIG_HASH_BYTES])
{
    const struct hand_piece piece[] = {
        { &h->h1, sizeof(h->h1) },
        { &h->h2.side, sizeof(h->h2.side) },
    };

    hand_hash(FH_MIG_LABEL_H2, piece, 2, out);
}

void hand_t3(const struct hand *h, uint8_t out[FH_MIG_HASH_BYTES])
{
    const struct hand_piece piece[] = {
        { &h->h1, sizeof(h->h1) },
        { &h->h2, sizeof(h->h2) },
        { &h->h3, offsetof(struct fh_mig_h3, evidence) },
    };

    hand_hash(FH_MIG_LABEL_H3, piece, 3, out);
}

static void expand(const struct kdf *k, const char *label, uint32_t i,
                   uint8_t out[KDF_BYTES])
{
    struct {
        struct label label;
        uint32_t i;
    } info = { label_of(label), i };

    kdf_expand(k, &info, sizeof(info), out, KDF_BYTES);
}

static void frame_key(struct hand *h, const struct kdf *k, const char *label,
                      uint16_t stream, struct frame_key *out)
{
    uint8_t key[KDF_BYTES];

    expand(k, label, stream, key);
    gcm_key(&out->gcm, key, h->soft);
    out->seq = 0;
    out->stream = stream;
    memcpy(out->tag_of, h->session, sizeof(out->tag_of));
    wipe(key, sizeof(key));
}

int hand_keys(struct hand *h, const uint8_t peer_x[DH_BYTES], struct st_err *e)
{
    const struct hand_piece all[] = {
        { &h->h1, sizeof(h->h1) },
        { &h->h2, sizeof(h->h2) },
        { &h->h3, sizeof(h->h3) },
    };
    uint8_t shared[DH_BYTES], hash[FH_MIG_HASH_BYTES];
    bool good = dh_shared(&h->dh, peer_x, shared);
    struct hand_piece t4 = { h->t4, sizeof(h->t4) };
    struct kdf k;

    wipe(&h->dh, sizeof(h->dh));
    hand_hash(FH_MIG_LABEL_H4, all, 3, h->t4);
    hand_hash(FH_MIG_LABEL_SESSION, &t4, 1, hash);
    memcpy(h->session, hash, sizeof(h->session));
    kdf_extract(&k, h->t4, sizeof(h->t4), shared, sizeof(shared));
    wipe(shared, sizeof(shared));
    for (uint16_t i = 0; i < h->nr_streams; i++)
        frame_key(h, &k, FH_MIG_LABEL_S2D, i, &h->s2d[i]);
    frame_key(h, &k, FH_MIG_LABEL_D2S, 0, &h->d2s);
    expand(&k, FH_MIG_LABEL_FIN_D, 0, h->fin_d);
    expand(&k, FH_MIG_LABEL_FIN_S, 0, h->fin_s);
    wipe(&k, sizeof(k));
    if (!good)
        return mig_fail(e, FH_MIG_ERR_HANDSHAKE,
                        "key exchange: the other side's key is none");
    return 0;
}

static void finished(const char *magic, const uint8_t key[KDF_BYTES],
                     const uint8_t hash[FH_MIG_HASH_BYTES],
                     struct fh_mig_finished *out)
{
    *out = (struct fh_mig_finished){ .zero = { 0 } };
    memcpy(out->magic, magic, sizeof(out->magic));
    kdf_hmac(key, hash, FH_MIG_HASH_BYTES, out->mac);
}

void hand_h4(const struct hand *h, struct fh_mig_finished *out)
{
    finished(FH_MIG_H4, h->fin_d, h->t4, out);
}

void hand_h5(const struct hand *h, const struct fh_mig_finished *h4,
             struct fh_mig_finished *out)
{
    uint8_t both[FH_MIG_HASH_BYTES + sizeof(*h4)], hash[FH_MIG_HASH_BYTES];

    memcpy(both, h->t4, sizeof(h->t4));
    memcpy(both + sizeof(h->t4), h4, sizeof(*h4));
    hash_plain(both, sizeof(both), hash);
    finished(FH_MIG_H5, h->fin_s, hash, out);
}

int hand_check_finished(const struct fh_mig_finished *got,
                        const struct fh_mig_finished *want, struct st_err *e)
{
    if (!mig_equal(got, want, sizeof(*want)))
        return mig_fail(e, FH_MIG_ERR_HANDSHAKE,
                        "handshake: the other side has other keys: somebody "
                        "changed a message");
    return 0;
}

void hand_wipe(struct hand *h)
{
    wipe(&h->dh, sizeof(h->dh));
    wipe(h->fin_s, sizeof(h->fin_s));
    wipe(h->fin_d, sizeof(h->fin_d));
    wipe(h->s2d, sizeof(h->s2d));
    wipe(&h->d2s, sizeof(h->d2s));
    h->step = HAND_OVER;
}
