/* SPDX-License-Identifier: MIT */
/*
 * xldev.c - a device that xl made, as its backend's directory in xenstore says
 */
#include "toolstack/supervisor/xldev.h"

#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include "common/err.h"
#include "common/log.h"
#include "common/store.h"
#include "toolstack/supervisor/xbnodes.h"

char *xldev_get(struct store *s, const char *back, const char *leaf)
{
    return xbnodes_read(back, leaf, s);
}

bool xldev_says(struct store *s, const char *back, const char *leaf,
                const char *what)
{
    char *value = xldev_get(s, back, leaf);
    bool yes = value && strcmp(value, what) == 0;

    free(value);
    return yes;
}

bool xldev_is_there(struct store *s, const char *back)
{
    char *frontend = xldev_get(s, back, "frontend");

    free(frontend);
    return frontend != NULL;
}

bool xldev_is_online(struct store *s, const char *back)
{
    return xldev_is_there(s, back) && !xldev_says(s, back, "online", "0");
}

void xldev_closed(struct store *s, const char *back, const char *name)
{
    struct err e = { 0 };

    if (!xldev_is_there(s, back)) {
        store_remove(s, back, NULL); /* we wrote, and it went meanwhile */
        return;
    }
    if (xbnodes_state(back, s) != XenbusStateClosed &&
        xbnodes_set(back, XenbusStateClosed, NULL, false, &e) < 0)
        log_err("%s: %s", name, e.text);
}
