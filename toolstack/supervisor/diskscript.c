/* SPDX-License-Identifier: MIT */
/*
 * diskscript.c - a user's own block script, run as xl runs it
 */
#include "toolstack/supervisor/diskscript.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/store.h"

int diskscript_run(uv_loop_t *loop, const struct vbd_nodes *n,
                   const char *script, const char *action, script_done *done,
                   void *arg, struct script **out, struct err *e)
{
    char path[PATH_MAX], said[PATH_MAX + 8], where[96], name[PATH_MAX + 8];
    const char *const args[] = { action, NULL };
    const char *const env[] = { said, "XENBUS_TYPE=vbd", where,
                                "XENBUS_BASE_PATH=backend", NULL };
    const struct script_job job = {
        .file = path, .args = args, .env = env, .name = name
    };

    script_path(script, path);
    snprintf(said, sizeof(said), "script=%s", path);
    snprintf(where, sizeof(where),
             "XENBUS_PATH=backend/" VBD_BACKEND_KIND "/%u/%u", n->domid,
             n->devid);
    snprintf(name, sizeof(name), "%s %s", path, action);
    return script_start(loop, &job, done, arg, out, e);
}

static char *read_node(const struct vbd_nodes *n, const char *leaf,
                       struct store *s)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/%s", n->back, leaf);
    return store_read(s, path);
}

char *diskscript_target(const struct vbd_nodes *n, struct store *s)
{
    char *path = read_node(n, "physical-device-path", s), *number;
    unsigned int maj, min;

    if (path && path[0])
        return path;
    free(path);
    path = NULL;
    number = read_node(n, "physical-device", s); /* MAJ:MIN, in hex */
    if (number && sscanf(number, "%x:%x", &maj, &min) == 2 &&
        asprintf(&path, "/dev/block/%u:%u", maj, min) < 0)
        path = NULL;
    free(number);
    return path;
}
