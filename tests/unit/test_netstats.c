/* SPDX-License-Identifier: MIT */
/*
 * test_netstats.c - what cards are and did, in tables and lines that line up
 */
#include "toolstack/cli/netstats.h"

#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/test.h"
#include "toolstack/cli/cards.h"
#include "toolstack/cli/statslook.h"
#include "toolstack/supervisor/vmvif.h"

#define CARD(devid, tx, rx, bytes, spoofed)                                    \
    "{\"devid\": " #devid ", \"mac\": \"00:16:3e:00:00:0" #devid "\", "        \
    "\"tap\": \"vif7." #devid "\", \"bridge\": \"xenbr0\", \"mtu\": 1500, "    \
    "\"state\": \"connected\", \"why\": \"\", \"pid\": 77, \"queues\": 2, "    \
    "\"sg\": true, \"gso_v4\": true, \"gso_v6\": false, \"restarts\": 1, "     \
    "\"rate_bytes\": 500000, \"rate_usecs\": 50000, \"tx_packets\": " #tx ", " \
    "\"rx_packets\": " #rx ", \"tx_bytes\": " #bytes ", \"rx_bytes\": 0, "     \
    "\"tx_dropped\": 1, \"tx_errors\": 2, \"tx_spoofed\": " #spoofed ", "      \
    "\"rx_dropped\": 4}"

static char *text;
static size_t text_bytes;

static FILE *begin(void)
{
    return open_memstream(&text, &text_bytes);
}

static void wrote(FILE *f, const char *want)
{
    fclose(f);
    CHECK_STR(text, want);
    free(text);
    text = NULL;
}

static struct json_object *info(const char *cards)
{
    char all[4096];

    snprintf(all, sizeof(all), "{\"state\": \"running\", \"vifs\": [%s]}",
             cards);
    return json_tokener_parse(all);
}

static void prints(const struct stats_look *now,
                   const struct stats_look *before, const char *want)
{
    FILE *f = begin();

    CHECK_EQ(netstats_print(f, now, before, NULL), 0);
    wrote(f, want);
}

TEST(totals_line_up_and_there_is_no_table_of_nothing)
{
    struct stats_guest g[] = {
        { "web", info(CARD(0, 10, 1234567, 2500000, 3)) },
        { "silent", NULL },
        { "mute", json_tokener_parse("{}") },
    };
    struct stats_look now = { g, 3, 0 }, none = { g + 1, 2, 0 };

    prints(&now, NULL,
           "\nGuest  Vif  State      Sent  Received  MB sent  MB rcvd  "
           "Lost (out)  Lost (in)  Queues\n"
           "web    0    connected    10   1234567      2.5      0.0  "
           "         6          4       2\n");
    prints(&none, NULL, "");
    json_object_put(g[0].info);
    json_object_put(g[2].info);
}

/* 100 packets of 40000 bytes in 2 s, and 4 from another address. */
TEST(rates_are_what_grew_in_between)
{
    struct stats_guest was[] = { { "web", info(CARD(0, 10, 5, 1000000, 3)) } };
    struct stats_guest is[] = { { "web", info(CARD(0, 110, 5, 5000000, 7)) } };
    struct stats_look before = { was, 1, 1000000000 },
                      now = { is, 1, 3000000000 };

    prints(&now, &before,
           "\nGuest  Vif  State      Sent/s  Received/s  MB/s sent  MB/s rcvd  "
           "Lost/s (out)  Lost/s (in)  Queues\n"
           "web    0    connected    50.0         0.0        2.0        0.0  "
           "         2.0          0.0       2\n");
    json_object_put(is[0].info);
    is[0].info = info(CARD(0, 9, 5, 1000000, 3)); /* it began anew */
    prints(&now, &before,
           "\nGuest  Vif  State      Sent/s  Received/s  MB/s sent  MB/s rcvd  "
           "Lost/s (out)  Lost/s (in)  Queues\n"
           "web    0    connected       -           -          -          -  "
           "           -            -       2\n");
    json_object_put(is[0].info);
    json_object_put(was[0].info);
}

TEST(json_has_cards_beside_disks)
{
    struct stats_guest g[] = { { "web", info(CARD(0, 1, 2, 3, 4)) } };
    struct stats_look now = { g, 1, 0 };
    struct json_object *all = statslook_object(&now);

    CHECK_HAS(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN),
              "[{\"name\":\"web\",\"up\":true,\"disks\":[],\"vifs\":[{\"devid"
              "\":0,");
    json_object_put(all);
    json_object_put(g[0].info);
}

TEST(info_tells_a_card_in_a_line)
{
    struct json_object *o =
        info(CARD(0, 1, 1, 1, 1) ",{\"devid\": 1, \"state\": \"failed\", "
                                 "\"why\": \"bridge x: there is none\", "
                                 "\"any_mac\": true, \"stalled\": 1},{}");
    FILE *f = begin();

    cards_print(f, o);
    wrote(f, "vif.0                  : connected, 00:16:3e:00:00:00, vif7.0 on "
             "xenbr0, mtu 1500, 2 queues, sg, gso v4, at most "
             "10000000B/s@50000us, pid 77, restarted 1 time\n"
             "vif.1                  : failed (bridge x: there is none), -, - "
             "on -, any mac\n"
             "vif.0                  : -, -, - on -\n");
    json_object_put(o);
}

TEST(a_card_is_found_by_number_and_by_address)
{
    static const char *const bad[] = {
        "", "2", " 1", "1x", "-1", "4294967297", "00:16:3e:00:00:02", "00:16"
    };
    struct json_object *o = info(CARD(0, 1, 1, 1, 1) "," CARD(1, 1, 1, 1, 1));
    struct card c;

    CHECK(cards_find(o, "1", &c) && c.devid == 1);
    CHECK(cards_find(o, "0:16:3E:0:0:1", &c) && c.devid == 1);
    CHECK(cards_find(o, "0", &c) && c.devid == 0);
    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK(!cards_find(o, bad[i], &c));
    CHECK(!cards_find(NULL, "0", &c));
    json_object_put(o);
}

/* What network-rate prints can be put into rate=, and means the same. */
TEST(a_rate_is_told_as_it_can_be_asked_for)
{
    static const char *const asked[] = { "10MB/s", "100Mb/s@20ms", "1GB/s@1s",
                                         "7777KB/s@333us", "100B/s@10ms" };
    struct card c = { 0 };
    char told[CARD_RATE_TEXT];
    uint64_t bytes;
    uint32_t usecs;

    cards_rate_text(&c, told);
    CHECK_STR(told, "0");
    for (uint32_t i = 0; i < ARRAY_SIZE(asked); i++) {
        CHECK_EQ(vmvif_rate(asked[i], &c.rate_bytes, &c.rate_usecs), 0);
        cards_rate_text(&c, told);
        CHECK_EQ(vmvif_rate(told, &bytes, &usecs), 0);
        CHECK_EQ(bytes, c.rate_bytes);
        CHECK_EQ(usecs, c.rate_usecs);
    }
}

RUN_TESTS(RULE(totals_line_up_and_there_is_no_table_of_nothing),
          RULE(rates_are_what_grew_in_between),
          RULE(json_has_cards_beside_disks), RULE(info_tells_a_card_in_a_line),
          RULE(a_card_is_found_by_number_and_by_address),
          RULE(a_rate_is_told_as_it_can_be_asked_for))
