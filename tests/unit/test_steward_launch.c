/* SPDX-License-Identifier: MIT */
/*
 * test_steward_launch.c - whole launches: main, load, control, grant, place
 * and boot, against a dom0 that keeps the rules and one that does not
 */
#include "tests/unit/steward_test.h"

#include "steward/measure.h"
#include "tests/fakes/fake_steward.h"
#include "tests/unit/steward_images.h"

#define KERNEL_BYTES (5u * 1024 * 1024 + 528) /* no multiple of a page */
#define INITRD_BYTES (3u * 1024 * 1024 + 5)
#define TRAILER_BYTES 1024u /* a signature, say */
#define CMDLINE "root=/dev/xvda1"

static uint8_t kernel[KERNEL_BYTES], initrd[INITRD_BYTES];
static struct elf_image image;

/* A sound guest: bzImage with a setup part of sects + 1 sectors, initrd. */
static void offer_linux(uint32_t sects)
{
    fake_reset();
    make_bzimage(kernel, sizeof(kernel) - TRAILER_BYTES, sects);
    memset(kernel + sizeof(kernel) - TRAILER_BYTES, 0x5a, TRAILER_BYTES);
    for (unsigned i = 0; i < sizeof(initrd); i++)
        initrd[i] = (uint8_t)(i * 13 + 1);
    fake_blob(FH_BLOB_CMDLINE, CMDLINE, strlen(CMDLINE));
    fake_blob(FH_BLOB_KERNEL, kernel, sizeof(kernel));
    fake_blob(FH_BLOB_INITRD, initrd, sizeof(initrd));
}

static void offer_elf(void)
{
    fake_reset();
    make_elf(&image);
    fake_blob(FH_BLOB_CMDLINE, "halt", 4);
    fake_blob(FH_BLOB_KERNEL, &image, sizeof(image));
}

/* The definition in steward_abi.h, written down a second time. */
static void expect_measurement(const char *cmdline)
{
    const void *item[] = { cmdline, fake.blob[FH_BLOB_KERNEL],
                           fake.blob[FH_BLOB_INITRD] };
    uint64_t len[] = { strlen(cmdline), fake.offer.len_bytes[FH_BLOB_KERNEL],
                       fake.offer.len_bytes[FH_BLOB_INITRD] };
    struct fh_measured_config c = {
        .abi_version = FH_ABI_VERSION,
        .nr_guest_vcpus = fake.info.nr_vcpus - 1,
        .visible_grant_frames = fake.info.visible_grant_frames,
    };
    uint64_t config_bytes = sizeof(c);
    br_sha256_context sha;
    uint8_t want[32];

    c.nr_map = fh_memory_map(fake.offer.ram_bytes, c.map);
    br_sha256_init(&sha);
    for (unsigned i = 0; i < ARRAY_SIZE(item); i++) {
        br_sha256_update(&sha, &len[i], sizeof(len[i]));
        br_sha256_update(&sha, item[i], len[i]);
    }
    br_sha256_update(&sha, &config_bytes, sizeof(config_bytes));
    br_sha256_update(&sha, &c, sizeof(c));
    br_sha256_out(&sha, want);
    assert_memory_equal(fake.measurement, want, sizeof(want));
    assert_memory_equal(fake.control->steward.measurement, want, sizeof(want));
}

/* Nothing is left of a launch but the three grants for life. */
static void expect_clean(void)
{
    CHECK_EQ(fake_live_grants(), 3);
    CHECK_EQ(fake.live_frames, 0);
    CHECK_EQ(fake.grants[0].frame, XEN_STEWARD_CONSOLE_GFN);
    CHECK_EQ(fake.grants[1].frame, XEN_STEWARD_STORE_GFN);
    CHECK_EQ(fake.grants[2].frame, XEN_STEWARD_CONTROL_GFN);
    for (unsigned i = 3; i < FAKE_GRANT_FRAMES * PAGE_BYTES / 8; i++)
        CHECK_EQ(fake.grants[i].frame, 0);
}

static void expect_failure(enum fh_error code, const char *words)
{
    CHECK_EQ(fake_launch(), FAKE_FAILED);
    CHECK_EQ(fake.control->steward.error, code);
    if (!strstr(fake.control->steward.text, words))
        FAIL_WITH("`%s` lacks `%s`", fake.control->steward.text, words);
    CHECK_EQ(fake.nr_roles, 0);
    assert_false(fake.started);
}

static void expect_zeroes(uint64_t from, uint64_t to)
{
    for (uint64_t at = from; at < to; at++)
        if (fake.ram[at])
            FAIL_WITH("0x%lx is 0x%x, want 0", (unsigned long)at, fake.ram[at]);
}

