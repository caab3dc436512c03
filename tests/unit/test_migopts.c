/* SPDX-License-Identifier: MIT */
/*
 * test_migopts.c - the words of `freehold migrate` and `resolve`
 */
#include "toolstack/cli/migopts.h"

#include <errno.h>
#include <stdio.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/test.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/units.h"

static struct err e;
static struct migopts o;
static char words[256];

/* By blanks; 'x y' is one word, '' an empty one. */
static int parse(const char *line, bool resolve)
{
    char *argv[24], *at = words;
    int argc = 0;

    snprintf(words, sizeof(words), "%s %s", resolve ? "resolve" : "migrate",
             line);
    while (*at) {
        char end = *at == '\'' ? '\'' : ' ';
        char *word = at + (end == '\'');

        argv[argc++] = word;
        at = word + strcspn(word, end == '\'' ? "'" : " ");
        if (*at)
            *at++ = 0;
        at += strspn(at, " ");
    }
    argv[argc] = NULL;
    e.text[0] = 0;
    return resolve ? migopts_resolve(&o, argc, argv, &e)
                   : migopts_migrate(&o, argc, argv, &e);
}

static int migrate(const char *line)
{
    return parse(line, false);
}

static int resolve(const char *line)
{
    return parse(line, true);
}

TEST(a_name_and_a_host_are_enough)
{
    CHECK_EQ(migrate("web b"), 0);
    CHECK_STR(o.name, "web");
    CHECK_STR(o.host, "b");
    CHECK(o.live && !o.check && !o.force && !o.times);
    CHECK(!o.ssh && !o.tcp && !o.path);
    CHECK_EQ(o.nr_streams, 1);
    CHECK_EQ(o.max_downtime_ms, 0);
    CHECK_EQ(o.timeout_s, 0);
    CHECK_EQ(o.bytes_per_s, 0);
}

TEST(every_option_is_read_wherever_it_stands)
{
    CHECK_EQ(migrate("web --non-live --check --max-downtime 50 --bandwidth "
                     "100M --tcp a:1 --timeout 60 --on-timeout force "
                     "--streams 4 -T -e --debug"),
             0);
    CHECK(!o.live && o.check && o.force && o.times && !o.host);
    CHECK_EQ(o.max_downtime_ms, 50);
    CHECK_EQ(o.bytes_per_s, 100u << 20);
    CHECK_EQ(o.timeout_s, 60);
    CHECK_EQ(o.nr_streams, 4);
    CHECK_STR(o.tcp, "a:1");
    CHECK_EQ(migrate("--live --timeout 1 --on-timeout abort -s 'ssh -p 2' web "
                     "b"),
             0);
    CHECK(o.live && !o.force);
    CHECK_STR(o.ssh, "ssh -p 2");
    CHECK_EQ(migrate("-s '' web 'nc b 1'"), 0);
    CHECK_STR(o.ssh, "");
    CHECK_STR(o.host, "nc b 1");
    CHECK_EQ(migrate("--unix /run/s web"), 0);
    CHECK_STR(o.path, "/run/s");
}

