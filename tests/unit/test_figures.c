/* SPDX-License-Identifier: MIT */
/*
 * test_figures.c - figures of host and guests, in a form that others read
 *
 * tests/cli/openmetrics.py knows the rules of the form; what it accepts here,
 * it also refuses when one thing is changed.
 */
#include "toolstack/cli/figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/test.h"
#include "toolstack/cli/openmetrics.h"

#define INFO                                                                   \
    "{\"state\": \"running\", \"memory_target_kib\": 196608, "                 \
    "\"max_memory_mib\": 256, \"restarts\": 3, \"console_bytes\": 12345, "     \
    "\"times\": {\"hypercalls_us\": 1500, \"xenstore_us\": 2500, "             \
    "\"load_us\": 300000, \"launch_us\": 100, \"total_us\": 1304100}, "        \
    "\"disks\": [{\"vdev\": \"xvda\", \"devid\": 51712, \"state\": "           \
    "\"connected\", \"queues\": 2, \"restarts\": 1, \"size_bytes\": 1048576, " \
    "\"reads\": 11, \"writes\": 12, \"flushes\": 13, \"discards\": 14, "       \
    "\"read_bytes\": 5120, \"write_bytes\": 6144, \"discard_bytes\": 7168, "   \
    "\"errors\": 15, \"waits\": 16, \"busy_ns\": 2500000000}, "                \
    "{\"vdev\": \"xvdb\", \"state\": \"starting\"}], "                         \
    "\"vifs\": [{\"devid\": 0, \"state\": \"connected\", \"queues\": 2, "      \
    "\"restarts\": 1, \"stalled\": true, \"tx_packets\": 21, "                 \
    "\"tx_bytes\": 22, \"tx_dropped\": 23, \"tx_errors\": 24, "                \
    "\"tx_spoofed\": 25, \"rx_packets\": 26, \"rx_bytes\": 27, "               \
    "\"rx_dropped\": 28, \"tx_gso\": 29, \"rx_gso\": 30, \"waits\": 31, "      \
    "\"stalls\": 32}, {\"devid\": 7, \"state\": \"waiting\"}]}"

#define DISK(name, vdev)                                                       \
    "freehold_disk_" name "{name=\"web\",vdev=\"" vdev "\"}"

#define VIF(name, rest) "freehold_vif_" name "{name=\"web\",vif=\"" rest "\"}"

static char path[] = "/tmp/fh-figures-XXXXXX";

/* Does the checker take it? */
static bool is_good(const char *text)
{
    char command[512];
    FILE *f = fopen(path, "w");

    CHECK(f != NULL);
    fputs(text, f);
    fclose(f);
    snprintf(command, sizeof(command), "python3 %s %s", CHECKER, path);
    return system(command) == 0;
}

static struct target domain(const char *name, uint16_t domid)
{
    struct target t = {
        .known = true,
        .has_domain = domid > 0,
        .domain = {
            .domid = domid,
            .protected = true,
            .nr_online = 3,
            .nr_vcpus = 3,
            .mem_pages = 192 * 256,
            .cpu_ns = 12345678901,
        },
    };

    snprintf(t.name, sizeof(t.name), "%s", name);
    return t;
}

static const struct hyp_host host = {
    .xen_version = "4.20.3",
    .free_bytes = 1ull << 33,
    .total_bytes = 3ull << 33,
    .nr_cpus = 8,
};

/* One that is well, one whose supervisor is silent, one without a domain. */
static struct figures some(struct target *t, struct figures_guest *g)
{
    t[0] = domain("web", 7);
    t[1] = domain("mail", 8);
    t[2] = domain("old", 0);
    for (int i = 0; i < 3; i++)
        g[i] = (struct figures_guest){ .target = &t[i] };
    g[0].info = json_tokener_parse(INFO);
    g[0].start_s = 1763804000;
    g[0].resident_bytes = 3 << 20;
    return (struct figures){ &host, "0.1.0", g, 3 };
}

static char *write_some(struct json_object **object)
{
    struct figures_guest g[3];
    struct target t[3];
    struct figures f = some(t, g);
    char *text;
    size_t bytes;
    FILE *to = open_memstream(&text, &bytes);

    figures_write(to, &f);
    fclose(to);
    if (object)
        *object = figures_object(&f);
    json_object_put(g[0].info);
    return text;
}