static uint64_t boot_param(unsigned off, unsigned bytes)
{
    uint64_t v = 0;

    memcpy(&v, fake.ram + LAYOUT_BOOT_PARAMS_GPA + off, bytes);
    return v;
}

static void check_linux(uint32_t sects)
{
    uint32_t setup = (sects + 1) * 512;
    uint64_t code = (sizeof(kernel) - TRAILER_BYTES - setup) / 16 * 16;
    uint64_t ramdisk;

    offer_linux(sects);
    CHECK_EQ(fake_launch(), FAKE_RUNNING);
    expect_measurement(CMDLINE FH_CMDLINE_SUFFIX);
    expect_clean();

    CHECK_EQ(fake.context.cpu_regs.x86_32.eip, IMAGE_PREF);
    CHECK_EQ(fake.context.cpu_regs.x86_32.esi, LAYOUT_BOOT_PARAMS_GPA);
    CHECK_EQ(fake.context.cpu_regs.x86_32.eflags, 2);
    CHECK_EQ(fake.context.cpu_regs.x86_32.cr0, 0x11);
    assert_memory_equal(fake.ram + IMAGE_PREF, kernel + setup, code);
    CHECK_EQ(boot_param(BZ_MAGIC, 4), 0x53726448);
    CHECK_EQ(boot_param(BZ_TYPE_OF_LOADER, 1), 0xff);
    CHECK_EQ(boot_param(BZ_CODE32_START, 4), IMAGE_PREF);
    CHECK_EQ(boot_param(BZ_CMD_LINE_PTR, 4), LAYOUT_CMDLINE_GPA);
    CHECK_EQ(boot_param(0x070, 8), LAYOUT_TABLES_GPA);
    CHECK_EQ(boot_param(0x1e8, 1), 5);
    assert_string_equal((char *)fake.ram + LAYOUT_CMDLINE_GPA,
                        CMDLINE FH_CMDLINE_SUFFIX);
    assert_memory_equal(fake.ram + LAYOUT_TABLES_GPA, "RSD PTR ", 8);
    ramdisk = boot_param(BZ_RAMDISK_IMAGE, 4);
    CHECK_EQ(boot_param(BZ_RAMDISK_BYTES, 4), sizeof(initrd));
    assert_memory_equal(fake.ram + ramdisk, initrd, sizeof(initrd));

    /* Whatever dom0 put elsewhere is gone. */
    expect_zeroes(0, LAYOUT_TABLES_GPA);
    expect_zeroes(LAYOUT_HEAD_GPA, IMAGE_PREF);
    expect_zeroes(IMAGE_PREF + code, ramdisk);
    expect_zeroes(ramdisk + sizeof(initrd), FAKE_RAM_BYTES);
}

TEST(a_bzimage_boots_as_measured_and_nothing_else_is_left)
{
    check_linux(39); /* lies at home */
}

TEST(a_bzimage_with_a_setup_part_of_odd_length_is_moved)
{
    check_linux(30);
}

TEST(an_elf_image_boots_as_measured_and_its_file_is_gone)
{
    const struct vcpu_hvm_x86_32 *r = &fake.context.cpu_regs.x86_32;

    offer_elf();
    CHECK_EQ(fake_launch(), FAKE_RUNNING);
    expect_measurement("halt" FH_CMDLINE_SUFFIX);
    expect_clean();
    CHECK_EQ(r->eip, IMAGE_ELF_GPA + 0x10);
    CHECK_EQ(r->ebx, LAYOUT_START_INFO_GPA);
    CHECK_EQ(r->cr0, 0x11);
    CHECK_EQ(*(uint32_t *)(fake.ram + LAYOUT_START_INFO_GPA), 0x336ec578);
    assert_memory_equal(fake.ram + IMAGE_ELF_GPA, image.code,
                        sizeof(image.code));
    expect_zeroes(LAYOUT_HEAD_GPA, IMAGE_ELF_GPA);
    expect_zeroes(IMAGE_ELF_GPA + sizeof(image.code), FAKE_RAM_BYTES);
}

TEST(few_grant_frames_mean_smaller_batches_only)
{
    unsigned with_all;

    offer_linux(39);
    CHECK_EQ(fake_launch(), FAKE_RUNNING);
    with_all = fake.nr_batches;
    offer_linux(39);
    fake.info.visible_grant_frames = 1;
    CHECK_EQ(fake_launch(), FAKE_RUNNING);
    assert_true(fake.nr_batches > with_all);
    expect_measurement(CMDLINE FH_CMDLINE_SUFFIX);
    expect_clean();
}

TEST(trusted_backends_leave_the_command_line_alone)
{
    offer_linux(39);
    fake.offer.flags = FH_OFFER_TRUST_BACKENDS;
    CHECK_EQ(fake_launch(), FAKE_RUNNING);
    expect_measurement(CMDLINE);
}

