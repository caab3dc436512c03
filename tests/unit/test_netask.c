/* SPDX-License-Identifier: MIT */
/*
 * test_netask.c - cards are asked for, waited for, and looked for
 */
#include "toolstack/cli/netask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/boss.h"
#include "tests/unit/test.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/devinfo.h"

#define PATIENCE_MS 10000
#define SHORT_MS 200

static struct boss boss;
static struct err e;

static struct client *begin(void)
{
    struct client *c;

    boss_start(&boss, "web");
    CHECK_EQ(client_open_at(boss_base, "web", &c, &e), 0);
    return c;
}

static void end(struct client *c)
{
    client_close(c);
    boss_retire(&boss);
}

TEST(a_card_is_attached_when_it_waits_for_the_guest)
{
    struct json_object *card, *v;
    struct client *c = begin();

    CHECK_EQ(
        net_attach(c, "starting,waiting,gone", false, PATIENCE_MS, &card, &e),
        0);
    CHECK(json_object_object_get_ex(card, "devid", &v));
    CHECK_EQ(json_object_get_int(v), 1);
    CHECK(json_object_object_get_ex(card, "state", &v));
    CHECK_STR(json_object_get_string(v), "waiting");
    json_object_put(card);
    CHECK_EQ(net_attach(c, "waiting", false, PATIENCE_MS, NULL, &e), -EEXIST);
    CHECK_STR(e.text, "vif 1: it is there");
    end(c);
}

TEST(one_that_fails_says_why_and_is_not_left)
{
    struct client *c = begin();

    CHECK_EQ(net_attach(c, "starting,failed", true, PATIENCE_MS, NULL, &e),
             -EIO);
    CHECK_STR(e.text, "vif 1: attach: it broke");
    CHECK_EQ(net_attach(c, "starting,starting", true, SHORT_MS, NULL, &e),
             -ETIMEDOUT);
    CHECK_STR(e.text, "vif 1: attach: it was not made in 0 s; freehold "
                      "network-list tells when it is");
    end(c);
}

TEST(detach_waits_until_the_card_is_gone_however_it_was_named)
{
    struct client *c = begin();

    CHECK_EQ(net_detach(c, "1", false, PATIENCE_MS, &e), 0);
    CHECK_EQ(net_detach(c, "00:16:3e:00:00:01", false, PATIENCE_MS, &e), 0);
    CHECK_EQ(net_detach(c, "2", false, SHORT_MS, &e), -ETIMEDOUT);
    CHECK_HAS(e.text, "vif 2: detach: the guest has not let go of it");
    CHECK_EQ(net_detach(c, "2", true, PATIENCE_MS, &e), 0);
    CHECK_EQ(net_detach(c, "3", false, SHORT_MS, &e), -EIO);
    CHECK_STR(e.text, "vif 3: detach: it broke");
    CHECK_EQ(net_detach(c, "4", false, SHORT_MS, &e), -EPROTO);
    CHECK_EQ(net_detach(c, "9", false, PATIENCE_MS, &e), -ENOENT);
    CHECK_STR(e.text, "vif 9: there is none");
    end(c);
}

TEST(no_rate_is_said_as_a_number_or_a_word)
{
    struct client *c = begin();

    CHECK_EQ(net_rate(c, "1", "10MB/s@20ms", &e), -EINVAL);
    CHECK_STR(e.text, "{\"vif\":\"1\",\"rate\":\"10MB\\/s@20ms\"}");
    CHECK_EQ(net_rate(c, "1", "0", &e), -EINVAL);
    CHECK_STR(e.text, "{\"vif\":\"1\",\"rate\":\"\"}");
    CHECK_EQ(net_rate(c, "1", "none", &e), -EINVAL);
    CHECK_STR(e.text, "{\"vif\":\"1\",\"rate\":\"\"}");
    end(c);
}

TEST(words_are_one_specification)
{
    char *words[] = { (char *)"mac=00:16:3e:00:00:01", (char *)"bridge=x,mtu=9",
                      (char *)"ip=10.0.0.1 10.0.0.2" };
    char *text = net_spec(3, words);

    CHECK_STR(text, "mac=00:16:3e:00:00:01,bridge=x,mtu=9,"
                    "ip=10.0.0.1 10.0.0.2");
    free(text);
    text = net_spec(0, words);
    CHECK_STR(text, "");
    free(text);
}

/* Whoever waits for a guest to be gone does not take a card for it. */
TEST(a_device_has_states_of_its_own)
{
    CHECK(devinfo_event("block"));
    CHECK(devinfo_event("network"));
    CHECK(devinfo_event("migration")); /* its transfer's state */
    CHECK(devinfo_event("migration-end"));
    CHECK(!devinfo_event("state"));
    CHECK(!devinfo_event("restart"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_card_is_attached_when_it_waits_for_the_guest),
        RULE(one_that_fails_says_why_and_is_not_left),
        RULE(detach_waits_until_the_card_is_gone_however_it_was_named),
        RULE(no_rate_is_said_as_a_number_or_a_word),
        RULE(words_are_one_specification),
        RULE(a_device_has_states_of_its_own),
    };

    return cmocka_run_group_tests(tests, boss_set_up, boss_tear_down);
}
