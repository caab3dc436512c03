/* SPDX-License-Identifier: MIT */
/*
 * test_gnt.c - what a guest grants is mapped and copied, and what it does not
 *              is an answer, and no noise
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/gnt.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/fakes/fake_io.h"
#include "tests/unit/test.h"

#define GUEST 7u

static struct err err;

/* Map a grant that no domain gives; what stderr got meanwhile, at level. */
static void map_nothing(enum log_level level, char *said, size_t said_bytes)
{
    int kept = dup(STDERR_FILENO), pipe_fd[2], rc;
    struct gnt_map map = { 0 };
    struct gnt *gnt;
    ssize_t r;

    fake_reset();
    CHECK_EQ(pipe(pipe_fd), 0);
    fflush(stderr);
    dup2(pipe_fd[1], STDERR_FILENO);
    log_set_level(level);
    rc = gnt_open(&gnt, &err);
    if (rc == 0)
        rc = gnt_map(gnt, 7, 2, &map, &err);
    log_set_level(LOG_LEVEL_ERR);
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(pipe_fd[1]);
    r = read(pipe_fd[0], said, said_bytes - 1);
    close(pipe_fd[0]);
    said[r > 0 ? r : 0] = 0;
    CHECK_EQ(rc, -ENOENT);
    CHECK(map.va == NULL);
    gnt_close(gnt);
    CHECK_EQ(fake_left(), 0);
}

TEST(a_grant_that_is_not_given_makes_no_noise)
{
    char said[512];

    map_nothing(LOG_LEVEL_INFO, said, sizeof(said));
    CHECK_STR(said, "");
    CHECK_HAS(err.text, "domain 7: map grant 2: Invalid argument");
}

TEST(what_the_library_says_is_there_to_debug)
{
    char said[512];

    map_nothing(LOG_LEVEL_DEBUG, said, sizeof(said));
    CHECK_HAS(said, "gnttab: mmap failed: Invalid argument\n");
}

static struct gnt *gnt;

static void guest(void)
{
    fake_reset();
    fake.domain[0] = (struct fake_domain){ .there = true, .domid = GUEST };
    CHECK_EQ(gnt_open(&gnt, &err), 0);
}

static void finish(void)
{
    gnt_close(gnt);
    fake.domain[0].there = false;
    CHECK_EQ(fake_left(), 0);
    fake_reset();
}

/* In any order, and one of them twice: each is the guest's own memory. */
TEST(pages_are_mapped_side_by_side)
{
    struct gnt_map map = { 0 };
    uint32_t a, b, refs[4];
    uint8_t *va;

    guest();
    a = fake_grant(GUEST, FAKE_RW);
    b = fake_grant(GUEST, FAKE_RW);
    refs[0] = b, refs[1] = a, refs[2] = fake_grant(GUEST, FAKE_RW), refs[3] = b;
    CHECK_EQ(gnt_map_pages(gnt, GUEST, refs, 4, &map, &err), 0);
    CHECK_EQ(map.nr_pages, 4);
    CHECK_EQ(fake_grant_pins(GUEST, a), 1);
    CHECK_EQ(fake_grant_pins(GUEST, b), 2);
    va = map.va;
    for (uint32_t i = 0; i < 4; i++) {
        va[i * 4096u + 7] = (uint8_t)(i + 1);
        CHECK_EQ(((uint8_t *)fake_grant_page(GUEST, refs[i]))[7], i + 1);
    }
    CHECK_EQ(va[7], 4);
    CHECK_EQ(fake.nr_maps, 4);
    gnt_unmap(gnt, &map);
    gnt_unmap(gnt, &map);
    CHECK_EQ(fake_grant_pins(GUEST, b), 0);
    finish();
}

TEST(pages_are_mapped_all_or_none)
{
    static const enum fake_access bad[] = { FAKE_NONE, FAKE_RO };
    struct gnt_map map = { 0 };
    uint32_t refs[16];

    guest();
    for (uint32_t i = 0; i < 16; i++)
        refs[i] = fake_grant(GUEST, FAKE_RW);
    for (uint32_t i = 0; i < 16; i++)
        for (uint32_t k = 0; k < 2; k++) {
            fake_grant_set(GUEST, refs[i], bad[k]);
            CHECK_EQ(gnt_map_pages(gnt, GUEST, refs, 16, &map, &err), -ENOENT);
            CHECK_HAS(err.text, "domain 7: map grants ");
            CHECK(map.va == NULL);
            CHECK_EQ(fake_grant_pins(GUEST, refs[0]), 0);
            fake_grant_set(GUEST, refs[i], FAKE_RW);
        }
    CHECK_EQ(gnt_map_pages(gnt, GUEST, refs, 16, &map, &err), 0);
    gnt_unmap(gnt, &map);
    finish();
}

