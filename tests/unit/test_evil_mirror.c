/* SPDX-License-Identifier: MIT */
/*
 * test_evil_mirror.c - what the lab's noise sweeps away, its reader still gets
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/err.h"
#include "tests/evil/mirror.h"
#include "tests/unit/test.h"

static struct fh_steward_half shared;
static struct mirror *mirror;
static struct err err;
static atomic_bool stop;

static void *sweep(void *arg)
{
    while (!atomic_load(&stop))
        mirror_sweep(mirror);
    return arg;
}

/* mirror_fetch() waits for sweeps, which another thread makes. */
static struct fh_steward_half fetch(void)
{
    struct fh_steward_half out;
    pthread_t thread;

    atomic_store(&stop, false);
    CHECK_EQ(pthread_create(&thread, NULL, sweep, NULL), 0);
    mirror_fetch(mirror, &out);
    atomic_store(&stop, true);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    return out;
}

static int start(void **state)
{
    (void)state;
    memset(&shared, 0, sizeof(shared));
    return mirror_open(&shared, &mirror, &err);
}

static int finish(void **state)
{
    (void)state;
    mirror_close(mirror);
    return 0;
}

/* A reader finds what was written; the page holds nothing of it. */
TEST(words_are_moved_away)
{
    struct fh_steward_half out;

    shared.magic = FH_CONTROL_MAGIC;
    shared.want[1].seq = 7;
    out = fetch();
    CHECK_EQ(out.magic, FH_CONTROL_MAGIC);
    CHECK_EQ(out.want[1].seq, 7);
    CHECK(shared.magic != FH_CONTROL_MAGIC);
    CHECK(shared.want[1].seq != 7);
}

/* A sweep between any two bytes of the measurement loses none of them. */
TEST(a_measurement_written_byte_by_byte_arrives_whole)
{
    struct fh_steward_half out;

    shared.state = FH_STATE_LOADING;
    for (uint32_t i = 0; i < sizeof(shared.measurement); i++) {
        mirror_sweep(mirror);
        shared.measurement[i] = (uint8_t)(0x20 + i);
    }
    shared.state = FH_STATE_STARTING;
    out = fetch();
    CHECK_EQ(out.state, FH_STATE_STARTING);
    for (uint32_t i = 0; i < sizeof(out.measurement); i++) {
        CHECK_EQ(out.measurement[i], 0x20 + i);
        CHECK(shared.measurement[i] != out.measurement[i]);
    }
}

#define FRESH(name) cmocka_unit_test_setup_teardown(name, start, finish)

RUN_TESTS(FRESH(words_are_moved_away),
          FRESH(a_measurement_written_byte_by_byte_arrives_whole))
