/* SPDX-License-Identifier: MIT */
/*
 * vmcpus.c - a set of the host's CPUs, as cpus= and cpus_soft= write it
 */
#include "toolstack/supervisor/vmcpus.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

static bool take(const char **s, const char *word)
{
    size_t len = strlen(word);

    if (strncmp(*s, word, len))
        return false;
    *s += len;
    return true;
}

/* strtoul() takes blanks and signs in front; a negative CPU is none. */
static bool number(const char **s, uint16_t *out)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(*s, &end, 10);
    if (errno || end == *s || n > VMCPUS_MAX || memchr(*s, '-', end - *s))
        return false;
    *s = end;
    *out = (uint16_t)n;
    return true;
}

static int step(const char *word, struct vm_cpus_step *out, struct err *e)
{
    const char *s = word;

    *out = (struct vm_cpus_step){ 0 };
    out->out = take(&s, "^");
    out->nodes = take(&s, "node:") || take(&s, "nodes:");
    if (strcmp(s, "all") == 0) {
        if (out->out)
            return fail(e, -EINVAL, "got \"%.40s\", want no ^ before all",
                        word);
        out->all = true;
        return 0;
    }
    if (!number(&s, &out->first))
        goto bad;
    out->last = out->first;
    if (*s == '-') {
        s++;
        if (!number(&s, &out->last))
            goto bad;
    }
    if (*s || out->last < out->first)
        goto bad;
    return 0;
bad:
    return fail(e, -EINVAL,
                "got \"%.40s\", want a CPU of 0..%u, a range as 0-3, node:N, "
                "^ before any of these, or all",
                word, VMCPUS_MAX);
}

int vmcpus_parse(const char *text, struct vm_cpus *out, struct err *e)
{
    char *words = strdup(text), *left = NULL;
    int rc = 0;

    *out = (struct vm_cpus){ 0 };
    /* More steps than characters there cannot be. */
    out->steps = calloc(strlen(text) / 2 + 1, sizeof(*out->steps));
    if (!words || !out->steps)
        rc = fail(e, -ENOMEM, "no memory");
    for (char *w = rc ? NULL : strtok_r(words, ",", &left); w && rc == 0;
         w = strtok_r(NULL, ",", &left))
        rc = step(w, &out->steps[out->nr_steps++], e);
    free(words);
    return rc;
}

void vmcpus_free(struct vm_cpus *c)
{
    free(c->steps);
    *c = (struct vm_cpus){ 0 };
}
