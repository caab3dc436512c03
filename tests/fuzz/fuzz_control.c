/* SPDX-License-Identifier: MIT */
/*
 * fuzz_control.c - a steward that writes anything into its control page
 *
 * The input is a series of steward halves; the supervisor looks after each.
 * A fill outside the file would read outside the blob, which the sanitizer
 * sees, because the blob has its exact size.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/fakes/fake.h"
#include "toolstack/supervisor/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes);

#define KERNEL_BYTES (5 * 4096 + 123)

static struct fake_domain *domain_new(void)
{
    struct fake_domain *d = &fake.domain[0];

    fake_reset();
    d->there = true;
    d->domid = 7;
    d->next_port = 2;
    fake_steward_launch(d);
    /* A window that takes any fill of at most a batch. */
    d->batch[0].seq = 1;
    d->batch[0].first_ref = 8;
    d->batch[0].nr_refs = FH_BATCH_PAGES;
    d->loaded[0] = malloc(FH_BATCH_PAGES * 4096);
    return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes)
{
    struct fake_domain *d = domain_new();
    struct fh_steward_half half;
    struct load l = { .domid = 7, .ram_bytes = 16 << 20 };
    void *kernel = malloc(KERNEL_BYTES);
    struct err e = { 0 };
    struct gnt *gnt;

    if (gnt_open(&l.gnt, &e) < 0)
        abort();
    memset(kernel, 1, KERNEL_BYTES);
    l.blob[FH_BLOB_KERNEL].va = kernel;
    l.blob[FH_BLOB_KERNEL].len_bytes = KERNEL_BYTES;
    while (data_bytes > 0) {
        size_t part = MIN_OF(data_bytes, sizeof(half));

        memset(&half, 0, sizeof(half));
        half.magic = FH_CONTROL_MAGIC;
        half.abi_version = FH_ABI_VERSION;
        memcpy(&half.state, data, MIN_OF(part, sizeof(half) - 8));
        data += part;
        data_bytes -= part;
        fake_control(d)->steward = half;
        load_step(&l, &e);
        if (l.state == LOAD_OFFER)
            load_offer(&l);
    }
    load_abort(&l);
    gnt = l.gnt;
    load_close(&l);
    gnt_close(gnt);
    free(kernel);
    fake_reset();
    return 0;
}
