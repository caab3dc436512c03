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
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_json.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmcfg.h"

#define LIMIT_MAX 999999999999999999ll

static struct json_object *name_of(const struct guest_dev *d)
{
    struct json_object *o = json_object_new_object();

    guest_json_text(o, "vdev", d->disk.vdev);
    guest_json_number(o, "devid", d->disk.devid);
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
        guest_json_number(o, row[i].key, row[i].value);
}

static struct json_object *disk_info(struct guest_dev *d)
{
    struct json_object *o = name_of(d);
    struct vbd_figures f = { 0 };

    guest_json_text(o, "target", d->disk.target);
    guest_json_text(o, "format", vmdisk_format_name(d->disk.format));
    guest_json_text(o, "mode", d->disk.writable ? "w" : "r");
    guest_json_text(o, "state", guest_dev_state_name(d));
    guest_json_text(o, "why", guest_dev_why(d));
    if (d->vbd) {
        guest_json_number(o, "pid", (uint64_t)vbd_process(d->vbd).pid);
        vbd_figures(d->vbd, &f);
    }
    guest_json_number(o, "queues", f.nr_queues);
    guest_json_number(o, "ring_pages", f.ring_pages);
    guest_json_number(o, "size_bytes", f.size_bytes);
    guest_json_number(o, "iops_limit", d->disk.iops_max);
    guest_json_number(o, "bps_limit", d->disk.bps_max);
    guest_json_number(o, "restarts", f.nr_restarts);
    add_figures(o, &f.sum);
    return o;
}

struct json_object *guest_block_info(struct guest *g)
{
    struct json_object *list = json_object_new_array();
    struct guest_dev *d = NULL;

    while ((d = guest_dev_next(g, DEVFILE_DISK, d)))
        json_object_array_add(list, disk_info(d));
    return list;
}

void guest_block_event(struct guest_dev *d)
{
    struct json_object *o = name_of(d);

    guest_json_text(o, "state", guest_dev_state_name(d));
    guest_json_text(o, "why", guest_dev_why(d));
    guest_event(d->guest, "block", o);
}

/* ---- what it does ---- */

/* The disk that is meant, and which there is now. */
static int want_disk(struct guest *g, struct json_object *params,
                     struct guest_dev **out, struct err *e)
{
    const char *vdev = NULL;
    int rc = guest_json_get_text(params, "vdev", &vdev, e);

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
    struct guest_dev *d = NULL;
    int rc = guest_json_want_running(g, "block_attach", e);

    if (rc == 0)
        rc = guest_json_get_text(params, "disk", &text, e);
    if (rc == 0)
        return fail(e, -EINVAL, "disk: want a string");
    if (rc > 0)
        rc = guest_json_get_text(params, "limits", &limits, e);
    if (rc >= 0)
        rc = guest_disk_attach(g, text, limits, &d, e);
    if (rc == 0)
        *result = name_of(d);
    return rc;
}

static int call_detach(struct guest *g, struct json_object *params,
                       struct err *e)
{
    struct guest_dev *d;
    bool force;
    int rc = want_disk(g, params, &d, e);

    if (rc < 0)
        return rc;
    force = guest_json_is(params, "force");
    if (!force)
        rc = guest_json_want_running(g, "block_detach", e);
    if (rc < 0)
        return rc;
    d->detached = true;
    vbd_detach(d->vbd, force);
    return 0;
}

static int call_resize(struct guest *g, struct json_object *params,
                       struct err *e)
{
    struct guest_dev *d;
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
    struct guest_dev *d;
    int rc = want_disk(g, params, &d, e);

    if (rc < 0)
        return rc;
    limits = (struct blk_limits){ d->disk.iops_max, d->disk.bps_max };
    rc = get_limit(params, "iops", &limits.iops, e);
    if (rc == 0)
        rc = get_limit(params, "bps", &limits.bps, e);
    if (rc < 0)
        return rc;
    d->disk.iops_max = limits.iops;
    d->disk.bps_max = limits.bps;
    vbd_set_limits(d->vbd, &limits);
    return guest_dev_note(d, e);
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
