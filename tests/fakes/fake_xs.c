/* SPDX-License-Identifier: MIT */
/*
 * fake_xs.c - libxenstore's names, over the fake host
 *
 * Nodes are a list of paths; an open transaction keeps its own, so that an
 * aborted one leaves nothing.  A new node has its parent's permissions.  Every
 * watch fires for itself, once for each change at its path or below, and, but
 * for the special ones, once when it is made.
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

#define FAKE_NAME_BYTES 64u /* of a node, without its path */

struct node {
    char *path, *value, *perms;
    struct node *next;
};

struct watch {
    char *path, *token;
    uint32_t fired;
    struct watch *next;
};

struct xs_handle {
    int fd;
    struct watch *watches;
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
        free(n->perms);
        free(n);
    }
}

static struct node *list_find(struct node *list, const char *path)
{
    while (list && strcmp(list->path, path))
        list = list->next;
    return list;
}

/* Is path at dir, or below it? */
static bool is_below(const char *path, const char *dir)
{
    size_t len = strlen(dir);

    return strncmp(path, dir, len) == 0 && (path[len] == 0 || path[len] == '/');
}

static void fire(struct xs_handle *h, struct watch *w)
{
    uint64_t one = 1;

    w->fired++;
    if (write(h->fd, &one, sizeof(one)) < 0)
        abort();
}

/* path changed, or (gone) all below it went. */
static void fire_for(const char *path, bool gone)
{
    for (struct xs_handle *h = open_handles; h; h = h->next)
        for (struct watch *w = h->watches; w; w = w->next)
            if (is_below(path, w->path) || (gone && is_below(w->path, path)))
                fire(h, w);
}

/* As the nearest node above has them. */
static char *inherited(const char *path)
{
    char *up = fake_strdup(path), *perms = NULL, *slash;
    struct node *n;

    while (!perms && (slash = strrchr(up, '/'))) {
        *slash = 0;
        n = list_find(staged, up);
        if (!n)
            n = list_find(nodes, up);
        if (n)
            perms = fake_strdup(n->perms);
    }
    free(up);
    return perms ? perms : fake_strdup("n0");
}

static void count(void)
{
    fake.nr_xs_nodes = 0;
    for (struct node *n = nodes; n; n = n->next)
        fake.nr_xs_nodes++;
}

static void list_set(struct node **list, const char *path, const char *value)
{
    struct node *n = list_find(*list, path), *old = list_find(nodes, path);

    if (!n) {
        n = fake_calloc(1, sizeof(*n));
        n->path = fake_strdup(path);
        n->perms = old ? fake_strdup(old->perms) : inherited(path);
        n->next = *list;
        *list = n;
    }
    free(n->value);
    n->value = fake_strdup(value);
}

