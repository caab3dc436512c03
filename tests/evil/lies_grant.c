/* SPDX-License-Identifier: MIT */
/*
 * lies_grant.c - pages that dom0 does not give back
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/xen_steward.h"
#include "common/checked.h"
#include "common/err.h"
#include "tests/evil/cases.h"
#include "tests/evil/hold.h"
#include "tests/evil/launch.h"

#define COPIES_BEFORE_ANSWER 200u

/* Map a batch as it should be filled, and keep it. */
static int map_batch(struct evil *v, const struct evil_batch *b, int prot,
                     void **va, struct err *e)
{
    return hold_map(v->hold, v->domid, b->first_ref, b->nr_refs, prot, va, e);
}

/* Fill a batch through a mapping of our own. */
static int fill_mapped(struct evil *v, const struct evil_batch *b, void *va)
{
    const uint8_t *from = v->file[b->blob].bytes + b->off_bytes;

    memcpy(va, from, b->len_bytes);
    ledger_filled(&v->ledger, b->blob, b->off_bytes, from, b->len_bytes);
    return 0;
}

static int keep_written(struct evil *v, const struct evil_batch *b,
                        uint32_t blob, uint32_t index, struct err *e)
{
    void *va;
    int rc;

    if (b->blob != blob || b->index != index)
        return launch_fill(v, b, e);
    rc = map_batch(v, b, PROT_READ | PROT_WRITE, &va, e);
    return rc < 0 ? rc : fill_mapped(v, b, va);
}

static int keep_cmdline(struct evil *v, const struct evil_batch *b,
                        struct err *e)
{
    return keep_written(v, b, FH_BLOB_CMDLINE, 0, e);
}

static int keep_kernel(struct evil *v, const struct evil_batch *b,
                       struct err *e)
{
    return keep_written(v, b, FH_BLOB_KERNEL, 0, e);
}

static int keep_initrd(struct evil *v, const struct evil_batch *b,
                       struct err *e)
{
    return keep_written(v, b, FH_BLOB_INITRD, 1, e);
}

/* One page of the last batch, mapped by itself, and only to be read. */
static int keep_read_only(struct evil *v, const struct evil_batch *b,
                          struct err *e)
{
    void *va;
    int rc = launch_fill(v, b, e);

    if (rc < 0 || b->blob != FH_BLOB_INITRD || b->index != 2)
        return rc;
    return hold_map(v->hold, v->domid, b->first_ref, 1, PROT_READ, &va, e);
}

static int keep_last_page(struct evil *v, const struct evil_batch *b,
                          struct err *e)
{
    void *va;
    int rc = launch_fill(v, b, e);

    if (rc < 0 || b->blob != FH_BLOB_INITRD || b->index != 0)
        return rc;
    return hold_map(v->hold, v->domid, b->first_ref + b->nr_refs - 1, 1,
                    PROT_READ | PROT_WRITE, &va, e);
}

/* Keep the page, answer, and write to it once the answer stands. */
static int write_later(struct evil *v, const struct evil_batch *b,
                       struct err *e)
{
    void *va;
    int rc = map_batch(v, b, PROT_READ | PROT_WRITE, &va, e);

    if (rc < 0)
        return rc;
    launch_answer(v, b->window, b->seq);
    memset(va, 'E', 4);
    return 0;
}

static int write_later_fill(struct evil *v, const struct evil_batch *b,
                            struct err *e)
{
    return launch_fill(v, b, e);
}

static int write_later_answer(struct evil *v, const struct evil_batch *b,
                              struct err *e)
{
    if (b->blob == FH_BLOB_CMDLINE)
        return write_later(v, b, e);
    launch_answer(v, b->window, b->seq);
    return 0;
}

/* What an honest loader without grant copies would do. */
static int map_and_unmap(struct evil *v, const struct evil_batch *b,
                         struct err *e)
{
    void *va;
    int rc = map_batch(v, b, PROT_READ | PROT_WRITE, &va, e);

    if (rc < 0)
        return rc;
    fill_mapped(v, b, va);
    hold_drop(v->hold);
    return 0;
}

/* The three pages that stay granted may be mapped as often as dom0 likes. */
static int hold_shared(struct evil *v, struct err *e)
{
    static const uint32_t ref[] = { XEN_STEWARD_CONSOLE_REF,
                                    XEN_STEWARD_STORE_REF,
                                    XEN_STEWARD_CONTROL_REF };

    for (uint32_t i = 0; i < 2 * ARRAY_SIZE(ref); i++) {
        void *va;
        int rc = hold_map(v->hold, v->domid, ref[i % ARRAY_SIZE(ref)], 1,
                          PROT_READ | PROT_WRITE, &va, e);

        if (rc < 0)
            return rc;
    }
    return 0;
}

