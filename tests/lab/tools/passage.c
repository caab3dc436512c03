/* SPDX-License-Identifier: MIT */
/*
 * passage.c - every step of a guest's passage, and every one that Xen refuses
 *
 * usage: passage
 *
 * Runs in dom0 of a host whose Xen has xen/test/proxy.c's image and a pool
 * secret.  One line a rule: `ok RULE`, or `BAD RULE: got N, want N`.  Exits 0
 * if all are ok, 1 if not, 2 if it could not try them.
 */
#include "proxied.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <xen/xen.h>

#include <xen/hvm/save.h>

#define GIVEN_OFF 0x1000u
#define MADE_OFF 0x2000u
#define CONTEXT_OFF 0x3000u
#define CONTEXT_MAX 0xd000u

typedef struct xen_steward_evidence evidence;

static int nr_bad;

static void want(const char *rule, int64_t got, int64_t wanted)
{
    if (got == wanted) {
        printf("ok %s\n", rule);
    } else {
        printf("BAD %s: got %lld, want %lld\n", rule, (long long)got,
               (long long)wanted);
        nr_bad++;
    }
    fflush(stdout);
}

static bool is_zero(const void *p, size_t n)
{
    const uint8_t *b = p;

    while (n--)
        if (*b++)
            return false;
    return true;
}

#define SAME(a, b) (memcmp(&(a), &(b), sizeof(a)) == 0)

/* The calls. */

static int64_t set_role(struct proxied *p, uint32_t role, uint32_t flags)
{
    struct xen_steward_set_role r = { .role = role, .flags = flags };

    if (role == XEN_STEWARD_STATE_run)
        memset(r.measurement, 0x5a, sizeof(r.measurement));
    return proxied_op(p, XEN_STEWARD_set_role, &r, sizeof(r));
}

static struct xen_steward_info info_of(struct proxied *p)
{
    struct xen_steward_info i = { 0 };

    if (proxied_op(p, XEN_STEWARD_info, &i, sizeof(i)) < 0)
        i.state = UINT32_MAX;
    return i;
}

static int64_t attest(struct proxied *p, uint8_t fill, evidence *out)
{
    struct xen_steward_attest a = { .evidence = proxied_at(MADE_OFF),
                                    .evidence_bytes = sizeof(*out) };
    int64_t rc;

    memset(a.report_data, fill, sizeof(a.report_data));
    rc = proxied_op(p, XEN_STEWARD_attest, &a, sizeof(a));
    proxied_get(p, MADE_OFF, out, sizeof(*out));
    return rc == 0 && a.evidence_bytes != sizeof(*out) ? -EIO : rc;
}

static int64_t verify(struct proxied *p, const evidence *e, uint32_t bytes,
                      uint8_t fill, struct xen_steward_claims *out)
{
    struct xen_steward_verify v = { .evidence = proxied_at(GIVEN_OFF),
                                    .evidence_bytes = bytes };
    int64_t rc;

    memset(v.report_data, fill, sizeof(v.report_data));
    proxied_put(p, GIVEN_OFF, e, sizeof(*e));
    rc = proxied_op(p, XEN_STEWARD_verify, &v, sizeof(v));
    if (out)
        *out = v.claims;
    return rc;
}

/* What a step is made with; all zero is what most have no use for. */
struct with {
    uint8_t session, digest; /* each the byte that it is full of */
    const uint8_t *peer;
    uint32_t suspension;
    const evidence *given;
    bool no_room;
};

static int64_t step(struct proxied *p, uint32_t cmd, struct with w,
                    evidence *out)
{
    bool gives = cmd == XEN_STEWARD_fence || cmd == XEN_STEWARD_commit ||
                 cmd == XEN_STEWARD_poison;
    struct xen_steward_step s = { .suspension = w.suspension };
    int64_t rc;

    memset(s.session, w.session, sizeof(s.session));
    memset(s.digest, w.digest, sizeof(s.digest));
    if (w.peer)
        memcpy(s.peer, w.peer, sizeof(s.peer));
    if (w.given) {
        s.given = proxied_at(GIVEN_OFF);
        s.given_bytes = sizeof(*w.given);
        proxied_put(p, GIVEN_OFF, w.given, sizeof(*w.given));
    }
    if (gives) {
        s.made = proxied_at(MADE_OFF);
        s.made_bytes = w.no_room ? 1 : sizeof(*out);
    }
    rc = proxied_op(p, cmd, &s, sizeof(s));
    if (rc == 0 && gives)
        proxied_get(p, MADE_OFF, out, sizeof(*out));
    return rc;
}

