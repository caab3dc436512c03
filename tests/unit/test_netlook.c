/* SPDX-License-Identifier: MIT */
/*
 * test_netlook.c - what a guest writes of its cards is a number, or nothing
 */
#include "toolstack/cli/netlook.h"

#include <stdio.h>

#include "common/err.h"
#include "common/store.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/cli/columns.h"

#define CARD "/local/domain/7/device/vif/1/"

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

static void looks(int state, int port, int tx, int rx)
{
    struct columns_network n = { .devid = 1 };

    net_look(store, 7, &n);
    CHECK_EQ(n.state, state);
    CHECK_EQ(n.port, port);
    CHECK_EQ(n.tx_ring, tx);
    CHECK_EQ(n.rx_ring, rx);
    CHECK_STR(n.backend, "/local/domain/0/backend/fh-vif/7/1");
}

TEST(a_card_of_one_queue_is_as_xl_sees_it)
{
    fresh();
    looks(-1, -1, -1, -1);
    wrote(CARD "state", "4");
    wrote(CARD "event-channel", "23");
    wrote(CARD "tx-ring-ref", "8");
    wrote(CARD "rx-ring-ref", "9");
    looks(4, 23, 8, 9);
    finish();
}

TEST(of_two_ports_the_sending_one_is_told)
{
    fresh();
    wrote(CARD "event-channel-rx", "24");
    wrote(CARD "event-channel-tx", "23");
    looks(-1, 23, -1, -1);
    finish();
}

TEST(a_card_of_several_queues_is_its_first)
{
    fresh();
    wrote(CARD "queue-1/event-channel", "99");
    wrote(CARD "queue-1/tx-ring-ref", "98");
    looks(-1, -1, -1, -1);
    wrote(CARD "queue-0/event-channel-tx", "23");
    wrote(CARD "queue-0/event-channel-rx", "24");
    wrote(CARD "queue-0/tx-ring-ref", "8");
    wrote(CARD "queue-0/rx-ring-ref", "9");
    looks(-1, 23, 8, 9);
    finish();
}

TEST(what_is_no_number_is_none)
{
    static const char *const bad[] = {
        "", "-1", "4x", " 4", "2147483648", "18446744073709551616", "4\n"
    };

    fresh();
    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        wrote(CARD "state", bad[i]);
        wrote(CARD "tx-ring-ref", bad[i]);
        looks(-1, -1, -1, -1);
    }
    finish();
}

RUN_TESTS(RULE(a_card_of_one_queue_is_as_xl_sees_it),
          RULE(of_two_ports_the_sending_one_is_told),
          RULE(a_card_of_several_queues_is_its_first),
          RULE(what_is_no_number_is_none))
