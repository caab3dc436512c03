/* SPDX-License-Identifier: MIT */
/*
 * fuzz_nbduri.c - addresses of NBD servers, as configurations have them
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "toolstack/supervisor/nbduri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes)
{
    char *text = strndup((const char *)data, data_bytes);
    struct nbd_uri u;
    struct err e;

    if (!text)
        return 0;
    if (nbduri_parse(text, &u, &e) == 0) {
        if (!nbduri_is(text))
            abort(); /* it would be taken for a path */
        if (u.is_unix ? u.path[0] != '/' : !u.host[0] || !u.port)
            abort();
    }
    free(text);
    return 0;
}
