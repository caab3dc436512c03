/* SPDX-License-Identifier: MIT */
/*
 * test_predict.c - the launch measurement, reckoned offline
 */
#include <errno.h>

#include <bearssl.h>

#include "abi/memory_map.h"
#include "tests/unit/test.h"
#include "toolstack/cli/predict.h"

static const struct predict_input plain = {
    .cmdline = "quiet",
    .kernel = { "KERNEL", 6 },
    .initrd = { "INITRD", 6 },
    .nr_vcpus = 2,
    .ram_bytes = 128ull << 20,
};

/* The definition of steward_abi.h, spelled out byte by byte. */
TEST(the_measurement_is_the_defined_one)
{
    static const char cmdline[] = "quiet" FH_CMDLINE_SUFFIX;
    const uint64_t len[] = { sizeof(cmdline) - 1, 6, 6, 208 };
    struct fh_measured_config c = { .abi_version = 1,
                                    .nr_guest_vcpus = 2,
                                    .visible_grant_frames = 31 };
    uint8_t want[32], got[32];
    br_sha256_context sha;

    c.nr_map = fh_memory_map(128ull << 20, c.map);
    br_sha256_init(&sha);
    br_sha256_update(&sha, &len[0], 8);
    br_sha256_update(&sha, cmdline, len[0]);
    br_sha256_update(&sha, &len[1], 8);
    br_sha256_update(&sha, "KERNEL", 6);
    br_sha256_update(&sha, &len[2], 8);
    br_sha256_update(&sha, "INITRD", 6);
    br_sha256_update(&sha, &len[3], 8);
    br_sha256_update(&sha, &c, 208);
    br_sha256_out(&sha, want);
    CHECK_EQ(predict(&plain, got), 0);
    assert_memory_equal(got, want, 32);
}

TEST(every_part_counts)
{
    struct predict_input in[6] = { plain, plain, plain, plain, plain, plain };
    uint8_t first[32], other[32];

    in[0].cmdline = "quiet ";
    in[1].kernel.va = "kERNEL";
    in[2].initrd.len_bytes = 0;
    in[3].nr_vcpus = 3;
    in[4].ram_bytes += 4096;
    in[5].trust_backends = 1;
    CHECK_EQ(predict(&plain, first), 0);
    for (uint32_t i = 0; i < 6; i++) {
        CHECK_EQ(predict(&in[i], other), 0);
        assert_memory_not_equal(first, other, 32);
    }
}

TEST(a_guest_that_cannot_be_has_no_measurement)
{
    struct predict_input in = plain;
    uint8_t out[32];

    in.ram_bytes = FH_RAM_MIN - 4096;
    CHECK_EQ(predict(&in, out), -EINVAL);
}

RUN_TESTS(RULE(the_measurement_is_the_defined_one), RULE(every_part_counts),
          RULE(a_guest_that_cannot_be_has_no_measurement))
