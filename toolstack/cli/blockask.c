/* SPDX-License-Identifier: MIT */
/*
 * blockask.c - have a supervisor attach or detach a disk, and wait for it
 */
#include "toolstack/cli/blockask.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/cli/client.h"
#include "toolstack/supervisor/vmvdev.h"

/* ---- what a command line says ---- */

static const char *rest_of(const char *word)
{
    const char *at = strstr(word, "target=");

    return at && (at == word || at[-1] == ',' || at[-1] == ' ') ? at : NULL;
}

char *block_spec(int nr, char **words)
{
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);
    bool begun = false;

    if (!f)
        return NULL;
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < nr; i++)
            if (!!rest_of(words[i]) == last) {
                fprintf(f, "%s%s", begun ? "," : "", words[i]);
                begun = true;
            }
    if (fclose(f) == 0)
        return text;
    free(text);
    return NULL;
}

static bool take_number(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return isdigit((unsigned char)*text) && !*end && !errno &&
           *out <= INT64_MAX;
}

int block_limits_parse(int nr, char **words, struct block_limits *out,
                       struct err *e)
{
    *out = (struct block_limits){ 0 };
    for (int i = 0; i < nr; i++) {
        bool iops = strncmp(words[i], "iops=", 5) == 0;
        bool bps = strncmp(words[i], "bps=", 4) == 0;
        bool *has = iops ? &out->has_iops : &out->has_bps;

        if ((!iops && !bps) || *has ||
            !take_number(strchr(words[i], '=') + 1,
                         iops ? &out->iops : &out->bps))
            return fail(e, -EINVAL,
                        "limits: got %.40s, want iops=N or bps=N, once each",
                        words[i]);
        *has = true;
    }
    return 0;
}

/* ---- how it goes ---- */

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *v;

    return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v)
                                                 : "";
}

static bool is_of(struct json_object *o, uint32_t devid)
{
    struct json_object *v;

    return json_object_object_get_ex(o, "devid", &v) &&
           json_object_get_int64(v) == (int64_t)devid;
}

/*
 * The next `block` event of the disk: 1 and its params; 0 when the time is
 * over; or a negative errno.
 */
static int next_move(struct client *c, uint32_t devid, uint64_t end_ms,
                     struct json_object **out, struct err *e)
{
    for (;;) {
        uint64_t now = now_ms();
        char method[CLIENT_METHOD_MAX];
        int rc;

        if (now >= end_ms)
            return 0;
        rc = client_event_in(c, (int)(end_ms - now), method, out, e);
        if (rc == -ETIMEDOUT)
            return 0;
        if (rc == 0)
            return fail(e, -EPIPE,
                        "disk %u: wait for it: the guest's supervisor went "
                        "away",
                        devid);
        if (rc < 0 || (strcmp(method, "block") == 0 && is_of(*out, devid)))
            return rc;
        json_object_put(*out);
    }
}

static int failed(const char *vdev, const char *what, struct json_object *o,
                  struct err *e)
{
    const char *why = text_of(o, "why");

    return fail(e, -EIO, "disk %s: %s: %s", vdev, what,
                *why ? why : text_of(o, "state"));
}

/* 1: it is there.  0: not yet. */
static int judge_attach(const char *vdev, struct json_object *o, struct err *e)
{
    const char *state = text_of(o, "state");

    if (strcmp(state, "waiting") == 0 || strcmp(state, "connected") == 0)
        return 1;
    if (strcmp(state, "failed") == 0 || strcmp(state, "gone") == 0)
        return failed(vdev, "attach", o, e);
    return 0;
}

/* One that failed would stay, and keep its vdev. */
static void take_back(struct client *c, const char *vdev)
{
    struct json_object *params = json_object_new_object();

    json_object_object_add(params, "vdev", json_object_new_string(vdev));
    json_object_object_add(params, "force", json_object_new_boolean(true));
    client_call(c, "block_detach", params, NULL, NULL);
}

static int await_attached(struct client *c, struct json_object *disk,
                          int timeout_ms, struct err *e)
{
    uint64_t end_ms = now_ms() + (uint64_t)timeout_ms;
    const char *vdev = text_of(disk, "vdev");
    struct json_object *o, *devid;
    int rc = 0;

    if (!json_object_object_get_ex(disk, "devid", &devid))
        return fail(e, -EPROTO, "disk: attach: the supervisor gave no devid");
    while (rc == 0) {
        rc =
            next_move(c, (uint32_t)json_object_get_int64(devid), end_ms, &o, e);
        if (rc == 0)
            return fail(e, -ETIMEDOUT,
                        "disk %s: attach: its store was not opened in %d s; "
                        "freehold block-list tells when it is",
                        vdev, timeout_ms / 1000);
        if (rc < 0)
            return rc;
        rc = judge_attach(vdev, o, e);
        if (rc == 1)
            json_object_object_add(disk, "state",
                                   json_object_new_string(text_of(o, "state")));
        if (rc == -EIO)
            take_back(c, vdev);
        json_object_put(o);
    }
    return rc < 0 ? rc : 0;
}

int block_attach(struct client *c, const char *spec, const char *limits,
                 int timeout_ms, struct json_object **out, struct err *e)
{
    struct json_object *params, *disk = NULL;
    int rc = client_call(c, "subscribe", NULL, NULL, e);

    if (rc < 0)
        return rc;
    params = json_object_new_object();
    json_object_object_add(params, "disk", json_object_new_string(spec));
    if (limits)
        json_object_object_add(params, "limits",
                               json_object_new_string(limits));
    rc = client_call(c, "block_attach", params, &disk, e);
    if (rc == 0)
        rc = await_attached(c, disk, timeout_ms, e);
    if (rc == 0 && out)
        *out = json_object_get(disk);
    json_object_put(disk);
    return rc;
}

static int await_gone(struct client *c, const char *vdev, uint32_t devid,
                      int timeout_ms, struct err *e)
{
    uint64_t end_ms = now_ms() + (uint64_t)timeout_ms;
    struct err why = { 0 }; /* it failed; it still goes, as a rule */
    struct json_object *o;
    int rc = 0;

    while (rc == 0) {
        rc = next_move(c, devid, end_ms, &o, e);
        if (rc == 0 && why.rc)
            return fail(e, why.rc, "%s", why.text);
        if (rc == 0)
            return fail(e, -ETIMEDOUT,
                        "disk %s: detach: the guest has not let go of it in "
                        "%d s; -f takes it away all the same",
                        vdev, timeout_ms / 1000);
        if (rc < 0)
            return rc;
        rc = 0;
        if (strcmp(text_of(o, "state"), "gone") == 0)
            rc = 1;
        else if (strcmp(text_of(o, "state"), "failed") == 0)
            failed(vdev, "detach", o, &why);
        json_object_put(o);
    }
    return rc < 0 ? rc : 0;
}

int block_detach(struct client *c, const char *vdev, bool force, int timeout_ms,
                 struct err *e)
{
    struct json_object *params;
    uint32_t devid;
    int rc = vmvdev_number(vdev, &devid);

    if (rc < 0)
        return fail(e, rc, "disk: got %.32s, want a vdev, as xvda or 51712",
                    vdev);
    rc = client_call(c, "subscribe", NULL, NULL, e);
    if (rc < 0)
        return rc;
    params = json_object_new_object();
    json_object_object_add(params, "vdev", json_object_new_string(vdev));
    json_object_object_add(params, "force", json_object_new_boolean(force));
    rc = client_call(c, "block_detach", params, NULL, e);
    return rc < 0 ? rc : await_gone(c, vdev, devid, timeout_ms, e);
}
