/* SPDX-License-Identifier: MIT */
/*
 * diskscript.c - a user's own block script, run as xl runs it
 */
#include "toolstack/supervisor/diskscript.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/store.h"

#define LIMIT_MS 40000u
#define OURS_MAX 4u

struct diskscript {
    uv_process_t process;
    uv_timer_t timer;
    uint32_t nr_handles;
    char path[PATH_MAX];
    char action[8];
    diskscript_done *done; /* NULL: forgotten */
    void *arg;
    bool late;
};

extern char **environ;

static void on_exit_of(uv_process_t *p, int64_t status, int sig);
static void on_late(uv_timer_t *t);
static void on_handle_closed(uv_handle_t *h);

static bool is_ours(const char *setting)
{
    return strncmp(setting, "XENBUS_", 7) == 0 ||
           strncmp(setting, "script=", 7) == 0;
}

/* Ours and then what we have; the strings of ours are the caller's. */
static char **make_env(char *const ours[OURS_MAX])
{
    uint32_t nr = 0;
    char **env;

    while (environ[nr])
        nr++;
    env = calloc(nr + OURS_MAX + 1, sizeof(*env));
    if (!env)
        return NULL;
    memcpy(env, ours, OURS_MAX * sizeof(*env));
    nr = OURS_MAX;
    for (char **at = environ; *at; at++)
        if (!is_ours(*at))
            env[nr++] = *at;
    return env;
}

static int spawn(struct diskscript *s, uv_loop_t *loop,
                 const struct vbd_nodes *n)
{
    static char type[] = "XENBUS_TYPE=vbd";
    static char base[] = "XENBUS_BASE_PATH=backend";
    char where[96], script[PATH_MAX + 8], **env;
    char *const ours[OURS_MAX] = { script, type, where, base };
    char *args[] = { s->path, s->action, NULL };
    uv_stdio_container_t fds[] = {
        { .flags = UV_IGNORE },
        { .flags = UV_INHERIT_FD, .data.fd = 2 },
        { .flags = UV_INHERIT_FD, .data.fd = 2 },
    };
    uv_process_options_t options = {
        .exit_cb = on_exit_of,
        .file = s->path,
        .args = args,
        .flags = UV_PROCESS_DETACHED, /* a group, to be killed as one */
        .stdio = fds,
        .stdio_count = ARRAY_SIZE(fds),
    };
    int rc;

    snprintf(script, sizeof(script), "script=%s", s->path);
    snprintf(where, sizeof(where),
             "XENBUS_PATH=backend/" VBD_BACKEND_KIND "/%u/%u", n->domid,
             n->devid);
    options.env = env = make_env(ours);
    if (!env)
        return -ENOMEM;
    rc = uv_spawn(loop, &s->process, &options);
    free(env);
    return rc;
}

int diskscript_run(uv_loop_t *loop, const struct vbd_nodes *n,
                   const char *script, const char *action,
                   diskscript_done *done, void *arg, struct diskscript **out,
                   struct err *e)
{
    struct diskscript *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return fail(e, -ENOMEM, "script %.100s: no memory", script);
    snprintf(s->path, sizeof(s->path), "%s%s",
             script[0] == '/' ? "" : DISKSCRIPT_DIR "/", script);
    snprintf(s->action, sizeof(s->action), "%s", action);
    s->done = done;
    s->arg = arg;
    uv_timer_init(loop, &s->timer);
    s->timer.data = s->process.data = s;
    s->nr_handles = 2;
    rc = spawn(s, loop, n);
    if (rc < 0) {
        fail(e, rc, "script %.200s %s: start it: %s", s->path, action,
             strerror(-rc));
        s->done = NULL;
        if (rc == -ENOMEM && s->process.loop == NULL)
            s->nr_handles = 1; /* it was not even begun */
        else
            uv_close((uv_handle_t *)&s->process, on_handle_closed);
        uv_close((uv_handle_t *)&s->timer, on_handle_closed);
        return rc;
    }
    uv_timer_start(&s->timer, on_late, LIMIT_MS, 0);
    *out = s;
    return 0;
}

static void on_late(uv_timer_t *t)
{
    struct diskscript *s = t->data;

    s->late = true;
    kill(-s->process.pid, SIGKILL);
}

static void on_exit_of(uv_process_t *p, int64_t status, int sig)
{
    struct diskscript *s = p->data;
    struct err e = { 0 };

    if (s->late)
        fail(&e, -ETIMEDOUT, "script %.200s %s: it did not end in %u s",
             s->path, s->action, LIMIT_MS / 1000);
    else if (sig)
        fail(&e, -EIO, "script %.200s %s: it was killed by signal %d", s->path,
             s->action, sig);
    else if (status)
        fail(&e, -EIO, "script %.200s %s: it exited with %d, want 0", s->path,
             s->action, (int)status);
    uv_close((uv_handle_t *)&s->process, on_handle_closed);
    uv_close((uv_handle_t *)&s->timer, on_handle_closed);
    if (s->done)
        s->done(s->arg, e.rc ? &e : NULL);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct diskscript *s = h->data;

    if (--s->nr_handles == 0)
        free(s);
}

void diskscript_close(struct diskscript *s)
{
    if (s)
        s->done = NULL; /* its exit frees it */
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
