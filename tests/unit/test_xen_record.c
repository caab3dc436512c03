/* SPDX-License-Identifier: MIT */
/*
 * test_xen_record.c - tests of the Xen series' record.c
 */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <xen/lib.h>
#include <xen/record.h>

#include <public/hvm/save.h>

#define CPU HVM_SAVE_CODE(CPU)
#define LAPIC HVM_SAVE_CODE(LAPIC)

static bool timer(uint32_t divisor)
{
    struct hvm_hw_lapic r = { .timer_divisor = divisor };

    return record_harmless(LAPIC, &r, sizeof(r));
}

/* Xen divides by it, times ten, in 32 bits. */
TEST(a_lapic_timer_counts_by_a_power_of_two_up_to_128)
{
    for (uint32_t divisor = 1; divisor <= 128; divisor *= 2)
        CHECK_EQ(timer(divisor), true);
    CHECK_EQ(timer(0), false);
    CHECK_EQ(timer(3), false);
    CHECK_EQ(timer(127), false);
    CHECK_EQ(timer(256), false);
    CHECK_EQ(timer(1u << 31), false);
    CHECK_EQ(timer(UINT32_MAX), false);
}

/* hvm_load() fills up with zeroes, and so must who looks at it before. */
TEST(what_a_record_is_too_short_for_is_zero)
{
    struct hvm_hw_lapic r = { .timer_divisor = 1 };
    uint32_t end = offsetof(struct hvm_hw_lapic, tdt_msr);

    CHECK_EQ(record_harmless(LAPIC, &r, end), true);
    CHECK_EQ(record_harmless(LAPIC, &r, end - 4), false);
    CHECK_EQ(record_harmless(LAPIC, &r, 0), false);
    CHECK_EQ(record_harmless(CPU, &r, 0), true);
}

/* Nothing behind its end is looked at: sanitizers watch. */
TEST(a_record_may_be_longer_than_it_has_to_be)
{
    uint8_t *p = calloc(1, 65536);

    CHECK_EQ(record_harmless(CPU, p, 65536), true);
    CHECK_EQ(record_harmless(LAPIC, p, 65536), false);
    free(p);
}

static const struct {
    uint64_t address;
    bool canonical;
} addresses[] = {
    { 0, true },
    { 0x00007fffffffffff, true },
    { 0x0000800000000000, false },
    { 0x1000000000000000, false },
    { 0xffff7fffffffffff, false },
    { 0xffff800000000000, true },
    { UINT64_MAX, true },
};

TEST(addresses_that_xen_writes_to_msrs_are_canonical)
{
    for (unsigned i = 0; i < ARRAY_SIZE(addresses); i++) {
        struct hvm_hw_cpu gs = { .shadow_gs = addresses[i].address };
        struct hvm_hw_cpu lstar = { .msr_lstar = addresses[i].address };

        CHECK_EQ(record_harmless(CPU, &gs, sizeof(gs)), addresses[i].canonical);
        CHECK_EQ(record_harmless(CPU, &lstar, sizeof(lstar)),
                 addresses[i].canonical);
    }
}

/* Xen turns it into the new one, which differs only behind these. */
TEST(the_older_form_of_a_cpu_has_them_in_the_same_place)
{
    CHECK_EQ(offsetof(struct hvm_hw_cpu, shadow_gs),
             offsetof(struct hvm_hw_cpu_compat, shadow_gs));
    CHECK_EQ(offsetof(struct hvm_hw_cpu, msr_lstar),
             offsetof(struct hvm_hw_cpu_compat, msr_lstar));
}

TEST(other_records_are_hvm_load_s)
{
    uint8_t any[16];

    memset(any, 0xff, sizeof(any));
    CHECK_EQ(record_harmless(HVM_SAVE_CODE(MTRR), any, sizeof(any)), true);
    CHECK_EQ(record_harmless(HVM_SAVE_CODE(END), any, 0), true);
}

RUN_TESTS(RULE(a_lapic_timer_counts_by_a_power_of_two_up_to_128),
          RULE(what_a_record_is_too_short_for_is_zero),
          RULE(a_record_may_be_longer_than_it_has_to_be),
          RULE(addresses_that_xen_writes_to_msrs_are_canonical),
          RULE(the_older_form_of_a_cpu_has_them_in_the_same_place),
          RULE(other_records_are_hvm_load_s))
