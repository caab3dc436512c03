/* SPDX-License-Identifier: MIT */
/*
 * test_steward_bzimage.c - tests of steward/bzimage.c
 */
#include "tests/unit/steward_test.h"

#include "tests/unit/steward_images.h"

#define FILE_BYTES 65536u

static uint8_t file[FILE_BYTES];
static struct bzimage bz;
static struct st_err e;

static int parse(void)
{
    e = (struct st_err){ 0 };
    return bzimage_parse(file, FILE_BYTES, &bz, &e);
}

TEST(a_sound_header_is_read)
{
    make_bzimage(file, FILE_BYTES, 39);
    assert_true(bzimage_is(file, FILE_BYTES));
    CHECK_EQ(parse(), 0);
    CHECK_EQ(bz.setup_bytes, 40 * 512);
    CHECK_EQ(bz.code_bytes, FILE_BYTES - 40 * 512);
    CHECK_EQ(bz.pref.v, IMAGE_PREF);
    CHECK_EQ(bz.init_bytes, IMAGE_INIT_BYTES);
    CHECK_EQ(bz.initrd_limit, 0x80000000);
    CHECK_EQ(bz.cmdline_limit, 2047);
    CHECK_EQ(bz.header_end, 0x26c);
}

TEST(no_setup_sectors_means_four)
{
    make_bzimage(file, FILE_BYTES, 4);
    file[BZ_SETUP_SECTS] = 0;
    CHECK_EQ(parse(), 0);
    CHECK_EQ(bz.setup_bytes, 5 * 512);
}

TEST(what_is_not_a_bzimage_is_not_called_one)
{
    make_bzimage(file, FILE_BYTES, 39);
    assert_false(bzimage_is(file, BZ_HEADER_MAX - 1));
    file[BZ_MAGIC] = 'h';
    assert_false(bzimage_is(file, FILE_BYTES));
    make_bzimage(file, FILE_BYTES, 39);
    file[BZ_BOOT_FLAG] = 0;
    assert_false(bzimage_is(file, FILE_BYTES));
}

/* One row an edge: a field, a value, and a word of the refusal or NULL. */
TEST(every_field_has_edges)
{
    static const struct {
        unsigned off, bytes;
        uint64_t value;
        const char *words;
    } edge[] = {
        { BZ_VERSION, 2, 0x20e, NULL },
        { BZ_VERSION, 2, 0x20d, "protocol 2.13" },
        { BZ_VERSION, 2, 0, "protocol 0.0" },
        { BZ_LOADFLAGS, 1, 0xfe, "zImage" },
        { BZ_JUMP_LEN, 1, 0x62, NULL },
        { BZ_JUMP_LEN, 1, 0x61, "header ends" },
        { BZ_JUMP_LEN, 1, 0x8e, NULL },
        { BZ_JUMP_LEN, 1, 0x8f, "header ends" },
        { BZ_SYSSIZE, 4, 0, "header says" },
        { BZ_SYSSIZE, 4, (FILE_BYTES - 40 * 512) / 16, NULL },
        { BZ_SYSSIZE, 4, (FILE_BYTES - 40 * 512) / 16 + 1, "header says" },
        { BZ_SYSSIZE, 4, UINT32_MAX, "header says" },
        { BZ_SETUP_SECTS, 1, 255, "header says" },
        { BZ_PREF_ADDRESS, 8, MIB_BYTES + 40 * 512, NULL },
        { BZ_PREF_ADDRESS, 8, MIB_BYTES + 40 * 512 - 4096, "lie at" },
        { BZ_PREF_ADDRESS, 8, IMAGE_PREF + 1, "lie at" },
        { BZ_PREF_ADDRESS, 8, 0, "lie at" },
        { BZ_PREF_ADDRESS, 8, 0x7ffff000, NULL },
        { BZ_PREF_ADDRESS, 8, 0x80000000, "lie at" },
        { BZ_PREF_ADDRESS, 8, UINT64_MAX - 4095, "lie at" },
        { BZ_INIT_BYTES, 4, UINT32_MAX, NULL }, /* plan.c judges that */
        { BZ_INITRD_ADDR_MAX, 4, UINT32_MAX, NULL },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(edge); i++) {
        make_bzimage(file, FILE_BYTES, 39);
        put(file, edge[i].off, edge[i].value, edge[i].bytes);
        if (edge[i].words)
            CHECK_FAILS(parse(), &e, FH_ERR_KERNEL, edge[i].words);
        else
            CHECK_EQ(parse(), 0);
    }
}

/* clang-format off */
RUN_TESTS(
    RULE(a_sound_header_is_read),
    RULE(no_setup_sectors_means_four),
    RULE(what_is_not_a_bzimage_is_not_called_one),
    RULE(every_field_has_edges))
/* clang-format on */