static int64_t fence(struct proxied *p, struct with w, evidence *out)
{
    return step(p, XEN_STEWARD_fence, w, out);
}

static int64_t commit(struct proxied *p, struct with w, evidence *out)
{
    return step(p, XEN_STEWARD_commit, w, out);
}

static int64_t poison(struct proxied *p, struct with w, evidence *out)
{
    return step(p, XEN_STEWARD_poison, w, out);
}

static int64_t unfence(struct proxied *p, const evidence *given)
{
    return step(p, XEN_STEWARD_unfence, (struct with){ .given = given }, NULL);
}

static int64_t retire(struct proxied *p, const evidence *given)
{
    return step(p, XEN_STEWARD_retire, (struct with){ .given = given }, NULL);
}

static uint32_t suspended(struct proxied *p)
{
    return (uint32_t)proxied_op(p, XEN_STEWARD_suspended, NULL, 0);
}

static evidence now(struct proxied *p)
{
    evidence e = { 0 };

    attest(p, 1, &e);
    return e;
}

/* The scenes. */

static void launching(struct proxied *s)
{
    evidence e = { 0 };

    want("attest works before set_role", attest(s, 1, &e), 0);
    want("and says launching", e.claims.state, XEN_STEWARD_STATE_launching);
    want("set_role knows its flags", set_role(s, XEN_STEWARD_STATE_run, 0x80),
         -EINVAL);
    want("a domain that receives cannot be pinned",
         set_role(s, XEN_STEWARD_STATE_receiving, XEN_STEWARD_ROLE_pinned),
         -EINVAL);
    want("set_role works", set_role(s, XEN_STEWARD_STATE_run, 0), 0);
}

static void forgeries(struct proxied *s, const evidence *good)
{
    int64_t accepted = 0;
    evidence e = *good;

    for (uint32_t i = 0; i < sizeof(e); i++) {
        ((uint8_t *)&e)[i] ^= 1u << (i % 8);
        if (verify(s, &e, sizeof(e), 7, NULL) == 0)
            accepted++;
        ((uint8_t *)&e)[i] ^= 1u << (i % 8);
    }
    want("verify refuses evidence with any byte changed", accepted, 0);
    e.claims.generation++;
    want("verify calls it forged", verify(s, &e, sizeof(e), 7, NULL), -EBADMSG);
    e = *good;
    e.claims.epoch++;
    want("verify knows two epochs at most", verify(s, &e, sizeof(e), 7, NULL),
         -ETIME);
    e = *good;
    e.claims.provider++;
    want("verify names another provider", verify(s, &e, sizeof(e), 7, NULL),
         -EOPNOTSUPP);
    want("verify wants all of it", verify(s, good, sizeof(e) - 1, 7, NULL),
         -EINVAL);
    want("verify wants no more than all", verify(s, good, 16385, 7, NULL),
         -EINVAL);
    want("verify compares the report data", verify(s, good, sizeof(e), 8, NULL),
         -EXDEV);
}

static void evidence_of_run(struct proxied *s)
{
    struct xen_steward_claims c = { 0 };
    struct xen_steward_info i = info_of(s);
    struct xen_steward_attest a = { .evidence = proxied_at(MADE_OFF),
                                    .evidence_bytes = 319 };
    uint8_t measured[32];
    evidence e = { 0 };

    want("attest wants room", proxied_op(s, XEN_STEWARD_attest, &a, sizeof(a)),
         -ENOBUFS);
    want("and says how much", a.evidence_bytes, sizeof(e));
    want("attest works", attest(s, 7, &e), 0);
    want("verify works", verify(s, &e, sizeof(e), 7, &c), 0);
    want("claims come out as they went in", SAME(c, e.claims), 1);
    want("claims: state", c.state, XEN_STEWARD_STATE_run);
    want("claims: guest id", SAME(c.guest_id, i.guest_id), 1);
    want("claims: an instance, which is another number",
         !is_zero(c.instance, 16) && !SAME(c.instance, c.guest_id), 1);
    memset(measured, 0x5a, sizeof(measured));
    want("claims: measurement", SAME(c.measurement, measured), 1);
    want("claims: generation 0", (int64_t)c.generation, 0);
    want("claims: lab, secret from a module, migratable",
         c.flags & ((1U << XEN_STEWARD_FLAGS_MISSING_SHIFT) - 1),
         XEN_STEWARD_FLAG_lab | XEN_STEWARD_FLAG_module |
             XEN_STEWARD_FLAG_migratable);
    want("claims: what the host lacks, an IOMMU and all it does",
         c.flags >> XEN_STEWARD_FLAGS_MISSING_SHIFT,
         1U << XEN_STEWARD_POSTURE_iommu | 1U << XEN_STEWARD_POSTURE_intremap |
             1U << XEN_STEWARD_POSTURE_dom0_strict);
    want("claims: image, configuration, CPU policy, build",
         !is_zero(c.image, 32) && !is_zero(c.config, 32) &&
             !is_zero(c.cpu_policy, 32) && !is_zero(c.xen_build, 20),
         1);
    forgeries(s, &e);
}

