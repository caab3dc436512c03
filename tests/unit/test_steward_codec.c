/* SPDX-License-Identifier: MIT */
/*
 * test_steward_codec.c - tests of steward/pack.c, unpack.c, ram.c, zero.h,
 * state_in.c and state_out.c
 */
#include "tests/unit/steward_test.h"

#include <stdlib.h>

#include "steward/pack.h"
#include "steward/state_in.h"
#include "steward/state_out.h"
#include "steward/unpack.h"
#include "steward/zero.h"
#include "tests/fakes/fake_mig.h"

static uint8_t text[FH_MIG_TEXT_LONG];
static uint8_t page[4096] __attribute__((aligned(16)));

static struct ram test_ram(void)
{
    const struct fh_map_entry map[] = {
        { 0, 0xf0000, FH_MAP_RAM, 0 },
        { 0xf0000, 0x10000, FH_MAP_ACPI, 0 },
        { 0x100000, 0x400000, FH_MAP_RAM, 0 },
        { 0x80000000, 0x1000000, FH_MAP_RESERVED, 0 },
        { 0x100000000, 0x205000, FH_MAP_RAM, 0 },
    };
    struct ram r;

    CHECK(ram_open(&r, map, ARRAY_SIZE(map)));
    return r;
}

TEST(one_byte_anywhere_is_not_zero)
{
    memset(page, 0, sizeof(page));
    CHECK(zero_page(page));
    for (unsigned i = 0; i < 4096; i++) {
        page[i] = 1;
        CHECK(!zero_page(page));
        page[i] = 0;
    }
}

TEST(memory_is_ram_and_acpi_and_nothing_else)
{
    struct ram r = test_ram();
    uint64_t mask[8];

    CHECK_EQ(r.nr, 2);
    CHECK_EQ(r.pages, 0x500 + 0x205);
    CHECK(ram_has(&r, 0, 0x500));
    CHECK(!ram_has(&r, 0, 0x501));
    CHECK(!ram_has(&r, 0x500, 1));
    CHECK(!ram_has(&r, 0x80000, 1));
    CHECK(!ram_has(&r, 0xc0000, 1));
    CHECK(ram_has(&r, 0x100204, 1));
    CHECK(!ram_has(&r, 0x100205, 1));
    CHECK(!ram_has(&r, 0x100000, UINT64_MAX));
    CHECK(!ram_has(&r, UINT64_MAX, 1));
    CHECK_EQ(ram_end_block(&r), 0x802);
    ram_mask(&r, 2, mask);
    CHECK_EQ(mask[3], UINT64_MAX);
    CHECK_EQ(mask[4], 0);
    ram_mask(&r, 0x801, mask);
    CHECK_EQ(mask[0], 0x1f);
    CHECK_EQ(mask[1], 0);
}

TEST(a_map_that_is_none_is_refused)
{
    static const struct fh_map_entry row[][2] = {
        { { 0, 0, FH_MAP_RAM, 0 } },           /* empty */
        { { 0x1001, 0x1000, FH_MAP_RAM, 0 } }, /* not aligned */
        { { 0, 0x1001, FH_MAP_RAM, 0 } },      /* not aligned */
        { { 0, 0x2000, FH_MAP_RAM, 0 }, { 0x1000, 0x1000, FH_MAP_RAM, 0 } },
        { { 0x2000, 0x1000, FH_MAP_RAM, 0 }, { 0, 0x1000, FH_MAP_RAM, 0 } },
        { { UINT64_MAX - 0xfff, 0x2000, FH_MAP_RAM, 0 } }, /* wraps */
        { { 1ull << 52, 0x1000, FH_MAP_RAM, 0 } },         /* no gfn */
        { { 0, 0x1000, FH_MAP_RESERVED, 0 } },
    };
    struct ram r;

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++)
        CHECK(!ram_open(&r, row[i], row[i][1].type ? 2 : 1));
    CHECK(!ram_open(&r, row[0], FH_MAP_MAX + 1));
}

