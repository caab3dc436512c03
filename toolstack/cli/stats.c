/* SPDX-License-Identifier: MIT */
/*
 * stats.c - `freehold stats`: what guests' disks and cards do
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/diskstats.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/gather.h"
#include "toolstack/cli/host.h"
#include "toolstack/cli/netstats.h"
#include "toolstack/cli/statslook.h"
#include "toolstack/cli/units.h"

#define ANSWER_MS 2000
#define WAIT_S_MAX 1000000u

struct stats_options {
    bool json, named;
    uint32_t wait_s;   /* 0: once, totals */
    uint32_t nr_looks; /* 0: for ever */
};

struct look {
    struct host h;
    struct json_object **info;
    struct stats_guest *guests;
    struct stats_look stats;
};

static void look_close(struct look *l)
{
    for (int i = 0; l->info && i < l->h.nr; i++)
        json_object_put(l->info[i]);
    free(l->info);
    free(l->guests);
    host_close(&l->h);
    *l = (struct look){ 0 };
}

/* Ours alone; it is an error to name another. */
static int keep_ours(struct host *h, bool named, struct err *e)
{
    int kept = 0;

    for (int i = 0; i < h->nr; i++) {
        if (!h->list[i].known && named)
            return fail(e, -EINVAL,
                        "guest %s: stats: it is no guest of ours; use xentop",
                        h->list[i].name);
        if (h->list[i].known)
            h->list[kept++] = h->list[i];
    }
    h->nr = kept;
    return 0;
}

/* look_close() also after an error. */
static int look(struct look *l, const struct stats_options *o, int nr_words,
                char **words, struct err *e)
{
    struct timespec t;
    int rc = host_open(&l->h, nr_words, words, true, e);

    if (rc == 0)
        rc = keep_ours(&l->h, o->named, e);
    if (rc < 0)
        return rc;
    l->info = calloc(l->h.nr + 1, sizeof(struct json_object *));
    l->guests = calloc(l->h.nr + 1, sizeof(*l->guests));
    if (!l->info || !l->guests)
        return fail(e, -ENOMEM, "stats: no memory");
    rc = gather_info(RUNDIR_BASE, l->h.list, l->h.nr, ANSWER_MS, l->info, e);
    clock_gettime(CLOCK_MONOTONIC, &t);
    for (int i = 0; i < l->h.nr; i++) {
        l->guests[i] = (struct stats_guest){ l->h.list[i].name, l->info[i] };
        if (rc == 0 && !l->info[i])
            fprintf(stderr,
                    "freehold: guest %s: stats: its supervisor does "
                    "not answer\n",
                    l->h.list[i].name);
    }
    l->stats = (struct stats_look){ l->guests, l->h.nr,
                                    t.tv_sec * 1000000000ull + t.tv_nsec };
    return rc;
}

static int tell(const struct stats_options *o, const struct look *now,
                const struct look *before, struct err *e)
{
    int rc = 0;

    if (o->json)
        cmd_print_json(statslook_object(&now->stats));
    else
        rc = diskstats_print(stdout, &now->stats,
                             before ? &before->stats : NULL, e);
    if (rc == 0 && !o->json)
        rc = netstats_print(stdout, &now->stats, before ? &before->stats : NULL,
                            e);
    fflush(stdout);
    return rc;
}

/* Rates need a look to begin with; what JSON has are totals. */
static int stats(const struct stats_options *o, int nr_words, char **words,
                 struct err *e)
{
    struct look looks[2] = { 0 };
    uint32_t nr = 0;
    int rc = 0;

    if (o->wait_s && !o->json)
        rc = look(&looks[1], o, nr_words, words, e);
    while (rc == 0 && (!o->nr_looks || nr < o->nr_looks) && !ferror(stdout)) {
        struct look *now = &looks[nr % 2], *before = &looks[(nr + 1) % 2];

        if (o->wait_s && (nr > 0 || !o->json))
            sleep(o->wait_s);
        look_close(now);
        rc = look(now, o, nr_words, words, e);
        if (rc == 0)
            rc = tell(o, now, o->wait_s ? before : NULL, e);
        nr++;
    }
    look_close(&looks[0]);
    look_close(&looks[1]);
    return rc;
}

int cmd_stats(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    static const struct option options[] = {
        { "watch", required_argument, NULL, 'w' },
        { "iterations", required_argument, NULL, 'i' },
        { NULL, 0, NULL, 0 },
    };
    struct stats_options o = { .json = x->json };
    int option, rc = 0;

    optind = 0;
    while (rc == 0 &&
           (option = getopt_long(argc, argv, "w:i:", options, NULL)) != -1) {
        if (option == '?')
            return EXIT_USAGE;
        if (option == 'w')
            rc = units_number("stats: -w", optarg, WAIT_S_MAX, &o.wait_s, e);
        else
            rc = units_number("stats: -i", optarg, UINT32_MAX, &o.nr_looks, e);
    }
    if (rc < 0)
        return rc;
    if (!o.wait_s)
        o.nr_looks = 1;
    o.named = optind < argc;
    return stats(&o, argc - optind, argv + optind, e);
}
