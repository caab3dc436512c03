/* SPDX-License-Identifier: MIT */
/*
 * store.c - xenstore, with errors in words
 */
#include "common/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "common/err.h"

struct store {
    struct xs_handle *xs;
};

int store_open(struct store **out, struct err *e)
{
    struct store *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return fail(e, -ENOMEM, "xenstore: no memory");
    s->xs = xs_open(0);
    if (!s->xs) {
        rc = fail(e, -errno, "xenstore: connect: %s; is xenstored running?",
                  strerror(errno));
        free(s);
        return rc;
    }
    *out = s;
    return 0;
}

static int not_there(struct err *e)
{
    return fail(e, -ENOTCONN,
                "xenstore: not connected: xenstored ended; it is looked for "
                "again every second");
}

void store_close(struct store *s)
{
    if (!s)
        return;
    xs_close(s->xs);
    free(s);
}

int store_write(struct store *s, const char *path, const char *value,
                struct err *e)
{
    if (!s)
        return not_there(e);
    if (!xs_write(s->xs, XBT_NULL, path, value, strlen(value)))
        return fail(e, -errno, "xenstore: write %s: %s", path, strerror(errno));
    return 0;
}

char *store_read(struct store *s, const char *path)
{
    unsigned int len_bytes;

    return !s ? NULL : xs_read(s->xs, XBT_NULL, path, &len_bytes);
}

int store_list(struct store *s, const char *path, char ***out, struct err *e)
{
    unsigned int nr = 0;

    *out = NULL;
    if (!s)
        return not_there(e);
    *out = xs_directory(s->xs, XBT_NULL, path, &nr);
    if (*out || errno == ENOENT)
        return (int)nr;
    return fail(e, -errno, "xenstore: list %s: %s", path, strerror(errno));
}

int store_remove(struct store *s, const char *path, struct err *e)
{
    if (!s)
        return not_there(e);
    if (xs_rm(s->xs, XBT_NULL, path) || errno == ENOENT)
        return 0;
    return fail(e, -errno, "xenstore: remove %s: %s", path, strerror(errno));
}

int store_introduce(struct store *s, uint16_t domid, uint64_t gfn,
                    uint32_t port, struct err *e)
{
    if (!s)
        return not_there(e);
    if (!xs_introduce_domain(s->xs, domid, gfn, port))
        return fail(e, -errno, "xenstore: introduce domain %u: %s", domid,
                    strerror(errno));
    return 0;
}

int store_resume(struct store *s, uint16_t domid, struct err *e)
{
    if (!s)
        return not_there(e);
    if (!xs_resume_domain(s->xs, domid))
        return fail(e, -errno, "xenstore: resume domain %u: %s", domid,
                    strerror(errno));
    return 0;
}

int store_watch(struct store *s, const char *path, const char *token,
                struct err *e)
{
    if (!s)
        return not_there(e);
    if (!xs_watch(s->xs, path, token))
        return fail(e, -errno, "xenstore: watch %s: %s", path, strerror(errno));
    return 0;
}

void store_unwatch(struct store *s, const char *path, const char *token)
{
    if (s)
        xs_unwatch(s->xs, path, token);
}

int store_fd(struct store *s)
{
    return xs_fileno(s->xs);
}

int store_take(struct store *s, char *token, uint32_t token_bytes)
{
    char **fired = xs_check_watch(s->xs);

    if (!fired)
        return 0;
    snprintf(token, token_bytes, "%s", fired[XS_WATCH_TOKEN]);
    free(fired);
    return 1;
}