TEST(neighbours_become_one_run_within_a_block)
{
    struct ram r = test_ram();
    struct unpack_order order = { 0 };
    struct unpack u = {
        .ram = &r, .order = &order, .text = text, .nr_streams = 1
    };
    struct unpacked got;
    const char *why;
    struct pack p;

    pack_open(&p, text);
    for (uint64_t gfn = 100; gfn < 700; gfn++)
        CHECK(pack_run(&p, FH_MIG_ZERO_RUN, gfn));
    CHECK(pack_run(&p, FH_MIG_HOLE_RUN, 700));
    CHECK(pack_run(&p, FH_MIG_HOLE_RUN, 702));
    CHECK(pack_close(&p));
    CHECK_EQ(p.used, 4 * 8);
    CHECK_EQ(unpack_next(&u, &got, &why), 1);
    CHECK_EQ(got.gfn, 100);
    CHECK_EQ(got.nr, 412);
    CHECK_EQ(unpack_next(&u, &got, &why), 1);
    CHECK_EQ(got.gfn, 512);
    CHECK_EQ(got.nr, 188);
    CHECK_EQ(unpack_next(&u, &got, &why), 1);
    CHECK_EQ(got.type, FH_MIG_HOLE_RUN);
    CHECK_EQ(got.nr, 1);
    CHECK_EQ(unpack_next(&u, &got, &why), 1);
    CHECK_EQ(unpack_next(&u, &got, &why), 0);
    CHECK_EQ(unpack_next(&u, &got, &why), 0);
}

TEST(sixteen_pages_and_twentyfour_runs_fit)
{
    struct pack p;
    uint64_t gfn = 0;

    pack_open(&p, text);
    for (unsigned i = 0; i < 16; i++)
        CHECK(pack_page(&p, gfn++, page));
    CHECK(!pack_page(&p, gfn, page));
    for (unsigned i = 0; i < 24; i++, gfn += 2)
        CHECK(pack_run(&p, FH_MIG_ZERO_RUN, gfn));
    CHECK(!pack_run(&p, FH_MIG_ZERO_RUN, gfn));
    CHECK(pack_run(&p, FH_MIG_ZERO_RUN, gfn - 1)); /* makes it longer */
    CHECK_EQ(p.used, FH_MIG_TEXT_LONG);
    pack_open(&p, text);
    CHECK(!pack_close(&p));
    CHECK(mig_is_zero(text, sizeof(text)));
}

static uint64_t word(uint64_t gfn, uint64_t type, uint64_t arg)
{
    return gfn | type << 40 | arg << 44;
}

/* One row per edge; stream 0 of 2. */
TEST(a_record_that_is_wrong_is_refused)
{
    static const struct {
        const char *words;
        uint64_t gfn, type, arg, behind;
        bool last;
    } row[] = {
        { "does not exist", 0, 5, 1, 0, false },
        { "does not exist", 0, 15, 1, 0, false },
        { "behind the end", 1, FH_MIG_PAD, 0, 0, false },
        { "behind the end", 0, FH_MIG_PAD, 1, 0, false },
        { "behind the end", 0, FH_MIG_PAD, 0, 1, false },
        { "with an argument", 0, FH_MIG_DATA4K, 1, 0, false },
        { "is empty", 0, FH_MIG_ZERO_RUN, 0, 0, false },
        { "crosses a block", 0, FH_MIG_ZERO_RUN, 513, 0, false },
        { "crosses a block", 511, FH_MIG_HOLE_RUN, 2, 0, false },
        { "crosses a block", 0, FH_MIG_HOLE_RUN, 0xfffff, 0, false },
        { "not the guest's", 0x80000, FH_MIG_DATA4K, 0, 0, false },
        { "not the guest's", 0xc0002, FH_MIG_DATA4K, 0, 0, false },
        { "not the guest's", 0x480, FH_MIG_ZERO_RUN, 0x81, 0, false },
        { "not the guest's", (1ull << 40) - 512, FH_MIG_HOLE_RUN, 1, 0, false },
        { "another stream", 512, FH_MIG_DATA4K, 0, 0, false },
        { "wrong place", 1, FH_MIG_STATE, 8, 0, false },
        { "no bytes", 1, FH_MIG_STATE, 0, 0, true },
        { "too many", 1, FH_MIG_STATE, 32769, 0, true },
        { "something behind it", 1, FH_MIG_STATE, 7, 1ull << 56, true },
    };
    struct ram r = test_ram();

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        struct unpack_order order = { 0 };
        struct unpack u = { .ram = &r,
                            .order = &order,
                            .text = text,
                            .nr_streams = 2,
                            .last_epoch = row[i].last };
        struct unpacked got;
        const char *why = "";

        memset(text, 0, sizeof(text));
        put(text, 0, word(row[i].gfn, row[i].type, row[i].arg), 8);
        put(text, 8, row[i].behind, 8);
        CHECK_EQ(unpack_next(&u, &got, &why), -1);
        CHECK_HAS(why, row[i].words);
    }
}