TEST(what_cannot_be_is_refused_with_what_was_wanted)
{
    static const struct {
        const char *line;
        int rc;
        const char *has;
    } row[] = {
        { "", EXIT_USAGE, "" },
        { "web", EXIT_USAGE, "" },
        { "web b c", EXIT_USAGE, "" },
        { "--nonsense web b", EXIT_USAGE, "" },
        { "--abort web b", EXIT_USAGE, "" },
        { "--tcp a:1", EXIT_USAGE, "" },
        { "--tcp a:1 web b", -EINVAL, "--tcp and host b" },
        { "--unix /s web b", -EINVAL, "--unix and host b" },
        { "--unix /s --tcp a:1 web", -EINVAL, "want one of them" },
        { "-s ssh web", -EINVAL, "want a host" },
        { "-s ssh --tcp a:1 web", -EINVAL, "want a host" },
        { "web -- -oProxyCommand=x", -EINVAL, "got -oProxyCommand=x" },
        { "--streams 2 web b", -EOPNOTSUPP, "one ssh is one connection" },
        { "--streams 5 --tcp a:1 web", -EINVAL, "got 5, want 1..4" },
        { "--streams 0 --tcp a:1 web", -EINVAL, "want 1..4" },
        { "--max-downtime 0 web b", -EINVAL, "got 0, want 1.." },
        { "--max-downtime 1s web b", -EINVAL, "ms: got 1s, want 1.." },
        { "--bandwidth 1T web b", -EINVAL, "got 1T" },
        { "--bandwidth 63K web b", -EINVAL, "got 63K, want 64K" },
        { "--timeout -1 web b", -EINVAL, "got -1" },
        { "--timeout 1 --on-timeout stop web b", -EINVAL,
          "want abort or force" },
        { "--on-timeout force web b", -EINVAL, "want --timeout" },
        { "-C x.cfg web b", -EOPNOTSUPP, "-C: not served: a guest takes" },
        { "-p web b", -EOPNOTSUPP, "-p: not served: Xen lets" },
        { "-D web b", -EOPNOTSUPP, "-D: not served: the other host's" },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        int rc = migrate(row[i].line);

        if (rc != row[i].rc)
            print_error("%s: %d, %s\n", row[i].line, rc, e.text);
        CHECK_EQ(rc, row[i].rc);
        CHECK_HAS(e.text, row[i].has);
    }
}

TEST(resolve_may_reach_nobody_and_never_believes_that_one_is_lost)
{
    CHECK_EQ(resolve("web"), 0);
    CHECK(!o.host && !o.tcp && !o.path && !o.abort);
    CHECK_EQ(resolve("--abort web b"), 0);
    CHECK(o.abort);
    CHECK_STR(o.host, "b");
    CHECK_EQ(resolve("--tcp [::1]:9 web"), 0);
    CHECK_EQ(resolve("--tcp a:1 web b"), -EINVAL);
    CHECK_HAS(e.text, "resolve: --tcp");
    CHECK_EQ(resolve(""), EXIT_USAGE);
    CHECK_EQ(resolve("--check web b"), EXIT_USAGE);
    CHECK_EQ(resolve("--destination-lost web"), -EOPNOTSUPP);
    CHECK_HAS(e.text, "no configuration carries an owner's key");
}

TEST(the_way_to_the_same_peer_can_be_said_again)
{
    char way[MIGOPTS_WAY];

    CHECK_EQ(migrate("web b --check"), 0);
    migopts_way(&o, way);
    CHECK_STR(way, "web b");
    CHECK_STR(migopts_peer(&o), "b");
    CHECK_EQ(migrate("-s 'ssh -p 2' web b"), 0);
    migopts_way(&o, way);
    CHECK_STR(way, "-s 'ssh -p 2' web 'b'");
    CHECK_EQ(migrate("--streams 3 --tcp a:1 web"), 0);
    migopts_way(&o, way);
    CHECK_STR(way, "--tcp a:1 web");
    CHECK_STR(migopts_peer(&o), "a:1");
    CHECK_EQ(migrate("--unix /s web"), 0);
    migopts_way(&o, way);
    CHECK_STR(way, "--unix /s web");
}

TEST(bytes_are_bytes_unless_they_say)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } row[] = {
        { "0", 0 },
        { "512", 512 },
        { "1k", 1024 },
        { "3K", 3072 },
        { "2m", 2 << 20 },
        { "1G", 1 << 30 },
        { "1024g", 1ull << 40 },
    };
    static const char *const bad[] = {
        "",    "k",  "-1",   "+1",    " 1",
        "1kb", "1t", "1.5g", "1025g", "18446744073709551616",
    };
    uint64_t bytes;

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        CHECK_EQ(units_bytes("x", row[i].text, &bytes, NULL), 0);
        CHECK_EQ(bytes, row[i].bytes);
    }
    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK_EQ(units_bytes("x", bad[i], &bytes, NULL), -EINVAL);
}

RUN_TESTS(RULE(a_name_and_a_host_are_enough),
          RULE(every_option_is_read_wherever_it_stands),
          RULE(what_cannot_be_is_refused_with_what_was_wanted),
          RULE(resolve_may_reach_nobody_and_never_believes_that_one_is_lost),
          RULE(the_way_to_the_same_peer_can_be_said_again),
          RULE(bytes_are_bytes_unless_they_say))
