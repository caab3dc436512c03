/* SPDX-License-Identifier: MIT */
/*
 * test_cfg.c - the grammar of configuration files
 */
#include <errno.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/cfg.h"
#include "toolstack/supervisor/cfgparse.h"

static struct cfg cfg;
static struct err err;

static int parse(const char *text)
{
    return cfgparse_text(&cfg, "f", text, strlen(text), &err);
}

static const struct cfg_value *value(const char *key)
{
    const struct cfg_setting *s = cfg_find(&cfg, key);

    return s ? s->value : NULL;
}

TEST(good_statements_parse)
{
    CHECK_EQ(parse("a = 1\nb=\"two\"; c = 'th\\'ree'\n# d = 4\n"
                   "e=[1,'x', [ \"y\",\n ],\n]\nf.g_2=0x10 # end"),
             0);
    CHECK_STR(value("a")->text, "1");
    CHECK_STR(value("b")->text, "two");
    CHECK_STR(value("c")->text, "th'ree");
    CHECK(value("d") == NULL);
    CHECK_EQ(value("e")->type, CFG_LIST);
    CHECK_STR(value("e")->first->next->text, "x");
    CHECK_STR(value("e")->first->next->next->first->text, "y");
    CHECK_STR(value("f.g_2")->text, "0x10");
    cfg_free(&cfg);
}

TEST(the_last_of_two_wins_and_plus_grows)
{
    CHECK_EQ(parse("a=1\na='x'\na+='y'\nb+=[1]\nb+=[2]"), 0);
    CHECK_STR(value("a")->text, "xy");
    CHECK_STR(value("b")->first->next->text, "2");
    CHECK_EQ(parse("a=7"), 0);
    CHECK_STR(value("a")->text, "7");
    CHECK_EQ(parse("b+='x'"), -EINVAL);
    CHECK_HAS(err.text, "f:1:4: b +=: got another type");
    cfg_free(&cfg);
}

/* As in xl, where `+=` joins the digits and they are a number no more. */
TEST(plus_makes_a_word_of_a_number)
{
    long number;

    CHECK_EQ(parse("a=7\na+=8\nb+=1"), 0);
    CHECK_STR(value("a")->text, "78");
    CHECK(cfg_find(&cfg, "a")->grown);
    CHECK(cfg_find(&cfg, "b")->grown);
    CHECK_EQ(parse("a=9"), 0);
    CHECK(!cfg_find(&cfg, "a")->grown);
    CHECK_EQ(cfg_number(value("a"), &number), 0);
    CHECK_EQ(number, 9);
    cfg_free(&cfg);
}

TEST(numbers_are_decimal_octal_or_hexadecimal_quoted_or_not)
{
    static const struct {
        const char *text;
        int rc;
        long number;
    } row[] = {
        { "a=12", 0, 12 },
        { "a=0x1f", 0, 31 },
        { "a=017", 0, 15 },
        { "a='512'", 0, 512 },
        { "a=\" -3\"", 0, -3 },
        { "a=08", -EINVAL, 0 },
        { "a=0x", -EINVAL, 0 },
        { "a=''", -EINVAL, 0 },
        { "a='5 '", -EINVAL, 0 },
        { "a=[5]", -EINVAL, 0 },
        { "a=9223372036854775808", -ERANGE, 0 },
    };
    long number;

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        CHECK_EQ(parse(row[i].text), 0);
        CHECK_EQ(cfg_number(value("a"), &number), row[i].rc);
        if (row[i].rc == 0)
            CHECK_EQ(number, row[i].number);
    }
    cfg_free(&cfg);
}

TEST(members_know_which_file_they_came_from)
{
    char one[] = "a+=['y']", two[] = "b=[1,";
    char *words[] = { one, two };
    const struct cfg_value *v;

    CHECK_EQ(parse("a=['x']"), 0);
    CHECK_EQ(cfgparse_words(&cfg, 1, words, &err), 0);
    v = value("a")->first;
    CHECK_STR(v->at.file, "f");
    CHECK_STR(v->next->at.file, "command line");
    CHECK_EQ(v->next->at.col, 5);
    CHECK_EQ(cfgparse_words(&cfg, 2, words, &err), -EINVAL);
    CHECK_HAS(err.text, "command line:3:1: value: got the end");
    cfg_free(&cfg);
}

TEST(escapes_are_bytes)
{
    CHECK_EQ(parse("a=\"\\x41\\102\\n\\\\\\t\""), 0);
    CHECK_STR(value("a")->text, "AB\n\\\t");
    cfg_free(&cfg);
}

TEST(errors_name_their_place)
{
    static const struct {
        const char *text, *place;
    } bad[] = {
        { "a", "f:1:2: a: got the end" },
        { "a = b", "f:1:5: value: got 'b'" },
        { "a = 1\nB = 2", "f:2:1: key: got 'B'" },
        { "a = 'x", "string: got the end" },
        { "a = 'x\n'", "f:1:7: string: got the line's end" },
        { "a = [1 2]", "f:1:8: list: got '2'" },
        { "a = [1", "list: got the end" },
        { "a = [,]", "f:1:6: value: got ','" },
        { "a = 1 b", "f:1:7: a: got 'b'" },
        { "a = 1\r\n", "f:1:6: a: got a carriage return (DOS line end?)" },
        { "a = x.y", "f:1:5: value: got 'x.y'" },
        { "a = 'x\r\001\\", "string: got the end" },
        { "a = \001", "f:1:5: value: got byte 0x01" },
        { "a = '\\q'", "\\ in a string: got 'q'" },
        { "a = '\\x4'", "two hexadecimal digits" },
        { "a = '\\0'", "got byte 0" },
        { "a = '\\777'", "got byte 511" },
        { "a == 1", "f:1:4: value: got '='" },
        { "= 1", "f:1:1: key: got '='" },
        { "a=[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]", "f:1:35: list: got '['" },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CHECK_EQ(parse(bad[i].text), -EINVAL);
        CHECK_HAS(err.text, bad[i].place);
        cfg_free(&cfg);
    }
}

TEST(a_bad_statement_keeps_those_before_it)
{
    CHECK_EQ(parse("a=1\nb="), -EINVAL);
    CHECK_STR(value("a")->text, "1");
    CHECK(value("b") == NULL);
    cfg_free(&cfg);
}

RUN_TESTS(RULE(good_statements_parse),
          RULE(the_last_of_two_wins_and_plus_grows),
          RULE(plus_makes_a_word_of_a_number),
          RULE(numbers_are_decimal_octal_or_hexadecimal_quoted_or_not),
          RULE(members_know_which_file_they_came_from), RULE(escapes_are_bytes),
          RULE(errors_name_their_place),
          RULE(a_bad_statement_keeps_those_before_it))
