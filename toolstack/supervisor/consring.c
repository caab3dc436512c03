/* SPDX-License-Identifier: MIT */
/*
 * consring.c - the PV console's two byte rings
 */
#include "toolstack/supervisor/consring.h"

#include <xen/io/console.h>

#include "common/checked.h"
#include "common/shm.h"

#define OUT_BYTES ((uint32_t)sizeof(((struct xencons_interface *)0)->out))
#define IN_BYTES ((uint32_t)sizeof(((struct xencons_interface *)0)->in))

void consring_attach(struct consring *r, struct xencons_interface *shared)
{
    *r = (struct consring){
        .shared = shared,
        .out_cons = shm_u32(&shared->out_cons),
        .in_prod = shm_u32(&shared->in_prod),
    };
}

size_t consring_take(struct consring *r, char *out, size_t out_bytes)
{
    uint32_t prod = shm_u32(&r->shared->out_prod);
    uint32_t nr = prod - r->out_cons;
    uint32_t at, first;

    if (nr > OUT_BYTES) {
        r->nr_lies++;
        r->out_cons = prod;
        nr = 0;
    }
    nr = MIN_OF(nr, out_bytes);
    if (nr == 0)
        return 0;
    shm_rmb(); /* the index, then the bytes */
    at = r->out_cons % OUT_BYTES;
    first = MIN_OF(nr, OUT_BYTES - at);
    shm_fetch(out, r->shared->out + at, first);
    shm_fetch(out + first, r->shared->out, nr - first);
    r->out_cons += nr;
    return nr;
}

void consring_release(struct consring *r)
{
    shm_mb(); /* the bytes are ours before the guest may reuse them */
    shm_set_u32(&r->shared->out_cons, r->out_cons);
}

size_t consring_give(struct consring *r, const char *in, size_t in_bytes)
{
    uint32_t cons = shm_u32(&r->shared->in_cons);
    uint32_t used = r->in_prod - cons;
    uint32_t nr, at, first;

    if (used > IN_BYTES) {
        r->nr_lies++;
        return 0;
    }
    nr = MIN_OF(IN_BYTES - used, in_bytes);
    if (nr == 0)
        return 0;
    shm_mb(); /* room is seen before it is filled */
    at = r->in_prod % IN_BYTES;
    first = MIN_OF(nr, IN_BYTES - at);
    shm_put(r->shared->in + at, in, first);
    shm_put(r->shared->in, in + first, nr - first);
    shm_wmb();
    r->in_prod += nr;
    shm_set_u32(&r->shared->in_prod, r->in_prod);
    return nr;
}
