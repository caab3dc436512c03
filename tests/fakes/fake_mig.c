/* SPDX-License-Identifier: MIT */
/*
 * fake_mig.c - a domain and its Xen, for the steward's migration engine
 */
#include "tests/fakes/fake_mig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "steward/kdf.h"

#define BLOCK_BYTES (RAM_BLOCK_PAGES * 4096ull)
#define WORDS RAM_BLOCK_WORDS
#define HIGH_BLOCK (FH_HIGH_RAM_GPA / BLOCK_BYTES)
#define FH_HIGH_RAM_GPA 0x100000000ull
#define TAIL_PAGES 5u

_Static_assert(sizeof(struct xen_steward_evidence) == FH_MIG_EVIDENCE_BYTES,
               "size");

static bool fails(struct fake_mig *f)
{
    return ++f->nr_calls == f->fail_at;
}

/* ---- memory ---- */

static uint64_t index_of(const struct fake_mig *f, uint64_t block)
{
    if (block < f->nr_blocks)
        return block;
    if (block < f->high_block || block - f->high_block >= f->nr_high)
        abort(); /* the engine reaches for what the guest does not have */
    return f->nr_blocks + block - f->high_block;
}

static bool test_bit(const uint64_t *words, uint64_t i)
{
    return words[i / 64] >> (i % 64) & 1;
}

static void set_bit(uint64_t *words, uint64_t i, bool on)
{
    if (on)
        words[i / 64] |= 1ull << (i % 64);
    else
        words[i / 64] &= ~(1ull << (i % 64));
}

static uint64_t page_index(const struct fake_mig *f, uint64_t gfn)
{
    return index_of(f, gfn / RAM_BLOCK_PAGES) * RAM_BLOCK_PAGES +
           gfn % RAM_BLOCK_PAGES;
}

static uint8_t *page_at(const struct fake_mig *f, uint64_t gfn)
{
    return f->memory + page_index(f, gfn) * 4096;
}

static uint8_t *world_block(void *arg, uint64_t block)
{
    struct fake_mig *f = arg;

    return f->memory + index_of(f, block) * BLOCK_BYTES;
}

static long world_present(void *arg, uint64_t block, uint64_t present[8])
{
    struct fake_mig *f = arg;

    if (fails(f))
        return -EIO;
    memcpy(present, f->present + index_of(f, block) * WORDS,
           WORDS * sizeof(*present));
    return 0;
}

static long world_stray(void *arg)
{
    return ((struct fake_mig *)arg)->stray;
}

static long world_log(void *arg, bool on)
{
    struct fake_mig *f = arg;

    if (on && fails(f))
        return -ENOMEM;
    if (on && (f->logging || f->state != FAKE_MIG_RUN))
        return -EBUSY;
    memset(f->dirty, 0, (f->nr_blocks + f->nr_high) * WORDS * 8);
    f->logging = on;
    f->slow_percent = 0;
    return 0;
}

static long world_slow(void *arg, uint32_t percent)
{
    struct fake_mig *f = arg;

    if (fails(f) || percent > 80 || !f->logging)
        return -EINVAL;
    if (f->state != FAKE_MIG_RUN)
        return -EBUSY;
    f->slow_percent = f->suspension ? 0 : percent;
    f->nr_slowed++;
    return 0;
}

static long world_take_dirty(void *arg, uint64_t block, uint64_t nr_blocks,
                             uint64_t *bitmap)
{
    struct fake_mig *f = arg;

    if (fails(f) || !f->logging)
        return -EINVAL;
    memset(bitmap, 0, nr_blocks * WORDS * 8);
    for (uint64_t b = block; b < block + nr_blocks; b++) {
        uint64_t *log;

        if (b >= f->nr_blocks && b < f->high_block)
            continue;
        log = f->dirty + index_of(f, b) * WORDS;
        memcpy(bitmap + (b - block) * WORDS, log, WORDS * 8);
        memset(log, 0, WORDS * 8);
    }
    return 0;
}

static long world_populate(void *arg, uint64_t gfn, uint32_t nr)
{
    struct fake_mig *f = arg;

    if (fails(f))
        return -ENOMEM;
    for (; nr > 0; nr--, gfn++) {
        if (test_bit(f->present, page_index(f, gfn)))
            abort(); /* Xen would lose the page that is there */
        set_bit(f->present, page_index(f, gfn), true);
        memset(page_at(f, gfn), 0, 4096);
    }
    return 0;
}

