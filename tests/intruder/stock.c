/* SPDX-License-Identifier: MIT */
/* stock.c - the controls of rows that only stock Xen can control */
#include "stock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

struct stock {
    struct json_object *rows;
};

int stock_open(struct stock **out, const char *path)
{
    struct stock *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->rows = json_object_from_file(path);
    if (!s->rows || !json_object_is_type(s->rows, json_type_array)) {
        stock_close(s);
        return -EINVAL;
    }
    *out = s;
    return 0;
}

void stock_close(struct stock *s)
{
    if (!s)
        return;
    json_object_put(s->rows);
    free(s);
}

#define REFUSED "refused:"
#define ERRNO_MAX 133

static struct outcome out_of_word(const char *word)
{
    const char *name;

    if (!strncmp(word, REFUSED, strlen(REFUSED)))
        for (int err = 1; err <= ERRNO_MAX; err++) {
            name = strerrorname_np(err);
            if (name && !strcmp(name, word + strlen(REFUSED)))
                return out_of_rc(-err);
        }
    if (!strcmp(word, "read-canary"))
        return out_canary();
    if (!strcmp(word, "succeeded"))
        return out_of_rc(0);
    return out_na(word);
}

struct outcome stock_outcome(const struct stock *s, const char *id)
{
    size_t nr = s ? json_object_array_length(s->rows) : 0;

    for (size_t i = 0; i < nr; i++) {
        struct json_object *row = json_object_array_get_idx(s->rows, i);
        struct json_object *row_id, *word;

        if (json_object_object_get_ex(row, "id", &row_id) &&
            json_object_object_get_ex(row, "outcome", &word) &&
            !strcmp(json_object_get_string(row_id), id))
            return out_of_word(json_object_get_string(word));
    }
    return out_na("no run on stock Xen");
}
