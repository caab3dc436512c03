/* SPDX-License-Identifier: MIT */
/*
 * ask.c - find a guest's supervisor and have it do something
 */
#include "toolstack/cli/ask.h"

#include <errno.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/client.h"

int ask_open(const char *word, struct client **c, struct target *t,
             struct err *e)
{
    struct hyp *h;
    int rc = hyp_open(&h, e);

    if (rc < 0)
        return rc;
    rc = target_find(h, NULL, word, t, e);
    hyp_close(h);
    if (rc < 0)
        return rc;
    if (!t->known)
        return fail(e, -EINVAL, "guest %s: it is no guest of ours; use xl",
                    word);
    if (!t->state.supervised)
        return fail(e, -ESRCH,
                    "guest %s: it has no supervisor; freehold run takes it "
                    "over, freehold destroy removes it",
                    word);
    return client_open(t->name, c, e);
}

int ask(const char *word, const char *method, struct json_object *params,
        struct err *e)
{
    struct client *c = NULL;
    struct target t;
    int rc = ask_open(word, &c, &t, e);

    if (rc == 0)
        rc = client_call(c, method, params, NULL, e);
    else
        json_object_put(params);
    client_close(c);
    return rc;
}

int ask_info(const char *word, struct target *t, struct json_object **out,
             struct err *e)
{
    struct client *c = NULL;
    int rc = ask_open(word, &c, t, e);

    if (rc == 0)
        rc = client_call(c, "info", NULL, out, e);
    client_close(c);
    return rc;
}
