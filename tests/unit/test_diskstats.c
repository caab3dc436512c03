/* SPDX-License-Identifier: MIT */
/*
 * test_diskstats.c - what disks did, in a table that lines up
 */
#include "toolstack/cli/diskstats.h"

#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "common/err.h"
#include "tests/unit/test.h"
#include "toolstack/cli/disks.h"
#include "toolstack/cli/statslook.h"

#define DISK(vdev, devid, reads, writes, bytes, busy)                          \
    "{\"vdev\": \"" vdev "\", \"devid\": " #devid ", \"state\": "              \
    "\"connected\", \"queues\": 2, \"ring_pages\": 4, \"mode\": \"w\", "       \
    "\"format\": \"raw\", \"target\": \"/dev/vg/x\", \"pid\": 77, "            \
    "\"size_bytes\": 1610612736, \"iops_limit\": 500, \"restarts\": 1, "       \
    "\"reads\": " #reads ", \"writes\": " #writes ", \"read_bytes\": " #bytes  \
    ", \"write_bytes\": 0, \"errors\": 1, \"busy_ns\": " #busy "}"

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

static struct json_object *info(const char *disks)
{
    char all[4096];

    snprintf(all, sizeof(all), "{\"state\": \"running\", \"disks\": [%s]}",
             disks);
    return json_tokener_parse(all);
}

static void prints(const struct stats_look *now,
                   const struct stats_look *before, const char *want)
{
    FILE *f = begin();

    CHECK_EQ(diskstats_print(f, now, before, NULL), 0);
    wrote(f, want);
}

TEST(totals_line_up_however_long_a_name_is)
{
    struct stats_guest g[] = {
        { "web", info(DISK("xvda", 51712, 10, 30, 2500000,
                           40000000) "," DISK("xvdb", 51728, 0, 0, 0, 0)) },
        { "a-guest-with-a-long-name",
          info(DISK("xvda", 51712, 1234567, 0, 999000000000, 0)) },
        { "silent", NULL },
        { "diskless", json_tokener_parse("{}") },
    };
    struct stats_look now = { g, 4, 0 };

    prints(&now, NULL,
           "Guest                     Disk  State        Reads  Writes   "
           "MB read  MB written  Latency  In flight  Errors  Queues\n"
           "web                       xvda  connected       10      30       "
           "2.5         0.0   1.0 ms          -       1       2\n"
           "web                       xvdb  connected        0       0       "
           "0.0         0.0        -          -       1       2\n"
           "a-guest-with-a-long-name  xvda  connected  1234567       0  "
           "999000.0         0.0     0 us          -       1       2\n");
    for (int i = 0; i < 4; i++)
        json_object_put(g[i].info);
}

/* 100 reads of 4096 bytes in 2 s, each 40 ms: 2 were in flight. */
TEST(rates_are_what_grew_in_between)
{
    struct stats_guest was[] = {
        { "web", info(DISK("xvda", 51712, 10, 0, 1000000, 5)) }
    };
    struct stats_guest is[] = {
        { "web", info(DISK("xvda", 51712, 110, 0, 5000000, 4000000005)) }
    };
    struct stats_look before = { was, 1, 1000000000 },
                      now = { is, 1, 3000000000 };

    prints(&now, &before,
           "Guest  Disk  State      Reads/s  Writes/s  MB/s read  MB/s written"
           "  Latency  In flight  Errors/s  Queues\n"
           "web    xvda  connected     50.0       0.0        2.0           0.0"
           "  40.0 ms        2.0       0.0       2\n");
    json_object_put(was[0].info);
    json_object_put(is[0].info);
}

#define DASHES(vdev)                                                           \
    "Guest  Disk  State      Reads/s  Writes/s  MB/s read  MB/s written  "     \
    "Latency  In flight  Errors/s  Queues\n"                                   \
    "web    " vdev "  connected        -         -          -             -  " \
    "      -          -         -       2\n"

TEST(a_disk_that_is_new_or_began_anew_has_no_rate)
{
    struct stats_guest was[] = {
        { "web", info(DISK("xvda", 51712, 10, 0, 1000000, 5)) }
    };
    struct stats_guest is[] = {
        { "web", info(DISK("xvda", 51712, 9, 0, 1000000, 5)) }
    };
    struct stats_look before = { was, 1, 1 }, now = { is, 1, 2 };

    prints(&now, &before, DASHES("xvda"));
    json_object_put(is[0].info);
    is[0].info = info(DISK("xvdc", 51744, 10, 0, 1000000, 5));
    prints(&now, &before, DASHES("xvdc"));
    json_object_put(was[0].info);
    was[0].info = NULL;
    prints(&now, &before, DASHES("xvdc"));
    json_object_put(is[0].info);
}

TEST(json_is_the_raw_figures_and_tells_who_is_silent)
{
    struct stats_guest g[] = {
        { "web", info(DISK("xvda", 51712, 10, 30, 2500000, 40000000)) },
        { "silent", NULL },
    };
    struct stats_look now = { g, 2, 0 };
    struct json_object *all = statslook_object(&now);
    const char *json =
        json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN);

    CHECK_HAS(json, "[{\"name\":\"web\",\"up\":true,\"disks\":[{\"vdev\":"
                    "\"xvda\",\"devid\":51712,");
    CHECK_HAS(json, "\"busy_ns\":40000000");
    CHECK_HAS(json,
              "{\"name\":\"silent\",\"up\":false,\"disks\":[],\"vifs\":[]}]");
    json_object_put(all);
    json_object_put(g[0].info);
}

TEST(info_tells_a_disk_in_a_line)
{
    struct json_object *o =
        info(DISK("xvda", 51712, 1, 1, 1, 1) ",{\"vdev\": \"xvdb\", "
                                             "\"state\": \"failed\", \"why\": "
                                             "\"no such file\", \"size_bytes\":"
                                             " 512, \"mode\": \"r\"},{}");
    FILE *f = begin();

    disks_print(f, o);
    wrote(f, "disk.xvda              : connected, rw, raw /dev/vg/x, 1.5 GiB, "
             "2 queues of 4 pages, at most 500 requests/s, pid 77, restarted 1 "
             "time\n"
             "disk.xvdb              : failed (no such file), ro, - -, "
             "512 bytes\n"
             "disk.-                 : -, ro, - -, 0 bytes\n");
    json_object_put(o);
}

RUN_TESTS(RULE(totals_line_up_however_long_a_name_is),
          RULE(rates_are_what_grew_in_between),
          RULE(a_disk_that_is_new_or_began_anew_has_no_rate),
          RULE(json_is_the_raw_figures_and_tells_who_is_silent),
          RULE(info_tells_a_disk_in_a_line))
