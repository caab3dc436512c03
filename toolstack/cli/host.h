/* SPDX-License-Identifier: MIT */
/*
 * host.h - what a command needs that only looks at domains
 */
#ifndef HOST_H
#define HOST_H

#include <time.h>

#include "toolstack/cli/target.h"

struct host {
    struct hyp *hyp;
    struct store *store; /* NULL: not to be had; names of others are missing */
    struct target *list;
    int nr;
};

/*
 * Open the host and find the domains that the words name, or all: those with
 * a domain alone, unless also_without.  host_close() also after an error.
 */
int host_open(struct host *h, int nr_words, char **words, bool also_without,
              struct err *e);
void host_close(struct host *h);

/* When a guest's domain was made, as xenstore tells; 0: not known. */
time_t host_start_of(struct store *s, const struct target *t);

#endif
