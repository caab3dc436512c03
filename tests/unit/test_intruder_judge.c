/* SPDX-License-Identifier: MIT */
/*
 * test_intruder_judge.c - what the intruder's two outcomes prove
 *
 * The real judge, and what a run on stock Xen left in a file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/intruder/judge.h"
#include "tests/intruder/stock.h"
#include "tests/unit/test.h"

static char why[160];

static struct outcome refused(int err)
{
    return out_of_rc(-err);
}

static enum verdict judged(enum row_rule rule, uint32_t flags,
                           struct outcome control, struct outcome target)
{
    const struct row row = {
        .id = "row", .choke = "K", .rule = rule, .flags = flags
    };

    return judge(&row, &control, &target, why, sizeof(why));
}

/* Only a way that was there, and is shut by whom it should be, is a pass. */
TEST(a_denied_row_passes_for_its_errno_alone)
{
    const struct outcome done = out_of_rc(0);

    CHECK_EQ(judged(RULE_DENY, 0, done, refused(EPERM)), V_PASS);
    CHECK_EQ(judged(RULE_DENY, 0, out_canary(), refused(EPERM)), V_PASS);
    CHECK_EQ(judged(RULE_DENY, 0, done, refused(EINVAL)), V_FAIL);
    CHECK_EQ(judged(RULE_DENY, 0, done, done), V_FAIL);
    CHECK_EQ(judged(RULE_DENY, 0, refused(EPERM), done), V_FAIL);
    CHECK_EQ(judged(RULE_DENY, 0, refused(EINVAL), refused(EPERM)), V_MOOT);
    CHECK_EQ(judged(RULE_DENY, 0, out_na("x"), refused(ESRCH)), V_OPEN);
}

/* Refused alike proves nothing: whoever says why knows that, else it is open.
 */
TEST(a_row_without_a_control_is_open_or_says_why)
{
    const struct row noted = { .id = "row", .choke = "K", .note = "why" };
    struct outcome control = refused(EINVAL), target = refused(EINVAL);

    CHECK_EQ(judged(RULE_DENY, 0, control, target), V_OPEN);
    CHECK_EQ(judge(&noted, &control, &target, why, sizeof(why)), V_MOOT);
    CHECK_STR(why, "why");
    target = refused(ESRCH);
    CHECK_EQ(judge(&noted, &control, &target, why, sizeof(why)), V_OPEN);
}

/* Nonsense that was found fault with shows that one may ask. */
TEST(nonsense_is_a_control_where_the_row_says_so)
{
    CHECK_EQ(judged(RULE_DENY, ROW_PAST, refused(EINVAL), refused(EPERM)),
             V_PASS);
    CHECK_EQ(judged(RULE_DENY, ROW_PAST, refused(EINVAL), refused(EINVAL)),
             V_FAIL);
    CHECK_EQ(judged(RULE_DENY, ROW_PAST, refused(EPERM), refused(EPERM)),
             V_MOOT);
    CHECK_EQ(judged(RULE_DENY, ROW_PAST, refused(ENOSYS), refused(EPERM)),
             V_MOOT);
    CHECK_EQ(judged(RULE_DENY, ROW_PAST, out_na("x"), refused(EPERM)), V_MOOT);
}

TEST(a_silent_row_wants_the_secret_in_its_control)
{
    const struct outcome quiet = out_silent("x");

    CHECK_EQ(judged(RULE_SILENT, 0, out_canary(), quiet), V_PASS);
    CHECK_EQ(judged(RULE_SILENT, 0, out_canary(), refused(EPERM)), V_PASS);
    CHECK_EQ(judged(RULE_SILENT, 0, quiet, quiet), V_OPEN);
    CHECK_EQ(judged(RULE_SILENT, 0, out_na("x"), refused(EPERM)), V_MOOT);
    CHECK_EQ(judged(RULE_SILENT, 0, quiet, out_canary()), V_FAIL);
    CHECK_EQ(judged(RULE_SILENT, 0, out_error("x", 0), quiet), V_ERROR);
}

TEST(what_dom0_keeps_has_to_work)
{
    const struct outcome done = out_of_rc(0);

    CHECK_EQ(judged(RULE_ALLOW, 0, done, done), V_PASS);
    CHECK_EQ(judged(RULE_ALLOW, ROW_PAST, done, refused(EPERM)), V_FAIL);
    CHECK_EQ(judged(RULE_ALLOW, 0, refused(EINVAL), done), V_OPEN);
}

/* The words that report.c wrote there come back as what they were. */
TEST(stock_outcomes_are_read_back)
{
    static const char text[] =
        "[ { \"id\": \"a\", \"outcome\": \"succeeded\" },"
        "  { \"id\": \"b\", \"outcome\": \"read-canary\" },"
        "  { \"id\": \"c\", \"outcome\": \"refused:EINVAL\" },"
        "  { \"id\": \"d\", \"outcome\": \"refused:EMADEUP\" } ]";
    char path[] = "/tmp/intruder-stock.XXXXXX";
    int fd = mkstemp(path);
    struct stock *s = NULL;

    CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    CHECK_EQ(stock_open(&s, path), 0);
    unlink(path);
    CHECK_EQ(stock_outcome(s, "a").kind, OUT_SUCCEEDED);
    CHECK_EQ(stock_outcome(s, "b").kind, OUT_CANARY);
    CHECK_EQ(stock_outcome(s, "c").kind, OUT_REFUSED);
    CHECK_EQ(stock_outcome(s, "c").err, EINVAL);
    CHECK_EQ(stock_outcome(s, "d").kind, OUT_NA);
    CHECK_EQ(stock_outcome(s, "e").kind, OUT_NA);
    CHECK_EQ(stock_outcome(NULL, "a").kind, OUT_NA);
    stock_close(s);
}

RUN_TESTS(RULE(a_denied_row_passes_for_its_errno_alone),
          RULE(a_row_without_a_control_is_open_or_says_why),
          RULE(nonsense_is_a_control_where_the_row_says_so),
          RULE(a_silent_row_wants_the_secret_in_its_control),
          RULE(what_dom0_keeps_has_to_work), RULE(stock_outcomes_are_read_back))
