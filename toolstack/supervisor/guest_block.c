/* SPDX-License-Identifier: MIT */
/*
 * guest_block.c - what a guest's API tells and does about its disks
 *
 *   block_attach {"disk": SPEC, "limits": WORDS}   -> {"vdev", "devid"}
 *                       a disk more, in the language of disk=; it is accepted,
 *                       and events say what becomes of it
 *   block_detach {"vdev", "force"}   ask the guest to let go of it; or take it
 *   block_resize {"vdev"}            its store has another size
 *   block_limits {"vdev", "iops", "bps"}    0: none; absent: as it is
 *
 * Event: block {"vdev", "devid", "state", "why"} whenever one moves.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "toolstack/supervisor/guest_disks.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmcfg.h"

#define LIMIT_MAX 999999999999999999ll

static void add_text(struct json_object *o, const char *key, const char *text)
{
    json_object_object_add(o, key, json_object_new_string(text ? text : ""));
}

static void add_number(struct json_object *o, const char *key, uint64_t n)
{
    json_object_object_add(o, key, json_object_new_uint64(n));
}

/* Between two domains it waits for the next. */
static const char *state_of(const struct guest_disk *d)
{
    return vbd_state_name(d->vbd ? vbd_state(d->vbd) : VBD_CLOSED);
}

static struct json_object *name_of(const struct guest_disk *d)
{
    struct json_object *o = json_object_new_object();

    add_text(o, "vdev", d->spec.vdev);
    add_number(o, "devid", d->spec.devid);
    return o;
}

/* ---- what it tells ---- */

static void add_figures(struct json_object *o, const struct blk_stats *s)
{
    const struct {
        const char *key;
        uint64_t value;
    } row[] = {
        { "reads", s->reads },
        { "writes", s->writes },
        { "flushes", s->flushes },
        { "discards", s->discards },
        { "read_bytes", s->read_bytes },
        { "write_bytes", s->write_bytes },
        { "discard_bytes", s->discard_bytes },
        { "errors", s->errors },
        { "passes", s->passes },
        { "kicks", s->kicks },
        { "idle_kicks", s->idle_kicks },
        { "notifies", s->notifies },
        { "copies", s->copies },
        { "waits", s->waits },
        { "busy_ns", s->busy_ns },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++)
        add_number(o, row[i].key, row[i].value);
}

static struct json_object *disk_info(struct guest_disk *d)
{
    struct json_object *o = name_of(d);
    struct vbd_figures f = { 0 };

    add_text(o, "target", d->spec.target);
    add_text(o, "format", vmdisk_format_name(d->spec.format));
    add_text(o, "mode", d->spec.writable ? "w" : "r");
    add_text(o, "state", state_of(d));
    add_text(o, "why", d->vbd ? vbd_why(d->vbd) : "no domain has it");
    if (d->vbd) {
        add_number(o, "pid", (uint64_t)vbd_process(d->vbd).pid);
        vbd_figures(d->vbd, &f);
    }
    add_number(o, "queues", f.nr_queues);
    add_number(o, "ring_pages", f.ring_pages);
    add_number(o, "size_bytes", f.size_bytes);
    add_number(o, "iops_limit", d->spec.iops_max);
    add_number(o, "bps_limit", d->spec.bps_max);
    add_number(o, "restarts", f.nr_restarts);
    add_figures(o, &f.sum);
    return o;
}

struct json_object *guest_block_info(struct guest *g)
{
    struct json_object *list = json_object_new_array();

    for (struct guest_disk *d = g->disks; d; d = d->next)
        json_object_array_add(list, disk_info(d));
    return list;
}

void guest_block_event(struct guest_disk *d)
{
    struct json_object *o = name_of(d);

    add_text(o, "state", state_of(d));
    add_text(o, "why", vbd_why(d->vbd));
    guest_event(d->guest, "block", o);
}

/* ---- what it does ---- */

/* Returns 1 and the text, 0 without it, or -EINVAL. */
static int get_text(struct json_object *params, const char *key,
                    const char **out, struct err *e)
{
    struct json_object *value = NULL;

    if (!params || !json_object_object_get_ex(params, key, &value) || !value)
        return 0;
    if (!json_object_is_type(value, json_type_string))
        return fail(e, -EINVAL, "%s: want a string", key);
    *out = json_object_get_string(value);
    return 1;
}