static void mark_reading(struct fake_steward *f, const struct fh_batch *b,
                         unsigned window)
{
    (void)window;
    if (b && b->blob == FH_BLOB_INITRD)
        f->grants[b->first_ref + b->nr_refs - 1].flags |= GTF_reading;
}

static void mark_writing(struct fake_steward *f, const struct fh_batch *b,
                         unsigned window)
{
    (void)window;
    if (b && b->blob == FH_BLOB_KERNEL)
        f->grants[b->first_ref].flags |= GTF_reading | GTF_writing;
}

TEST(a_page_that_dom0_keeps_fails_the_launch)
{
    offer_linux(39);
    fake.tamper = mark_reading;
    expect_failure(FH_ERR_GRANT, "still holds");
    offer_linux(39);
    fake.tamper = mark_writing;
    expect_failure(FH_ERR_GRANT, "still holds");
}

static void write_after_done(struct fake_steward *f, const struct fh_batch *b,
                             unsigned window)
{
    (void)window;
    /* Once done is said but before the grant is gone: it is what counts. */
    if (b && b->blob == FH_BLOB_INITRD && b->off_bytes == 0)
        f->ram[(uint64_t)f->grants[b->first_ref].frame * PAGE_BYTES] ^= 1;
}

TEST(bytes_changed_before_they_are_taken_back_are_the_ones_measured)
{
    offer_linux(39);
    fake.tamper = write_after_done;
    CHECK_EQ(fake_launch(), FAKE_RUNNING);
    initrd[0] ^= 1;
    expect_measurement(CMDLINE FH_CMDLINE_SUFFIX);
}

static void change_offer(struct fake_steward *f, const struct fh_batch *b,
                         unsigned window)
{
    (void)window;
    if (b)
        memset(&f->control->dom0.offer, 0x41,
               offsetof(struct fh_offer, aborted));
}

TEST(an_offer_changed_after_introduced_changes_nothing)
{
    offer_linux(39);
    fake.tamper = change_offer;
    CHECK_EQ(fake_launch(), FAKE_RUNNING);
    expect_measurement(CMDLINE FH_CMDLINE_SUFFIX);
}

static void answer_early(struct fake_steward *f, const struct fh_batch *b,
                         unsigned window)
{
    if (b)
        f->control->dom0.done[window] = b->seq + 9;
}

static void answer_other_window(struct fake_steward *f,
                                const struct fh_batch *b, unsigned window)
{
    if (b && b->blob == FH_BLOB_KERNEL && b->off_bytes)
        f->control->dom0.done[window ^ 1] = b->seq;
}

TEST(an_answer_never_asked_for_fails_the_launch)
{
    offer_linux(39);
    fake.tamper = answer_early;
    expect_failure(FH_ERR_PROTOCOL, "dom0 answers batch");
    offer_linux(39);
    fake.tamper = answer_other_window;
    expect_failure(FH_ERR_PROTOCOL, "dom0 answers batch");
}

static void answer_late(struct fake_steward *f, const struct fh_batch *b,
                        unsigned window)
{
    if (b && b->blob == FH_BLOB_INITRD)
        f->control->dom0.done[window] = 0;
}

TEST(an_answer_taken_back_fails_or_stands_still)
{
    enum fake_end end;

    offer_linux(39);
    fake.tamper = answer_late;
    end = fake_launch();
    assert_true(end == FAKE_STUCK || end == FAKE_FAILED);
    assert_false(fake.started);
}

TEST(a_silent_dom0_is_waited_for)
{
    offer_linux(39);
    fake.mute = true;
    CHECK_EQ(fake_launch(), FAKE_STUCK);
    CHECK_EQ(fake.control->steward.state, FH_STATE_LOADING);
    assert_false(fake.started);
}

TEST(no_guest_starts_before_dom0_noted_its_measurement)
{
    offer_linux(39);
    fake.never_notes = true;
    CHECK_EQ(fake_launch(), FAKE_STUCK);
    CHECK_EQ(fake.control->steward.state, FH_STATE_STARTING);
    assert_false(fake.started);
}

static void abort_first(struct fake_steward *f, const struct fh_batch *b,
                        unsigned window)
{
    (void)window;
    if (!b) {
        f->control->dom0.offer.introduced = 0;
        f->control->dom0.offer.aborted = 1;
    }
}

static void abort_midway(struct fake_steward *f, const struct fh_batch *b,
                         unsigned window)
{
    (void)window;
    if (b && b->blob == FH_BLOB_KERNEL)
        f->control->dom0.offer.aborted = 1;
}

TEST(dom0_may_give_up_at_any_wait)
{
    offer_linux(39);
    fake.tamper = abort_first;
    expect_failure(FH_ERR_PROTOCOL, "before it offered");
    offer_linux(39);
    fake.tamper = abort_midway;
    expect_failure(FH_ERR_PROTOCOL, "gave up after");
}

