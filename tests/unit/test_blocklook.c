/* SPDX-License-Identifier: MIT */
/*
 * test_blocklook.c - what a guest writes of its disks is a number, or nothing
 */
#include "toolstack/cli/blocklook.h"

#include <stdio.h>

#include "common/err.h"
#include "common/store.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/cli/columns.h"

#define DISK "/local/domain/7/device/vbd/51712/"

static struct store *store;
static struct err err;

static void fresh(void)
{
    fake_reset();
    CHECK_EQ(store_open(&store, &err), 0);
}

static void finish(void)
{
    store_close(store);
    CHECK_EQ(fake.nr_handles, 0);
}

static void wrote(const char *path, const char *value)
{
    CHECK_EQ(store_write(store, path, value, &err), 0);
}

static void looks(int state, int port, int ring)
{
    struct columns_block b = { .devid = 51712 };

    block_look(store, 7, &b);
    CHECK_EQ(b.domid, 7);
    CHECK_EQ(b.state, state);
    CHECK_EQ(b.port, port);
    CHECK_EQ(b.ring, ring);
    CHECK_STR(b.backend, "/local/domain/0/backend/fh-vbd/7/51712");
}

TEST(a_disk_of_one_queue_is_as_xl_sees_it)
{
    fresh();
    looks(-1, -1, -1);
    wrote(DISK "state", "4");
    wrote(DISK "event-channel", "23");
    wrote(DISK "ring-ref", "8");
    looks(4, 23, 8);
    finish();
}

TEST(a_ring_of_several_pages_is_its_first_page)
{
    fresh();
    wrote(DISK "event-channel", "23");
    wrote(DISK "ring-ref1", "9");
    wrote(DISK "ring-ref0", "8");
    looks(-1, 23, 8);
    finish();
}

TEST(a_disk_of_several_queues_is_its_first)
{
    fresh();
    wrote(DISK "queue-1/event-channel", "24");
    wrote(DISK "queue-1/ring-ref", "9");
    looks(-1, -1, -1);
    wrote(DISK "queue-0/event-channel", "23");
    wrote(DISK "queue-0/ring-ref", "8");
    looks(-1, 23, 8);
    finish();
    fresh();
    wrote(DISK "queue-0/ring-ref0", "7");
    looks(-1, -1, 7);
    finish();
}

TEST(what_is_no_number_is_none)
{
    static const char *const bad[] = {
        "", "-1", "4x", " 4", "x", "2147483648", "18446744073709551616", "4\n"
    };

    fresh();
    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        wrote(DISK "state", bad[i]);
        looks(-1, -1, -1);
    }
    wrote(DISK "state", "2147483647");
    looks(2147483647, -1, -1);
    finish();
}

RUN_TESTS(RULE(a_disk_of_one_queue_is_as_xl_sees_it),
          RULE(a_ring_of_several_pages_is_its_first_page),
          RULE(a_disk_of_several_queues_is_its_first),
          RULE(what_is_no_number_is_none))