/* A guest may go, or take its grant back: what is mapped stays there. */
TEST(what_is_mapped_stays_when_its_guest_is_gone)
{
    struct gnt_map map = { 0 };
    uint32_t ref;

    guest();
    ref = fake_grant(GUEST, FAKE_RW);
    CHECK_EQ(gnt_map(gnt, GUEST, ref, &map, &err), 0);
    memset(fake_grant_page(GUEST, ref), 0x5a, 4096);
    fake_grant_set(GUEST, ref, FAKE_NONE);
    fake_io_free(&fake.domain[0]);
    fake.domain[0].there = false;
    CHECK_EQ(((uint8_t *)map.va)[4095], 0x5a);
    gnt_unmap(gnt, &map);
    finish();
}

#define PIECES 40u /* more than Xen takes in one go */
static uint8_t ours[PIECES][4096] __attribute__((aligned(4096)));
static struct gnt_piece piece[PIECES];

/* Half of them read and half written, each of another size and place. */
static void make_pieces(void)
{
    for (uint32_t i = 0; i < PIECES; i++) {
        piece[i] = (struct gnt_piece){
            .ref = fake_grant(GUEST, i & 1 ? FAKE_RW : FAKE_RO),
            .off_bytes = (uint16_t)(i % 8 * 512),
            .len_bytes = (uint16_t)(4096 - i % 8 * 512),
            .to_guest = i & 1,
            .ours = ours[i],
        };
        memset(ours[i], 0x80 + i, 4096);
        memset(fake_grant_page(GUEST, piece[i].ref), (int)i + 1, 4096);
    }
}

static bool is(const uint8_t *at, uint32_t value, uint32_t len_bytes)
{
    while (len_bytes > 0 && at[len_bytes - 1] == (uint8_t)value)
        len_bytes--;
    return len_bytes == 0;
}

static void check_piece(uint32_t i, bool copied)
{
    const uint8_t *theirs = fake_grant_page(GUEST, piece[i].ref);
    uint32_t off = piece[i].off_bytes, len = piece[i].len_bytes;
    uint32_t mine = 0x80 + i, yours = i + 1;

    if (piece[i].to_guest) {
        CHECK(is(theirs, yours, off));
        CHECK(is(theirs + off, copied ? mine : yours, len));
        CHECK(is(ours[i], mine, 4096));
    } else {
        CHECK(is(ours[i], copied ? yours : mine, len));
        CHECK(is(ours[i] + len, mine, 4096 - len));
        CHECK(is(theirs, yours, 4096));
    }
}

TEST(pieces_are_copied_both_ways_and_nothing_beside_them)
{
    void *scratch = malloc(gnt_copy_scratch_bytes(PIECES));

    guest();
    make_pieces();
    CHECK_EQ(gnt_copy(gnt, GUEST, piece, PIECES, scratch, &err), 0);
    for (uint32_t i = 0; i < PIECES; i++) {
        CHECK(!piece[i].failed);
        check_piece(i, true);
    }
    CHECK_EQ(fake.nr_maps, 0);
    free(scratch);
    finish();
}

/* T13: whichever it is, it alone fails. */
TEST(a_piece_that_fails_fails_alone)
{
    void *scratch = malloc(gnt_copy_scratch_bytes(PIECES));

    for (uint32_t bad = 0; bad < PIECES; bad++) {
        guest();
        make_pieces();
        if (bad % 3 == 0)
            fake_fail_copy_at(bad + 1);
        else if (bad % 3 == 1 && piece[bad].to_guest)
            fake_grant_set(GUEST, piece[bad].ref, FAKE_RO);
        else
            fake_grant_set(GUEST, piece[bad].ref, FAKE_NONE);
        CHECK_EQ(gnt_copy(gnt, GUEST, piece, PIECES, scratch, &err), 0);
        for (uint32_t i = 0; i < PIECES; i++) {
            CHECK_EQ(piece[i].failed, i == bad);
            check_piece(i, i != bad);
        }
        finish();
    }
    free(scratch);
}

TEST(a_copy_that_is_refused_has_copied_nothing_of_use)
{
    void *scratch = malloc(gnt_copy_scratch_bytes(PIECES));

    guest();
    make_pieces();
    fake_fail_at(1);
    CHECK_EQ(gnt_copy(gnt, GUEST, piece, PIECES, scratch, &err), -EFAULT);
    CHECK_HAS(err.text, "domain 7: copy 40 pieces of its pages: Bad address");
    for (uint32_t i = 0; i < PIECES; i++)
        CHECK(piece[i].failed);
    free(scratch);
    finish();
}

RUN_TESTS(RULE(pages_are_mapped_side_by_side),
          RULE(pages_are_mapped_all_or_none),
          RULE(what_is_mapped_stays_when_its_guest_is_gone),
          RULE(pieces_are_copied_both_ways_and_nothing_beside_them),
          RULE(a_piece_that_fails_fails_alone),
          RULE(a_copy_that_is_refused_has_copied_nothing_of_use),
          RULE(a_grant_that_is_not_given_makes_no_noise),
          RULE(what_the_library_says_is_there_to_debug))
