/* SPDX-License-Identifier: MIT */
/*
 * fuzz_xlcfg.c - configuration files: does xl's own parser read the same?
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/xlcfg/oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes)
{
    if (oracle_cfg((const char *)data, data_bytes) == ORACLE_DIFFERENT) {
        fprintf(stderr, "not as xl: %s\n", oracle_why());
        abort();
    }
    return 0;
}
