/* SPDX-License-Identifier: MIT */
/*
 * cuts.c - name a cut; hold the cuts found against the table
 */
#include "cuts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Lost, source, destination: the first three columns of the table. */
static const char *const rows[] = {
    "source | RUN | any",
    "destination | any | RUN",
    "source | FENCED | RECEIVING, START in no file",
    "source | FENCED | POISONED",
    "destination | FENCED | RECEIVING",
    "destination | FENCED | POISONED, ABORT in no file",
    "destination, before `fence` | FENCED, not knowing | gone",
    "destination | gone, START in a file | RECEIVING",
    "poisoned: destination | gone, START in a file | RECEIVING",
};
enum { NR_ROWS = sizeof(rows) / sizeof(rows[0]) };

/* The domain that is fenced for i, or was and has left START; NOBODY. */
static unsigned fenced_for(const struct world *w, unsigned i)
{
    for (unsigned s = 0; s < DOMAINS; s++)
        if (w->dom[s].fence_peer == i)
            return s;
    return NOBODY;
}

static unsigned cut_of_gone(const struct world *w, unsigned i)
{
    const struct domain *d = &w->dom[i];
    unsigned src = fenced_for(w, i);

    if (d->xen == X_RUN)
        return d->from == NOBODY ? 0 : 1;
    if (d->xen == X_FENCED && d->fence_peer != NOBODY)
        return w->dom[d->fence_peer].xen == X_RECEIVING ? 2 : 3;
    if (src == NOBODY)
        return CUT_UNLISTED;
    if (d->xen == X_RECEIVING)
        return w->dom[src].xen == X_FENCED ? 4 : 7;
    return d->xen == X_POISONED && w->dom[src].xen == X_FENCED ? 5
                                                               : CUT_UNLISTED;
}

unsigned cut_of(const struct world *before, const struct move *m)
{
    const struct domain *d = &before->dom[m->i];
    unsigned src = fenced_for(before, m->i);

    switch (m->kind) {
    case M_GONE:
        return cut_of_gone(before, m->i);
    case M_FENCE:
        return before->dom[d->peer].xen == X_GONE ? 6 : CUT_UNLISTED;
    case M_POISON:
        return src != NOBODY && before->dom[src].xen == X_GONE ? 8
                                                               : CUT_UNLISTED;
    default:
        return CUT_UNLISTED;
    }
}

void cuts_print(uint32_t found)
{
    for (unsigned i = 0; i < NR_ROWS; i++)
        if (found >> i & 1)
            printf("  | %s |\n", rows[i]);
}

/* The first three columns of a line of the table, or false. */
static bool columns(const char *line, char *out, size_t out_bytes)
{
    const char *p = line + 2, *end = p;

    if (strncmp(line, "| ", 2) != 0)
        return false;
    for (unsigned n = 0; n < 3; n++) {
        end = strstr(end, " |");
        if (!end)
            return false;
        if (n < 2)
            end += 2;
    }
    if ((size_t)(end - p) >= out_bytes)
        return false;
    memcpy(out, p, (size_t)(end - p));
    out[end - p] = '\0';
    return true;
}

static int row_of(const char *words)
{
    for (int i = 0; i < NR_ROWS; i++)
        if (strcmp(rows[i], words) == 0)
            return i;
    return -1;
}

/* The rows between the markers, but for head and rule; 0 or -EINVAL. */
static int read_table(FILE *f, uint32_t *listed, int *nr_bad)
{
    char line[512], words[256];
    int at = 0; /* 1: between the markers */

    while (fgets(line, sizeof(line), f)) {
        if (strstr(line, "<!-- model: unavoidable -->"))
            at = 1;
        else if (at && strstr(line, "<!-- end -->"))
            return 0;
        else if (at && columns(line, words, sizeof(words)) &&
                 strncmp(words, "---", 3) != 0 &&
                 strncmp(words, "what ", 5) != 0) {
            int row = row_of(words);

            if (row >= 0) {
                *listed |= 1u << row;
            } else {
                printf("the table has a cut that is unknown: %s\n", words);
                (*nr_bad)++;
            }
        }
    }
    return -EINVAL;
}

int cuts_compare(const char *path, uint32_t found)
{
    FILE *f = fopen(path, "r");
    uint32_t listed = 0;
    int nr_bad = 0, rc;

    if (!f)
        return -errno;
    rc = read_table(f, &listed, &nr_bad);
    fclose(f);
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < NR_ROWS; i++) {
        if ((listed ^ found) >> i & 1) {
            printf("%s: %s\n",
                   listed >> i & 1 ? "in the table, but never found"
                                   : "found, but not in the table",
                   rows[i]);
            nr_bad++;
        }
    }
    return nr_bad;
}