TEST(the_text_is_openmetrics_and_says_what_is)
{
    static const char *const line[] = {
        "freehold_build_info{version=\"0.1.0\",xen=\"4.20.3\"} 1",
        "freehold_host_memory_size_bytes 25769803776",
        "freehold_host_memory_free_bytes 8589934592",
        "freehold_host_cpus 8",
        "freehold_guest_up{name=\"web\"} 1",
        "freehold_guest_state{name=\"web\",state=\"running\"} 1",
        "freehold_guest_state{name=\"web\",state=\"gone\"} 0",
        "freehold_guest_cpu_seconds_total{name=\"web\"} 12.345679",
        "freehold_guest_memory_populated_bytes{name=\"web\"} 201326592",
        "freehold_guest_memory_target_bytes{name=\"web\"} 201326592",
        "freehold_guest_memory_max_bytes{name=\"web\"} 268435456",
        "freehold_guest_vcpus_online{name=\"web\"} 2",
        "freehold_guest_restarts_total{name=\"web\"} 3",
        "freehold_guest_supervisor_resident_bytes{name=\"web\"} 3145728",
        "freehold_guest_launch_seconds{name=\"web\",phase=\"load\"} 0.300000",
        "freehold_guest_launch_seconds{name=\"web\",phase=\"total\"} 1.304100",
        "freehold_guest_console_bytes_total{name=\"web\"} 12345",
        "freehold_guest_start_time_seconds{name=\"web\"} 1763804000",
        DISK("state", "xvda\",state=\"connected") " 1",
        DISK("state", "xvda\",state=\"failed") " 0",
        DISK("state", "xvdb\",state=\"starting") " 1",
        DISK("reads_total", "xvda") " 11",
        DISK("writes_total", "xvda") " 12",
        DISK("flushes_total", "xvda") " 13",
        DISK("discards_total", "xvda") " 14",
        DISK("bytes_total", "xvda\",direction=\"read") " 5120",
        DISK("bytes_total", "xvda\",direction=\"write") " 6144",
        DISK("bytes_total", "xvda\",direction=\"discard") " 7168",
        DISK("errors_total", "xvda") " 15",
        DISK("waits_total", "xvda") " 16",
        DISK("busy_seconds_total", "xvda") " 2.500000",
        DISK("restarts_total", "xvda") " 1",
        DISK("queues", "xvda") " 2",
        DISK("size_bytes", "xvda") " 1048576",
        VIF("state", "0\",state=\"connected") " 1",
        VIF("state", "0\",state=\"waiting") " 0",
        VIF("state", "7\",state=\"waiting") " 1",
        VIF("packets_total", "0\",direction=\"transmit") " 21",
        VIF("packets_total", "0\",direction=\"receive") " 26",
        VIF("bytes_total", "0\",direction=\"transmit") " 22",
        VIF("bytes_total", "0\",direction=\"receive") " 27",
        VIF("gso_packets_total", "0\",direction=\"transmit") " 29",
        VIF("gso_packets_total", "0\",direction=\"receive") " 30",
        VIF("lost_packets_total", "0\",reason=\"dropped") " 23",
        VIF("lost_packets_total", "0\",reason=\"malformed") " 24",
        VIF("lost_packets_total", "0\",reason=\"spoofed") " 25",
        VIF("lost_packets_total", "0\",reason=\"no_room") " 28",
        VIF("waits_total", "0") " 31",
        VIF("stalled", "0") " 1",
        VIF("stalled", "7") " 0",
        VIF("stalls_total", "0") " 32",
        VIF("restarts_total", "0") " 1",
        VIF("queues", "0") " 2",
    };
    char *text = write_some(NULL), want[128];

    CHECK(is_good(text));
    for (uint32_t i = 0; i < ARRAY_SIZE(line); i++) {
        snprintf(want, sizeof(want), "\n%s\n", line[i]);
        CHECK_HAS(text, want);
    }
    free(text);
}

TEST(a_guest_that_does_not_answer_is_down_and_xen_tells_the_rest)
{
    char *text = write_some(NULL);

    CHECK_HAS(text, "\nfreehold_guest_up{name=\"mail\"} 0\n");
    CHECK_HAS(text, "\nfreehold_guest_up{name=\"old\"} 0\n");
    CHECK_HAS(text, "\nfreehold_guest_vcpus_online{name=\"mail\"} 2\n");
    CHECK(strstr(text, "vcpus_online{name=\"old\"") == NULL);
    CHECK(strstr(text, "state{name=\"mail\"") == NULL);
    CHECK(strstr(text, "restarts_total{name=\"mail\"") == NULL);
    free(text);
}