static void running(struct proxied *s, const evidence *other)
{
    const uint8_t *peer = other->claims.instance;
    evidence e;

    want("the guest starts", guest_initialise(s) | guest_up(s), 0);
    want("the guest runs", guest_runs(s), 1);
    want("nothing is fenced that runs",
         fence(s, (struct with){ 1, 1, peer, .suspension = 1 }, &e), -EAGAIN);
    want("nor in suspend 0", fence(s, (struct with){ 1, 1, .peer = peer }, &e),
         -EAGAIN);
    want("what runs cannot be poisoned", poison(s, (struct with){ 0 }, &e),
         -EBUSY);
    want("nor take another guest",
         commit(s, (struct with){ 1, 1, .given = other }, &e), -EBUSY);
    want("nor be unfenced", unfence(s, other), -EBUSY);
    want("nor retired", retire(s, other), -EBUSY);
}

static void receiving(struct proxied *d)
{
    struct xen_steward_claims c;

    want("set_role(receiving) works",
         set_role(d, XEN_STEWARD_STATE_receiving, 0), 0);
    c = now(d).claims;
    want("claims: receiving", c.state, XEN_STEWARD_STATE_receiving);
    want("claims: nobody yet",
         is_zero(c.guest_id, 16) && is_zero(c.measurement, 32) &&
             c.generation == 0,
         1);
    want("no vCPU is initialised while receiving", guest_initialise(d), -EPERM);
    want("no vCPU starts while receiving", guest_up(d), -EPERM);
}

static uint32_t get_context(struct proxied *s, uint32_t suspension,
                            uint8_t *out)
{
    struct xen_steward_context c = { .buffer = proxied_at(CONTEXT_OFF),
                                     .bytes = CONTEXT_MAX,
                                     .suspension = suspension };

    want("the guest's context can be had",
         proxied_op(s, XEN_STEWARD_get_context, &c, sizeof(c)), 0);
    proxied_get(s, CONTEXT_OFF, out, CONTEXT_MAX);
    return c.bytes;
}

static int64_t set_context(struct proxied *d, const uint8_t *from,
                           uint32_t bytes)
{
    struct xen_steward_context c = { .buffer = proxied_at(CONTEXT_OFF),
                                     .bytes = bytes };

    proxied_put(d, CONTEXT_OFF, from, bytes);
    return proxied_op(d, XEN_STEWARD_set_context, &c, sizeof(c));
}

/* S is fenced for D.  E is another destination. */
static void fencing(struct proxied *s, const evidence *d, const evidence *e,
                    evidence *start)
{
    const struct with good = { 3, 4, d->claims.instance,
                               .suspension = suspended(s) };
    const uint8_t zero[16] = { 0 };
    const evidence own = now(s);
    struct with w = good;
    evidence again = { 0 };

    want("suspends are counted", good.suspension, 1);
    w.suspension = 2;
    want("a fence is of one suspend alone", fence(s, w, start), -EAGAIN);
    w = good;
    w.peer = zero;
    want("a fence names somebody", fence(s, w, start), -EINVAL);
    w.peer = own.claims.instance;
    want("and not itself", fence(s, w, start), -EINVAL);
    w = good;
    w.session = 0;
    want("a fence has a session", fence(s, w, start), -EINVAL);
    w = good;
    w.given = d;
    want("what a fence has no use for is 0", fence(s, w, start), -EINVAL);
    want("all of that changed nothing", info_of(s).state,
         XEN_STEWARD_STATE_run);

    w = good;
    w.no_room = true;
    want("a fence without room is a fence", fence(s, w, start), -ENOBUFS);
    want("the state is fenced", info_of(s).state, XEN_STEWARD_STATE_fenced);
    want("fence again, with room", fence(s, good, start), 0);
    want("fence again", fence(s, good, &again), 0);
    want("the same evidence, byte for byte", SAME(*start, again), 1);
    w = good;
    w.digest++;
    want("not with another digest", fence(s, w, &again), -EBUSY);
    w = good;
    w.session++;
    want("nor another session", fence(s, w, &again), -EBUSY);
    w = good;
    w.peer = e->claims.instance;
    want("nor for another destination", fence(s, w, &again), -EBUSY);
    want("the evidence names both",
         SAME(start->claims.peer, d->claims.instance) &&
             SAME(start->claims.instance, own.claims.instance),
         1);
}

