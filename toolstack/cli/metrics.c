/* SPDX-License-Identifier: MIT */
/*
 * metrics.c - `freehold metrics`: figures of the host and its guests, once
 *
 * All supervisors are asked at once and have one and the same time to answer;
 * who does not is told as down, with what Xen says of its domain.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/figures.h"
#include "toolstack/cli/gather.h"
#include "toolstack/cli/host.h"

#define ANSWER_MS 2000

/* Ours: with a name of ours, or protected without one. */
static void keep_ours(struct host *h)
{
    int kept = 0;

    for (int i = 0; i < h->nr; i++) {
        struct target *t = &h->list[i];

        if (!t->known && !(t->has_domain && t->domain.protected))
            continue;
        if (!t->known) /* no guest can have this name */
            snprintf(t->name, sizeof(t->name), "(domain %u)", t->domain.domid);
        h->list[kept++] = *t;
    }
    h->nr = kept;
}

static uint64_t resident_bytes(pid_t pid)
{
    char path[64];
    unsigned long long pages = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/statm", pid);
    f = pid > 0 ? fopen(path, "re") : NULL;
    if (!f)
        return 0;
    if (fscanf(f, "%*u %llu", &pages) != 1)
        pages = 0;
    fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* *out to be freed, and each info put. */
static int look(struct host *h, struct figures_guest **out, struct err *e)
{
    struct figures_guest *guests = calloc(h->nr + 1, sizeof(*guests));
    struct json_object **info = calloc(h->nr + 1, sizeof(*info));
    int rc = guests && info ? 0 : fail(e, -ENOMEM, "metrics: no memory");

    if (rc == 0)
        rc = gather_info(RUNDIR_BASE, h->list, h->nr, ANSWER_MS, info, e);
    for (int i = 0; rc == 0 && i < h->nr; i++) {
        const struct target *t = &h->list[i];

        guests[i] = (struct figures_guest){
            .target = t,
            .info = info[i],
            .start_s = t->has_domain ? (uint64_t)host_start_of(h->store, t) : 0,
            .resident_bytes =
                t->state.supervised ? resident_bytes(t->state.pid) : 0,
        };
    }
    free(info);
    if (rc < 0) {
        free(guests);
        guests = NULL;
    }
    *out = guests;
    return rc;
}

static void print(FILE *to, const struct figures *f, bool json)
{
    struct json_object *o;

    if (!json) {
        figures_write(to, f);
        return;
    }
    o = figures_object(f);
    fprintf(to, "%s\n",
            json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY));
    json_object_put(o);
}

/* Whoever reads the file reads the whole of it: the name comes last. */
static int print_file(const char *path, const struct figures *f, bool json,
                      struct err *e)
{
    char new[PATH_MAX];
    FILE *to = NULL;
    bool good;
    int fd, rc;

    if (snprintf(new, sizeof(new), "%s.XXXXXX", path) >= (int)sizeof(new))
        return fail(e, -ENAMETOOLONG, "metrics: %s: too long", path);
    fd = mkostemp(new, O_CLOEXEC);
    if (fd >= 0)
        to = fdopen(fd, "w");
    if (!to)
        return fail(e, -errno, "metrics: %s: make it: %s", new,
                    strerror(errno));
    print(to, f, json);
    good = fchmod(fd, 0644) == 0 && fflush(to) == 0 && !ferror(to);
    good &= fclose(to) == 0;
    if (good && rename(new, path) == 0)
        return 0;
    rc = fail(e, -errno, "metrics: %s: write: %s", path, strerror(errno));
    unlink(new);
    return rc;
}

static int tell(struct host *h, const char *path, bool json, struct err *e)
{
    struct figures_guest *guests = NULL;
    struct hyp_host host;
    struct figures f = { .host = &host, .version = FREEHOLD_VERSION };
    int rc;

    keep_ours(h);
    rc = hyp_host(h->hyp, &host, e);
    if (rc == 0)
        rc = look(h, &guests, e);
    f.guests = guests;
    f.nr_guests = h->nr;
    if (rc == 0 && path)
        rc = print_file(path, &f, json, e);
    else if (rc == 0)
        print(stdout, &f, json);
    for (int i = 0; guests && i < h->nr; i++)
        json_object_put(guests[i].info);
    free(guests);
    return rc;
}

int cmd_metrics(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    static const struct option long_options[] = {
        { "output", required_argument, NULL, 'o' },
        { NULL, 0, NULL, 0 },
    };
    const char *path = NULL;
    struct host h;
    int option, rc;

    optind = 0;
    while ((option = getopt_long(argc, argv, "o:", long_options, NULL)) != -1) {
        if (option != 'o')
            return EXIT_USAGE;
        path = optarg;
    }
    if (optind != argc)
        return EXIT_USAGE;
    rc = host_open(&h, 0, NULL, true, e);
    if (rc == 0)
        rc = tell(&h, path, x->json, e);
    host_close(&h);
    return rc;
}
