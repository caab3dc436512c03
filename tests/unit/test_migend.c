/* SPDX-License-Identifier: MIT */
/*
 * test_migend.c - what is told of a transfer: while it goes on, and at its end
 */
#include "toolstack/cli/migend.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "tests/unit/test.h"
#include "toolstack/cli/migshow.h"

static const struct migopts by_ssh = { .name = "web", .host = "b" },
                            by_tcp = { .name = "web", .tcp = "a:1" },
                            check = { .name = "web",
                                      .host = "b",
                                      .check = true },
                            back = { .name = "web",
                                     .host = "b",
                                     .abort = true },
                            nobody = { .name = "web" };

static char *out_text, *err_text;

/* Both of its outputs, until the next one. */
static int tell(struct migend m, enum migask_end end, const char *why)
{
    struct migask_result r = { .end = end,
                               .total_ms = 9400,
                               .downtime_ms = 210,
                               .bytes = 498ull << 20,
                               .epochs = 4 };
    size_t n;
    FILE *out, *err;
    int code;

    free(out_text);
    free(err_text);
    out = open_memstream(&out_text, &n);
    err = open_memstream(&err_text, &n);
    snprintf(r.why, sizeof(r.why), "%s", why);
    m.name = "web";
    code = migend_tell(out, err, &m, &r);
    fclose(out);
    fclose(err);
    CHECK_EQ(migend_code(&m, &r), code);
    /* Well: nothing on err.  Ill: nothing that looks like well. */
    CHECK_EQ(code <= 1, err_text[0] == 0);
    CHECK_EQ(code > 1, out_text[0] == 0);
    return code;
}

TEST(one_that_moved_has_its_figures)
{
    CHECK_EQ(tell((struct migend){ .opts = &by_ssh }, MIGASK_MOVED, ""), 0);
    CHECK_STR(out_text, "web: it runs at b\n"
                        "  total     9.4 s\n"
                        "  downtime  210 ms\n"
                        "  sent      498 MiB, 53.0 MiB/s\n"
                        "  epochs    4\n");
}

TEST(a_check_tells_each_thing_that_is_missing)
{
    struct migend m = { .opts = &check };

    CHECK_EQ(tell(m, MIGASK_CHECKED, ""), 0);
    CHECK_STR(out_text, "web: nothing is missing at b\n");
    CHECK_EQ(
        tell(m, MIGASK_STAYED, "the destination: no bridge br0; no disk xvda"),
        1);
    CHECK_STR(out_text, "web: it cannot move as things are:\n"
                        "  no bridge br0\n  no disk xvda\n");
    CHECK_EQ(tell(m, MIGASK_REFUSED, "another pool"), 1);
    CHECK_EQ(tell(m, MIGASK_FENCED, ""), 7);
}

TEST(one_that_stayed_says_why_and_that_it_runs)
{
    struct migend m = { .opts = &by_ssh };

    CHECK_EQ(tell(m, MIGASK_STAYED, "cancelled"), 3);
    CHECK_HAS(err_text, "freehold: guest web: migrate: cancelled\n");
    CHECK_HAS(err_text, "it runs on here");
    CHECK(!strstr(err_text, "ssh"));
    m.ssh_status = 255;
    CHECK_EQ(tell(m, MIGASK_STAYED, "the connection is closed"), 3);
    CHECK_HAS(err_text, "ssh ended with 255");
}

TEST(one_that_is_fenced_says_both_ways_out_to_the_same_peer)
{
    CHECK_EQ(tell((struct migend){ .opts = &by_ssh }, MIGASK_FENCED, "cut"), 7);
    CHECK_HAS(err_text, "between two hosts: cut");
    CHECK_HAS(err_text, "    freehold resolve web b\n");
    CHECK_HAS(err_text, "    freehold resolve --abort web b\n");
    CHECK(!strstr(err_text, "migrate-receive"));
    CHECK_EQ(tell((struct migend){ .opts = &by_tcp }, MIGASK_FENCED, ""), 7);
    CHECK_HAS(err_text, "    freehold resolve --tcp a:1 web\n");
    CHECK_HAS(err_text, "freehold migrate-receive --tcp has to wait");
    CHECK_EQ(tell((struct migend){ .opts = &nobody, .cancel = true },
                  MIGASK_FENCED, ""),
             7);
    CHECK_HAS(err_text, "    freehold resolve web HOST\n");
    CHECK_EQ(tell((struct migend){ .opts = &by_ssh }, MIGASK_STUCK, ""), 7);
    CHECK_HAS(err_text, "freehold info web");
    CHECK_EQ(tell((struct migend){ .opts = &nobody, .resolve = true },
                  MIGASK_READY, ""),
             7);
    CHECK_HAS(err_text, "freehold resolve --abort web, here");
}