TEST(a_frame_number_comes_once_and_in_order)
{
    static const uint64_t bad[][2] = { { 5, 5 }, { 5, 4 }, { 1027, 1024 } };
    struct ram r = test_ram();

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct unpack_order order = { 0 };
        struct unpack u = {
            .ram = &r, .order = &order, .text = text, .nr_streams = 2
        };
        struct unpacked got;
        const char *why = "";

        memset(text, 0, sizeof(text));
        put(text, 0, word(bad[i][0], FH_MIG_ZERO_RUN, 1), 8);
        put(text, 8, word(bad[i][1], FH_MIG_ZERO_RUN, 1), 8);
        CHECK_EQ(unpack_next(&u, &got, &why), 1);
        CHECK_EQ(unpack_next(&u, &got, &why), -1);
        CHECK_HAS(why, "named before");
    }
}

/* The 16th page ends 192 bytes before the text does. */
TEST(a_record_does_not_cross_a_frame)
{
    struct ram r = test_ram();
    struct unpack_order order = { 0 };
    struct unpack u = { .ram = &r,
                        .order = &order,
                        .text = text,
                        .nr_streams = 1,
                        .last_epoch = true };
    struct unpacked got;
    const char *why = "";
    struct pack p;

    pack_open(&p, text);
    for (uint64_t gfn = 0; gfn < 16; gfn++)
        CHECK(pack_page(&p, gfn, page));
    pack_close(&p);
    put(text, p.used, word(16, FH_MIG_DATA4K, 0), 8);
    for (unsigned i = 0; i < 16; i++)
        CHECK_EQ(unpack_next(&u, &got, &why), 1);
    CHECK_EQ(unpack_next(&u, &got, &why), -1);
    CHECK_HAS(why, "crosses the frame");
    u.at = p.used;
    put(text, p.used, word(1, FH_MIG_STATE, 185), 8);
    CHECK_EQ(unpack_next(&u, &got, &why), -1);
    CHECK_HAS(why, "crosses the frame");
    u.at = p.used;
    put(text, p.used, word(1, FH_MIG_STATE, 184), 8);
    CHECK_EQ(unpack_next(&u, &got, &why), 1);
    CHECK_EQ(unpack_next(&u, &got, &why), 0);
    u.at = p.used;
    put(text, p.used, word(100, FH_MIG_ZERO_RUN, 1), 8);
    CHECK_EQ(unpack_next(&u, &got, &why), -1);
    CHECK_HAS(why, "behind state");
}

/* ---- state ---- */

static struct fake_mig s, d;
static struct mig_claims source;

static void open_state(struct state_in *in, struct st_err *e)
{
    fake_mig_open(&s, FAKE_MIG_RUN, 2, 0, 10);
    fake_mig_open(&d, FAKE_MIG_RECEIVING, 2, 0, 20);
    source = (struct mig_claims){ .generation = s.me.own.generation };
    memcpy(source.guest_id, s.me.own.guest_id, 16);
    memcpy(source.measurement, s.me.own.measurement, 32);
    *in = (struct state_in){ .me = &d.me,
                             .source = &source,
                             .tsc_khz = s.me.tsc.khz,
                             .context = d.context_buffer,
                             .context_room = FAKE_MIG_CONTEXT_MAX };
    *e = (struct st_err){ 0 };
}

static void close_state(void)
{
    fake_mig_close(&s);
    fake_mig_close(&d);
}

typedef bool edit(struct unpacked *r, unsigned nr);

/* All of the state, through frames; *how changes or drops a record. */
static int send_state(struct state_in *in, edit *how, struct st_err *e)
{
    struct unpack_order order = { 0 };
    struct state_out out;
    bool more = true;
    unsigned nr = 0;
    int rc = 0;

    state_out_open(&out, &s.me, s.me.param, s.context, s.context_bytes);
    while (rc == 0 && more) {
        struct ram r = test_ram();
        struct unpack u = { .ram = &r,
                            .order = &order,
                            .text = text,
                            .nr_streams = 1,
                            .last_epoch = true };
        struct unpacked got;
        const char *why;
        struct pack p;

        pack_open(&p, text);
        more = state_out_fill(&out, &p);
        pack_close(&p);
        while (rc == 0 && unpack_next(&u, &got, &why) > 0)
            if (!how || how(&got, nr++))
                rc = state_in_add(in, &got, e);
    }
    return rc ? rc : state_in_complete(in, e);
}

