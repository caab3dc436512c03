/* SPDX-License-Identifier: MIT */
/*
 * fuzz_xldev.c - disk= and vif's rate=: does xl's own parser read the same?
 *
 * The first byte chooses: r for a rate, else it belongs to a disk.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/xlcfg/oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes)
{
    char *text = strndup((const char *)data, data_bytes);
    enum oracle_answer a;

    if (!text)
        return 0;
    a = text[0] == 'r' ? oracle_rate(text + 1) : oracle_disk(text);
    if (a == ORACLE_DIFFERENT) {
        fprintf(stderr, "not as xl: \"%s\": %s\n", text, oracle_why());
        abort();
    }
    free(text);
    return 0;
}
