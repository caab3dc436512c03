/* SPDX-License-Identifier: MIT */
/*
 * store_tree.c - a whole tree into xenstore in three round trips
 *
 * How this works: nodes are kept as a list of small steps.  Commit starts a
 * transaction, sends every step together, and ends the transaction as the
 * answers say.  When others changed xenstore meanwhile, the same steps run
 * again under a new transaction.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "common/err.h"
#include "common/store.h"
#include "common/xswire.h"

#define TX_TRIES_MAX 16u

struct step {
    uint32_t type; /* XS_* */
    char *path, *value;
    struct step *next;
};

struct store_tree {
    struct xswire *wire;
    struct step *first, **tail;
    int rc; /* sticky: -ENOMEM */
};

int store_tree_new(struct store_tree **out, struct err *e)
{
    struct store_tree *t = calloc(1, sizeof(*t));
    int rc;

    if (!t)
        return fail(e, -ENOMEM, "xenstore: no memory");
    t->tail = &t->first;
    rc = xswire_open(&t->wire, e);
    if (rc < 0) {
        free(t);
        return rc;
    }
    *out = t;
    return 0;
}

void store_tree_free(struct store_tree *t)
{
    if (!t)
        return;
    while (t->first) {
        struct step *s = t->first;

        t->first = s->next;
        free(s->path);
        free(s->value);
        free(s);
    }
    xswire_close(t->wire);
    free(t);
}

static void add(struct store_tree *t, uint32_t type, const char *path,
                const char *value)
{
    struct step *s = calloc(1, sizeof(*s));

    if (s) {
        s->type = type;
        s->path = strdup(path);
        s->value = strdup(value);
        *t->tail = s;
        t->tail = &s->next;
    }
    if (!s || !s->path || !s->value)
        t->rc = -ENOMEM;
}

void store_tree_write(struct store_tree *t, const char *path, const char *value)
{
    add(t, XS_WRITE, path, value);
}

void store_tree_readable(struct store_tree *t, const char *path, uint16_t domid)
{
    char perms[16];

    snprintf(perms, sizeof(perms), "n0 r%u", domid);
    add(t, XS_SET_PERMS, path, perms);
}

void store_tree_owned(struct store_tree *t, const char *path, uint16_t domid)
{
    char perms[16];

    snprintf(perms, sizeof(perms), "n%u", domid);
    add(t, XS_SET_PERMS, path, perms);
}

/* Permissions go out NUL separated, each with its NUL. */
static void add_perms(struct xswire_batch *b, uint32_t tx, const struct step *s)
{
    char wire[16];
    size_t wire_bytes = (size_t)snprintf(wire, sizeof(wire), "%s", s->value);

    for (char *c = wire; *c; c++)
        if (*c == ' ')
            *c = 0;
    xswire_add(b, s->type, tx, s->path, wire, wire_bytes + 1);
}

static void gather(const struct store_tree *t, uint32_t tx,
                   struct xswire_batch *b)
{
    for (const struct step *s = t->first; s; s = s->next) {
        if (s->type == XS_SET_PERMS)
            add_perms(b, tx, s);
        else
            xswire_add(b, s->type, tx, s->path, s->value, strlen(s->value));
    }
}

static int begin(struct store_tree *t, uint32_t *tx, struct err *e)
{
    struct xswire_batch b = { 0 };
    uint32_t failed = 0;
    char text[16];
    int rc;

    xswire_add(&b, XS_TRANSACTION_START, 0, "", NULL, 0);
    rc = xswire_exchange(t->wire, &b, &failed, text, sizeof(text));
    xswire_batch_free(&b);
    if (rc < 0)
        return fail(e, rc, "xenstore: start a transaction: %s", strerror(-rc));
    *tx = (uint32_t)strtoul(text, NULL, 10);
    return 0;
}

static int step_failed(const struct store_tree *t, uint32_t number, int rc,
                       struct err *e)
{
    const struct step *s = t->first;

    while (s && number--)
        s = s->next;
    return fail(e, rc, "xenstore: write %s: %s", s ? s->path : "a tree",
                strerror(-rc));
}

static int end(struct store_tree *t, uint32_t tx, bool commit, struct err *e)
{
    struct xswire_batch b = { 0 };
    uint32_t failed = 0;
    int rc;

    xswire_add(&b, XS_TRANSACTION_END, tx, commit ? "T" : "F", NULL, 0);
    rc = xswire_exchange(t->wire, &b, &failed, NULL, 0);
    xswire_batch_free(&b);
    if (rc == 0 || rc == -EAGAIN)
        return rc;
    return fail(e, rc, "xenstore: commit a transaction: %s", strerror(-rc));
}

static int commit_once(struct store_tree *t, struct err *e)
{
    struct xswire_batch b = { 0 };
    uint32_t tx = 0, failed = 0;
    int rc = begin(t, &tx, e);

    if (rc < 0)
        return rc;
    gather(t, tx, &b);
    rc = xswire_exchange(t->wire, &b, &failed, NULL, 0);
    xswire_batch_free(&b);
    if (rc == 0)
        return end(t, tx, true, e);
    step_failed(t, failed, rc, e);
    end(t, tx, false, NULL);
    return rc == -EAGAIN ? -EIO : rc;
}

int store_tree_commit(struct store_tree *t, struct err *e)
{
    if (t->rc < 0)
        return fail(e, t->rc, "xenstore: no memory");
    for (uint32_t i = 0; i < TX_TRIES_MAX; i++) {
        int rc = commit_once(t, e);

        if (rc != -EAGAIN)
            return rc;
    }
    return fail(e, -EBUSY,
                "xenstore: commit a transaction: others changed xenstore %u "
                "times meanwhile",
                TX_TRIES_MAX);
}
