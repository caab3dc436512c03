/* SPDX-License-Identifier: MIT */
/*
 * devlook.c - what a guest wrote of one of its devices
 */
#include "toolstack/cli/devlook.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/store.h"

static int read_number(struct store *s, const char *dir, const char *node)
{
    char path[96], *text, *end;
    unsigned long n = ULONG_MAX;

    snprintf(path, sizeof(path), "%s/%s", dir, node);
    text = store_read(s, path);
    if (text && isdigit((unsigned char)*text)) {
        n = strtoul(text, &end, 10);
        n = *end ? ULONG_MAX : n;
    }
    free(text);
    return n <= INT_MAX ? (int)n : -1;
}

int devlook_first(struct store *s, const char *dir, const char *const *node,
                  uint32_t nr)
{
    int n = -1;

    for (uint32_t i = 0; i < nr && n < 0; i++)
        n = read_number(s, dir, node[i]);
    return n;
}