#define REFS_TRIED 1536u /* three frames, all that two windows need */

/* Once the guest runs, nothing that was granted for loading is any more. */
static int all_taken_back(struct evil *v, struct err *e)
{
    static const uint8_t bytes[PAGE_BYTES];

    for (uint32_t ref = XEN_STEWARD_CONTROL_REF + 1; ref < REFS_TRIED; ref++)
        if (hold_copy(v->hold, v->domid, ref, bytes, sizeof(bytes), NULL) == 0)
            return fail(e, -EPERM,
                        "grant %u: copy to it after RUNNING: got it, want it "
                        "refused",
                        ref);
    return 0;
}

/*
 * The storm: copy two patterns in turn into the initrd's last batch, which is
 * one page.  Its last ref is not granted again, so the first copy that fails
 * is the end.  A pattern is one page, not parts of two: the kernel would make
 * two copies of that, and Xen may stop between them, so that a copy that
 * failed had half happened.  scratch[0] the ref + 1, [1] copies so far, [2]
 * stop.
 */
static void copy_storm(struct evil *v)
{
    static _Alignas(PAGE_BYTES) uint8_t bytes[2][PAGE_BYTES];
    uint64_t ref = __atomic_load_n(&v->scratch[0], __ATOMIC_ACQUIRE);
    uint64_t nr = v->scratch[1];
    uint64_t off_bytes = v->scratch[3];
    uint8_t *b = bytes[nr % 2];

    if (ref == 0 || v->scratch[2])
        return;
    memset(b, nr % 2 ? 'a' : 'b', PAGE_BYTES);
    ledger_hold(&v->ledger);
    if (hold_copy(v->hold, v->domid, (uint32_t)(ref - 1), b, PAGE_BYTES, NULL) <
        0)
        v->scratch[2] = 1;
    else
        ledger_filled(&v->ledger, FH_BLOB_INITRD, off_bytes, b,
                      v->ledger.len_bytes[FH_BLOB_INITRD] - off_bytes);
    ledger_release(&v->ledger);
    __atomic_store_n(&v->scratch[1], nr + 1, __ATOMIC_RELEASE);
}

static int copy_storm_fill(struct evil *v, const struct evil_batch *b,
                           struct err *e)
{
    if (b->blob != FH_BLOB_INITRD || b->index != 2)
        return launch_fill(v, b, e);
    v->scratch[3] = b->off_bytes;
    __atomic_store_n(&v->scratch[0], b->first_ref + 1ull, __ATOMIC_RELEASE);
    while (__atomic_load_n(&v->scratch[1], __ATOMIC_ACQUIRE) <
           COPIES_BEFORE_ANSWER)
        launch_wait(v, 1);
    return 0;
}

#define FAILS                                                                  \
    { .end = EVIL_FAILED,                                                      \
      .error = FH_ERR_GRANT,                                                   \
      .words = "grant [0-9]+: taking page .* back: dom0 still holds it" }
#define RUNS { .end = EVIL_RUNNING, .match = EVIL_SAME }

const struct evil_case lies_grant[] = {
    /* clang-format off */
    { .name = "grant-keep-cmdline", .lie = "keeps the command line's page",
      .want = FAILS, .fill = keep_cmdline },
    { .name = "grant-keep-kernel", .lie = "keeps the kernel's first page",
      .want = FAILS, .fill = keep_kernel },
    { .name = "grant-keep-initrd", .lie = "keeps a batch of the initrd",
      .want = FAILS, .fill = keep_initrd },
    { .name = "grant-keep-last-page", .lie = "keeps one page out of 512",
      .want = FAILS, .fill = keep_last_page },
    { .name = "grant-keep-read-only", .lie = "keeps a page, only to read it",
      .want = FAILS, .fill = keep_read_only },
    { .name = "grant-write-later", .lie = "writes to a page after the answer",
      .want = FAILS, .fill = write_later_fill, .answer = write_later_answer },
    { .name = "grant-map-and-unmap", .lie = "fills through mappings that it "
                                            "drops in time",
      .want = RUNS, .fill = map_and_unmap },
    { .name = "grant-hold-shared", .lie = "maps rings and control page twice",
      .want = RUNS, .ready = hold_shared },
    { .name = "grant-all-taken-back", .lie = "tries every ref after RUNNING",
      .want = RUNS, .ended = all_taken_back },
    { .name = "grant-copy-storm", .lie = "copies into a page while it is "
                                         "taken back",
      .want = { .end = EVIL_EITHER, .match = EVIL_OTHER,
                .error = FH_ERR_GRANT },
      .storm = copy_storm, .fill = copy_storm_fill },
    { 0 },
    /* clang-format on */
};