static void fenced(struct proxied *s, const evidence *start)
{
    evidence e;

    want("what is fenced does not resume", dom0_resume(s), -EPERM);
    want("no vCPU of it starts", guest_up(s), -EPERM);
    want("nor is initialised", guest_initialise(s), -EPERM);
    want("it stands still", guest_runs(s), 0);
    e = now(s);
    want("it can be attested", e.claims.state, XEN_STEWARD_STATE_fenced);
    want("it cannot be poisoned", poison(s, (struct with){ 0 }, &e), -EBUSY);
    want("it takes no other guest",
         commit(s,
                (struct with){ 3, 4, start->claims.instance, .given = start },
                &e),
         -EBUSY);
    want("its own fence does not unfence it", unfence(s, start), -EXDEV);
    want("nor retire it", retire(s, start), -EXDEV);
    e = now(s);
    want("an attest neither", unfence(s, &e), -EXDEV);
}

/* The second destination wants the guest, too, and then spoils itself. */
static void second(struct proxied *e, struct proxied *s, const evidence *start)
{
    const struct with good = { .session = 3, .peer = start->claims.instance };
    evidence abort_e = { 0 }, again = { 0 };
    struct with w = good;

    want("another destination cannot take it",
         commit(e,
                (struct with){ 3, 4, start->claims.instance, .given = start },
                &again),
         -EXDEV);
    want("poison works", poison(e, good, &abort_e), 0);
    want("the state is poisoned", info_of(e).state, XEN_STEWARD_STATE_poisoned);
    want("poison again", poison(e, good, &again), 0);
    want("the same abort, byte for byte", SAME(abort_e, again), 1);
    w.session++;
    want("not for another session", poison(e, w, &again), -EBUSY);
    want("what is poisoned takes no guest",
         commit(e,
                (struct with){ 3, 4, start->claims.instance, .given = start },
                &again),
         -EBUSY);
    want("no vCPU of it starts", guest_up(e), -EPERM);
    want("another destination's abort does not unfence", unfence(s, &abort_e),
         -EXDEV);
    want("nor retire", retire(s, &abort_e), -EXDEV);
}

/* A copy, in which Xen would divide by 0 for each timer. */
static const uint8_t *undivided(const uint8_t *context, uint32_t bytes)
{
    static uint8_t copy[CONTEXT_MAX];
    struct hvm_save_descriptor r;
    struct hvm_hw_lapic lapic;

    memcpy(copy, context, bytes);
    for (uint32_t at = 0; at + sizeof(r) + sizeof(lapic) <= bytes;
         at += (uint32_t)sizeof(r) + r.length) {
        memcpy(&r, copy + at, sizeof(r));
        if (r.typecode == HVM_SAVE_CODE(LAPIC))
            memset(copy + at + sizeof(r) +
                       offsetof(struct hvm_hw_lapic, timer_divisor),
                   0, sizeof(lapic.timer_divisor));
    }
    return copy;
}