TEST(errors_reach_the_control_page_in_words)
{
    offer_linux(39);
    fake.offer.flags = 4;
    expect_failure(FH_ERR_OFFER, "flags 0x4");
    offer_linux(39);
    fake.no_memory = true;
    expect_failure(FH_ERR_POPULATE, "memory");
    offer_linux(39);
    fake_blob(FH_BLOB_CMDLINE, "xen_blkfront.trusted=1", 22);
    expect_failure(FH_ERR_CMDLINE, "trusted");
    offer_linux(39);
    memset(kernel + BZ_CMDLINE_BYTES, 0, 4);
    expect_failure(FH_ERR_CMDLINE, "the kernel reads 0");
    offer_linux(39);
    memset(kernel, 'x', 4096);
    expect_failure(FH_ERR_KERNEL, "neither");
    offer_elf();
    image.xen.n.n_type = 1;
    expect_failure(FH_ERR_KERNEL, "without a PVH entry");
    offer_linux(39);
    fake.info.abi = 2;
    expect_failure(FH_ERR_XEN, "version 2");
    offer_linux(39);
    fake.info.nr_vcpus = 1;
    expect_failure(FH_ERR_XEN, "vcpus: 1");
    offer_linux(39);
    fake.info.nr_vcpus = 130;
    expect_failure(FH_ERR_XEN, "vcpus: 130");
    offer_linux(39);
    fake.info.state = XEN_STEWARD_STATE_run;
    expect_failure(FH_ERR_XEN, "state 2");
}

static void offer_nothing(void)
{
    fake_reset();
    fake.offer.flags = FH_OFFER_RECEIVE;
}

/* Memory stands, nothing is in it, and nobody has a grant of it. */
TEST(a_steward_that_is_to_receive_loads_and_starts_nothing)
{
    static const uint8_t none[32];

    offer_nothing();
    CHECK_EQ(fake_launch(), FAKE_RUNNING);
    CHECK_EQ(fake.control->steward.state, FH_STATE_RECEIVING);
    CHECK(fake.populated && !fake.started);
    CHECK_EQ(fake.nr_roles, 1);
    CHECK_EQ(fake.role, XEN_STEWARD_STATE_receiving);
    assert_memory_equal(fake.measurement, none, sizeof(none));
    CHECK_EQ(fake_live_grants(), 3);
    CHECK_EQ(fake.live_frames, 0);
    CHECK_EQ(fake.nr_batches, 0);
    for (uint64_t i = 0; i < FAKE_RAM_BYTES; i += 8)
        CHECK(*(uint64_t *)(fake.ram + i) == 0);
}

TEST(a_guest_that_comes_brings_its_own_images_and_flags)
{
    for (unsigned i = 0; i < FH_BLOBS; i++) {
        offer_nothing();
        fake.offer.len_bytes[i] = 1;
        expect_failure(FH_ERR_OFFER, "want none for a guest that comes");
    }
    offer_nothing();
    fake.offer.flags |= FH_OFFER_TRUST_BACKENDS;
    expect_failure(FH_ERR_OFFER, "flags 0x3");
    offer_nothing();
    fake.offer.ram_bytes = 4096;
    expect_failure(FH_ERR_OFFER, "memory");
    offer_nothing();
    fake.no_memory = true;
    expect_failure(FH_ERR_POPULATE, "memory");
    CHECK_EQ(fake.nr_roles, 0);
}

/* clang-format off */
RUN_TESTS(
    RULE(a_bzimage_boots_as_measured_and_nothing_else_is_left),
    RULE(a_bzimage_with_a_setup_part_of_odd_length_is_moved),
    RULE(an_elf_image_boots_as_measured_and_its_file_is_gone),
    RULE(few_grant_frames_mean_smaller_batches_only),
    RULE(trusted_backends_leave_the_command_line_alone),
    RULE(a_page_that_dom0_keeps_fails_the_launch),
    RULE(bytes_changed_before_they_are_taken_back_are_the_ones_measured),
    RULE(an_offer_changed_after_introduced_changes_nothing),
    RULE(an_answer_never_asked_for_fails_the_launch),
    RULE(an_answer_taken_back_fails_or_stands_still),
    RULE(a_silent_dom0_is_waited_for),
    RULE(no_guest_starts_before_dom0_noted_its_measurement),
    RULE(dom0_may_give_up_at_any_wait),
    RULE(errors_reach_the_control_page_in_words),
    RULE(a_steward_that_is_to_receive_loads_and_starts_nothing),
    RULE(a_guest_that_comes_brings_its_own_images_and_flags))
/* clang-format on */
