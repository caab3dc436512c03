/* SPDX-License-Identifier: MIT */
/*
 * test_steward_offer.c - tests of steward/offer.c
 */
#include "tests/unit/steward_test.h"

#include "steward/offer.h"

#define OWN_PAGES 40u

static int check(struct fh_offer w, struct offer *o, struct st_err *e)
{
    *e = (struct st_err){ 0 };
    return offer_check(&w, FH_RAM_MAX / PAGE_BYTES + OWN_PAGES, OWN_PAGES, o,
                       e);
}

static struct fh_offer sound(void)
{
    return (struct fh_offer){ .ram_bytes = 256 * MIB_BYTES,
                              .len_bytes = { 10, 12 << 20, 30 << 20 },
                              .introduced = 1 };
}

TEST(a_sound_offer_is_taken_field_by_field)
{
    struct fh_offer w = sound();
    struct st_err e;
    struct offer o;

    w.flags = FH_OFFER_TRUST_BACKENDS;
    CHECK_EQ(check(w, &o, &e), 0);
    assert_true(o.trust_backends);
    CHECK_EQ(o.ram_bytes, 256 * MIB_BYTES);
    CHECK_EQ(o.low_ram_bytes, 256 * MIB_BYTES);
    CHECK_EQ(o.cmdline_bytes, 10);
    CHECK_EQ(o.kernel_bytes, 12 << 20);
    CHECK_EQ(o.initrd_bytes, 30 << 20);
    CHECK_EQ(o.nr_map, 5);
}

TEST(memory_above_2_gib_is_split)
{
    struct fh_offer w = sound();
    struct st_err e;
    struct offer o;

    w.ram_bytes = 5ull << 30;
    CHECK_EQ(check(w, &o, &e), 0);
    CHECK_EQ(o.low_ram_bytes, FH_LOW_RAM_END);
    CHECK_EQ(o.nr_map, 6);
    CHECK_EQ(o.map[5].gpa, FH_HIGH_RAM_GPA);
    CHECK_EQ(o.map[5].len_bytes, 3ull << 30);
}

TEST(every_field_has_edges)
{
    static const struct {
        uint64_t ram, cmdline, kernel, initrd;
        int rc;
    } edge[] = {
        { FH_RAM_MIN, 0, 1, 0, 0 },
        { FH_RAM_MIN - PAGE_BYTES, 0, 1, 0, -FH_ERR_OFFER },
        { FH_RAM_MIN + 1, 0, 1, 0, -FH_ERR_OFFER },
        { FH_RAM_MAX, 0, 1, 0, 0 },
        { FH_RAM_MAX + PAGE_BYTES, 0, 1, 0, -FH_ERR_OFFER },
        { 0, 0, 1, 0, -FH_ERR_OFFER },
        { UINT64_MAX, 0, 1, 0, -FH_ERR_OFFER },
        { FH_RAM_MIN, FH_CMDLINE_MAX - 1, 1, 0, 0 },
        { FH_RAM_MIN, FH_CMDLINE_MAX, 1, 0, -FH_ERR_CMDLINE },
        { FH_RAM_MIN, UINT64_MAX, 1, 0, -FH_ERR_CMDLINE },
        { FH_RAM_MIN, 0, 0, 0, -FH_ERR_KERNEL },
        { FH_RAM_MAX, 0, FH_KERNEL_MAX, 0, 0 },
        { FH_RAM_MAX, 0, FH_KERNEL_MAX + 1, 0, -FH_ERR_OFFER },
        { FH_RAM_MAX, 0, UINT64_MAX, 0, -FH_ERR_OFFER },
        { FH_RAM_MIN, 0, FH_RAM_MIN - MIB_BYTES, 0, 0 },
        { FH_RAM_MIN, 0, FH_RAM_MIN - MIB_BYTES + 1, 0, -FH_ERR_MEMORY },
        { FH_RAM_MIN, 0, 1, FH_RAM_MIN - MIB_BYTES - 1, 0 },
        { FH_RAM_MIN, 0, 1, FH_RAM_MIN - MIB_BYTES, -FH_ERR_MEMORY },
        { FH_RAM_MIN, 0, 1, UINT64_MAX, -FH_ERR_MEMORY },
        { FH_RAM_MAX, 0, 1, FH_LOW_RAM_END, -FH_ERR_MEMORY },
    };
    struct st_err e;
    struct offer o;

    for (unsigned i = 0; i < ARRAY_SIZE(edge); i++) {
        struct fh_offer w = { .ram_bytes = edge[i].ram,
                              .len_bytes = { edge[i].cmdline, edge[i].kernel,
                                             edge[i].initrd } };

        CHECK_EQ(check(w, &o, &e), edge[i].rc);
        CHECK_EQ(-(int)e.code, edge[i].rc);
    }
}

TEST(unknown_flags_and_padding_are_refused)
{
    struct fh_offer w = sound();
    struct st_err e;
    struct offer o;

    w.flags = 4;
    CHECK_FAILS(check(w, &o, &e), &e, FH_ERR_OFFER, "flags 0x4");
    w = sound();
    w.pad = 1;
    CHECK_FAILS(check(w, &o, &e), &e, FH_ERR_OFFER, "pad 0x1");
}

TEST(the_domains_limit_counts_the_stewards_pages)
{
    struct fh_offer w = sound();
    uint64_t pages = w.ram_bytes / PAGE_BYTES + OWN_PAGES;
    struct st_err e = { 0 };
    struct offer o;

    CHECK_EQ(offer_check(&w, pages, OWN_PAGES, &o, &e), 0);
    CHECK_FAILS(offer_check(&w, pages - 1, OWN_PAGES, &o, &e), &e, FH_ERR_OFFER,
                "may own");
}

/* clang-format off */
RUN_TESTS(
    RULE(a_sound_offer_is_taken_field_by_field),
    RULE(memory_above_2_gib_is_split),
    RULE(every_field_has_edges),
    RULE(unknown_flags_and_padding_are_refused),
    RULE(the_domains_limit_counts_the_stewards_pages))
/* clang-format on */