static long world_give_back(void *arg, uint64_t gfn, uint32_t nr)
{
    struct fake_mig *f = arg;

    if (fails(f))
        return -EIO;
    for (; nr > 0; nr--, gfn++) {
        if (!test_bit(f->present, page_index(f, gfn)))
            abort();
        set_bit(f->present, page_index(f, gfn), false);
        memset(page_at(f, gfn), 0xee, 4096);
    }
    return 0;
}

bool fake_mig_write(struct fake_mig *f, uint64_t gfn, const void *page)
{
    if (!test_bit(f->present, page_index(f, gfn)))
        return false;
    memcpy(page_at(f, gfn), page, 4096);
    set_bit(f->dirty, page_index(f, gfn), f->logging);
    return true;
}

void fake_mig_balloon(struct fake_mig *f, uint64_t gfn, bool out)
{
    uint64_t i = page_index(f, gfn);

    if (test_bit(f->present, i) != out)
        return;
    set_bit(f->present, i, !out);
    memset(page_at(f, gfn), out ? 0xee : 0, 4096);
    set_bit(f->dirty, i, f->logging);
}

const uint8_t *fake_mig_page(const struct fake_mig *f, uint64_t gfn)
{
    return test_bit(f->present, page_index(f, gfn)) ? page_at(f, gfn) : NULL;
}

uint64_t fake_mig_next(const struct fake_mig *f, uint64_t gfn)
{
    for (uint32_t i = 0; i < f->ram.nr; i++) {
        if (gfn < f->ram.range[i].first)
            return f->ram.range[i].first;
        if (gfn + 1 < f->ram.range[i].end && gfn != UINT64_MAX)
            return gfn + 1;
    }
    return UINT64_MAX;
}

bool fake_mig_same(const struct fake_mig *s, const struct fake_mig *d)
{
    for (uint64_t gfn = 0; gfn != UINT64_MAX; gfn = fake_mig_next(s, gfn)) {
        const uint8_t *a = fake_mig_page(s, gfn), *b = fake_mig_page(d, gfn);

        if (!a != !b || (a && memcmp(a, b, 4096)))
            return false;
    }
    return true;
}

void fake_mig_hash(const struct fake_mig *f, uint8_t out[32])
{
    uint64_t nr = f->nr_blocks + f->nr_high;
    br_sha256_context c;

    br_sha256_init(&c);
    br_sha256_update(&c, f->memory, nr * BLOCK_BYTES);
    br_sha256_update(&c, f->present, nr * WORDS * 8);
    br_sha256_out(&c, out);
}

/* ---- vCPUs ---- */

static uint32_t world_suspended(void *arg)
{
    return ((struct fake_mig *)arg)->suspension;
}

static long world_mark_mapped(void *arg, uint32_t suspension)
{
    struct fake_mig *f = arg;

    if (fails(f))
        return -EIO;
    if (suspension == 0 || suspension != f->suspension)
        return -EAGAIN;
    if (f->mapped_gfn)
        set_bit(f->dirty, page_index(f, f->mapped_gfn), true);
    return 0;
}

static long world_get_context(void *arg, uint32_t suspension, void *out,
                              uint32_t *bytes)
{
    struct fake_mig *f = arg;

    if (fails(f))
        return -EIO;
    if (suspension == 0 || suspension != f->suspension)
        return -EAGAIN;
    if (*bytes < f->context_bytes)
        return -ENOBUFS;
    memcpy(out, f->context, f->context_bytes);
    *bytes = f->context_bytes;
    return 0;
}

static long world_get_params(void *arg, struct fh_mig_param *out)
{
    struct fake_mig *f = arg;

    if (fails(f))
        return -EIO;
    memcpy(out, f->me.param, sizeof(f->me.param));
    out[0].value = f->callback;
    return 0;
}

static long world_set_params(void *arg, const struct fh_mig_param *p)
{
    struct fake_mig *f = arg;

    if (fails(f))
        return -EIO;
    f->callback = p[0].value;
    return 0;
}

static long world_set_context(void *arg, const void *p, uint32_t bytes)
{
    struct fake_mig *f = arg;

    if (fails(f) || f->state != FAKE_MIG_RECEIVING || f->context_set)
        return -EBUSY;
    memcpy(f->context, p, bytes);
    f->context_bytes = bytes;
    f->context_set = true;
    return 0;
}

