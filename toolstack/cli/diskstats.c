/* SPDX-License-Identifier: MIT */
/*
 * diskstats.c - what disks did: since they are there, or between two looks
 *
 * How this works: backends count, and count the time from each request's being
 * taken to its answer.  Divided by the requests that is the mean latency; by
 * the time between two looks, the mean number of requests in flight.
 */
#include "toolstack/cli/diskstats.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/cli/disks.h"
#include "toolstack/cli/statslook.h"
#include "toolstack/cli/table.h"

#define MB 1e6

static const char *const total_head[] = {
    "Guest",      "Disk",    "State",     "Reads",  "Writes", "MB read",
    "MB written", "Latency", "In flight", "Errors", "Queues",
};
static const char *const rate_head[] = {
    "Guest",        "Disk",    "State",     "Reads/s",  "Writes/s", "MB/s read",
    "MB/s written", "Latency", "In flight", "Errors/s", "Queues",
};
_Static_assert(ARRAY_SIZE(total_head) == ARRAY_SIZE(rate_head), "heads");
#define LEFT 3u /* of them are words */

/* The same disk in an earlier look; false: not there, or it began anew. */
static bool find_before(const struct stats_look *before, const char *name,
                        const struct disk *now, struct disk *out)
{
    for (uint32_t i = 0; i < before->nr; i++) {
        const struct stats_guest *g = &before->guests[i];

        if (strcmp(g->name, name))
            continue;
        for (uint32_t k = 0; k < disks_count(g->info); k++) {
            bool grew = true;

            disks_get(g->info, k, out);
            for (uint32_t f = 0; f < DISK_FIGURES; f++)
                grew &= out->figure[f] <= now->figure[f];
            if (out->devid == now->devid)
                return grew;
        }
    }
    return false;
}

/* Times as people say them: 640 us, 12.5 ms, 3.2 s. */
static void add_time(struct table *t, double ns)
{
    if (ns < 1e6)
        table_add(t, "%.0f us", ns / 1e3);
    else if (ns < 1e9)
        table_add(t, "%.1f ms", ns / 1e6);
    else
        table_add(t, "%.1f s", ns / 1e9);
}

static void add_latency(struct table *t, const uint64_t *figure)
{
    uint64_t nr = figure[DISK_READS] + figure[DISK_WRITES] +
                  figure[DISK_FLUSHES] + figure[DISK_DISCARDS];

    if (nr > 0)
        add_time(t, (double)figure[DISK_BUSY_NS] / (double)nr);
    else
        table_add(t, "-");
}

static void add_totals(struct table *t, const struct disk *d)
{
    table_add(t, "%" PRIu64, d->figure[DISK_READS]);
    table_add(t, "%" PRIu64, d->figure[DISK_WRITES]);
    table_add(t, "%.1f", (double)d->figure[DISK_READ_BYTES] / MB);
    table_add(t, "%.1f", (double)d->figure[DISK_WRITE_BYTES] / MB);
    add_latency(t, d->figure);
    table_add(t, "-"); /* a mean over its whole life would say nothing */
    table_add(t, "%" PRIu64, d->figure[DISK_ERRORS]);
}

static void add_rates(struct table *t, const struct disk *d,
                      const struct disk *b, double s)
{
    uint64_t grown[DISK_FIGURES];

    for (uint32_t f = 0; f < DISK_FIGURES; f++)
        grown[f] = d->figure[f] - b->figure[f];
    table_add(t, "%.1f", (double)grown[DISK_READS] / s);
    table_add(t, "%.1f", (double)grown[DISK_WRITES] / s);
    table_add(t, "%.1f", (double)grown[DISK_READ_BYTES] / MB / s);
    table_add(t, "%.1f", (double)grown[DISK_WRITE_BYTES] / MB / s);
    add_latency(t, grown);
    table_add(t, "%.1f", (double)grown[DISK_BUSY_NS] / 1e9 / s);
    table_add(t, "%.1f", (double)grown[DISK_ERRORS] / s);
}

static void add_disk(struct table *t, const char *name, const struct disk *d,
                     const struct stats_look *now,
                     const struct stats_look *before)
{
    struct disk b;

    table_add(t, "%s", name);
    table_add(t, "%s", d->vdev ? d->vdev : "-");
    table_add(t, "%s", d->state ? d->state : "-");
    if (!before)
        add_totals(t, d);
    else if (now->at_ns > before->at_ns && find_before(before, name, d, &b))
        add_rates(t, d, &b, (double)(now->at_ns - before->at_ns) / 1e9);
    else
        for (uint32_t i = LEFT; i < ARRAY_SIZE(rate_head) - 1; i++)
            table_add(t, "-");
    table_add(t, "%u", d->queues);
}

int diskstats_print(FILE *to, const struct stats_look *now,
                    const struct stats_look *before, struct err *e)
{
    struct table *t = table_new(ARRAY_SIZE(rate_head), LEFT);
    struct disk d;

    if (!t)
        return fail(e, -ENOMEM, "stats: no memory");
    for (uint32_t i = 0; i < ARRAY_SIZE(rate_head); i++)
        table_add(t, "%s", before ? rate_head[i] : total_head[i]);
    for (uint32_t i = 0; i < now->nr; i++)
        for (uint32_t k = 0; k < disks_count(now->guests[i].info); k++) {
            disks_get(now->guests[i].info, k, &d);
            add_disk(t, now->guests[i].name, &d, now, before);
        }
    table_print(to, t);
    table_free(t);
    return 0;
}
