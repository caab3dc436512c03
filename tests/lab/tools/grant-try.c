/* SPDX-License-Identifier: MIT */
/*
 * grant-try.c - map a page that a domain says it grants
 *
 * usage: grant-try DOMID REF
 *
 * Says "mapped" and its first 8 bytes in hex, or "refused".  Exits 2 if it
 * could not try.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/gnt.h"

int main(int argc, char **argv)
{
    struct gnt_map map = { 0 };
    struct gnt *g = NULL;
    struct err e = { 0 };
    uint64_t first;

    if (argc != 3 || gnt_open(&g, &e) < 0) {
        fprintf(stderr, "usage: grant-try DOMID REF; %s\n", e.text);
        return 2;
    }
    if (gnt_map(g, (uint16_t)atoi(argv[1]), (uint32_t)atoi(argv[2]), &map, &e) <
        0) {
        printf("refused\n");
    } else {
        memcpy(&first, map.va, sizeof(first));
        printf("mapped %016" PRIx64 "\n", first);
    }
    gnt_unmap(g, &map);
    gnt_close(g);
    return 0;
}