/* ---- evidence ---- */

#define HOST_FLAGS 5u

static void sign(const struct fake_mig *f, struct xen_steward_evidence *v)
{
    kdf_hmac(f->pool_key, v, sizeof(v->claims), v->mac);
}

static bool signed_well(const struct fake_mig *f,
                        const struct xen_steward_evidence *v)
{
    uint8_t mac[32];

    kdf_hmac(f->pool_key, v, sizeof(v->claims), mac);
    return v->claims.provider == XEN_STEWARD_PROVIDER_pool &&
           (v->claims.flags & MIG_FLAGS_HOST) ==
               (f->me.own.flags & MIG_FLAGS_HOST) &&
           !memcmp(mac, v->mac, sizeof(mac));
}

static void evidence_of(const struct fake_mig *f, uint32_t type,
                        struct xen_steward_evidence *v)
{
    const struct mig_claims *own = &f->me.own;
    struct xen_steward_claims *c = &v->claims;

    *c = (struct xen_steward_claims){ .provider = XEN_STEWARD_PROVIDER_pool,
                                      .len_bytes = sizeof(*v),
                                      .epoch = 1,
                                      .type = type,
                                      .flags = own->flags,
                                      .state = f->state,
                                      .generation = own->generation };
    memcpy(c->instance, own->instance, 16);
    memcpy(c->guest_id, own->guest_id, 16);
    memcpy(c->image, own->image, 32);
    memcpy(c->measurement, own->measurement, 32);
    memcpy(c->config, own->config, 32);
    memcpy(c->cpu_policy, own->cpu_policy, 32);
}

static long world_attest(void *arg, const uint8_t digest[32], uint8_t *out)
{
    struct fake_mig *f = arg;
    struct xen_steward_evidence v;

    if (fails(f))
        return -ENOENT;
    evidence_of(f, MIG_ATTEST, &v);
    memcpy(v.claims.digest, digest, 32);
    sign(f, &v);
    memcpy(out, &v, sizeof(v));
    return 0;
}

static void world_claims(void *arg, const uint8_t *evidence,
                         struct mig_claims *c)
{
    struct xen_steward_evidence v;

    (void)arg;
    memcpy(&v, evidence, sizeof(v));
    *c = (struct mig_claims){ .type = v.claims.type,
                              .flags = v.claims.flags,
                              .state = v.claims.state,
                              .generation = v.claims.generation };
    memcpy(c->instance, v.claims.instance, 16);
    memcpy(c->peer, v.claims.peer, 16);
    memcpy(c->guest_id, v.claims.guest_id, 16);
    memcpy(c->session, v.claims.session, 16);
    memcpy(c->digest, v.claims.digest, 32);
    memcpy(c->image, v.claims.image, 32);
    memcpy(c->measurement, v.claims.measurement, 32);
    memcpy(c->config, v.claims.config, 32);
    memcpy(c->cpu_policy, v.claims.cpu_policy, 32);
}

static long world_verify(void *arg, const uint8_t *evidence,
                         const uint8_t digest[32], struct mig_claims *c)
{
    struct fake_mig *f = arg;
    struct xen_steward_evidence v;

    memcpy(&v, evidence, sizeof(v));
    if (fails(f) || !signed_well(f, &v))
        return -EBADMSG;
    if (v.claims.type != MIG_ATTEST || memcmp(v.claims.digest, digest, 32))
        return -EXDEV;
    world_claims(f, evidence, c);
    return 0;
}

static long world_fence(void *arg, const struct mig_fence *x, uint8_t *out)
{
    struct fake_mig *f = arg;
    struct xen_steward_claims *c = &f->fenced.claims;

    if (fails(f) || f->state != FAKE_MIG_RUN)
        return -EBUSY;
    if (x->suspension == 0 || x->suspension != f->suspension)
        return -EAGAIN;
    f->state = FAKE_MIG_FENCED;
    evidence_of(f, MIG_FENCED, &f->fenced);
    memcpy(c->peer, x->peer, 16);
    memcpy(c->session, x->session, 16);
    memcpy(c->digest, x->digest, 32);
    sign(f, &f->fenced);
    memcpy(out, &f->fenced, sizeof(f->fenced));
    return 0;
}

