/* SPDX-License-Identifier: MIT */
/*
 * test_rpc.c - lines of JSON-RPC
 */
#include <errno.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/rpc.h"

static int nr_calls;

static int call(void *arg, const char *method, struct json_object *params,
                struct json_object **result, struct err *e)
{
    (void)arg, (void)params;
    nr_calls++;
    if (strcmp(method, "good") == 0) {
        *result = json_object_new_int(42);
        return 0;
    }
    if (strcmp(method, "bad") == 0)
        return fail(e, -EBUSY, "guest x: it is busy");
    return -ENOSYS;
}

static const struct {
    const char *line, *answer; /* NULL: none */
} table[] = {
    { "{\"id\":1,\"method\":\"good\"}", "\"id\":1,\"result\":42}" },
    { "{\"id\":\"a\",\"method\":\"good\"}", "\"id\":\"a\",\"result\":42}" },
    { "{\"id\":1,\"method\":\"bad\"}", "\"message\":\"guest x: it is busy\"" },
    { "{\"id\":1,\"method\":\"bad\"}", "\"errno\":16" },
    { "{\"id\":1,\"method\":\"none\"}", "\"code\":-32601" },
    { "{\"id\":1,\"method\":7}", "\"code\":-32600" },
    { "{\"id\":1}", "\"code\":-32600" },
    { "{\"method\":\"good\"}", NULL },
    { "[1]", "\"code\":-32600" },
    { "7", "\"code\":-32600" },
    { "", "\"code\":-32700" },
    { "{", "\"code\":-32700" },
    { "{}x", "\"code\":-32700" },
    { "[[[[[[[[[[1]]]]]]]]]]", "\"code\":-32700" },
    { "null", "\"code\":-32700" },
};

TEST(every_line_has_its_answer)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(table); i++) {
        char *got =
            rpc_answer(table[i].line, strlen(table[i].line), call, NULL);

        if (table[i].answer)
            CHECK_HAS(got, table[i].answer);
        else
            CHECK(got == NULL);
        free(got);
    }
}

TEST(lines_come_in_pieces_and_in_heaps)
{
    struct rpc_buffer b = { 0 };
    size_t line_bytes;
    int too_long;

    memcpy(b.bytes, "ab", 2);
    b.used = 2;
    CHECK(rpc_line(&b, &line_bytes, &too_long) == NULL);
    memcpy(b.bytes + 2, "c\n\nd\n", 5);
    b.used = 7;
    CHECK_STR(rpc_line(&b, &line_bytes, &too_long), "abc");
    rpc_drop(&b, line_bytes);
    CHECK_STR(rpc_line(&b, &line_bytes, &too_long), "");
    rpc_drop(&b, line_bytes);
    CHECK_STR(rpc_line(&b, &line_bytes, &too_long), "d");
    rpc_drop(&b, line_bytes);
    CHECK_EQ(b.used, 0);
}

TEST(a_line_without_end_is_noticed)
{
    static struct rpc_buffer b;
    size_t line_bytes;
    int too_long;

    memset(b.bytes, 'a', sizeof(b.bytes));
    b.used = RPC_LINE_MAX;
    CHECK(rpc_line(&b, &line_bytes, &too_long) == NULL);
    CHECK(!too_long);
    b.used = RPC_LINE_MAX + 1;
    CHECK(rpc_line(&b, &line_bytes, &too_long) == NULL);
    CHECK(too_long);
}

RUN_TESTS(RULE(every_line_has_its_answer),
          RULE(lines_come_in_pieces_and_in_heaps),
          RULE(a_line_without_end_is_noticed))
