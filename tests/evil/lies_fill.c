/* SPDX-License-Identifier: MIT */
/*
 * lies_fill.c - other bytes than the files', more of them, fewer, or twice
 *
 * A steward cannot know what is in dom0's files; it must report what it got.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/evil/cases.h"
#include "tests/evil/image.h"
#include "tests/evil/launch.h"

/* Fill a batch from bytes of our own. */
static int put(struct evil *v, const struct evil_batch *b, const void *bytes,
               uint32_t len_bytes, struct err *e)
{
    int rc = gnt_fill(v->gnt, v->domid, b->first_ref, bytes, len_bytes, e);

    if (rc == 0)
        ledger_filled(&v->ledger, b->blob, b->off_bytes, bytes,
                      MIN_OF(len_bytes, b->len_bytes));
    return rc;
}

/* A copy of what the file has for this batch, whole pages; to be freed. */
static uint8_t *copy_of(const struct evil *v, const struct evil_batch *b)
{
    uint8_t *copy = aligned_alloc(PAGE_BYTES, (size_t)b->nr_refs * PAGE_BYTES);

    if (!copy)
        return NULL;
    memset(copy, 0, (size_t)b->nr_refs * PAGE_BYTES);
    memcpy(copy, v->file[b->blob].bytes + b->off_bytes, b->len_bytes);
    return copy;
}

/* Fill a batch with its bytes after change() had them. */
static int put_changed(struct evil *v, const struct evil_batch *b,
                       void (*change)(uint8_t *bytes, uint32_t len_bytes),
                       struct err *e)
{
    uint8_t *copy = copy_of(v, b);
    int rc;

    if (!copy)
        return fail(e, -ENOMEM, "fill: no memory");
    change(copy, b->len_bytes);
    rc = put(v, b, copy, b->len_bytes, e);
    free(copy);
    return rc;
}

static void change_last(uint8_t *bytes, uint32_t len_bytes)
{
    bytes[len_bytes - 1] ^= 1;
}

static void change_greeting(uint8_t *bytes, uint32_t len_bytes)
{
    uint8_t *at = memmem(bytes, len_bytes, "TINY vcpus=", 11);

    if (at)
        memcpy(at, "EVIL", 4);
}

static void change_case(uint8_t *bytes, uint32_t len_bytes)
{
    if (len_bytes >= 4)
        memcpy(bytes, "EVIL", 4);
}

static void swap_pages(uint8_t *bytes, uint32_t len_bytes)
{
    uint8_t page[PAGE_BYTES];

    if (len_bytes < 2 * PAGE_BYTES)
        return;
    memcpy(page, bytes, PAGE_BYTES);
    memcpy(bytes, bytes + PAGE_BYTES, PAGE_BYTES);
    memcpy(bytes + PAGE_BYTES, page, PAGE_BYTES);
}

static void invert(uint8_t *bytes, uint32_t len_bytes)
{
    for (uint32_t i = 0; i < len_bytes; i++)
        bytes[i] = (uint8_t)~bytes[i];
}

static int other_initrd(struct evil *v, const struct evil_batch *b,
                        struct err *e)
{
    if (b->blob != FH_BLOB_INITRD || b->index != 2)
        return launch_fill(v, b, e);
    return put_changed(v, b, change_last, e);
}

static int other_kernel(struct evil *v, const struct evil_batch *b,
                        struct err *e)
{
    if (b->blob != FH_BLOB_KERNEL)
        return launch_fill(v, b, e);
    return put_changed(v, b, change_greeting, e);
}

static int other_cmdline(struct evil *v, const struct evil_batch *b,
                         struct err *e)
{
    if (b->blob != FH_BLOB_CMDLINE)
        return launch_fill(v, b, e);
    return put_changed(v, b, change_case, e);
}

static int swapped(struct evil *v, const struct evil_batch *b, struct err *e)
{
    if (b->blob != FH_BLOB_INITRD || b->index != 1)
        return launch_fill(v, b, e);
    return put_changed(v, b, swap_pages, e);
}

static int right_at_last(struct evil *v, const struct evil_batch *b,
                         struct err *e)
{
    int rc = put_changed(v, b, invert, e);

    return rc < 0 ? rc : launch_fill(v, b, e);
}

static int wrong_at_last(struct evil *v, const struct evil_batch *b,
                         struct err *e)
{
    int rc = launch_fill(v, b, e);

    if (rc < 0 || b->blob != FH_BLOB_INITRD)
        return rc;
    return put_changed(v, b, invert, e);
}

static int half(struct evil *v, const struct evil_batch *b, struct err *e)
{
    const uint8_t *from = v->file[b->blob].bytes + b->off_bytes;

    if (b->blob != FH_BLOB_INITRD || b->nr_refs < 2)
        return launch_fill(v, b, e);
    return put(v, b, from, b->nr_refs / 2 * PAGE_BYTES, e);
}

/* Nonsense behind the end of what was asked for, up to the page's end. */
static int with_tail(struct evil *v, const struct evil_batch *b, struct err *e)
{
    uint32_t page_bytes = b->nr_refs * PAGE_BYTES;
    uint8_t *copy = copy_of(v, b);
    int rc;

    if (!copy)
        return fail(e, -ENOMEM, "fill: no memory");
    memset(copy + b->len_bytes, 'E', page_bytes - b->len_bytes);
    rc = put(v, b, copy, page_bytes, e);
    free(copy);
    return rc;
}

#define RUNS(as) { .end = EVIL_RUNNING, .match = as }

const struct evil_case lies_fill[] = {
    /* clang-format off */
    { .name = "fill-other-initrd", .lie = "one bit of the initrd is changed",
      .want = RUNS(EVIL_OTHER), .fill = other_initrd },
    { .name = "fill-other-kernel", .lie = "another kernel than the file's",
      .want = { .end = EVIL_RUNNING, .match = EVIL_OTHER,
                .prints = "EVIL vcpus=" },
      .fill = other_kernel },
    { .name = "fill-other-cmdline", .lie = "another command line",
      .want = RUNS(EVIL_OTHER), .fill = other_cmdline },
    { .name = "fill-swapped", .lie = "two pages of the initrd change places",
      .want = RUNS(EVIL_OTHER), .fill = swapped },
    { .name = "fill-twice-right", .lie = "fills in nonsense, then the truth",
      .want = RUNS(EVIL_SAME), .fill = right_at_last },
    { .name = "fill-twice-wrong", .lie = "fills in the truth, then nonsense",
      .want = RUNS(EVIL_OTHER), .fill = wrong_at_last },
    { .name = "fill-half", .lie = "fills half of the initrd's pages",
      .want = RUNS(EVIL_OTHER), .fill = half },
    { .name = "fill-tail", .lie = "fills more than was asked, to the page's "
                                  "end",
      .want = RUNS(EVIL_SAME), .fill = with_tail },
    { 0 },
    /* clang-format on */
};
