/* SPDX-License-Identifier: MIT */
/*
 * figures_disk.c - what is measured of each disk of a guest
 *
 * A guest's own label is `name` here too, so that its figures and its disks'
 * can be joined.
 */
#include "toolstack/cli/figures_priv.h"

#include <string.h>

#include "common/checked.h"
#include "toolstack/cli/devinfo.h"
#include "toolstack/cli/disks.h"

#define LABELS_MAX 3u

struct disk_family {
    struct om_family om;
    const char *label; /* NULL: one sample a disk */
    const char *(*label_at)(int i);
    /* False: not known. */
    bool (*get)(const struct disk *d, const char *label, double *out);
    enum disk_figure figure; /* of get_figure() */
};

static bool get_state(const struct disk *d, const char *label, double *out)
{
    *out = d->state && strcmp(d->state, label) == 0;
    return d->state != NULL;
}

static const char *direction_at(int i)
{
    static const char *const direction[] = { "read", "write", "discard" };

    return i < (int)ARRAY_SIZE(direction) ? direction[i] : NULL;
}

static bool get_bytes(const struct disk *d, const char *label, double *out)
{
    enum disk_figure f = *label == 'r'   ? DISK_READ_BYTES
                         : *label == 'w' ? DISK_WRITE_BYTES
                                         : DISK_DISCARD_BYTES;

    *out = (double)d->figure[f];
    return d->known[f];
}

static bool get_busy(const struct disk *d, const char *label, double *out)
{
    (void)label;
    *out = (double)d->figure[DISK_BUSY_NS] / 1e9;
    return d->known[DISK_BUSY_NS];
}

static bool get_restarts(const struct disk *d, const char *label, double *out)
{
    (void)label;
    *out = (double)d->restarts;
    return true;
}

static bool get_queues(const struct disk *d, const char *label, double *out)
{
    (void)label;
    *out = d->queues;
    return true;
}

static bool get_size(const struct disk *d, const char *label, double *out)
{
    (void)label;
    *out = (double)d->size_bytes;
    return d->size_bytes > 0;
}

/* clang-format off */
#define GAUGE(name, unit, help) { "freehold_disk_" name, "gauge", unit, help }
#define COUNTER(name, unit, help) \
    { "freehold_disk_" name, "counter", unit, help }
#define REQUESTS(name, figure, help) \
    { COUNTER(name, NULL, help), NULL, NULL, NULL, figure }

static const struct disk_family families[] = {
    { GAUGE("state", NULL, "1 for the state that it is in."),
      "state", devinfo_state_at, get_state, 0 },
    REQUESTS("reads", DISK_READS, "Reads answered."),
    REQUESTS("writes", DISK_WRITES, "Writes answered."),
    REQUESTS("flushes", DISK_FLUSHES, "Flushes answered."),
    REQUESTS("discards", DISK_DISCARDS, "Discards answered."),
    { COUNTER("bytes", "bytes", "What was read, written and discarded."),
      "direction", direction_at, get_bytes, 0 },
    REQUESTS("errors", DISK_ERRORS, "Requests answered with an error."),
    REQUESTS("waits", DISK_WAITS,
             "Times that a limit, or lack of buffers, held requests up."),
    { COUNTER("busy_seconds", "seconds",
              "From taken to answered, summed over requests."),
      NULL, NULL, get_busy, 0 },
    { COUNTER("restarts", NULL, "How often its backend was started anew."),
      NULL, NULL, get_restarts, 0 },
    { GAUGE("queues", NULL, "Rings that its guest uses."),
      NULL, NULL, get_queues, 0 },
    { GAUGE("size_bytes", "bytes", "What it holds."),
      NULL, NULL, get_size, 0 },
};
/* clang-format on */

static bool get(const struct disk_family *f, const struct disk *d,
                const char *label, double *out)
{
    if (f->get)
        return f->get(d, label, out);
    *out = (double)d->figure[f->figure];
    return d->known[f->figure];
}

static void put_disk(const struct sink *s, const struct disk_family *f,
                     const char *name, const struct disk *d)
{
    struct om_label labels[LABELS_MAX] = { { "name", name },
                                           { "vdev", d->vdev } };
    double value;

    if (!f->label) {
        if (get(f, d, NULL, &value))
            figures_sample(s, &f->om, labels, 2, value);
        return;
    }
    labels[2].key = f->label;
    for (int i = 0; (labels[2].value = f->label_at(i)); i++)
        if (get(f, d, labels[2].value, &value))
            figures_sample(s, &f->om, labels, LABELS_MAX, value);
}

static void put_disks(const struct sink *s, const struct disk_family *f,
                      const struct figures_guest *g)
{
    struct disk d;

    for (uint32_t i = 0; i < disks_count(g->info); i++) {
        disks_get(g->info, i, &d);
        if (d.vdev)
            put_disk(s, f, g->target->name, &d);
    }
}

void figures_disks(struct sink *s, struct json_object *all,
                   const struct figures *f)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(families); i++) {
        figures_begin(s, all, &families[i].om);
        for (int k = 0; k < f->nr_guests; k++)
            put_disks(s, &families[i], &f->guests[k]);
    }
}
