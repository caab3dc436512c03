/* SPDX-License-Identifier: MIT */
/*
 * migend.c - what a transfer's end comes to, and what is to be done then
 */
#include "toolstack/cli/migend.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/checked.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/migshow.h"

#define CHECK_FOUND 1

static int code(int rc)
{
    return exit_code_for(rc)->code;
}

int migend_code(const struct migend *m, const struct migask_result *r)
{
    bool back = m->cancel || (m->resolve && m->opts->abort);

    switch (r->end) {
    case MIGASK_MOVED:
    case MIGASK_RUNS:
        return back ? code(-EIO) : 0;
    case MIGASK_CHECKED:
        return m->cancel ? code(-EIO) : 0;
    case MIGASK_STAYED: /* and a resolve is to decide, whichever way */
        if (m->resolve || m->cancel)
            return 0;
        return m->opts->check ? CHECK_FOUND : code(-EIO);
    case MIGASK_POISONED:
    case MIGASK_REFUSED:
        if (back)
            return 0;
        return m->opts && m->opts->check ? CHECK_FOUND : code(-EIO);
    case MIGASK_FENCED:
    case MIGASK_STUCK:
    case MIGASK_READY:
    case MIGASK_ENDS:
        break;
    }
    return code(-EINPROGRESS);
}

/* ---- as it was asked for ---- */

static void tell_well(FILE *out, const struct migend *m,
                      const struct migask_result *r)
{
    const char *peer = m->opts ? migopts_peer(m->opts) : "";

    switch (r->end) {
    case MIGASK_MOVED:
        fprintf(out, "%s: it runs at %s\n", m->name,
                *peer ? peer : "the destination");
        if (!m->resolve)
            migshow_table(out, r);
        break;
    case MIGASK_CHECKED:
        fprintf(out, "%s: nothing is missing at %s\n", m->name, peer);
        break;
    case MIGASK_STAYED:
        fprintf(out, "%s: it runs on here\n", m->name);
        break;
    case MIGASK_RUNS:
        fprintf(out, "%s: it runs here\n", m->name);
        break;
    default: /* poisoned, refused */
        fprintf(out,
                "%s: it will not run here; freehold resolve, where it "
                "came from, lets it go on\n",
                m->name);
        break;
    }
}

/* ---- a check ---- */

/* `the destination: a; b`, a line each. */
static void tell_missing(FILE *out, const char *name, const char *why)
{
    static const char of[] = "the destination: ";

    if (strncmp(why, of, sizeof(of) - 1) == 0)
        why += sizeof(of) - 1;
    fprintf(out, "%s: it cannot move as things are:\n", name);
    while (*why) {
        const char *end = strstr(why, "; ");
        int len = (int)(end ? (size_t)(end - why) : strlen(why));

        fprintf(out, "  %.*s\n", len, why);
        why += len + (end ? 2 : 0);
    }
}

/* ---- all else ---- */

static void tell_stayed(FILE *err, const struct migend *m,
                        const struct migask_result *r)
{
    fprintf(err, "freehold: guest %s: migrate: %s\n", m->name,
            r->why[0] ? r->why : "it was refused");
    if (m->ssh_status)
        fprintf(err, "  ssh ended with %d\n", m->ssh_status);
    fprintf(err, "  it runs on here, and nothing of it is left at the other "
                 "end; migrate may be tried again\n");
}

static void tell_too_late(FILE *err, const struct migend *m)
{
    fprintf(err,
            "freehold: guest %s: %s: too late: it runs at the destination "
            "already\n",
            m->name, m->cancel ? "migrate-cancel" : "resolve --abort");
}

/* How the same peer is reached once more. */
static void tell_resolve(FILE *err, const struct migend *m, bool abort)
{
    char way[MIGOPTS_WAY];

    if (m->opts && *migopts_peer(m->opts))
        migopts_way(m->opts, way);
    else
        snprintf(way, sizeof(way), "%s HOST", m->name);
    fprintf(err, "    freehold resolve %s%s\n", abort ? "--abort " : "", way);
}

static void tell_fenced(FILE *err, const struct migend *m,
                        const struct migask_result *r)
{
    const struct migopts *o = m->opts;

    fprintf(err,
            "freehold: guest %s: it stands still between two hosts: %s\n"
            "  It runs at neither, or at the destination already; never at "
            "both, and nothing of it is lost.\n"
            "  When the destination can be reached again, either of these "
            "settles it, any number of times:\n",
            m->name, r->why[0] ? r->why : "the connection was cut");
    tell_resolve(err, m, false);
    fprintf(err, "      it goes on there\n");
    tell_resolve(err, m, true);
    fprintf(err, "      it goes on here, unless it runs there already\n");
    if (o && (o->tcp || o->path))
        fprintf(err,
                "  There, freehold migrate-receive --%s has to wait for it.\n",
                o->tcp ? "tcp" : "unix");
    fprintf(err, "  Destroy it at neither end before.\n");
}

static void tell_stuck(FILE *err, const struct migend *m,
                       const struct migask_result *r)
{
    fprintf(err,
            "freehold: guest %s: its steward does not answer: %s\n"
            "  freehold info %s tells how it stands; if it is fenced, go on "
            "with\n",
            m->name, r->why[0] ? r->why : "no reason was given", m->name);
    tell_resolve(err, m, false);
}

static void tell_ready(FILE *err, const struct migend *m,
                       const struct migask_result *r)
{
    fprintf(err,
            "freehold: guest %s: all of it is here, and it waits for the word "
            "of where it came from: %s\n"
            "  freehold resolve there gives it, or takes the guest back; "
            "freehold resolve --abort %s, here, gives it up for good.\n",
            m->name, r->why[0] ? r->why : "there is no token", m->name);
}

static void tell_ill(FILE *err, const struct migend *m,
                     const struct migask_result *r)
{
    switch (r->end) {
    case MIGASK_MOVED:
    case MIGASK_RUNS:
    case MIGASK_CHECKED:
        tell_too_late(err, m);
        break;
    case MIGASK_FENCED:
        tell_fenced(err, m, r);
        break;
    case MIGASK_STUCK:
        tell_stuck(err, m, r);
        break;
    case MIGASK_READY:
        tell_ready(err, m, r);
        break;
    case MIGASK_POISONED:
        fprintf(err,
                "freehold: guest %s: it will not run here any more: %s\n"
                "  freehold resolve, where it came from, lets it go on\n",
                m->name, r->why[0] ? r->why : "its transfer was given up");
        break;
    case MIGASK_STAYED:
    case MIGASK_REFUSED:
    case MIGASK_ENDS:
        tell_stayed(err, m, r);
        break;
    }
}

int migend_tell(FILE *out, FILE *err, const struct migend *m,
                const struct migask_result *r)
{
    int c = migend_code(m, r);

    if (c == 0)
        tell_well(out, m, r);
    else if (c == CHECK_FOUND)
        tell_missing(out, m->name, r->why);
    else
        tell_ill(err, m, r);
    return c;
}