/* What each command wanted, and what it got. */
TEST(an_end_is_well_for_whom_it_was_asked)
{
    static const struct {
        const struct migopts *opts;
        bool resolve, cancel;
        enum migask_end end;
        int code;
    } row[] = {
        { &by_ssh, true, false, MIGASK_MOVED, 0 },
        { &by_ssh, true, false, MIGASK_STAYED, 0 }, /* it was poisoned */
        { &by_ssh, true, false, MIGASK_RUNS, 0 },
        { &by_ssh, true, false, MIGASK_POISONED, 3 },
        { &by_ssh, true, false, MIGASK_FENCED, 7 },
        { &back, true, false, MIGASK_MOVED, 3 },
        { &back, true, false, MIGASK_STAYED, 0 },
        { &back, true, false, MIGASK_POISONED, 0 },
        { &back, true, false, MIGASK_RUNS, 3 },
        { &nobody, false, true, MIGASK_MOVED, 3 },
        { &nobody, false, true, MIGASK_STAYED, 0 },
        { &nobody, false, true, MIGASK_CHECKED, 3 },
        { &nobody, false, true, MIGASK_RUNS, 3 },
        { &nobody, false, true, MIGASK_POISONED, 0 },
        { &nobody, false, true, MIGASK_REFUSED, 0 },
        { &by_ssh, false, false, MIGASK_REFUSED, 3 },
        { &by_ssh, false, false, MIGASK_READY, 7 },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct migend m = { .opts = row[i].opts,
                            .resolve = row[i].resolve,
                            .cancel = row[i].cancel };

        CHECK_EQ(tell(m, row[i].end, ""), row[i].code);
    }
    CHECK_EQ(tell((struct migend){ .opts = &back, .resolve = true },
                  MIGASK_MOVED, ""),
             3);
    CHECK_HAS(err_text, "too late");
}

/* ---- while it goes on ---- */

static struct json_object *at(const char *state, uint64_t epoch, uint64_t sent,
                              uint64_t left)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "state", json_object_new_string(state));
    json_object_object_add(o, "epoch", json_object_new_uint64(epoch));
    json_object_object_add(o, "sent_pages", json_object_new_uint64(sent));
    json_object_object_add(o, "ram_pages", json_object_new_uint64(1000));
    json_object_object_add(o, "bytes", json_object_new_uint64(sent * 4096));
    json_object_object_add(o, "bytes_per_s", json_object_new_uint64(1 << 20));
    json_object_object_add(o, "left_pages", json_object_new_uint64(left));
    json_object_object_add(o, "downtime_ms_estimate",
                           json_object_new_uint64(epoch ? 200 : 0));
    return o;
}

static void show(struct migshow *s, struct json_object *o, uint64_t now_ms)
{
    migshow_event(s, "migration", o, now_ms);
    json_object_put(o);
}

TEST(the_first_epoch_goes_by_pages_and_the_others_by_bytes)
{
    struct migshow s = { .name = "web", .to = stderr, .terminal = true };
    struct json_object *o;
    char text[MIGSHOW_TEXT];

    s.to = fopen("/dev/null", "w");
    show(&s, at("precopy", 0, 0, 0), 1000);
    o = at("precopy", 0, 250, 0);
    migshow_event(&s, "migration", o, 3000);
    migshow_text(&s, o, 3000, text);
    CHECK_STR(text, "precopy, epoch 0, 250 pages in 1.0 MiB, 1.0 MiB/s, "
                    "750 left, 6.0 s to go");
    json_object_put(o);
    o = at("precopy", 2, 1300, 256);
    migshow_event(&s, "migration", o, 9000);
    migshow_text(&s, o, 9000, text);
    CHECK_HAS(text, ", epoch 2, 1300 pages in 5.1 MiB, ");
    CHECK_HAS(text, "256 left, would stand still for 200 ms, 1.2 s to go");
    json_object_put(o);
    o = at("last", UINT32_MAX, 1500, 10);
    migshow_event(&s, "migration", o, 9500);
    migshow_text(&s, o, 9500, text);
    CHECK_HAS(text, "last, last epoch, 1500 pages");
    CHECK(!strstr(text, "to go"));
    json_object_put(o);
    fclose(s.to);
}

