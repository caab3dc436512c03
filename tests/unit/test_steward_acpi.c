/* SPDX-License-Identifier: MIT */
/*
 * test_steward_acpi.c - tests of steward/acpi.c
 */
#include "tests/unit/steward_test.h"

#include "steward/acpi.h"

#define MADT_ENTRIES_OFF 44u

static union {
    uint64_t align;
    uint8_t bytes[LAYOUT_TABLES_BYTES];
} area;

static uint64_t get(uint64_t gpa, unsigned bytes)
{
    uint64_t value = 0;

    assert_in_range(gpa, LAYOUT_TABLES_GPA,
                    LAYOUT_TABLES_GPA + LAYOUT_TABLES_BYTES - bytes);
    memcpy(&value, area.bytes + (gpa - LAYOUT_TABLES_GPA), bytes);
    return value;
}

static uint8_t sum(uint64_t gpa, uint64_t bytes)
{
    uint8_t s = 0;

    for (uint64_t i = 0; i < bytes; i++)
        s = (uint8_t)(s + get(gpa + i, 1));
    return s;
}

static void build(uint32_t nr_vcpus)
{
    memset(&area, 0, sizeof(area));
    acpi_build(area.bytes, gpa(LAYOUT_TABLES_GPA), nr_vcpus);
}

static uint64_t xsdt(void)
{
    return get(LAYOUT_TABLES_GPA + 24, 8);
}

/* A table by its signature, as a kernel finds it. */
static uint64_t table(const char *signature)
{
    uint64_t nr = (get(xsdt() + 4, 4) - 36) / 8, want = 0;

    memcpy(&want, signature, 4);
    for (uint64_t i = 0; i < nr; i++)
        if (get(get(xsdt() + 36 + 8 * i, 8), 4) == want)
            return get(xsdt() + 36 + 8 * i, 8);
    FAIL_WITH("no %s", signature);
    return 0;
}

TEST(every_checksum_is_right)
{
    build(4);
    CHECK_EQ(sum(LAYOUT_TABLES_GPA, 20), 0);
    CHECK_EQ(sum(LAYOUT_TABLES_GPA, 36), 0);
    CHECK_EQ(sum(xsdt(), get(xsdt() + 4, 4)), 0);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t t = table(i ? "APIC" : "FACP");

        CHECK_EQ(sum(t, get(t + 4, 4)), 0);
    }
    CHECK_EQ(sum(get(table("FACP") + 140, 8), 36), 0);
}

TEST(the_fadt_says_that_there_is_no_hardware)
{
    uint64_t fadt;

    build(1);
    fadt = table("FACP");
    CHECK_EQ(get(fadt + 4, 4), 268);
    CHECK_EQ(get(fadt + 8, 1), 5);
    CHECK_EQ(get(fadt + 109, 2), 0x24);        /* no VGA, no RTC; no 8042 */
    CHECK_EQ(get(fadt + 112, 4) >> 20 & 1, 1); /* hardware reduced */
    CHECK_EQ(get(fadt + 112, 4) >> 10 & 1, 0); /* no reset register */
    CHECK_EQ(get(fadt + 76, 4), 0);            /* no PM timer */
    CHECK_EQ(get(fadt + 40, 4), get(fadt + 140, 8));
    CHECK_EQ(get(get(fadt + 140, 8) + 4, 4), 36); /* an empty DSDT */
}

TEST(the_madt_lists_the_guests_vcpus_and_no_other)
{
    static const uint32_t numbers[] = { 1, 2, 128 };

    for (unsigned n = 0; n < ARRAY_SIZE(numbers); n++) {
        uint64_t madt;

        build(numbers[n]);
        madt = table("APIC");
        CHECK_EQ(get(madt + 4, 4), MADT_ENTRIES_OFF + 8 * numbers[n]);
        CHECK_EQ(get(madt + 36, 4), 0xfee00000);
        for (uint32_t i = 0; i < numbers[n]; i++) {
            uint64_t entry = madt + MADT_ENTRIES_OFF + 8 * i;

            CHECK_EQ(get(entry, 2), 0x0800); /* LAPIC, 8 bytes */
            CHECK_EQ(get(entry + 2, 1), i);
            CHECK_EQ(get(entry + 3, 1), 2 * i);
            CHECK_EQ(get(entry + 4, 4), 1);
        }
    }
}

/* clang-format off */
RUN_TESTS(
    RULE(every_checksum_is_right),
    RULE(the_fadt_says_that_there_is_no_hardware),
    RULE(the_madt_lists_the_guests_vcpus_and_no_other))
/* clang-format on */