static long world_poison(void *arg, const uint8_t *session, const uint8_t *peer,
                         uint8_t *out)
{
    struct fake_mig *f = arg;

    if (f->state != FAKE_MIG_RECEIVING)
        return -EBUSY;
    f->state = FAKE_MIG_POISONED;
    evidence_of(f, MIG_POISONED, &f->poisoned);
    memcpy(f->poisoned.claims.session, session, 16);
    memcpy(f->poisoned.claims.peer, peer, 16);
    sign(f, &f->poisoned);
    memcpy(out, &f->poisoned, sizeof(f->poisoned));
    return 0;
}

static long world_commit(void *arg, const uint8_t *fenced,
                         const uint8_t *session, const uint8_t *peer,
                         const uint8_t *digest, uint8_t *out)
{
    struct fake_mig *f = arg;
    struct xen_steward_evidence v;
    struct xen_steward_claims *c = &v.claims;

    memcpy(&v, fenced, sizeof(v));
    if (fails(f) || f->state != FAKE_MIG_RECEIVING || !f->context_set)
        return -EBUSY;
    if (!signed_well(f, &v) || c->type != MIG_FENCED ||
        memcmp(c->peer, f->me.own.instance, 16) ||
        memcmp(c->session, session, 16) || memcmp(c->digest, digest, 32) ||
        memcmp(c->instance, peer, 16))
        return -EPERM;
    memcpy(f->me.own.guest_id, c->guest_id, 16);
    memcpy(f->me.own.measurement, c->measurement, 32);
    f->me.own.generation = c->generation + 1;
    f->me.own.flags |= MIG_FLAG_MIGRATABLE;
    f->state = FAKE_MIG_RUN;
    evidence_of(f, MIG_COMMITTED, &f->committed);
    memcpy(f->committed.claims.peer, c->instance, 16);
    memcpy(f->committed.claims.session, session, 16);
    memcpy(f->committed.claims.digest, digest, 32);
    sign(f, &f->committed);
    memcpy(out, &f->committed, sizeof(f->committed));
    return 0;
}

static bool from_receiver(const struct fake_mig *f,
                          const struct xen_steward_evidence *v)
{
    const struct xen_steward_claims *c = &v->claims;

    return f->state == FAKE_MIG_FENCED && signed_well(f, v) &&
           !memcmp(c->instance, f->fenced.claims.peer, 16) &&
           !memcmp(c->peer, f->me.own.instance, 16) &&
           !memcmp(c->session, f->fenced.claims.session, 16);
}

static long world_unfence(void *arg, const uint8_t *poisoned)
{
    struct fake_mig *f = arg;
    struct xen_steward_evidence v;

    memcpy(&v, poisoned, sizeof(v));
    if (!from_receiver(f, &v) || v.claims.type != MIG_POISONED)
        return -EPERM;
    f->state = FAKE_MIG_RUN;
    return 0;
}

static long world_retire(void *arg, const uint8_t *committed)
{
    struct fake_mig *f = arg;
    struct xen_steward_evidence v;

    memcpy(&v, committed, sizeof(v));
    if (!from_receiver(f, &v) || v.claims.type != MIG_COMMITTED ||
        memcmp(v.claims.guest_id, f->me.own.guest_id, 16) ||
        v.claims.generation != f->me.own.generation + 1)
        return -EPERM;
    f->state = FAKE_MIG_RETIRED;
    return 0;
}

/* ---- its life ---- */

static void fill(void *out, size_t bytes, uint32_t seed)
{
    uint8_t *p = out;

    for (size_t i = 0; i < bytes; i++) {
        seed = seed * 1664525 + 1013904223;
        p[i] = (uint8_t)(seed >> 24);
    }
}

static void *zeroes(uint64_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        abort();
    return p;
}

static void make_map(struct fake_mig *f)
{
    struct fh_map_entry *map = f->me.config.map;
    uint64_t low = f->nr_blocks * BLOCK_BYTES;
    uint64_t high = f->nr_high * BLOCK_BYTES;
    uint64_t *last = f->nr_high ? &high : &low;
    uint32_t n = 0;

    *last -= BLOCK_BYTES - TAIL_PAGES * 4096;
    map[n++] = (struct fh_map_entry){ 0, 0xf0000, FH_MAP_RAM, 0 };
    map[n++] = (struct fh_map_entry){ 0xf0000, 0x10000, FH_MAP_ACPI, 0 };
    map[n++] = (struct fh_map_entry){ 0x100000, low - 0x100000, FH_MAP_RAM, 0 };
    map[n++] =
        (struct fh_map_entry){ 0x80000000, 0x1000000, FH_MAP_RESERVED, 0 };
    if (high)
        map[n++] =
            (struct fh_map_entry){ FH_HIGH_RAM_GPA, high, FH_MAP_RAM, 0 };
    f->me.config.abi_version = FH_ABI_VERSION;
    f->me.config.nr_guest_vcpus = f->me.nr_guest_vcpus;
    f->me.config.visible_grant_frames = f->me.visible_grant_frames;
    f->me.config.nr_map = n;
    f->me.ram_bytes = low + high;
}

