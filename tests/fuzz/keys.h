/* SPDX-License-Identifier: MIT */
/*
 * keys.h - a fuzzer's bytes as a frontend's directory: lines KEY=VALUE
 */
#ifndef FUZZ_KEYS_H
#define FUZZ_KEYS_H

#include <stdint.h>
#include <string.h>

struct keys {
    const char *at;
    size_t nr;
};

static char *read_key(void *arg, const char *key)
{
    const struct keys *in = arg;
    const char *at = in->at, *end = in->at + in->nr;
    size_t len = strlen(key);

    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));

        if (!stop)
            stop = end;
        if ((size_t)(stop - at) > len && memcmp(at, key, len) == 0 &&
            at[len] == '=')
            return strndup(at + len + 1, (size_t)(stop - at) - len - 1);
        at = stop + 1;
    }
    return NULL;
}

#endif