TEST(state_arrives_in_parts)
{
    struct state_in in;
    struct st_err e;

    open_state(&in, &e);
    CHECK_EQ(send_state(&in, NULL, &e), 0);
    CHECK_EQ(in.context_bytes, s.context_bytes);
    assert_memory_equal(d.context_buffer, s.context, s.context_bytes);
    close_state();
}

static unsigned edit_nr;
static unsigned edit_what;

static bool edit_drop(struct unpacked *r, unsigned nr)
{
    (void)r;
    return nr != edit_nr;
}

/* Context has 3 parts, policy 2, the others 1: 10 records. */
TEST(no_part_of_the_state_may_be_missing)
{
    for (edit_nr = 0; edit_nr < 10; edit_nr++) {
        struct state_in in;
        struct st_err e;

        open_state(&in, &e);
        CHECK_EQ(send_state(&in, edit_drop, &e), -FH_MIG_ERR_STATE);
        close_state();
    }
}

static bool edit_one(struct unpacked *r, unsigned nr)
{
    static uint8_t changed[FH_MIG_STATE_BYTES];

    if (nr != edit_nr)
        return true;
    switch (edit_what) {
    case 0:
        r->state++;
        break;
    case 1:
        r->part++;
        break;
    case 2:
        r->nr_parts++;
        break;
    case 3:
        r->nr_parts = 0;
        break;
    case 4:
        r->len_bytes--;
        break;
    case 5:
        r->state--;
        break;
    default: /* another content */
        memcpy(changed, r->bytes, r->len_bytes);
        changed[r->len_bytes > 8 ? 4 : 0] ^= 1;
        r->bytes = changed;
        break;
    }
    return true;
}

TEST(no_part_of_the_state_may_be_another)
{
    for (edit_nr = 0; edit_nr < 10; edit_nr++)
        for (edit_what = 0; edit_what < 7; edit_what++) {
            struct state_in in;
            struct st_err e;
            int rc;

            open_state(&in, &e);
            rc = send_state(&in, edit_one, &e);
            /* Context is for Xen to judge: any bytes, any last length. */
            if (!(edit_nr < 3 && edit_what == 6) &&
                !(edit_nr == 2 && edit_what == 4) && rc != -FH_MIG_ERR_STATE)
                FAIL_WITH("record %u, edit %u: %d", edit_nr, edit_what, rc);
            close_state();
        }
}

/* The first one is the guest's; what dom0 chose has to be the same here. */
TEST(parameters_are_as_on_this_side_but_for_the_guests_own)
{
    for (unsigned i = 0; i < FH_MIG_PARAMS; i++) {
        struct state_in in;
        struct st_err e;
        int rc;

        open_state(&in, &e);
        s.me.param[i].value ^= 1ull << 40;
        rc = send_state(&in, NULL, &e);
        CHECK_EQ(rc, i ? -FH_MIG_ERR_STATE : 0);
        if (i)
            CHECK_HAS(e.text, "not as on this side");
        else
            CHECK_EQ(in.param[0].value, s.me.param[0].value);
        close_state();
    }
}

TEST(a_context_larger_than_there_is_room_for_is_refused)
{
    struct state_in in;
    struct st_err e;

    open_state(&in, &e);
    in.context_room = s.context_bytes - 1;
    CHECK_EQ(send_state(&in, NULL, &e), -FH_MIG_ERR_STATE);
    CHECK_HAS(e.text, "larger than any");
    close_state();
}

/* clang-format off */
RUN_TESTS(
    RULE(one_byte_anywhere_is_not_zero),
    RULE(memory_is_ram_and_acpi_and_nothing_else),
    RULE(a_map_that_is_none_is_refused),
    RULE(neighbours_become_one_run_within_a_block),
    RULE(sixteen_pages_and_twentyfour_runs_fit),
    RULE(a_record_that_is_wrong_is_refused),
    RULE(a_frame_number_comes_once_and_in_order),
    RULE(a_record_does_not_cross_a_frame),
    RULE(state_arrives_in_parts),
    RULE(no_part_of_the_state_may_be_missing),
    RULE(no_part_of_the_state_may_be_another),
    RULE(parameters_are_as_on_this_side_but_for_the_guests_own),
    RULE(a_context_larger_than_there_is_room_for_is_refused))
/* clang-format on */
