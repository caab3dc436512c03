/* SPDX-License-Identifier: MIT */
/*
 * target.c - which guest a command line's word means
 *
 * How this works: a domain's handle is in its run directory before the domain
 * exists, so names are matched by handle; xenstore tells the names of domains
 * that are not ours.
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

static void match(struct target *t, struct run_state *states, int nr_states,
                  bool *used)
{
    for (int i = 0; i < nr_states; i++) {
        if (t->domain.domid == 0 || t->domain.dying ||
            memcmp(states[i].uuid, t->domain.uuid, 16))
            continue;
        t->known = true;
        t->state = states[i];
        used[i] = true;
        snprintf(t->name, sizeof(t->name), "%s", states[i].name);
        return;
    }
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
