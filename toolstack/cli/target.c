/* SPDX-License-Identifier: MIT */
/*
 * target.c - which guest a command line's word means
 *
 * How this works: a live supervisor knows its domain and says so in its run
 * directory, which is believed.  For what a dead one left, and in the moment
 * before a live one knows the number, the domain's handle decides: it is in
 * the run directory before the domain exists.  Xenstore tells the names of
 * domains that are not ours.
 */
#include "toolstack/cli/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/store.h"

static void name_from_store(struct store *s, struct target *t)
{
    char path[64], *name;

    if (!s)
        return;
    snprintf(path, sizeof(path), "/local/domain/%u/name", t->domain.domid);
    name = store_read(s, path);
    if (name)
        snprintf(t->name, sizeof(t->name), "%s", name);
    free(name);
}

/* Its number is Xen's and is not given out again while the domain is there. */
static bool names_domid(const struct run_state *s)
{
    return s->supervised && s->domid;
}

/* Anybody in dom0 may give any domain any handle: the second best answer. */
static bool has_handle_of(const struct hyp_info *d, const struct run_state *s)
{
    return d->domid && !d->dying &&
           memcmp(d->uuid, s->uuid, sizeof(s->uuid)) == 0;
}

/* The index of the guest that the domain is of; -1: none of ours. */
static int find_state(const struct hyp_info *d, const struct run_state *states,
                      int nr_states)
{
    for (int i = 0; i < nr_states; i++)
        if (names_domid(&states[i]) && states[i].domid == d->domid)
            return i;
    for (int i = 0; i < nr_states; i++)
        if (!names_domid(&states[i]) && has_handle_of(d, &states[i]))
            return i;
    return -1;
}

static void match(struct target *t, const struct run_state *states,
                  int nr_states, bool *used)
{
    int i = find_state(&t->domain, states, nr_states);

    if (i < 0)
        return;
    t->known = true;
    t->state = states[i];
    used[i] = true;
    snprintf(t->name, sizeof(t->name), "%s", states[i].name);
}

int target_list(struct hyp *h, struct store *s, struct target **out,
                struct err *e)
{
    struct hyp_info *domains = NULL;
    struct run_state *states = NULL;
    struct target *list = NULL;
    int nr_domains, nr_states, nr = 0;
    bool *used = NULL;

    nr_states = rundir_list(RUNDIR_BASE, &states, e);
    if (nr_states < 0)
        return nr_states;
    nr_domains = hyp_list(h, &domains, e);
    if (nr_domains < 0) {
        free(states);
        return nr_domains;
    }
    list = calloc(nr_domains + nr_states + 1, sizeof(*list));
    used = calloc(nr_states + 1, sizeof(*used));
    if (!list || !used) {
        nr = fail(e, -ENOMEM, "list: no memory");
        free(list);
        goto out;
    }
    for (int i = 0; i < nr_domains; i++) {
        struct target *t = &list[nr++];

        t->has_domain = true;
        t->domain = domains[i];
        match(t, states, nr_states, used);
        if (!t->known)
            name_from_store(s, t);
    }
    for (int i = 0; i < nr_states; i++)
        if (!used[i]) {
            list[nr].known = true;
            list[nr].state = states[i];
            snprintf(list[nr].name, sizeof(list[nr].name), "%s",
                     states[i].name);
            nr++;
        }
    *out = list;
out:
    free(used);
    free(domains);
    free(states);
    return nr;
}

int target_find(struct hyp *h, struct store *s, const char *word,
                struct target *out, struct err *e)
{
    struct target *list;
    int nr = target_list(h, s, &list, e), rc = -ESRCH;
    char *end;
    unsigned long domid = strtoul(word, &end, 10);
    bool is_number = *word && !*end;

    if (nr < 0)
        return nr;
    for (int i = 0; i < nr && rc; i++)
        if (is_number ? list[i].has_domain && list[i].domain.domid == domid
                      : strcmp(list[i].name, word) == 0) {
            *out = list[i];
            rc = 0;
        }
    free(list);
    if (rc)
        fail(e, rc, "guest %s: look for it: there is none; see freehold list",
             word);
    return rc;
}
