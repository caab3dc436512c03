/* SPDX-License-Identifier: MIT */
/*
 * test_columns.c - what scripts cut out of xl's text, they cut out of ours
 *
 * The wanted lines were reckoned from the formats in Xen 4.20's tools/xl.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/cli/columns.h"

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

static struct target web(void)
{
    struct target t = {
        .name = "web",
        .has_domain = true,
        .known = true,
        .state.supervised = true,
        .domain = {
            .domid = 7,
            .uuid = { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 1, 2, 3,
                      4, 5, 6, 7, 8 },
            .protected = true,
            .blocked = true,
            .nr_online = 3,
            .nr_vcpus = 3,
            .mem_pages = 192 * 256,
            .cpu_ns = 12345678901,
        },
    };

    return t;
}

#define UUID "12345678-9abc-def0-0102-030405060708"
#define LIST                                                                   \
    "web                                          7   192     2     "          \
    "-b----      12.3"

TEST(list_has_the_columns_of_xl)
{
    struct list_options o = { 0 };
    struct hyp_cpus nodes = { { 0x05 } };
    struct list_extra x = { .pool = "Pool-0", .nodes = &nodes, .nr_nodes = 4 };
    struct target t = web();
    FILE *f = begin();

    columns_list_head(f, &o);
    columns_list(f, &o, &t, &x);
    wrote(f, "Name                                        ID   Mem VCPUs\t"
             "State\tTime(s)\n" LIST "\n");

    o.pool = o.nodes = true;
    f = begin();
    columns_list_head(f, &o);
    columns_list(f, &o, &t, &x);
    wrote(f, "Name                                        ID   Mem VCPUs\t"
             "State\tTime(s)         Cpupool NODE Affinity\n" LIST
             "          Pool-0 0,2\n");
}

TEST(list_says_how_a_domain_ended)
{
    struct list_options o = { .verbose = true };
    struct target t = web();
    FILE *f = begin();

    t.domain.blocked = false;
    t.domain.paused = t.domain.shutdown = true;
    t.domain.reason = HYP_CRASH;
    columns_list_head(f, &o);
    columns_list(f, &o, &t, NULL);
    wrote(f, "Name                                        ID   Mem VCPUs\t"
             "State\tTime(s)   UUID                            Reason-Code\t"
             "Security Label\n"
             "web                                          7   192     2     "
             "--psc-      12.3 " UUID "        3                -\n");
    t.domain.reason = 77;
    o.verbose = false;
    f = begin();
    columns_list(f, &o, &t, NULL);
    wrote(f, "web                                          7   192     2     "
             "--ps?-      12.3\n");
}

TEST(list_remarks_stand_behind_the_columns)
{
    struct list_options o = { 0 };
    struct target t = web();
    FILE *f = begin();

    columns_list(f, &o, &t, &(struct list_extra){ .transfer = "fenced" });
    wrote(f, LIST "  migration: fenced\n");
    f = begin();
    t.state.supervised = false;
    columns_list(f, &o, &t, NULL);
    wrote(f, LIST "  no supervisor\n");
    t.has_domain = false;
    f = begin();
    columns_list(f, &o, &t, NULL);
    wrote(f, "web                                          -     -     -     "
             "------         -  no domain, no supervisor\n");
}

TEST(vm_list_has_the_columns_of_xl)
{
    struct target t = web();
    FILE *f = begin();

    columns_vm_head(f);
    columns_vm(f, &t);
    wrote(f, "UUID                                  ID    name\n" UUID
             "  7    web                           \n");
}

TEST(vcpu_list_has_the_columns_of_xl)
{
    struct hyp_vcpu v = { .vcpu = 1,
                          .cpu = 3,
                          .online = true,
                          .running = true,
                          .cpu_ns = 2500000000,
                          .hard = { { 0x0e } },
                          .soft = { { 0xff } } };
    struct target t = web();
    FILE *f = begin();

    columns_vcpu_head(f);
    columns_vcpu(f, &t, &v, 8);
    v.online = false;
    columns_vcpu(f, &t, &v, 8);
    wrote(f, "Name                                ID  VCPU   CPU State   "
             "Time(s) Affinity (Hard / Soft)\n"
             "web                                  7     1    3   r-- "
             "      2.5  1-3 / all\n"
             "web                                  7     1    -   --p "
             "      2.5  1-3 / all\n");
}

static void set_is(uint8_t low, uint8_t high, uint32_t nr, const char *want)
{
    struct hyp_cpus set = { { low, high } };
    FILE *f = begin();

    columns_set(f, &set, nr);
    wrote(f, want);
}

TEST(a_set_is_written_as_xl_writes_it)
{
    set_is(0x00, 0x00, 16, "none");
    set_is(0xff, 0xff, 16, "all");
    set_is(0xff, 0x00, 16, "0-7");
    set_is(0xff, 0xff, 8, "all");
    set_is(0x01, 0x00, 16, "0");
    set_is(0x05, 0x80, 16, "0,2,15");
    set_is(0xf6, 0x01, 16, "1-2,4-8");
    set_is(0xfe, 0xff, 16, "1-15");
    set_is(0x01, 0x00, 1, "all");
}

TEST(uptime_has_the_columns_of_xl)
{
    struct target t = web();
    FILE *f = begin();

    columns_uptime_head(f);
    columns_uptime(f, &t, 59);
    columns_uptime(f, &t, 86400 + 3600 + 61);
    columns_uptime(f, &t, 2 * 86400 + 23 * 3600 + 59 * 60 + 9);
    columns_uptime_short(f, &t, 86400 + 60, "10:20:30");
    columns_uptime_short(f, &t, 7260, "10:20:30");
    wrote(f, "Name                                ID Uptime\n"
             "web                                  7  0:00:59\n"
             "web                                  7 1 day,  1:01:01\n"
             "web                                  7 2 days, 23:59:09\n"
             " 10:20:30 up 1 day,  0:01, web (7)\n"
             " 10:20:30 up  2:01, web (7)\n");
}

TEST(block_list_has_the_columns_of_xl)
{
    struct columns_block b = { 7, 51712,
                               4, 23,
                               8, "/local/domain/0/backend/fh-vbd/7/51712" };
    FILE *f = begin();

    columns_block_head(f);
    columns_block(f, &b);
    b.state = b.port = b.ring = -1;
    columns_block(f, &b);
    wrote(f, "Vdev  BE  handle state evt-ch ring-ref BE-path                  "
             "     \n"
             "51712 0   7      4     23     8        "
             "/local/domain/0/backend/fh-vbd/7/51712\n"
             "51712 0   7      -1    -1     -1       "
             "/local/domain/0/backend/fh-vbd/7/51712\n");
}

TEST(network_list_has_the_columns_of_xl)
{
    struct columns_network n = { 0,
                                 "00:16:3e:00:00:07",
                                 4,
                                 23,
                                 8,
                                 9,
                                 "/local/domain/0/backend/fh-vif/7/0" };
    FILE *f = begin();

    columns_network_head(f);
    columns_network(f, &n);
    n.state = n.port = n.tx_ring = n.rx_ring = -1;
    n.devid = 12;
    columns_network(f, &n);
    wrote(f, "Idx BE Mac Addr.         handle state evt-ch   tx-/rx-ring-ref "
             "BE-path                       \n"
             "0   0  00:16:3e:00:00:07     0     4     23     8/9           "
             "/local/domain/0/backend/fh-vif/7/0\n"
             "12  0  00:16:3e:00:00:07    12    -1     -1    -1/-1          "
             "/local/domain/0/backend/fh-vif/7/0\n");
}

RUN_TESTS(RULE(list_has_the_columns_of_xl), RULE(list_says_how_a_domain_ended),
          RULE(list_remarks_stand_behind_the_columns),
          RULE(vm_list_has_the_columns_of_xl),
          RULE(vcpu_list_has_the_columns_of_xl),
          RULE(a_set_is_written_as_xl_writes_it),
          RULE(uptime_has_the_columns_of_xl),
          RULE(block_list_has_the_columns_of_xl),
          RULE(network_list_has_the_columns_of_xl))
