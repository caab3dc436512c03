/* SPDX-License-Identifier: MIT */
/*
 * lies_offer.c - lies about sizes and flags, once or while the steward reads
 */
#include <stddef.h>
#include <stdlib.h>

#include "abi/memory_map.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/shm.h"
#include "tests/evil/cases.h"
#include "tests/evil/image.h"
#include "tests/evil/launch.h"

#define MORE_BYTES (3 * PAGE_BYTES)
#define FLIPS_AT_ONCE 1000u

static int kernel_empty(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].len_bytes[FH_BLOB_KERNEL] = 0;
    return 0;
}

static int kernel_too_large(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].len_bytes[FH_BLOB_KERNEL] = FH_KERNEL_MAX + 1;
    return 0;
}

static int kernel_endless(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].len_bytes[FH_BLOB_KERNEL] = UINT64_MAX;
    return 0;
}

static int kernel_beyond_memory(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].len_bytes[FH_BLOB_KERNEL] = v->offer[0].ram_bytes + 1;
    return 0;
}

/* Kernel and initrd that fit alone, and whose sum wraps or does not fit. */
static int sum_beyond_memory(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].len_bytes[FH_BLOB_KERNEL] = v->offer[0].ram_bytes / 2;
    v->offer[0].len_bytes[FH_BLOB_INITRD] = v->offer[0].ram_bytes / 2;
    return 0;
}

static int cmdline_too_long(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].len_bytes[FH_BLOB_CMDLINE] = FH_CMDLINE_MAX;
    return 0;
}

static int cmdline_endless(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].len_bytes[FH_BLOB_CMDLINE] = UINT64_MAX;
    return 0;
}

static int initrd_beyond_memory(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].len_bytes[FH_BLOB_INITRD] = v->offer[0].ram_bytes + 1;
    return 0;
}

static int initrd_endless(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].len_bytes[FH_BLOB_INITRD] = UINT64_MAX - PAGE_BYTES + 2;
    return 0;
}

static int ram_unaligned(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].ram_bytes += 1;
    return 0;
}

static int ram_zero(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].ram_bytes = 0;
    return 0;
}

static int ram_too_small(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].ram_bytes = FH_RAM_MIN - PAGE_BYTES;
    return 0;
}

static int ram_beyond_limit(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].ram_bytes = 2 * v->spec.ram_bytes;
    return 0;
}

static int ram_endless(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].ram_bytes = UINT64_MAX & ~(uint64_t)(PAGE_BYTES - 1);
    return 0;
}

/* Less than the domain may own is no lie, and measured as what it is. */
static int ram_less(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].ram_bytes = v->spec.ram_bytes / 2;
    return 0;
}

static int flags_unknown(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].flags = FH_OFFER_TRUST_BACKENDS | 2;
    return 0;
}

static int flags_trust(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].flags = FH_OFFER_TRUST_BACKENDS;
    return 0;
}

static int pad_set(struct evil *v, struct err *e)
{
    (void)e;
    v->offer[0].pad = 0x80000000u;
    return 0;
}

static int introduced_odd(struct evil *v, struct err *e)
{
    (void)e;
    shm_set_u32(&evil_control(v)->dom0.offer.introduced, 0xfffffffeu);
    return 0;
}

/* Two offers, both good; the fields of the page flip between them. */
static int two_offers(struct evil *v, struct err *e)
{
    uint64_t kernel = v->file[FH_BLOB_KERNEL].len_bytes;
    uint64_t initrd = v->file[FH_BLOB_INITRD].len_bytes;
    int rc;

    v->nr_offers = 2;
    v->offer[1] = v->offer[0];
    v->offer[1].ram_bytes = v->spec.ram_bytes / 2;
    v->offer[1].flags = FH_OFFER_TRUST_BACKENDS;
    v->offer[1].len_bytes[FH_BLOB_KERNEL] = kernel + MORE_BYTES;
    v->offer[1].len_bytes[FH_BLOB_INITRD] = initrd + MORE_BYTES;
    v->offer[1].len_bytes[FH_BLOB_CMDLINE] -= 2;
    rc = image_grow(v, FH_BLOB_KERNEL, kernel + MORE_BYTES, e);
    if (rc == 0)
        rc = image_grow(v, FH_BLOB_INITRD, initrd + MORE_BYTES, e);
    v->offer[0].len_bytes[FH_BLOB_KERNEL] = kernel;
    v->offer[0].len_bytes[FH_BLOB_INITRD] = initrd;
    return rc;
}

/* The second is out of every range. */
static int bad_offer(struct evil *v, struct err *e)
{
    (void)e;
    v->nr_offers = 2;
    v->offer[1] = v->offer[0];
    v->offer[1].ram_bytes = 1ull << 45;
    v->offer[1].len_bytes[FH_BLOB_INITRD] = 1ull << 62;
    v->offer[1].len_bytes[FH_BLOB_KERNEL] = 1ull << 40;
    v->offer[1].len_bytes[FH_BLOB_CMDLINE] = 1ull << 20;
    return 0;
}

