/* SPDX-License-Identifier: MIT */
/*
 * xbnodes.c - what the two xenstore directories of any device have in common
 */
#include "toolstack/supervisor/xbnodes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/store.h"

#define PATH_BYTES 128u

void xbnodes_put(struct store_tree *t, const char *dir, const char *leaf,
                 const char *fmt, ...)
{
    char path[PATH_BYTES], value[1024];
    va_list ap;

    snprintf(path, sizeof(path), "%s/%s", dir, leaf);
    va_start(ap, fmt);
    vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    store_tree_write(t, path, value);
}

int xbnodes_commit(struct store_tree *t, int rc, struct err *e)
{
    if (rc == 0)
        rc = store_tree_commit(t, e);
    store_tree_free(t);
    return rc;
}

char *xbnodes_read(const char *dir, const char *leaf, struct store *s)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "%s/%s", dir, leaf);
    return store_read(s, path);
}

uint32_t xbnodes_state(const char *dir, struct store *s)
{
    char *text = xbnodes_read(dir, "state", s);
    uint32_t state = 0;

    if (text && strlen(text) == 1 && text[0] >= '0' && text[0] <= '9')
        state = (uint32_t)(text[0] - '0');
    free(text);
    return state;
}

int xbnodes_set(const char *dir, uint32_t state, const char *error,
                bool offline, struct err *e)
{
    struct store_tree *t = NULL;
    int rc = store_tree_new(&t, e);

    if (rc < 0)
        return rc;
    if (error)
        xbnodes_put(t, dir, "error", "%s", error);
    if (offline)
        xbnodes_put(t, dir, "online", "0");
    xbnodes_put(t, dir, "state", "%u", state);
    return xbnodes_commit(t, rc, e);
}
