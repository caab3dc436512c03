/* SPDX-License-Identifier: MIT */
/*
 * top.c - `freehold top`: who uses the host's CPUs and memory, again and again
 *
 * One look is a list of domains; what they used of the CPUs is the difference
 * to the look before.  The first one has none, and says so by a dash.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/columns.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/host.h"
#include "toolstack/cli/units.h"

#define NUMBER_MAX 1000000u

struct top_options {
    bool json, batch;
    uint32_t delay_s, nr_looks; /* 0: for ever */
};

struct look {
    struct host h;
    uint64_t at_ns;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* In percent of one CPU; negative: not known yet. */
static double used_percent(const struct look *now, const struct look *before,
                           const struct target *t)
{
    for (int i = 0; i < before->h.nr; i++) {
        const struct hyp_info *b = &before->h.list[i].domain;

        if (b->domid == t->domain.domid && t->domain.cpu_ns >= b->cpu_ns &&
            now->at_ns > before->at_ns)
            return 100.0 * (double)(t->domain.cpu_ns - b->cpu_ns) /
                   (double)(now->at_ns - before->at_ns);
    }
    return -1;
}

static void print_row(const struct target *t, double percent,
                      const struct hyp_host *host)
{
    const struct hyp_info *d = &t->domain;
    uint64_t kib = d->mem_pages * (PAGE_BYTES / 1024);
    char used[16] = "-";

    if (percent >= 0)
        snprintf(used, sizeof(used), "%.1f", percent);
    printf("%-32s %5u %c%c%c%c%c %12.1f %7s %12llu %7.1f %6u\n",
           t->name[0] ? t->name : "(null)", d->domid, d->running ? 'r' : '-',
           d->blocked ? 'b' : '-', d->paused ? 'p' : '-',
           d->shutdown ? 's' : '-', d->dying ? 'd' : '-',
           (double)d->cpu_ns / 1e9, used, (unsigned long long)kib,
           host->total_bytes ? 102400.0 * (double)kib / host->total_bytes : 0,
           columns_vcpus(d, d->nr_online));
}

static struct json_object *row_object(const struct target *t, double percent)
{
    struct json_object *o = json_object_new_object();
    const struct hyp_info *d = &t->domain;

    json_object_object_add(o, "name", json_object_new_string(t->name));
    json_object_object_add(o, "domid", json_object_new_int(d->domid));
    json_object_object_add(o, "running", json_object_new_boolean(d->running));
    json_object_object_add(o, "blocked", json_object_new_boolean(d->blocked));
    json_object_object_add(o, "paused", json_object_new_boolean(d->paused));
    json_object_object_add(o, "shutdown", json_object_new_boolean(d->shutdown));
    json_object_object_add(o, "dying", json_object_new_boolean(d->dying));
    json_object_object_add(o, "cpu_time_ms",
                           json_object_new_uint64(d->cpu_ns / 1000000));
    if (percent >= 0)
        json_object_object_add(o, "cpu_percent",
                               json_object_new_double(percent));
    json_object_object_add(
        o, "memory_kib",
        json_object_new_uint64(d->mem_pages * (PAGE_BYTES / 1024)));
    json_object_object_add(o, "vcpus",
                           json_object_new_int(columns_vcpus(d, d->nr_online)));
    return o;
}

static void print_look(const struct top_options *o, const struct look *now,
                       const struct look *before, const struct hyp_host *host)
{
    struct json_object *array = o->json ? json_object_new_array() : NULL;

    if (!array && !o->batch)
        printf("\033[H\033[J");
    if (!array)
        printf("%llu of %llu MiB free, %u CPUs\n%-32s %5s %-5s %12s %7s "
               "%12s %7s %6s\n",
               (unsigned long long)(host->free_bytes / MIB_BYTES),
               (unsigned long long)(host->total_bytes / MIB_BYTES),
               host->nr_cpus, "Name", "ID", "State", "CPU(sec)", "CPU(%)",
               "MEM(k)", "MEM(%)", "VCPUS");
    for (int i = 0; i < now->h.nr; i++) {
        const struct target *t = &now->h.list[i];
        double percent = used_percent(now, before, t);

        if (array)
            json_object_array_add(array, row_object(t, percent));
        else
            print_row(t, percent, host);
    }
    if (array)
        cmd_print_json(array);
    fflush(stdout);
}

static int top(const struct top_options *o, struct err *e)
{
    struct look looks[2] = { 0 };
    struct hyp_host host;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && (!o->nr_looks || i < o->nr_looks); i++) {
        struct look *now = &looks[i % 2], *before = &looks[(i + 1) % 2];

        if (i > 0)
            sleep(o->delay_s);
        host_close(&now->h);
        rc = host_open(&now->h, 0, NULL, false, e);
        now->at_ns = now_ns();
        if (rc == 0)
            rc = hyp_host(now->h.hyp, &host, e);
        if (rc == 0)
            print_look(o, now, before, &host);
        if (ferror(stdout))
            break; /* whoever read it is gone */
    }
    host_close(&looks[0].h);
    host_close(&looks[1].h);
    return rc;
}

static const struct option long_options[] = {
    { "batch", no_argument, NULL, 'b' },
    { "delay", required_argument, NULL, 'd' },
    { "iterations", required_argument, NULL, 'i' },
    { NULL, 0, NULL, 0 },
};

int cmd_top(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct top_options o = { .json = x->json, .delay_s = 3 };
    uint32_t n, looks = UINT32_MAX;
    int option;

    optind = 0;
    while ((option = getopt_long(argc, argv, "bd:i:", long_options, NULL)) !=
           -1) {
        if (option == '?')
            return EXIT_USAGE;
        if (option == 'b') {
            o.batch = true;
            continue;
        }
        if (units_number(option == 'd' ? "top: -d" : "top: -i", optarg,
                         NUMBER_MAX, &n, e) < 0)
            return -EINVAL;
        *(option == 'd' ? &o.delay_s : &looks) = n;
    }
    if (optind != argc)
        return EXIT_USAGE;
    /* On a terminal again and again; for a program once, unless it says. */
    o.nr_looks = looks != UINT32_MAX ? looks : o.batch || o.json ? 1 : 0;
    return top(&o, e);
}