static void committing(struct proxied *d, const evidence *start,
                       const uint8_t *context, uint32_t bytes, evidence *done)
{
    const struct with good = { 3, 4, start->claims.instance, .given = start };
    const evidence attested = now(d);
    evidence e = *start, again = { 0 };
    struct with w = good;

    w.session++;
    want("commit wants the session", commit(d, w, done), -EXDEV);
    w = good;
    w.digest++;
    want("commit wants the digest", commit(d, w, done), -EXDEV);
    w = good;
    w.peer = attested.claims.instance;
    want("commit wants the source that it knows", commit(d, w, done), -EXDEV);
    w = good;
    w.given = &attested;
    want("commit wants a fence", commit(d, w, done), -EXDEV);
    e.claims.generation++;
    w.given = &e;
    want("commit wants no forged one", commit(d, w, done), -EBADMSG);
    want("commit wants a context", commit(d, good, done), -EBUSY);
    want("a context that Xen faults over is refused",
         set_context(d, undivided(context, bytes), bytes), -EINVAL);
    want("the context can be set", set_context(d, context, bytes), 0);
    want("what receives stands still", guest_runs(d), 0);
    want("nor does dom0 start it", dom0_resume(d), -EPERM);
    want("commit works", commit(d, good, done), 0);
    want("the state is run", info_of(d).state, XEN_STEWARD_STATE_run);
    want("commit again", commit(d, good, &again), 0);
    want("the same evidence, byte for byte", SAME(*done, again), 1);
    w.given = start;
    w.digest++;
    want("not of another digest", commit(d, w, &again), -EBUSY);
    want("what was committed cannot be poisoned",
         poison(d, (struct with){ .session = 3 }, &again), -EBUSY);
}

static void arrived(struct proxied *d, const evidence *source,
                    const evidence *done)
{
    struct xen_steward_claims c = now(d).claims;
    uint32_t times;

    want("the guest runs there", guest_runs(d), 1);
    want("and knows that it is in a new domain",
         (int64_t)guest_resumed(d, &times), 0);
    want("which it was told once", times, 1);
    want("it is the same guest", SAME(c.guest_id, source->claims.guest_id), 1);
    want("of the same launch", SAME(c.measurement, source->claims.measurement),
         1);
    want("one generation on", (int64_t)c.generation,
         (int64_t)source->claims.generation + 1);
    want("in another domain", SAME(c.instance, source->claims.instance), 0);
    want("the evidence says all that",
         SAME(done->claims.guest_id, c.guest_id) &&
             SAME(done->claims.peer, source->claims.instance) &&
             done->claims.generation == c.generation &&
             done->claims.state == XEN_STEWARD_STATE_run,
         1);
}

static void retiring(struct proxied *s, const evidence *done,
                     const evidence *start)
{
    evidence forged = *done, again = { 0 };

    want("what was committed does not unfence", unfence(s, done), -EXDEV);
    forged.claims.type = XEN_STEWARD_EVIDENCE_poisoned;
    want("nor if it is called poisoned", unfence(s, &forged), -EBADMSG);
    want("retire works", retire(s, done), 0);
    want("the state is retired", info_of(s).state, XEN_STEWARD_STATE_retired);
    want("retire works once", retire(s, done), -EBUSY);
    want("what is retired does not resume", dom0_resume(s), -EPERM);
    want("no vCPU of it starts", guest_up(s), -EPERM);
    want("the fence can still be had",
         fence(s, (struct with){ 3, 4, start->claims.peer, .suspension = 1 },
               &again),
         0);
    want("the same bytes", SAME(*start, again), 1);
}

static int64_t log_dirty(struct proxied *p, uint32_t enable)
{
    struct xen_steward_log_dirty l = { .enable = enable };

    return proxied_op(p, XEN_STEWARD_log_dirty, &l, sizeof(l));
}

static int64_t slow(struct proxied *p, uint32_t percent)
{
    struct xen_steward_slow l = { .percent = percent };

    return proxied_op(p, XEN_STEWARD_slow, &l, sizeof(l));
}

/* D moves on to F, which gives up.  It is slowed, and suspends all the same. */
static void cancelled(struct proxied *d, struct proxied *f)
{
    const evidence own = now(d), there = now(f);
    evidence start = { 0 }, abort_f = { 0 }, e;
    uint32_t suspension, times;

    want("a guest can be slowed", log_dirty(d, 1) | slow(d, 80), 0);
    want("and goes on", guest_runs(d), 1);
    proxied_suspend(d);
    suspension = suspended(d);
    want("fence, one host on",
         fence(d,
               (struct with){ 5, 6, there.claims.instance,
                              .suspension = suspension },
               &start),
         0);
    want("poison, with the source's name",
         poison(f, (struct with){ .session = 5, .peer = own.claims.instance },
                &abort_f),
         0);
    want("what is poisoned cannot be taken",
         commit(f,
                (struct with){ 5, 6, start.claims.instance, .given = &start },
                &e),
         -EBUSY);
    want("what is fenced is not slowed", slow(d, 80), -EBUSY);
    want("unfence works", unfence(d, &abort_f), 0);
    want("in a suspend that changes nothing", slow(d, 80), 0);
    want("the state is run", info_of(d).state, XEN_STEWARD_STATE_run);
    want("it still stands still", guest_runs(d), 0);
    want("unfence works once", unfence(d, &abort_f), -EBUSY);
    want("dom0 resumes it", dom0_resume(d), 0);
    want("it runs again", guest_runs(d), 1);
    want("and knows that it was cancelled", (int64_t)guest_resumed(d, &times),
         1);
    e = now(d);
    want("it is who it was",
         SAME(e.claims.guest_id, own.claims.guest_id) &&
             e.claims.generation == own.claims.generation,
         1);
    want("the old suspend is over",
         fence(d,
               (struct with){ 5, 6, there.claims.instance,
                              .suspension = suspension },
               &e),
         -EAGAIN);
    proxied_suspend(d);
    want("no two suspends are alike", suspended(d) != suspension, 1);
}

