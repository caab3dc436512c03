/* SPDX-License-Identifier: MIT */
/*
 * fuzz_rpc.c - bytes on the API socket
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/supervisor/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes);

static int call(void *arg, const char *method, struct json_object *params,
                struct json_object **result, struct err *e)
{
    (void)arg;
    if (strcmp(method, "info") == 0) {
        *result = json_object_get(params);
        return 0;
    }
    return strcmp(method, "bad") ? -ENOSYS : fail(e, -EBUSY, "%s", method);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes)
{
    static struct rpc_buffer b;
    size_t line_bytes;
    int too_long = 0;
    char *line;

    b.used = 0;
    while (data_bytes > 0 && !too_long) {
        size_t part = MIN_OF(data_bytes, sizeof(b.bytes) - b.used);

        part = MIN_OF(part, 100u); /* as a socket would cut it */
        memcpy(b.bytes + b.used, data, part);
        b.used += part;
        data += part;
        data_bytes -= part;
        while ((line = rpc_line(&b, &line_bytes, &too_long))) {
            free(rpc_answer(line, line_bytes, call, NULL));
            rpc_drop(&b, line_bytes);
        }
    }
    return 0;
}
