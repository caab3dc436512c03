/* SPDX-License-Identifier: MIT */
/*
 * fake_xs.c - libxenstore's names, over the fake host
 *
 * Nodes are a list of paths; an open transaction keeps its own, so that an
 * aborted one leaves nothing.
 */
#include "tests/fakes/fake_xs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <xenstore.h>

#include "tests/fakes/fake.h"
#include "tests/fakes/fake_alloc.h"

struct node {
    char *path, *value;
    struct node *next;
};

struct xs_handle {
    int fd;
    char *token; /* of the one watch */
    uint32_t fired;
    struct xs_handle *next;
};

static struct node *nodes, *staged;
static bool in_transaction;
static struct xs_handle *open_handles;

static void list_free(struct node **list)
{
    while (*list) {
        struct node *n = *list;

        *list = n->next;
        free(n->path);
        free(n->value);
        free(n);
    }
}

static void count(void)
{
    fake.nr_xs_nodes = 0;
    for (struct node *n = nodes; n; n = n->next)
        fake.nr_xs_nodes++;
}

static void list_set(struct node **list, const char *path, const char *value)
{
    struct node *n;

    for (n = *list; n; n = n->next)
        if (strcmp(n->path, path) == 0)
            break;
    if (!n) {
        n = fake_calloc(1, sizeof(*n));
        n->path = fake_strdup(path);
        n->next = *list;
        *list = n;
    }
    free(n->value);
    n->value = fake_strdup(value);
}

static bool list_remove(struct node **list, const char *path)
{
    size_t len = strlen(path);
    bool found = false;

    while (*list) {
        struct node *n = *list;

        if (strncmp(n->path, path, len) == 0 &&
            (n->path[len] == 0 || n->path[len] == '/')) {
            *list = n->next;
            free(n->path);
            free(n->value);
            free(n);
            found = true;
        } else {
            list = &n->next;
        }
    }
    return found;
}

void fake_xs_reset(void)
{
    list_free(&nodes);
    list_free(&staged);
    in_transaction = false;
}

void fake_xs_end(void)
{
    fake_xs_reset();
    count();
}

const char *fake_xs_value(const char *path)
{
    for (struct node *n = nodes; n; n = n->next)
        if (strcmp(n->path, path) == 0)
            return n->value;
    return NULL;
}

static bool lose(int error)
{
    errno = error;
    return false;
}

struct xs_handle *xs_open(unsigned long flags)
{
    struct xs_handle *h;

    (void)flags;
    if (fake_fails()) {
        errno = ECONNREFUSED;
        return NULL;
    }
    h = fake_calloc(1, sizeof(*h));
    h->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    h->next = open_handles;
    open_handles = h;
    fake.nr_handles++;
    return h;
}

void xs_close(struct xs_handle *xsh)
{
    struct xs_handle **at = &open_handles;

    while (*at != xsh)
        at = &(*at)->next;
    *at = xsh->next;
    close(xsh->fd);
    free(xsh->token);
    free(xsh);
    fake.nr_handles--;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
    (void)h;
    if (fake_fails()) {
        errno = ENOSPC;
        return XBT_NULL;
    }
    in_transaction = true;
    return 1;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
    (void)h, (void)t;
    in_transaction = false;
    if (!abort && fake_fails()) {
        list_free(&staged);
        return lose(EIO);
    }
    for (struct node *n = abort ? NULL : staged; n; n = n->next)
        list_set(&nodes, n->path, n->value);
    list_free(&staged);
    count();
    return true;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
              const void *data, unsigned int len)
{
    char *value;

    (void)h;
    if (fake_fails())
        return lose(ENOSPC);
    value = fake_strndup(data, len);
    list_set(t == XBT_NULL ? &nodes : &staged, path, value);
    free(value);
    count();
    return true;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
              unsigned int *len)
{
    const char *value = fake_xs_value(path);

    (void)h, (void)t;
    if (!value) {
        errno = ENOENT;
        return NULL;
    }
    *len = strlen(value);
    return fake_strdup(value);
}

/* Removing always works: the fault sweep wants to see nothing left. */
bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    bool found = list_remove(t == XBT_NULL ? &nodes : &staged, path);

    (void)h;
    count();
    return found ? true : lose(ENOENT);
}

bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t,
                        const char *path, struct xs_permissions *perms,
                        unsigned int num_perms)
{
    (void)h, (void)t, (void)path, (void)perms, (void)num_perms;
    return fake_fails() ? lose(EIO) : true;
}

bool xs_introduce_domain(struct xs_handle *h, unsigned int domid,
                         unsigned long mfn, unsigned int eventchn)
{
    struct fake_domain *d = fake_find(domid);

    (void)h, (void)mfn, (void)eventchn;
    if (fake_fails() || !d || !d->granted[XEN_STEWARD_STORE_REF])
        return lose(EINVAL);
    d->introduced = true;
    return true;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    (void)path;
    if (fake_fails())
        return lose(ENOMEM);
    free(h->token);
    h->token = fake_strdup(token);
    return true;
}

int xs_fileno(struct xs_handle *h)
{
    return h->fd;
}

char **xs_check_watch(struct xs_handle *h)
{
    uint64_t left;
    char **out;

    if (h->fired == 0) {
        if (read(h->fd, &left, sizeof(left)) < 0)
            errno = EAGAIN;
        return NULL;
    }
    h->fired--;
    out = fake_calloc(1, 2 * sizeof(*out) + strlen(h->token) + 2);
    out[XS_WATCH_TOKEN] = (char *)(out + 2);
    strcpy(out[XS_WATCH_TOKEN], h->token);
    out[XS_WATCH_PATH] = out[XS_WATCH_TOKEN] + strlen(h->token);
    return out;
}

void fake_release_event(void)
{
    uint64_t one = 1;

    for (struct xs_handle *h = open_handles; h; h = h->next) {
        if (!h->token)
            continue;
        h->fired++;
        if (write(h->fd, &one, sizeof(one)) < 0)
            abort();
    }
}