static void pinned(struct proxied *p, const evidence *other)
{
    evidence e;

    want("a guest can be pinned",
         set_role(p, XEN_STEWARD_STATE_run, XEN_STEWARD_ROLE_pinned), 0);
    want("its claims say so", now(p).claims.flags & XEN_STEWARD_FLAG_migratable,
         0);
    want("it starts", guest_initialise(p) | guest_up(p), 0);
    proxied_suspend(p);
    want("and is not fenced",
         fence(p,
               (struct with){ 1, 1, other->claims.instance,
                              .suspension = suspended(p) },
               &e),
         -EPERM);
}

/* Two that are slowed: one is destroyed, the other's log ends. */
static void slowed(struct world *w, struct proxied *p)
{
    proxied_open(w, p);
    want("what is about to be launched is not slowed", slow(p, 80), -EINVAL);
    set_role(p, XEN_STEWARD_STATE_run, 0);
    want("it starts", guest_initialise(p) | guest_up(p), 0);
    want("without a log it is not slowed", slow(p, 0), -EINVAL);
    want("with one it is", log_dirty(p, 1) | slow(p, 80), 0);
    proxied_close(p);

    proxied_open(w, p);
    set_role(p, XEN_STEWARD_STATE_run, 0);
    want("before its vCPU is up it is, too", log_dirty(p, 1) | slow(p, 80), 0);
    want("it starts", guest_initialise(p) | guest_up(p), 0);
    want("it runs", guest_runs(p), 1);
    want("the log ends", log_dirty(p, 0), 0);
    want("it still runs", guest_runs(p), 1);
    proxied_close(p);
}

int main(void)
{
    static uint8_t context[CONTEXT_MAX];
    evidence at_s, at_d, at_e, start = { 0 }, done = { 0 };
    struct proxied s, d, e, f, p;
    struct world *w = world_open();
    uint32_t bytes;

    proxied_open(w, &s);
    launching(&s);
    evidence_of_run(&s);
    at_s = now(&s);
    proxied_open(w, &d);
    receiving(&d);
    at_d = now(&d);
    proxied_open(w, &e);
    set_role(&e, XEN_STEWARD_STATE_receiving, 0);
    at_e = now(&e);
    want("no two instances are alike",
         SAME(at_d.claims.instance, at_e.claims.instance), 0);
    want("a configuration is a domain's like",
         SAME(at_d.claims.config, at_s.claims.config) &&
             SAME(at_d.claims.cpu_policy, at_s.claims.cpu_policy),
         1);

    running(&s, &at_d);
    proxied_suspend(&s);
    bytes = get_context(&s, suspended(&s), context);
    fencing(&s, &at_d, &at_e, &start);
    fenced(&s, &start);
    second(&e, &s, &start);
    proxied_close(&e);
    committing(&d, &start, context, bytes, &done);
    arrived(&d, &at_s, &done);
    want("the source is still fenced", info_of(&s).state,
         XEN_STEWARD_STATE_fenced);
    retiring(&s, &done, &start);
    proxied_close(&s);

    proxied_open(w, &f);
    set_role(&f, XEN_STEWARD_STATE_receiving, 0);
    cancelled(&d, &f);
    proxied_close(&f);
    proxied_close(&d);
    proxied_open(w, &p);
    pinned(&p, &at_d);
    proxied_close(&p);
    slowed(w, &p);
    world_close(w);
    printf("passage: done %d\n", nr_bad);
    return nr_bad != 0;
}
