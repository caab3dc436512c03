/* SPDX-License-Identifier: MIT */
/*
 * fake_wire.c - xswire.h's names (by --wrap), over the fake xenstore
 *
 * The batch is taken apart byte by byte, as xenstored would: a message that
 * is not well formed fails the test at once.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>
#include <xenstore.h>

#include "common/err.h"
#include "common/xswire.h"
#include "tests/fakes/fake.h"
#include "tests/fakes/fake_xs.h"

int __wrap_xswire_open(struct xswire **out, struct err *e);
void __wrap_xswire_close(struct xswire *w);
int __wrap_xswire_exchange(struct xswire *w, const struct xswire_batch *b,
                           uint32_t *failed, char *first, size_t first_bytes);

int __wrap_xswire_open(struct xswire **out, struct err *e)
{
    *out = (struct xswire *)xs_open(0);
    return *out ? 0 : fail(e, -ECONNREFUSED, "xenstore: connect");
}

void __wrap_xswire_close(struct xswire *w)
{
    xs_close((struct xs_handle *)w);
}

/* NUL separated on the wire; blanks in the fake. */
static bool set_perms(const struct xsd_sockmsg *head, const char *body,
                      size_t path_bytes)
{
    char perms[64] = "";

    for (size_t at = path_bytes; at < head->len; at += strlen(body + at) + 1) {
        if (strlen(perms) + strlen(body + at) + 2 > sizeof(perms))
            abort();
        if (perms[0])
            strcat(perms, " ");
        strcat(perms, body + at);
    }
    return fake_xs_set_perms(head->tx_id, body, perms);
}

static bool serve(struct xs_handle *h, const struct xsd_sockmsg *head,
                  const char *body, char *first)
{
    size_t path_bytes = strnlen(body, head->len) + 1;

    if (path_bytes > head->len)
        abort(); /* no NUL behind the path */
    switch (head->type) {
    case XS_TRANSACTION_START:
        if (xs_transaction_start(h) == XBT_NULL)
            return false;
        strcpy(first, "1");
        return true;
    case XS_TRANSACTION_END:
        return xs_transaction_end(h, head->tx_id, body[0] == 'F');
    case XS_WRITE:
        return xs_write(h, head->tx_id, body, body + path_bytes,
                        head->len - path_bytes);
    case XS_SET_PERMS:
        if (body[head->len - 1] != 0)
            abort();
        return set_perms(head, body, path_bytes);
    default:
        abort();
    }
}

int __wrap_xswire_exchange(struct xswire *w, const struct xswire_batch *b,
                           uint32_t *failed, char *first, size_t first_bytes)
{
    const char *at = b->bytes, *end = b->bytes + b->used;
    char none[16];
    int rc = 0;

    (void)first_bytes;
    for (uint32_t i = 0; i < b->nr; i++) {
        struct xsd_sockmsg head;

        memcpy(&head, at, sizeof(head));
        at += sizeof(head);
        if (head.req_id != i || at + head.len > end)
            abort();
        if (!serve((struct xs_handle *)w, &head, at, first ? first : none) &&
            rc == 0) {
            rc = -errno;
            *failed = i;
        }
        at += head.len;
    }
    if (at != end)
        abort();
    return rc;
}
