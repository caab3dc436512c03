/* SPDX-License-Identifier: MIT */
/*
 * host.c - what a command needs that only looks at domains
 */
#include "toolstack/cli/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/store.h"
#include "toolstack/supervisor/xenbus.h"

static int find_words(struct host *h, int nr_words, char **words, struct err *e)
{
    int rc = 0;

    h->list = calloc(nr_words, sizeof(*h->list));
    if (!h->list)
        return fail(e, -ENOMEM, "list: no memory");
    while (h->nr < nr_words && rc == 0) {
        rc = target_find(h->hyp, h->store, words[h->nr], &h->list[h->nr], e);
        h->nr += rc == 0;
    }
    return rc;
}

int host_open(struct host *h, int nr_words, char **words, bool also_without,
              struct err *e)
{
    int rc, kept = 0;

    *h = (struct host){ 0 };
    rc = hyp_open(&h->hyp, e);
    if (rc < 0)
        return rc;
    if (xenbus_connect(&h->store, NULL) < 0)
        h->store = NULL; /* names of others are a courtesy */
    if (nr_words > 0) {
        rc = find_words(h, nr_words, words, e);
    } else {
        rc = target_list(h->hyp, h->store, &h->list, e);
        h->nr = rc < 0 ? 0 : rc;
    }
    for (int i = 0; i < h->nr; i++) {
        if (also_without || h->list[i].has_domain)
            h->list[kept++] = h->list[i];
        else if (rc >= 0 && nr_words > 0)
            rc = fail(e, -ESRCH,
                      "guest %s: look for its domain: it has none now",
                      h->list[i].name);
    }
    h->nr = kept;
    return rc < 0 ? rc : 0;
}

void host_close(struct host *h)
{
    free(h->list);
    store_close(h->store);
    hyp_close(h->hyp);
    *h = (struct host){ 0 };
}

time_t host_start_of(struct store *s, const struct target *t)
{
    char path[128], uuid[VM_UUID_TEXT], *text;
    time_t start = 0;

    if (!s)
        return 0;
    vmcfg_uuid_text(t->known ? t->state.uuid : t->domain.uuid, uuid);
    snprintf(path, sizeof(path), "/vm/%s/start_time", uuid);
    text = store_read(s, path);
    if (text)
        start = (time_t)strtoll(text, NULL, 10);
    free(text);
    return start;
}