/* What an event prints for programs; to be freed. */
static char *printed(struct migshow *s, struct json_object *o, uint64_t now_ms)
{
    char path[] = "/tmp/migshow.XXXXXX", *text = calloc(1, 1024);
    int to = mkstemp(path), stdout_was = dup(STDOUT_FILENO);

    CHECK(to >= 0 && stdout_was >= 0 && text != NULL);
    fflush(stdout);
    dup2(to, STDOUT_FILENO);
    show(s, o, now_ms);
    dup2(stdout_was, STDOUT_FILENO);
    close(stdout_was);
    CHECK(pread(to, text, 1023, 0) > 0);
    close(to);
    unlink(path);
    return text;
}

TEST(programs_are_told_how_long_is_to_go_as_people_are)
{
    struct migshow s = { .name = "web", .to = stderr, .json = true };
    char *text = printed(&s, at("precopy", 0, 0, 0), 1000);

    CHECK(!strstr(text, "to_go_ms"));
    free(text);
    text = printed(&s, at("precopy", 0, 250, 0), 3000);
    CHECK_HAS(text, "\"to_go_ms\":6000");
    free(text);
    text = printed(&s, at("precopy", 2, 1300, 256), 9000);
    CHECK_HAS(text, "\"to_go_ms\":1200");
    free(text);
    text = printed(&s, at("last", UINT32_MAX, 1500, 10), 9500);
    CHECK(!strstr(text, "to_go_ms"));
    free(text);
}

TEST(without_a_terminal_a_line_is_news_and_with_one_it_is_drawn_anew)
{
    char *text = NULL;
    size_t n;
    struct migshow s = { .name = "web" };
    const char *second;
    uint32_t nr = 0;

    s.to = open_memstream(&text, &n);
    show(&s, at("precopy", 0, 0, 0), 1);
    show(&s, at("precopy", 0, 10, 0), 2); /* no news */
    show(&s, at("precopy", 1, 20, 5), 3);
    show(&s, at("suspending", 1, 20, 5), 4);
    migshow_clear(&s);
    fclose(s.to);
    second = strchr(text, '\n') + 1;
    CHECK_HAS(text, "web: precopy, epoch 0");
    CHECK(strncmp(second, "web: precopy, epoch 1", 21) == 0);
    CHECK_HAS(strchr(second, '\n') + 1, "web: suspending, epoch 1");
    CHECK_EQ(strchr(text, '\r'), NULL);
    free(text);

    s = (struct migshow){ .name = "web", .terminal = true };
    s.to = open_memstream(&text, &n);
    show(&s, at("precopy", 0, 0, 0), 1);
    show(&s, at("precopy", 0, 10, 0), 2);
    migshow_clear(&s);
    migshow_clear(&s);
    fclose(s.to);
    CHECK_EQ(strchr(text, '\n'), NULL);
    CHECK_HAS(text, "\rweb: precopy, epoch 0, 10 pages");
    CHECK_STR(strrchr(text, '\r'), "\r\033[K");
    for (const char *c = text; (c = strchr(c, '\r')); c++)
        nr++;
    CHECK_EQ(nr, 3); /* two lines, and the wiping of one */
    free(text);
}

TEST(a_line_has_its_time_if_it_is_asked_for)
{
    struct migshow s = { .name = "web", .terminal = true, .times = true };
    int year, rest;
    char *text = NULL;
    size_t n;

    s.to = open_memstream(&text, &n);
    show(&s, at("precopy", 0, 0, 0), 1);
    fclose(s.to);
    CHECK_EQ(sscanf(text, "%4d-%2d", &year, &rest), 2);
    CHECK(year >= 2024);
    CHECK_HAS(text, " web: precopy");
    CHECK_EQ(strchr(text, '\r'), NULL);
    free(text);
    free(out_text);
    free(err_text);
}

RUN_TESTS(RULE(one_that_moved_has_its_figures),
          RULE(a_check_tells_each_thing_that_is_missing),
          RULE(one_that_stayed_says_why_and_that_it_runs),
          RULE(one_that_is_fenced_says_both_ways_out_to_the_same_peer),
          RULE(an_end_is_well_for_whom_it_was_asked),
          RULE(the_first_epoch_goes_by_pages_and_the_others_by_bytes),
          RULE(programs_are_told_how_long_is_to_go_as_people_are),
          RULE(without_a_terminal_a_line_is_news_and_with_one_it_is_drawn_anew),
          RULE(a_line_has_its_time_if_it_is_asked_for))