static bool list_remove(struct node **list, const char *path)
{
    bool found = false;

    while (*list) {
        struct node *n = *list;

        if (is_below(n->path, path)) {
            *list = n->next;
            free(n->path);
            free(n->value);
            free(n->perms);
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
    struct node *n = list_find(nodes, path);

    return n ? n->value : NULL;
}

const char *fake_xs_perms(const char *path)
{
    struct node *n = list_find(nodes, path);

    return n ? n->perms : NULL;
}

void fake_xs_set(const char *path, const char *value)
{
    list_set(&nodes, path, value);
    count();
    fire_for(path, false);
}

void fake_xs_rm(const char *path)
{
    list_remove(&nodes, path);
    count();
    fire_for(path, true);
}

uint32_t fake_xs_watches(void)
{
    uint32_t nr = 0;

    for (struct xs_handle *h = open_handles; h; h = h->next)
        for (struct watch *w = h->watches; w; w = w->next)
            nr++;
    return nr;
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

static void drop_watch(struct watch **at)
{
    struct watch *w = *at;

    *at = w->next;
    free(w->path);
    free(w->token);
    free(w);
}

void xs_close(struct xs_handle *xsh)
{
    struct xs_handle **at = &open_handles;

    while (*at != xsh)
        at = &(*at)->next;
    *at = xsh->next;
    close(xsh->fd);
    while (xsh->watches)
        drop_watch(&xsh->watches);
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

static void commit(const struct node *n)
{
    struct node *to;

    list_set(&nodes, n->path, n->value);
    to = list_find(nodes, n->path);
    free(to->perms);
    to->perms = fake_strdup(n->perms);
    fire_for(n->path, false);
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
        commit(n);
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
    if (t == XBT_NULL)
        fire_for(path, false);
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

/* Is this the first of its siblings, a node of the list or one below it? */
static bool is_first(const struct node *n, const char *name, size_t len)
{
    size_t up = (size_t)(name - n->path);

    for (const struct node *o = nodes; o != n; o = o->next)
        if (strncmp(o->path, n->path, up + len) == 0 &&
            (o->path[up + len] == 0 || o->path[up + len] == '/'))
            return false;
    return true;
}

char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path,
                    unsigned int *nr)
{
    size_t up = strlen(path);
    bool there = false;
    char **out, *text;

    (void)h, (void)t;
    if (fake_fails()) {
        errno = EIO;
        return NULL;
    }
    *nr = 0;
    out = fake_calloc(fake.nr_xs_nodes + 1, sizeof(*out) + FAKE_NAME_BYTES);
    text = (char *)(out + fake.nr_xs_nodes + 1);
    for (struct node *n = nodes; n; n = n->next) {
        const char *name = n->path + up + 1;
        size_t len;

        if (!is_below(n->path, path))
            continue;
        there = true;
        if (!n->path[up])
            continue;
        len = strcspn(name, "/");
        if (len >= FAKE_NAME_BYTES)
            abort();
        if (is_first(n, name, len)) {
            out[*nr] = memcpy(text + (size_t)*nr * FAKE_NAME_BYTES, name, len);
            ++*nr;
        }
    }
    if (there)
        return out;
    free(out);
    errno = ENOENT;
    return NULL;
}

/* Removing always works: the fault sweep wants to see nothing left. */
bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    bool found = list_remove(t == XBT_NULL ? &nodes : &staged, path);

    (void)h;
    count();
    if (found && t == XBT_NULL)
        fire_for(path, true);
    return found ? true : lose(ENOENT);
}

/* As set_permissions has it on the wire: "n7", "n0 r7". */
bool fake_xs_set_perms(uint32_t t, const char *path, const char *perms)
{
    struct node *n = list_find(t == XBT_NULL ? nodes : staged, path);

    if (fake_fails())
        return lose(EIO);
    if (!n)
        return lose(ENOENT);
    free(n->perms);
    n->perms = fake_strdup(perms);
    return true;
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

bool xs_resume_domain(struct xs_handle *h, unsigned int domid)
{
    struct fake_domain *d = fake_find(domid);

    (void)h;
    if (fake_fails() || !d)
        return lose(EIO);
    d->nr_xs_resumes++;
    return true;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    struct watch *w;

    if (fake_fails())
        return lose(ENOMEM);
    for (w = h->watches; w; w = w->next)
        if (strcmp(w->path, path) == 0 && strcmp(w->token, token) == 0)
            return lose(EEXIST);
    w = fake_calloc(1, sizeof(*w));
    w->path = fake_strdup(path);
    w->token = fake_strdup(token);
    w->next = h->watches;
    h->watches = w;
    if (path[0] == '/')
        fire(h, w);
    return true;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
    for (struct watch **at = &h->watches; *at; at = &(*at)->next)
        if (strcmp((*at)->path, path) == 0 &&
            strcmp((*at)->token, token) == 0) {
            drop_watch(at);
            return true;
        }
    return lose(ENOENT);
}

int xs_fileno(struct xs_handle *h)
{
    return h->fd;
}

char **xs_check_watch(struct xs_handle *h)
{
    struct watch *w = h->watches;
    uint64_t left;
    char **out;

    while (w && w->fired == 0)
        w = w->next;
    if (!w) {
        if (read(h->fd, &left, sizeof(left)) < 0)
            errno = EAGAIN;
        return NULL;
    }
    w->fired--;
    out = fake_calloc(1, 2 * sizeof(*out) + strlen(w->token) + strlen(w->path) +
                             2);
    out[XS_WATCH_TOKEN] = (char *)(out + 2);
    strcpy(out[XS_WATCH_TOKEN], w->token);
    out[XS_WATCH_PATH] = out[XS_WATCH_TOKEN] + strlen(w->token) + 1;
    strcpy(out[XS_WATCH_PATH], w->path);
    return out;
}

void fake_release_event(void)
{
    for (struct xs_handle *h = open_handles; h; h = h->next)
        for (struct watch *w = h->watches; w; w = w->next)
            if (strcmp(w->path, "@releaseDomain") == 0)
                fire(h, w);
}