static void make_machine(struct fake_mig *f, uint32_t seed)
{
    struct mig_machine *me = &f->me;

    *me = (struct mig_machine){ .nr_guest_vcpus = 2,
                                .visible_grant_frames = 31,
                                .tsc = { MIG_TSC_NATIVE, 2000000, 0 },
                                .policy = f->policy,
                                .policy_bytes = sizeof(f->policy) };
    fill(f->policy, sizeof(f->policy), 77);
    me->own.flags = HOST_FLAGS;
    fill(me->own.image, sizeof(me->own.image), 78);
    fill(me->own.config, sizeof(me->own.config), 79);
    fill(me->own.cpu_policy, sizeof(me->own.cpu_policy), 80);
    fill(me->own.instance, sizeof(me->own.instance), seed);
    for (unsigned i = 0; i < FH_MIG_PARAMS; i++)
        me->param[i] = (struct fh_mig_param){ i * 3 + 1, 0, i * 7 };
    make_map(f);
    if (f->state != FAKE_MIG_RUN)
        return;
    me->own.flags |= MIG_FLAG_MIGRATABLE;
    fill(me->own.guest_id, sizeof(me->own.guest_id), seed + 1);
    fill(me->own.measurement, sizeof(me->own.measurement), seed + 2);
    me->own.generation = 4;
    f->callback = seed * 3;
    f->context_bytes = 70001;
    fill(f->context, f->context_bytes, seed + 3);
}

void fake_mig_open(struct fake_mig *f, enum fake_mig_state state,
                   uint32_t low_blocks, uint32_t high_blocks, uint32_t seed)
{
    uint8_t cpu[DRBG_SEED_BYTES];
    uint64_t nr = low_blocks + high_blocks;

    *f = (struct fake_mig){
        .world = { f,
                   world_attest,
                   world_verify,
                   world_claims,
                   world_fence,
                   world_poison,
                   world_commit,
                   world_unfence,
                   world_retire,
                   world_block,
                   world_present,
                   world_stray,
                   world_log,
                   world_take_dirty,
                   world_suspended,
                   world_mark_mapped,
                   world_slow,
                   world_get_context,
                   world_get_params,
                   world_populate,
                   world_give_back,
                   world_set_params,
                   world_set_context },
        .state = state,
        .nr_blocks = low_blocks,
        .high_block = HIGH_BLOCK,
        .nr_high = high_blocks,
    };
    fill(f->pool_key, sizeof(f->pool_key), 99);
    fill(cpu, sizeof(cpu), seed + 5);
    drbg_open(&f->drbg, cpu, "xen", 3);
    make_machine(f, seed);
    if (!ram_open(&f->ram, f->me.config.map, f->me.config.nr_map))
        abort();
    f->memory = zeroes(nr * BLOCK_BYTES);
    f->present = zeroes(nr * WORDS * 8);
    f->dirty = zeroes(nr * WORDS * 8);
    f->window = zeroes(FAKE_MIG_WINDOW_BLOCKS * WORDS * 8);
    f->context_buffer = zeroes(FAKE_MIG_CONTEXT_MAX);
    for (uint64_t gfn = 0; gfn != UINT64_MAX; gfn = fake_mig_next(f, gfn))
        set_bit(f->present, page_index(f, gfn), true);
}

void fake_mig_close(struct fake_mig *f)
{
    uint64_t nr = f->nr_blocks + f->nr_high;

    munmap(f->memory, nr * BLOCK_BYTES);
    munmap(f->present, nr * WORDS * 8);
    munmap(f->dirty, nr * WORDS * 8);
    munmap(f->window, FAKE_MIG_WINDOW_BLOCKS * WORDS * 8);
    munmap(f->context_buffer, FAKE_MIG_CONTEXT_MAX);
    f->memory = NULL;
}
