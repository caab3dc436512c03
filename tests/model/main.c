/* SPDX-License-Identifier: MIT */
/*
 * main.c - the model of migrate/stream.md: does it hold, and would it tell
 *
 *   stream_model TABLE              search; hold the cuts found against TABLE
 *   stream_model TABLE --broken     break each rule in turn: each must be
 * found, but for second lines, that matter together stream_model TABLE --rule
 * NAME  break one, and show the trace
 *
 * One line a verdict, `ok WHAT` or `BAD WHAT`; exit status 1 when one is BAD.
 */
#include "search.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MAX_WORLDS (1u << 20) /* 48 bytes each, and two slots of 4 */

/* What is broken, and what must come of it; V_HOLDS: a second line. */
static const struct variant {
    const char *name;
    uint32_t broken;
    enum verdict expect;
} variants[] = {
    { "abort-after-commit", BROKEN(R_POISON_RECEIVING), V_ONE_COPY },
    { "commit-after-abort", BROKEN(R_COMMIT_RECEIVING), V_ONE_COPY },
    { "fence-not-sticky", BROKEN(R_FENCE_STAYS), V_ONE_COPY },
    { "fence-twice", BROKEN(R_FENCE_ONCE), V_ONE_COPY },
    { "fence-after-resume", BROKEN(R_FENCE_RESUMES), V_ONE_MEMORY },
    { "start-without-evidence", BROKEN(R_COMMIT_EVIDENCE), V_ONE_COPY },
    { "start-for-two", BROKEN(R_COMMIT_INSTANCE) | BROKEN(R_COMMIT_SESSION),
      V_ONE_COPY },
    { "start-for-any-instance", BROKEN(R_COMMIT_INSTANCE), V_ONE_COPY },
    { "start-for-any-session", BROKEN(R_COMMIT_SESSION), V_HOLDS },
    { "start-of-any-source", BROKEN(R_COMMIT_SOURCE), V_ONE_COPY },
    { "start-for-any-digest", BROKEN(R_COMMIT_DIGEST), V_HOLDS },
    { "same-generation", BROKEN(R_COMMIT_GENERATION), V_ONE_GENERATION },
    { "unfence-without-evidence", BROKEN(R_UNFENCE_EVIDENCE), V_ONE_COPY },
    { "unfence-by-any-abort",
      BROKEN(R_UNFENCE_INSTANCE) | BROKEN(R_UNFENCE_SESSION), V_ONE_COPY },
    { "unfence-by-any-instance", BROKEN(R_UNFENCE_INSTANCE), V_ONE_COPY },
    { "unfence-in-any-session", BROKEN(R_UNFENCE_SESSION), V_HOLDS },
    { "retire-without-evidence", BROKEN(R_RETIRE_EVIDENCE), V_VANISHED },
    { "totals-not-compared", BROKEN(R_FINAL_TOTALS), V_HOLDS },
    { "ready-not-compared", BROKEN(R_READY_DIGEST), V_HOLDS },
    { "digest-not-bound",
      BROKEN(R_FINAL_TOTALS) | BROKEN(R_READY_DIGEST) | BROKEN(R_COMMIT_DIGEST),
      V_ONE_MEMORY },
    { "abort-given-once", BROKEN(R_ABORT_AGAIN), V_VANISHED },
    { "operator-overrides", BROKEN(R_NO_OVERRIDE), V_ONE_COPY },
};
enum { NR_VARIANTS = sizeof(variants) / sizeof(variants[0]) };

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int search_one(struct search *s, uint32_t broken)
{
    int rc;

    *s = (struct search){ .broken = broken, .max_worlds = MAX_WORLDS };
    rc = search_run(s);
    if (rc == 0 && s->full) {
        printf("more than %u worlds\n", s->max_worlds);
        rc = -ENOSPC;
    }
    return rc;
}

/* Returns the number of BAD lines. */
static int check_whole(const char *table)
{
    double start_s = now_s();
    struct search s;
    int bad = 0, rc;

    if (search_one(&s, 0) < 0) {
        printf("BAD the search did not end\n");
        search_free(&s);
        return 1;
    }
    printf("%u worlds, %u of them without return, %llu moves, %.1f s\n",
           s.nr_worlds, s.nr_unsafe, (unsigned long long)s.nr_moves,
           now_s() - start_s);
    if (s.verdict != V_HOLDS) {
        printf("BAD %s\n", verdict_name[s.verdict]);
        search_trace(&s);
        search_free(&s);
        return 1;
    }
    for (enum verdict v = V_HOLDS + 1; v < VERDICTS; v++)
        printf("ok %s\n", verdict_name[v]);
    for (unsigned n = 0; n < WITNESSES; n++) {
        bool seen = s.seen >> n & 1;

        printf("%s reached: %s\n", seen ? "ok" : "BAD", witness_name[n]);
        bad += !seen;
    }
    printf("cuts that cost the guest:\n");
    cuts_print(s.cuts);
    rc = cuts_compare(table, s.cuts);
    if (rc < 0)
        printf("%s: no table of cuts: %s\n", table, strerror(-rc));
    printf("%s the table of cuts is complete and has no more\n",
           rc == 0 ? "ok" : "BAD");
    bad += rc != 0;
    search_free(&s);
    return bad;
}

static int check_variant(const struct variant *v, bool show)
{
    struct search s;
    int rc = search_one(&s, v->broken);
    bool ok = rc == 0 && s.verdict == v->expect;

    printf("%s broken %s: %s, want %s (%u worlds)\n", ok ? "ok" : "BAD",
           v->name, rc < 0 ? "unfinished" : verdict_name[s.verdict],
           verdict_name[v->expect], s.nr_worlds);
    if (rc == 0 && s.verdict != V_HOLDS && (show || !ok))
        search_trace(&s);
    search_free(&s);
    return !ok;
}

static int check_variants(const char *only)
{
    int bad = 0, nr = 0;

    for (int i = 0; i < NR_VARIANTS; i++) {
        if (only && strcmp(only, variants[i].name) != 0)
            continue;
        bad += check_variant(&variants[i], true);
        nr++;
    }
    if (nr == 0)
        printf("BAD %s: no such rule\n", only ? only : "");
    return bad + (nr == 0);
}

int main(int argc, char **argv)
{
    int bad;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2)
        bad = check_whole(argv[1]);
    else if (argc == 3 && strcmp(argv[2], "--broken") == 0)
        bad = check_variants(NULL);
    else if (argc == 4 && strcmp(argv[2], "--rule") == 0)
        bad = check_variants(argv[3]);
    else {
        fprintf(stderr, "usage: stream_model TABLE [--broken | --rule NAME]\n");
        return 2;
    }
    return bad ? 1 : 0;
}