static int want_running(struct guest *g, const char *what, struct err *e)
{
    if (g->state == GUEST_RUNNING)
        return guest_store_want(g, what, e);
    return fail(e, -EBUSY, "guest %s: %s: it is %s, want running", g->cfg->name,
                what, guest_state_name(g->state));
}

/* The disk that is meant, and which there is now. */
static int want_disk(struct guest *g, struct json_object *params,
                     struct guest_disk **out, struct err *e)
{
    const char *vdev = NULL;
    int rc = get_text(params, "vdev", &vdev, e);

    if (rc < 0)
        return rc;
    if (rc == 0)
        return fail(e, -EINVAL, "vdev: want a string");
    *out = guest_disk_find(g, vdev);
    if (!*out || !(*out)->vbd)
        return fail(e, -ENODEV,
                    "guest %s: disk %.40s: it has none of that "
                    "name",
                    g->cfg->name, vdev);
    return 0;
}

static int call_attach(struct guest *g, struct json_object *params,
                       struct json_object **result, struct err *e)
{
    const char *text = NULL, *limits = NULL;
    struct guest_disk *d = NULL;
    int rc = want_running(g, "block_attach", e);

    if (rc == 0)
        rc = get_text(params, "disk", &text, e);
    if (rc == 0)
        return fail(e, -EINVAL, "disk: want a string");
    if (rc > 0)
        rc = get_text(params, "limits", &limits, e);
    if (rc >= 0)
        rc = guest_disk_attach(g, text, limits, &d, e);
    if (rc == 0)
        *result = name_of(d);
    return rc;
}

static int call_detach(struct guest *g, struct json_object *params,
                       struct err *e)
{
    struct json_object *value = NULL;
    struct guest_disk *d;
    bool force;
    int rc = want_disk(g, params, &d, e);

    if (rc < 0)
        return rc;
    force = json_object_object_get_ex(params, "force", &value) &&
            json_object_get_boolean(value);
    if (!force)
        rc = want_running(g, "block_detach", e);
    if (rc < 0)
        return rc;
    d->detached = true;
    vbd_detach(d->vbd, force);
    return 0;
}

static int call_resize(struct guest *g, struct json_object *params,
                       struct err *e)
{
    struct guest_disk *d;
    int rc = want_disk(g, params, &d, e);

    if (rc == 0)
        vbd_resize(d->vbd);
    return rc;
}

static int get_limit(struct json_object *params, const char *key, uint64_t *out,
                     struct err *e)
{
    struct json_object *value = NULL;
    int64_t n;

    if (!json_object_object_get_ex(params, key, &value))
        return 0;
    n = json_object_get_int64(value);
    if (!json_object_is_type(value, json_type_int) || n < 0 || n > LIMIT_MAX)
        return fail(e, -EINVAL, "%s: got %.40s, want 0..10^18 - 1", key,
                    json_object_to_json_string(value));
    *out = (uint64_t)n;
    return 0;
}

static int call_limits(struct guest *g, struct json_object *params,
                       struct err *e)
{
    struct blk_limits limits;
    struct guest_disk *d;
    int rc = want_disk(g, params, &d, e);

    if (rc < 0)
        return rc;
    limits = (struct blk_limits){ d->spec.iops_max, d->spec.bps_max };
    rc = get_limit(params, "iops", &limits.iops, e);
    if (rc == 0)
        rc = get_limit(params, "bps", &limits.bps, e);
    if (rc < 0)
        return rc;
    d->spec.iops_max = limits.iops;
    d->spec.bps_max = limits.bps;
    vbd_set_limits(d->vbd, &limits);
    return guest_disk_note(d, e);
}

int guest_block_call(struct guest *g, const char *method,
                     struct json_object *params, struct json_object **result,
                     struct err *e)
{
    if (strcmp(method, "block_attach") == 0)
        return call_attach(g, params, result, e);
    if (strcmp(method, "block_detach") == 0)
        return call_detach(g, params, e);
    if (strcmp(method, "block_resize") == 0)
        return call_resize(g, params, e);
    if (strcmp(method, "block_limits") == 0)
        return call_limits(g, params, e);
    return -ENOSYS;
}
