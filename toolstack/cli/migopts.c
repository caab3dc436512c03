/* SPDX-License-Identifier: MIT */
/*
 * migopts.c - the words of `freehold migrate` and `resolve`
 */
#include "toolstack/cli/migopts.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"
#include "migrate/bucket.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/units.h"

#define DOWNTIME_MS_MAX 600000u
#define TIMEOUT_S_MAX 1000000u

enum { /* options without a letter */
       OPT_LIVE = 0x100,
       OPT_NON_LIVE,
       OPT_CHECK,
       OPT_DOWNTIME,
       OPT_BANDWIDTH,
       OPT_TIMEOUT,
       OPT_ON_TIMEOUT,
       OPT_STREAMS,
       OPT_TCP,
       OPT_UNIX,
       OPT_DEBUG,
       OPT_ABORT,
       OPT_LOST,
};

/* clang-format off */
static const struct {
    int option;
    const char *name, *why;
} refused[] = {
    { 'C', "-C", "a guest takes along the configuration that it runs by" },
    { 'p', "-p", "Xen lets the guest go on as soon as it is there; freehold "
      "pause, there, stops it" },
    { 'D', "-D", "the other host's Xen gives it a number" },
};
/* clang-format on */

static int refuse(int option, struct err *e)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(refused); i++)
        if (refused[i].option == option)
            return fail(e, -EOPNOTSUPP, "migrate: %s: not served: %s",
                        refused[i].name, refused[i].why);
    return EXIT_USAGE;
}

/* ---- how the other end is reached ---- */

static int set_streams(struct migopts *o, const char *text, struct err *e)
{
    return units_range("migrate: --streams", text, 1, MIGOPTS_STREAMS,
                       &o->nr_streams, e);
}

/* What both commands know.  1: it is none of these. */
static int way_option(struct migopts *o, int option, struct err *e)
{
    switch (option) {
    case 's':
        o->ssh = optarg;
        return 0;
    case OPT_TCP:
        o->tcp = optarg;
        return 0;
    case OPT_UNIX:
        o->path = optarg;
        return 0;
    case OPT_STREAMS:
        return set_streams(o, optarg, e);
    default:
        return 1;
    }
}

static int check_way(const struct migopts *o, const char *command,
                     struct err *e)
{
    const char *what = o->tcp ? "--tcp" : "--unix";

    if (o->tcp && o->path)
        return fail(e, -EINVAL, "%s: --tcp and --unix: want one of them",
                    command);
    if ((o->tcp || o->path) && o->host)
        return fail(e, -EINVAL,
                    "%s: %s and host %.64s: want one of them; a host is "
                    "reached by ssh",
                    command, what, o->host);
    if (o->ssh && !o->host)
        return fail(e, -EINVAL, "%s: -s: want a host with it", command);
    if (o->host && o->host[0] == '-')
        return fail(e, -EINVAL,
                    "%s: host: got %.64s, want a name or an "
                    "address",
                    command, o->host);
    if (o->host && o->nr_streams > 1)
        return fail(e, -EOPNOTSUPP,
                    "%s: --streams %u: one ssh is one connection; want --tcp "
                    "or --unix for more",
                    command, o->nr_streams);
    return 0;
}

/* NAME [HOST] */
static int take_operands(struct migopts *o, int argc, char **argv)
{
    if (argc - optind < 1 || argc - optind > 2)
        return EXIT_USAGE;
    o->name = argv[optind];
    if (argc - optind == 2)
        o->host = argv[optind + 1];
    return 0;
}

/* ---- migrate ---- */

static int set_on_timeout(struct migopts *o, const char *word, struct err *e)
{
    o->force = strcmp(word, "force") == 0;
    if (!o->force && strcmp(word, "abort"))
        return fail(e, -EINVAL,
                    "migrate: --on-timeout: got %.32s, want abort or force",
                    word);
    return 0;
}

static int set_downtime(struct migopts *o, const char *text, struct err *e)
{
    return units_range("migrate: --max-downtime, ms", text, 1, DOWNTIME_MS_MAX,
                       &o->max_downtime_ms, e);
}

static int set_bandwidth(struct migopts *o, const char *text, struct err *e)
{
    int rc = units_bytes("migrate: --bandwidth", text, &o->bytes_per_s, e);

    if (rc == 0 && o->bytes_per_s < BUCKET_RATE_MIN)
        rc = fail(e, -EINVAL,
                  "migrate: --bandwidth: got %s, want %uK a second at least",
                  text, BUCKET_RATE_MIN / 1024);
    return rc;
}

