/* SPDX-License-Identifier: MIT */
/*
 * devask.c - have a supervisor attach or detach a device, and wait for it
 */
#include "toolstack/cli/devask.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/exitcode.h"

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
 * The next event of the device: 1 and its params; 0 when the time is over; or
 * a negative errno.
 */
static int next_move(struct client *c, const struct devask_kind *k,
                     uint32_t devid, uint64_t end_ms, struct json_object **out,
                     struct err *e)
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
                        "%s %u: wait for it: the guest's supervisor went away",
                        k->noun, devid);
        if (rc < 0 || (strcmp(method, k->event) == 0 && is_of(*out, devid)))
            return rc;
        json_object_put(*out);
    }
}

static int failed(const struct devask_kind *k, const char *name,
                  const char *what, struct json_object *o, struct err *e)
{
    const char *why = text_of(o, "why");

    return fail(e, -EIO, "%s %s: %s: %s", k->noun, name, what,
                *why ? why : text_of(o, "state"));
}

/* 1: it is there.  0: not yet. */
static int judge_attach(const struct devask_kind *k, const char *name,
                        struct json_object *o, struct err *e)
{
    const char *state = text_of(o, "state");

    if (strcmp(state, "waiting") == 0 || strcmp(state, "connected") == 0)
        return 1;
    if (strcmp(state, "failed") == 0 || strcmp(state, "gone") == 0)
        return failed(k, name, "attach", o, e);
    return 0;
}

static struct json_object *detach_params(const struct devask_kind *k,
                                         const char *word, bool force)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, k->id, json_object_new_string(word));
    json_object_object_add(o, "force", json_object_new_boolean(force));
    return o;
}

static int await_attached(struct client *c, const struct devask_kind *k,
                          struct json_object *dev, int timeout_ms,
                          struct err *e)
{
    uint64_t end_ms = now_ms() + (uint64_t)timeout_ms;
    const char *name = text_of(dev, k->name);
    struct json_object *o, *devid;
    int rc = 0;

    if (!json_object_object_get_ex(dev, "devid", &devid))
        return fail(e, -EPROTO, "%s: attach: the supervisor gave no devid",
                    k->noun);
    while (rc == 0) {
        rc = next_move(c, k, (uint32_t)json_object_get_int64(devid), end_ms, &o,
                       e);
        if (rc == 0)
            return fail(e, -ETIMEDOUT,
                        "%s %s: attach: %s in %d s; freehold %s tells when it "
                        "is",
                        k->noun, name, k->unready, timeout_ms / 1000, k->list);
        if (rc < 0)
            return rc;
        rc = judge_attach(k, name, o, e);
        if (rc == 1)
            json_object_object_add(dev, "state",
                                   json_object_new_string(text_of(o, "state")));
        if (rc == -EIO) /* one that failed would stay, and keep its number */
            client_call(c, k->detach, detach_params(k, name, true), NULL, NULL);
        json_object_put(o);
    }
    return rc < 0 ? rc : 0;
}

int devask_attach(struct client *c, const struct devask_kind *k,
                  struct json_object *params, int timeout_ms,
                  struct json_object **out, struct err *e)
{
    struct json_object *dev = NULL;
    int rc = client_call(c, "subscribe", NULL, NULL, e);

    if (rc < 0) {
        json_object_put(params);
        return rc;
    }
    rc = client_call(c, k->attach, params, &dev, e);
    if (rc == 0)
        rc = await_attached(c, k, dev, timeout_ms, e);
    if (rc == 0 && out)
        *out = json_object_get(dev);
    json_object_put(dev);
    return rc;
}

static int await_gone(struct client *c, const struct devask_kind *k,
                      const char *word, uint32_t devid, int timeout_ms,
                      struct err *e)
{
    uint64_t end_ms = now_ms() + (uint64_t)timeout_ms;
    struct err why = { 0 }; /* it failed; it still goes, as a rule */
    struct json_object *o;
    int rc = 0;

    while (rc == 0) {
        rc = next_move(c, k, devid, end_ms, &o, e);
        if (rc == 0 && why.rc)
            return fail(e, why.rc, "%s", why.text);
        if (rc == 0)
            return fail(e, -ETIMEDOUT,
                        "%s %s: detach: the guest has not let go of it in "
                        "%d s; -f takes it away all the same",
                        k->noun, word, timeout_ms / 1000);
        if (rc < 0)
            return rc;
        rc = 0;
        if (strcmp(text_of(o, "state"), "gone") == 0)
            rc = 1;
        else if (strcmp(text_of(o, "state"), "failed") == 0)
            failed(k, word, "detach", o, &why);
        json_object_put(o);
    }
    return rc < 0 ? rc : 0;
}

int devask_detach(struct client *c, const struct devask_kind *k,
                  const char *word, const uint32_t *devid, bool force,
                  int timeout_ms, struct err *e)
{
    struct json_object *dev = NULL, *v = NULL;
    uint32_t number = 0;
    int rc = client_call(c, "subscribe", NULL, NULL, e);

    if (rc == 0)
        rc = client_call(c, k->detach, detach_params(k, word, force), &dev, e);
    if (rc < 0)
        return rc;
    if (devid)
        number = *devid;
    else if (dev && json_object_object_get_ex(dev, "devid", &v))
        number = (uint32_t)json_object_get_int64(v);
    else
        rc = fail(e, -EPROTO, "%s %s: detach: the supervisor gave no devid",
                  k->noun, word);
    json_object_put(dev);
    return rc < 0 ? rc : await_gone(c, k, word, number, timeout_ms, e);
}

int devask_detach_all(int argc, char **argv, devask_let_go *detach,
                      struct err *e)
{
    static const struct option options[] = {
        { "force", no_argument, NULL, 'f' },
        { NULL, 0, NULL, 0 },
    };
    struct client *c = NULL;
    bool force = false;
    struct target t;
    int option, rc;

    optind = 0;
    while ((option = getopt_long(argc, argv, "f", options, NULL)) != -1) {
        if (option != 'f')
            return EXIT_USAGE;
        force = true;
    }
    if (argc - optind < 2)
        return EXIT_USAGE;
    rc = ask_open(argv[optind], &c, &t, e);
    for (int i = optind + 1; rc == 0 && i < argc; i++)
        rc = detach(c, argv[i], force, DEVASK_DETACH_MS, e);
    client_close(c);
    return rc;
}
