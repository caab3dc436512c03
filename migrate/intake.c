/* SPDX-License-Identifier: MIT */
/*
 * intake.c - a connection's bytes, cut into hello and units
 */
#include "migrate/intake.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/err.h"

static int on_head(struct intake *in, struct err *e);

void intake_open(struct intake *in, const struct intake_ops *ops, void *arg,
                 enum wire_side from)
{
    *in = (struct intake){ .ops = ops, .arg = arg, .from = from };
}

void intake_close(struct intake *in)
{
    free(in->own);
    in->own = in->body = NULL;
    in->state = INTAKE_BROKEN;
}

void *intake_want(struct intake *in, size_t *bytes)
{
    uint8_t *to = NULL;
    size_t all = 0;

    switch (in->state) {
    case INTAKE_HELLO:
        to = (uint8_t *)&in->hello;
        all = sizeof(in->hello);
        break;
    case INTAKE_HEAD:
        to = (uint8_t *)&in->head;
        all = sizeof(in->head);
        break;
    case INTAKE_BODY:
        to = in->body;
        all = in->head.len_bytes;
        break;
    case INTAKE_STUCK:
    case INTAKE_BROKEN:
        break;
    }
    *bytes = all - (to ? in->have_bytes : 0);
    return to ? to + in->have_bytes : NULL;
}

static int broken(struct intake *in, int rc)
{
    in->state = INTAKE_BROKEN;
    return rc;
}

static int give(struct intake *in, struct err *e)
{
    const void *p = in->head.len_bytes ? in->body : NULL;
    int rc;

    in->state = INTAKE_HEAD;
    in->have_bytes = 0;
    in->body = NULL;
    rc = in->ops->unit(in->arg, &in->head, p, e);
    return rc < 0 ? broken(in, rc) : 0;
}

/* Memory for what is neither a frame nor larger than a PLAN. */
static int own_room(struct intake *in, struct err *e)
{
    assert(in->head.len_bytes <= INTAKE_BODY_MAX);
    if (!in->own)
        in->own = malloc(INTAKE_BODY_MAX);
    if (!in->own)
        return broken(in, fail(e, -ENOMEM, "unit %s: no memory for it",
                               wire_kind_name(in->head.kind)));
    in->body = in->own;
    return 0;
}

/* The head was checked: find room.  0 also when there is none yet. */
static int on_head(struct intake *in, struct err *e)
{
    bool mine = false;
    int rc;

    in->have_bytes = 0;
    if (in->head.len_bytes == 0)
        return give(in, e);
    in->body = in->ops->room(in->arg, &in->head, &mine);
    if (!in->body && mine) {
        rc = own_room(in, e);
        if (rc < 0)
            return rc;
    }
    in->state = in->body ? INTAKE_BODY : INTAKE_STUCK;
    return 0;
}

int intake_got(struct intake *in, size_t bytes, struct err *e)
{
    size_t left;
    int rc;

    if (!intake_want(in, &left))
        return fail(e, -EPROTO, "connection: %zu bytes too many", bytes);
    assert(bytes <= left);
    in->have_bytes += bytes;
    if (bytes < left)
        return 0;

    if (in->state == INTAKE_BODY)
        return give(in, e);
    if (in->state == INTAKE_HELLO) {
        in->state = INTAKE_HEAD;
        in->have_bytes = 0;
        rc = in->ops->hello(in->arg, &in->hello, e);
        return rc < 0 ? broken(in, rc) : 0;
    }
    rc = wire_check_unit(&in->head, in->from, in->stream, e);
    return rc < 0 ? broken(in, rc) : on_head(in, e);
}

int intake_retry(struct intake *in, struct err *e)
{
    int rc;

    if (in->state != INTAKE_STUCK)
        return 0;
    rc = on_head(in, e);
    return rc < 0 ? rc : in->state != INTAKE_STUCK;
}
