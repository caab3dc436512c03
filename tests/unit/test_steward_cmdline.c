/* SPDX-License-Identifier: MIT */
/*
 * test_steward_cmdline.c - tests of steward/cmdline.c
 */
#include "tests/unit/steward_test.h"

#include "steward/cmdline.h"

#define SUFFIX_BYTES (sizeof(FH_CMDLINE_SUFFIX) - 1)

static char line[FH_CMDLINE_MAX];
static struct st_err e;

static int finish(const char *text, size_t len, bool trust)
{
    memset(line, 0xee, sizeof(line)); /* what dom0 left behind the end */
    memcpy(line, text, len);
    e = (struct st_err){ 0 };
    return cmdline_finish(line, len, trust, &e);
}

TEST(the_suffix_is_appended_and_the_rest_cleared)
{
    int rc = finish("root=/dev/xvda1 quiet", 21, false);

    CHECK_EQ(rc, 21 + SUFFIX_BYTES);
    assert_string_equal(line, "root=/dev/xvda1 quiet" FH_CMDLINE_SUFFIX);
    for (unsigned i = (unsigned)rc; i < sizeof(line); i++)
        CHECK_EQ(line[i], 0);
}

TEST(no_suffix_when_backends_are_trusted)
{
    CHECK_EQ(finish("a -- xen_blkfront.trusted=1 \"", 29, true), 29);
    assert_string_equal(line, "a -- xen_blkfront.trusted=1 \"");
}

TEST(an_empty_line_gets_the_suffix)
{
    CHECK_EQ(finish("", 0, false), SUFFIX_BYTES);
    assert_string_equal(line, FH_CMDLINE_SUFFIX);
}

TEST(the_longest_line_fits_with_its_nul)
{
    static char text[FH_CMDLINE_MAX];
    size_t most = FH_CMDLINE_MAX - 1 - SUFFIX_BYTES;

    memset(text, 'x', sizeof(text));
    CHECK_EQ(finish(text, most, false), FH_CMDLINE_MAX - 1);
    CHECK_EQ(line[FH_CMDLINE_MAX - 1], 0);
    CHECK_FAILS(finish(text, most + 1, false), &e, FH_ERR_CMDLINE, "at most");
    CHECK_EQ(finish(text, FH_CMDLINE_MAX - 1, true), FH_CMDLINE_MAX - 1);
    CHECK_FAILS(finish(text, FH_CMDLINE_MAX, true), &e, FH_ERR_CMDLINE,
                "at most");
}

TEST(control_characters_are_refused_even_when_trusted)
{
    static const char bad[] = { 0, '\n', '\t', 0x1b, 0x7f };

    for (unsigned i = 0; i < sizeof(bad); i++) {
        char text[] = "ab cd";

        text[2] = bad[i];
        CHECK_FAILS(finish(text, 5, true), &e, FH_ERR_CMDLINE, "byte 2");
    }
    CHECK_EQ(finish("na\xc3\xafve", 6, true), 6);
}

TEST(no_spelling_of_the_guarded_parameters_passes)
{
    static const char *const bad[] = {
        "xen_blkfront.trusted=1",
        "xen_netfront.trusted=0",
        "xen_netfront.trusted",
        "quiet xen-blkfront.trusted=y",
        "xen-net\"front\".tru\"sted=1\"\"",
        "\"xen_blkfront.trusted=1\"",
        "x\xa0xen_blkfront.trusted=1",
        "yxen_blkfront.trusted=1",
    };

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK_FAILS(finish(bad[i], strlen(bad[i]), false), &e, FH_ERR_CMDLINE,
                    "trusted");
}

TEST(names_alike_pass)
{
    static const char *const good[] = {
        "xen_blkfront.max_ring_page_order=4",
        "xen_blkfront.truste",
        "blkfront.trusted=1",
        "xen_blkfronttrusted=1",
        "--x",
        "a--",
        "---",
        "-",
        "a=\"b c\"",
        "x=--",
    };

    for (unsigned i = 0; i < ARRAY_SIZE(good); i++)
        CHECK_EQ(finish(good[i], strlen(good[i]), false),
                 strlen(good[i]) + SUFFIX_BYTES);
}

TEST(what_would_hide_the_suffix_is_refused)
{
    static const char *const bad[] = { "--",        "a --",    "-- a",
                                       "a -- b",    "a\xa0--", "a \"--\" b",
                                       "a -\"\"- b" };

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK_FAILS(finish(bad[i], strlen(bad[i]), false), &e, FH_ERR_CMDLINE,
                    "hide");
    CHECK_FAILS(finish("a=\"b", 4, false), &e, FH_ERR_CMDLINE, "quote");
}

TEST(a_line_longer_than_the_kernel_reads_is_refused)
{
    e = (struct st_err){ 0 };
    CHECK_EQ(cmdline_check_limit(2047, 2047, &e), 0);
    CHECK_FAILS(cmdline_check_limit(2048, 2047, &e), &e, FH_ERR_CMDLINE,
                "2048 bytes");
}

/* clang-format off */
RUN_TESTS(
    RULE(the_suffix_is_appended_and_the_rest_cleared),
    RULE(no_suffix_when_backends_are_trusted),
    RULE(an_empty_line_gets_the_suffix),
    RULE(the_longest_line_fits_with_its_nul),
    RULE(control_characters_are_refused_even_when_trusted),
    RULE(no_spelling_of_the_guarded_parameters_passes),
    RULE(names_alike_pass),
    RULE(what_would_hide_the_suffix_is_refused),
    RULE(a_line_longer_than_the_kernel_reads_is_refused))
/* clang-format on */
