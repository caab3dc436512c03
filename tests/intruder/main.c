/* SPDX-License-Identifier: MIT */
/*
 * main.c - freehold-intruder: try every way into a guest that dom0 has
 *
 * How this works: a row (row.h) is tried in a process of its own (run.c).
 * "attack" tries rows on one guest and says what came of it; "table" tries
 * each on an ordinary guest and on a protected one and judges the pair
 * (judge.c).  It is a test: nothing in the project but this folder reaches
 * for a guest's memory.
 */
#include "accomplice.h"
#include "frames.h"
#include "report.h"
#include "run.h"
#include "stock.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SPARE_PAGES 4000u /* from the canary's first page */
#define NEWBORN_KIB 65536u
#define NEWBORN_PAGES 8u
#define SEED_ORDINARY 1u
#define SEED_PROTECTED 2u

enum { EXIT_PASSED, EXIT_FAILED, EXIT_USAGE, EXIT_ERROR };

struct guest {
    int domid; /* negative: not given */
    uint32_t seed;
};

struct options {
    struct guest ordinary, protected; /* attack uses the second alone */
    uint64_t gfn, mfn;
    uint32_t stage;
    const char *row, *stock;
    int json, verbose;
};

const struct row_set *const row_sets[] = {
    &rows_map,  &rows_domctl, &rows_dm,   &rows_param, &rows_mem,  &rows_grant,
    &rows_host, &rows_iomem,  &rows_msix, &rows_freed, &rows_life, NULL,
};

static const char usage[] =
    "usage: freehold-intruder list\n"
    "       freehold-intruder attack [--domid N[:SEED]] [OPTION]...\n"
    "       freehold-intruder table [--ordinary N[:SEED]] "
    "[--protected N[:SEED]] [OPTION]...\n"
    "\n"
    "  --stage STAGE  running (default), serial, last, newborn, freed, host,\n"
    "                 gone\n"
    "  --row ID       only this row\n"
    "  --gfn G        a page that holds the canary (default 0x2000)\n"
    "  --mfn M        its machine frame (default: look it up in the M2P)\n"
    "  --stock FILE   outcomes of attack --json on stock Xen, for the rows\n"
    "                 whose control needs that\n"
    "  --json         an array of objects in place of the table\n"
    "  --verbose      let the Xen libraries' own messages through\n"
    "\n"
    "newborn guests are made here; freed needs a SEED only; last and gone\n"
    "end the guests they are given.\n";

static struct attack make_attack(const struct options *o, const struct guest *g)
{
    struct attack a = { .stage = o->stage,
                        .domid = (uint16_t)g->domid,
                        .gfn = o->gfn,
                        .spare_gfn = o->gfn + SPARE_PAGES,
                        .mfn = o->mfn };

    if (o->stage == STAGE_NEWBORN)
        a.spare_gfn = o->gfn + NEWBORN_PAGES - 1;
    canary_line_from_seed(g->seed, &a.line);
    return a;
}

static int is_chosen(const struct options *o, const struct row *row)
{
    return (row->stages & o->stage) && (!o->row || !strcmp(o->row, row->id));
}

static int list(void)
{
    for (unsigned s = 0; row_sets[s]; s++)
        for (unsigned i = 0; i < row_sets[s]->nr; i++) {
            const struct row *row = &row_sets[s]->rows[i];

            printf("%-36s %-5s %-8s %-44s", row->id, row->audit, row->choke,
                   row->way);
            for (uint32_t bit = 1; bit < STAGES_END; bit <<= 1)
                if (row->stages & bit)
                    printf(" %s", stage_name(bit));
            printf("\n");
        }
    return EXIT_PASSED;
}

static int attack(const struct options *o)
{
    struct attack a = make_attack(o, &o->protected);
    struct report *r = report_begin(o->json);
    unsigned nr[V_VERDICTS];
    int status = EXIT_PASSED;

    if (!r)
        return EXIT_ERROR;
    for (unsigned s = 0; row_sets[s]; s++)
        for (unsigned i = 0; i < row_sets[s]->nr; i++) {
            struct outcome out;

            a.row = &row_sets[s]->rows[i];
            if (!is_chosen(o, a.row))
                continue;
            out = run_attempt(&a, o->verbose);
            if (out.kind == OUT_ERROR)
                status = EXIT_ERROR;
            report_attempt(r, a.row, o->stage, &out);
        }
    report_end(r, nr);
    return status;
}

/* Try one row on both; rows about the host as a whole have one target. */
static void try_both(const struct options *o, const struct stock *stock,
                     const struct row *row, struct report *r)
{
    struct attack ordinary = make_attack(o, &o->ordinary);
    struct attack target = make_attack(o, &o->protected);
    struct outcome control, out;
    enum verdict v;
    char why[160];

    ordinary.row = target.row = row;
    if ((row->flags & ROW_STOCK) || o->stage == STAGE_HOST)
        control = stock_outcome(stock, row->id);
    else
        control = run_attempt(&ordinary, o->verbose);
    out = run_attempt(&target, o->verbose);
    v = judge(row, &control, &out, why, sizeof(why));
    report_verdict(r, row, o->stage, &control, &out, v, why);
}

static int table(const struct options *o)
{
    struct report *r = report_begin(o->json);
    struct stock *stock = NULL;
    unsigned nr[V_VERDICTS] = { 0 };
    int rc = o->stock ? stock_open(&stock, o->stock) : 0;

    if (!r || rc < 0) {
        fprintf(stderr, "%s: read: %s\n", o->stock ? o->stock : "report",
                strerror(rc < 0 ? -rc : ENOMEM));
        return EXIT_ERROR;
    }
    for (unsigned s = 0; row_sets[s]; s++)
        for (unsigned i = 0; i < row_sets[s]->nr; i++)
            if (is_chosen(o, &row_sets[s]->rows[i]))
                try_both(o, stock, &row_sets[s]->rows[i], r);
    report_end(r, nr);
    stock_close(stock);
    if (nr[V_FAIL])
        return EXIT_FAILED;
    return nr[V_ERROR] ? EXIT_ERROR : EXIT_PASSED;
}