static int migrate_option(struct migopts *o, int option, struct err *e)
{
    switch (option) {
    case 'e': /* xl's own waiter for the guest's end; ours has a supervisor */
    case OPT_DEBUG: /* all that arrives is verified, always */
        return 0;
    case 'T':
        o->times = true;
        return 0;
    case OPT_LIVE:
    case OPT_NON_LIVE:
        o->live = option == OPT_LIVE;
        return 0;
    case OPT_CHECK:
        o->check = true;
        return 0;
    case OPT_DOWNTIME:
        return set_downtime(o, optarg, e);
    case OPT_BANDWIDTH:
        return set_bandwidth(o, optarg, e);
    case OPT_TIMEOUT:
        return units_number("migrate: --timeout", optarg, TIMEOUT_S_MAX,
                            &o->timeout_s, e);
    case OPT_ON_TIMEOUT:
        return set_on_timeout(o, optarg, e);
    default:
        return refuse(option, e);
    }
}

int migopts_migrate(struct migopts *o, int argc, char **argv, struct err *e)
{
    static const struct option options[] = {
        { "live", no_argument, NULL, OPT_LIVE },
        { "non-live", no_argument, NULL, OPT_NON_LIVE },
        { "check", no_argument, NULL, OPT_CHECK },
        { "max-downtime", required_argument, NULL, OPT_DOWNTIME },
        { "bandwidth", required_argument, NULL, OPT_BANDWIDTH },
        { "timeout", required_argument, NULL, OPT_TIMEOUT },
        { "on-timeout", required_argument, NULL, OPT_ON_TIMEOUT },
        { "streams", required_argument, NULL, OPT_STREAMS },
        { "tcp", required_argument, NULL, OPT_TCP },
        { "unix", required_argument, NULL, OPT_UNIX },
        { "debug", no_argument, NULL, OPT_DEBUG },
        { NULL, 0, NULL, 0 },
    };
    bool said_on_timeout = false;
    int option, rc = 0;

    *o = (struct migopts){ .live = true, .nr_streams = 1 };
    optind = 0;
    while (rc == 0 && (option = getopt_long(argc, argv, "s:eTC:pD", options,
                                            NULL)) != -1) {
        said_on_timeout |= option == OPT_ON_TIMEOUT;
        rc = way_option(o, option, e);
        if (rc == 1)
            rc = migrate_option(o, option, e);
    }
    if (rc == 0)
        rc = take_operands(o, argc, argv);
    if (rc == 0 && !o->host && !o->tcp && !o->path && !o->ssh)
        return EXIT_USAGE;
    if (rc == 0)
        rc = check_way(o, "migrate", e);
    if (rc == 0 && said_on_timeout && o->timeout_s == 0)
        rc = fail(e, -EINVAL, "migrate: --on-timeout: want --timeout with it");
    return rc;
}

/* ---- resolve ---- */

static int resolve_option(struct migopts *o, int option, struct err *e)
{
    switch (option) {
    case OPT_ABORT:
        o->abort = true;
        return 0;
    case OPT_LOST:
        return fail(e, -EOPNOTSUPP,
                    "resolve: --destination-lost: not served: that the "
                    "destination is gone for good would be its owner's word, "
                    "and no configuration carries an owner's key in this "
                    "version; without it nobody can prove that the guest "
                    "never runs there");
    default:
        return EXIT_USAGE;
    }
}

int migopts_resolve(struct migopts *o, int argc, char **argv, struct err *e)
{
    static const struct option options[] = {
        { "abort", no_argument, NULL, OPT_ABORT },
        { "destination-lost", no_argument, NULL, OPT_LOST },
        { "tcp", required_argument, NULL, OPT_TCP },
        { "unix", required_argument, NULL, OPT_UNIX },
        { NULL, 0, NULL, 0 },
    };
    int option, rc = 0;

    *o = (struct migopts){ .nr_streams = 1 };
    optind = 0;
    while (rc == 0 &&
           (option = getopt_long(argc, argv, "s:", options, NULL)) != -1) {
        rc = way_option(o, option, e);
        if (rc == 1)
            rc = resolve_option(o, option, e);
    }
    if (rc == 0)
        rc = take_operands(o, argc, argv);
    return rc == 0 ? check_way(o, "resolve", e) : rc;
}

/* ---- the same again ---- */

const char *migopts_peer(const struct migopts *o)
{
    return o->host ? o->host : o->tcp ? o->tcp : o->path ? o->path : "";
}

void migopts_way(const struct migopts *o, char out[MIGOPTS_WAY])
{
    if (o->tcp || o->path)
        snprintf(out, MIGOPTS_WAY, "--%s %s %s", o->tcp ? "tcp" : "unix",
                 migopts_peer(o), o->name);
    else if (o->host && o->ssh)
        snprintf(out, MIGOPTS_WAY, "-s '%s' %s '%s'", o->ssh, o->name, o->host);
    else
        snprintf(out, MIGOPTS_WAY, "%s%s%s", o->name, o->host ? " " : "",
                 o->host ? o->host : "");
}
