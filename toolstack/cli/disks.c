/* SPDX-License-Identifier: MIT */
/*
 * disks.c - a guest's disks, as its supervisor's `info` tells them
 */
#include "toolstack/cli/disks.h"

#include <inttypes.h>
#include <string.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "toolstack/cli/devinfo.h"

uint32_t disks_count(struct json_object *info)
{
    return devinfo_count(info, "disks");
}

struct json_object *disks_array(struct json_object *info)
{
    return devinfo_array(info, "disks");
}

void disks_get(struct json_object *info, uint32_t i, struct disk *out)
{
    static const char *const key[] = {
        [DISK_READS] = "reads",
        [DISK_WRITES] = "writes",
        [DISK_FLUSHES] = "flushes",
        [DISK_DISCARDS] = "discards",
        [DISK_READ_BYTES] = "read_bytes",
        [DISK_WRITE_BYTES] = "write_bytes",
        [DISK_DISCARD_BYTES] = "discard_bytes",
        [DISK_ERRORS] = "errors",
        [DISK_WAITS] = "waits",
        [DISK_BUSY_NS] = "busy_ns",
    };
    struct json_object *o = devinfo_at(info, "disks", i);
    const char *mode = devinfo_text(o, "mode");

    _Static_assert(ARRAY_SIZE(key) == DISK_FIGURES, "key");
    *out = (struct disk){
        .vdev = devinfo_text(o, "vdev"),
        .target = devinfo_text(o, "target"),
        .format = devinfo_text(o, "format"),
        .state = devinfo_text(o, "state"),
        .why = devinfo_text(o, "why"),
        .devid = (uint32_t)devinfo_number(o, "devid"),
        .writable = mode && strcmp(mode, "w") == 0,
        .queues = (uint32_t)devinfo_number(o, "queues"),
        .ring_pages = (uint32_t)devinfo_number(o, "ring_pages"),
        .pid = (int)devinfo_number(o, "pid"),
        .size_bytes = devinfo_number(o, "size_bytes"),
        .iops_limit = devinfo_number(o, "iops_limit"),
        .bps_limit = devinfo_number(o, "bps_limit"),
        .restarts = devinfo_number(o, "restarts"),
    };
    for (uint32_t k = 0; k < DISK_FIGURES; k++) {
        out->known[k] = json_object_object_get_ex(o, key[k], NULL);
        out->figure[k] = devinfo_number(o, key[k]);
    }
}

/* As whole a unit as it is: 512 bytes, 100 MiB, 1.5 GiB. */
static void print_size(FILE *to, uint64_t bytes)
{
    static const char *const unit[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
    double n = (double)bytes;
    uint32_t i = 0;

    while (n >= 1024 && i < ARRAY_SIZE(unit) - 1) {
        n /= 1024;
        i++;
    }
    fprintf(to, n == (double)(uint64_t)n ? "%.0f %s" : "%.1f %s", n, unit[i]);
}

static const char *or_dash(const char *s)
{
    return s && *s ? s : "-";
}

static void print_disk(FILE *to, const struct disk *d)
{
    char name[64];

    snprintf(name, sizeof(name), "disk.%.48s", or_dash(d->vdev));
    fprintf(to, "%-23s: %s", name, or_dash(d->state));
    if (d->why && *d->why)
        fprintf(to, " (%s)", d->why);
    fprintf(to, ", %s, %s %s, ", d->writable ? "rw" : "ro", or_dash(d->format),
            or_dash(d->target));
    print_size(to, d->size_bytes);
    if (d->queues)
        fprintf(to, ", %u queue%s of %u page%s", d->queues,
                d->queues > 1 ? "s" : "", d->ring_pages,
                d->ring_pages > 1 ? "s" : "");
    if (d->iops_limit)
        fprintf(to, ", at most %" PRIu64 " requests/s", d->iops_limit);
    if (d->bps_limit)
        fprintf(to, ", at most %" PRIu64 " bytes/s", d->bps_limit);
    if (d->pid)
        fprintf(to, ", pid %d", d->pid);
    if (d->restarts)
        fprintf(to, ", restarted %" PRIu64 " time%s", d->restarts,
                d->restarts > 1 ? "s" : "");
    fputc('\n', to);
}

void disks_print(FILE *to, struct json_object *info)
{
    struct disk d;

    for (uint32_t i = 0; i < disks_count(info); i++) {
        disks_get(info, i, &d);
        print_disk(to, &d);
    }
}