/* Fast, and with either offer on the page when the CPU is given away. */
static void flip_offer(struct evil *v)
{
    struct fh_offer *out = &evil_control(v)->dom0.offer;
    uint32_t nr = FLIPS_AT_ONCE + (uint32_t)random() % 2;

    for (uint32_t i = 0; i < nr; i++)
        shm_put(out, &v->offer[i % EVIL_OFFERS],
                offsetof(struct fh_offer, introduced));
}

#define FAILS(err, re) { .end = EVIL_FAILED, .error = err, .words = re }

const struct evil_case lies_offer[] = {
    /* clang-format off */
    { .name = "kernel-empty", .lie = "a kernel of 0 bytes",
      .want = FAILS(FH_ERR_KERNEL, "the file is empty"),
      .prepare = kernel_empty },
    { .name = "kernel-too-large", .lie = "a kernel of FH_KERNEL_MAX + 1",
      .want = FAILS(FH_ERR_OFFER, "kernel: .* want at most 1024 MiB"),
      .prepare = kernel_too_large },
    { .name = "kernel-endless", .lie = "a kernel of 2^64 - 1 bytes",
      .want = FAILS(FH_ERR_OFFER, "kernel: .* want at most 1024 MiB"),
      .prepare = kernel_endless },
    { .name = "kernel-beyond-memory", .lie = "a kernel larger than memory",
      .want = FAILS(FH_ERR_MEMORY, "do not fit"),
      .prepare = kernel_beyond_memory },
    { .name = "sum-beyond-memory", .lie = "kernel and initrd fill memory",
      .want = FAILS(FH_ERR_MEMORY, "do not fit"),
      .prepare = sum_beyond_memory },
    { .name = "cmdline-too-long", .lie = "a command line of FH_CMDLINE_MAX",
      .want = FAILS(FH_ERR_CMDLINE, "4096 bytes, want at most"),
      .prepare = cmdline_too_long },
    { .name = "cmdline-endless", .lie = "a command line of 2^64 - 1 bytes",
      .want = FAILS(FH_ERR_CMDLINE, "want at most"),
      .prepare = cmdline_endless },
    { .name = "initrd-beyond-memory", .lie = "an initrd larger than memory",
      .want = FAILS(FH_ERR_MEMORY, "initrd: .*do not fit"),
      .prepare = initrd_beyond_memory },
    { .name = "initrd-endless", .lie = "an initrd that wraps when rounded up",
      .want = FAILS(FH_ERR_MEMORY, "initrd: .*do not fit"),
      .prepare = initrd_endless },
    { .name = "ram-unaligned", .lie = "memory that is no whole pages",
      .want = FAILS(FH_ERR_OFFER, "memory: .* want a multiple of 4096"),
      .prepare = ram_unaligned },
    { .name = "ram-zero", .lie = "no memory",
      .want = FAILS(FH_ERR_OFFER, "memory: 0 bytes, want"),
      .prepare = ram_zero },
    { .name = "ram-too-small", .lie = "a page less than FH_RAM_MIN",
      .want = FAILS(FH_ERR_OFFER, "memory: .* from 16 MiB"),
      .prepare = ram_too_small },
    { .name = "ram-beyond-limit", .lie = "more memory than it may own",
      .want = FAILS(FH_ERR_OFFER, "memory: .* may own"),
      .prepare = ram_beyond_limit },
    { .name = "ram-endless", .lie = "2^64 - 4096 bytes of memory",
      .want = FAILS(FH_ERR_OFFER, "memory: "), .prepare = ram_endless },
    { .name = "ram-less", .lie = "half the memory that it may own",
      .want = { .end = EVIL_RUNNING, .match = EVIL_SAME },
      .prepare = ram_less },
    { .name = "flags-unknown", .lie = "an offer with a flag that is none",
      .want = FAILS(FH_ERR_OFFER, "flags 0x3"), .prepare = flags_unknown },
    { .name = "flags-trust", .lie = "trust in backends: measured, too",
      .want = { .end = EVIL_RUNNING, .match = EVIL_SAME },
      .prepare = flags_trust },
    { .name = "pad-set", .lie = "an offer whose pad is not 0",
      .want = FAILS(FH_ERR_OFFER, "pad 0x80000000"), .prepare = pad_set },
    { .name = "introduced-odd", .lie = "introduced is 1, and then neither 0 "
                                       "nor 1",
      .want = { .end = EVIL_RUNNING, .match = EVIL_SAME },
      .offered = introduced_odd },
    { .name = "offer-race", .lie = "two good offers, flipped all the time",
      .want = { .end = EVIL_EITHER }, .prepare = two_offers,
      .storm = flip_offer },
    { .name = "offer-race-bad", .lie = "a good offer and an impossible one, "
                                       "flipped all the time",
      .want = { .end = EVIL_EITHER }, .prepare = bad_offer,
      .storm = flip_offer },
    { 0 },
    /* clang-format on */
};