/* An ordinary newborn has pages, and the secret in them. */
static int furnish(struct hc *h, const struct options *o)
{
    struct canary_line line;
    long rc =
        acc_populate(h, (uint16_t)o->ordinary.domid, o->gfn, NEWBORN_PAGES, 0);

    canary_line_from_seed(o->ordinary.seed, &line);
    for (unsigned i = 0; rc > 0 && i < NEWBORN_PAGES; i++) {
        void *va = frames_map(h, (uint16_t)o->ordinary.domid,
                              PROT_READ | PROT_WRITE, o->gfn + i, &rc);

        if (!va)
            break;
        canary_fill(&line, va, 4096);
        frames_unmap(h, va);
        rc = 1;
    }
    return rc > 0 ? 0 : rc < 0 ? (int)rc : -ENOMEM;
}

static int table_of_newborns(struct options *o)
{
    struct hc h;
    int status = EXIT_ERROR;
    int rc = hc_open(&h);

    if (rc < 0) {
        fprintf(stderr, "privcmd: open: %s\n", strerror(-rc));
        return EXIT_ERROR;
    }
    o->ordinary.domid = acc_create(&h, ACC_HVM, NEWBORN_KIB);
    o->protected.domid = acc_create(&h, ACC_PROTECTED, NEWBORN_KIB);
    if (o->protected.domid < 0)
        fprintf(stderr, "newborn: create a protected domain: %s\n",
                strerror(-o->protected.domid));
    else if (o->ordinary.domid < 0)
        fprintf(stderr, "newborn: create an ordinary domain: %s\n",
                strerror(-o->ordinary.domid));
    else if ((rc = furnish(&h, o)) < 0)
        fprintf(stderr, "newborn: fill its pages: %s\n", strerror(-rc));
    else
        status = table(o);
    acc_destroy(&h, o->ordinary.domid);
    acc_destroy(&h, o->protected.domid);
    hc_close(&h);
    return status;
}

/* N, N:SEED or :SEED. */
static int parse_guest(const char *s, struct guest *g)
{
    char *end = (char *)s;
    unsigned long n;

    if (*s != ':') {
        n = strtoul(s, &end, 0);
        if (end == s || n == 0 || n >= DOMID_FIRST_RESERVED)
            return -EINVAL;
        g->domid = (int)n;
    }
    if (*end == ':') {
        s = end + 1;
        g->seed = (uint32_t)strtoul(s, &end, 0);
        if (end == s)
            return -EINVAL;
    }
    return *end ? -EINVAL : 0;
}

static int parse_number(const char *s, uint64_t *n)
{
    char *end;

    *n = strtoull(s, &end, 0);
    return end == s || *end ? -EINVAL : 0;
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        { "domid", required_argument, NULL, 'p' },
        { "protected", required_argument, NULL, 'p' },
        { "ordinary", required_argument, NULL, 'o' },
        { "stage", required_argument, NULL, 't' },
        { "row", required_argument, NULL, 'r' },
        { "gfn", required_argument, NULL, 'g' },
        { "mfn", required_argument, NULL, 'm' },
        { "stock", required_argument, NULL, 's' },
        { "json", no_argument, NULL, 'j' },
        { "verbose", no_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 },
    };
    int c, rc = 0;

    while (rc == 0 && (c = getopt_long(argc, argv, "", longs, NULL)) != -1)
        switch (c) {
        case 'p':
            rc = parse_guest(optarg, &o->protected);
            break;
        case 'o':
            rc = parse_guest(optarg, &o->ordinary);
            break;
        case 't':
            o->stage = stage_of_name(optarg);
            rc = o->stage ? 0 : -EINVAL;
            break;
        case 'r':
            o->row = optarg;
            break;
        case 'g':
            rc = parse_number(optarg, &o->gfn);
            break;
        case 'm':
            rc = parse_number(optarg, &o->mfn);
            break;
        case 's':
            o->stock = optarg;
            break;
        case 'j':
            o->json = 1;
            break;
        case 'v':
            o->verbose = 1;
            break;
        default:
            rc = -EINVAL;
        }
    return rc < 0 || optind != argc ? -EINVAL : 0;
}

/* Does the stage have the guests it needs? */
static int is_complete(const struct options *o, int is_table)
{
    if (o->stage & (STAGE_NEWBORN | STAGE_FREED | STAGE_HOST))
        return 1;
    if (o->stage == STAGE_GONE)
        return o->protected.domid >= 0;
    return o->protected.domid >= 0 && (!is_table || o->ordinary.domid >= 0);
}

int main(int argc, char **argv)
{
    struct options o = {
        .ordinary = { -1, SEED_ORDINARY },
        .protected = { -1, SEED_PROTECTED },
        .gfn = CANARY_GPA_DEFAULT >> 12,
        .mfn = ATTACK_NO_MFN,
        .stage = STAGE_RUNNING,
    };
    const char *verb = argc > 1 ? argv[1] : "";
    int is_table = !strcmp(verb, "table");

    if (!strcmp(verb, "list") && argc == 2)
        return list();
    if ((!is_table && strcmp(verb, "attack")) ||
        parse(argc - 1, argv + 1, &o) < 0 || !is_complete(&o, is_table)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (!is_table)
        return attack(&o);
    return o.stage == STAGE_NEWBORN ? table_of_newborns(&o) : table(&o);
}