TEST(what_a_device_does_not_tell_has_no_sample)
{
    char *text = write_some(NULL);

    CHECK_HAS(text, "\n" DISK("queues", "xvdb") " 0\n");
    CHECK(strstr(text, DISK("reads_total", "xvdb")) == NULL);
    CHECK(strstr(text, DISK("busy_seconds_total", "xvdb")) == NULL);
    CHECK(strstr(text, DISK("size_bytes", "xvdb")) == NULL);
    CHECK(strstr(text, VIF("waits_total", "7")) == NULL);
    CHECK(strstr(text, "freehold_vif_packets_total{name=\"web\",vif=\"7") ==
          NULL);
    free(text);
}

TEST(json_has_the_same_figures)
{
    struct json_object *all, *samples;
    char *text = write_some(&all);
    size_t nr = 0, nr_lines = 0;

    for (size_t i = 0; i < json_object_array_length(all); i++) {
        struct json_object *f = json_object_array_get_idx(all, i);

        CHECK(json_object_object_get_ex(f, "samples", &samples));
        nr += json_object_array_length(samples);
    }
    for (const char *s = text; *s; s = strchr(s, '\n') + 1)
        nr_lines += *s != '#';
    CHECK_EQ(nr, nr_lines);
    json_object_put(all);
    free(text);
}

TEST(what_would_end_a_label_is_escaped)
{
    static const struct om_family f = { "a_bytes", "gauge", "bytes",
                                        "line\nnext \\ \"quoted\"" };
    const struct om_label label = { "name", "a\"b\\c\nd\xff}" };
    char *text;
    size_t bytes;
    FILE *to = open_memstream(&text, &bytes);

    om_head(to, &f);
    om_sample(to, &f, &label, 1, 0.5);
    om_end(to);
    fclose(to);
    CHECK_HAS(text, "HELP a_bytes line\\nnext \\\\ \\\"quoted\\\"\n");
    CHECK_HAS(text, "a_bytes{name=\"a\\\"b\\\\c\\nd?}\"} 0.500000\n");
    CHECK(is_good(text));
    free(text);
}

TEST(the_checker_knows_the_rules)
{
    static const char *const bad[] = {
        "",
        "# EOF\n",
        "# TYPE a gauge\na 1\n",
        "# TYPE a gauge\na 1\n# EOF\n\n",
        "# TYPE a gauge\n\na 1\n# EOF\n",
        "# TYPE a gauge\n# EOF\na 1\n# EOF\n",
        "a 1\n# EOF\n",
        "# TYPE a counter\na 1\n# EOF\n",
        "# TYPE a counter\na_total -1\n# EOF\n",
        "# TYPE a gauge\na_total 1\n# EOF\n",
        "# TYPE a summary\na 1\n# EOF\n",
        "# TYPE a gauge\n# TYPE a gauge\na 1\n# EOF\n",
        "# TYPE a gauge\na 1\n# HELP a late\n# EOF\n",
        "# TYPE a gauge\n# UNIT a bytes\na 1\n# EOF\n",
        "# TYPE a gauge\na 1\na 1\n# EOF\n",
        "# TYPE a gauge\na{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n# EOF\n",
        "# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n# EOF\n",
        "# TYPE a gauge\na{x=\"1} 1\n# EOF\n",
        "# TYPE a gauge\na{x=\"\\t\"} 1\n# EOF\n",
        "# TYPE a gauge\na{1x=\"1\"} 1\n# EOF\n",
        "# TYPE a gauge\na one\n# EOF\n",
        "# TYPE a gauge\na{x=\"\xff\"} 1\n# EOF\n",
        "# TYPE a gauge\n# TYPE b gauge\nb 1\na 1\n# EOF\n",
        "# TYPE a gauge\n# HELP a \"q\"\na 1\n# EOF\n",
    };

    CHECK(is_good("# TYPE a gauge\n# HELP a it\na{x=\"\"} 1e3\na 1\n# EOF\n"));
    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++) {
        bool good = is_good(bad[i]);

        if (good)
            print_error("the checker takes: %s\n", bad[i]);
        CHECK(!good);
    }
}

static int set_up(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    close(fd);
    return fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(the_text_is_openmetrics_and_says_what_is),
        RULE(a_guest_that_does_not_answer_is_down_and_xen_tells_the_rest),
        RULE(what_a_device_does_not_tell_has_no_sample),
        RULE(json_has_the_same_figures),
        RULE(what_would_end_a_label_is_escaped),
        RULE(the_checker_knows_the_rules),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
