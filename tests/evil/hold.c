/* SPDX-License-Identifier: MIT */
/*
 * hold.c - take granted pages as no honest supervisor does, and keep them
 */
#include "tests/evil/hold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xengnttab.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/xtl.h"

struct hold {
    xengnttab_handle *handle;
    struct {
        void *va;
        uint32_t nr_refs;
    } map[HOLD_MAPS_MAX];
    uint32_t nr_maps;
};

int hold_open(struct hold **out, struct err *e)
{
    struct hold *h = calloc(1, sizeof(*h));

    if (!h)
        return fail(e, -ENOMEM, "hold: no memory");
    h->handle = xengnttab_open(xtl_logger(), 0);
    if (!h->handle) {
        int rc = fail(e, -errno, "hold: open gntdev: %s", strerror(errno));

        free(h);
        return rc;
    }
    *out = h;
    return 0;
}

void hold_drop(struct hold *h)
{
    for (uint32_t i = 0; i < h->nr_maps; i++)
        xengnttab_unmap(h->handle, h->map[i].va, h->map[i].nr_refs);
    h->nr_maps = 0;
}

void hold_close(struct hold *h)
{
    if (!h)
        return;
    hold_drop(h);
    xengnttab_close(h->handle);
    free(h);
}

int hold_map(struct hold *h, uint16_t domid, uint32_t first_ref,
             uint32_t nr_refs, int prot, void **va, struct err *e)
{
    uint32_t refs[HOLD_REFS_MAX];

    if (h->nr_maps == HOLD_MAPS_MAX || nr_refs > HOLD_REFS_MAX)
        return fail(e, -EBUSY, "hold: map %u grants: got %u mappings already",
                    nr_refs, h->nr_maps);
    for (uint32_t i = 0; i < nr_refs; i++)
        refs[i] = first_ref + i;
    *va =
        xengnttab_map_domain_grant_refs(h->handle, nr_refs, domid, refs, prot);
    if (!*va)
        return fail(e, -errno,
                    "hold: map %u grants of domain %u from %u on: "
                    "%s",
                    nr_refs, domid, first_ref, strerror(errno));
    h->map[h->nr_maps].va = *va;
    h->map[h->nr_maps++].nr_refs = nr_refs;
    return 0;
}

int hold_copy(struct hold *h, uint16_t domid, uint32_t ref, const void *from,
              uint32_t len_bytes, struct err *e)
{
    xengnttab_grant_copy_segment_t s = {
        .source.virt = (void *)from,
        .dest.foreign = { .ref = ref, .domid = domid },
        .len = (uint16_t)len_bytes,
        .flags = GNTCOPY_dest_gref,
        .status = GNTST_general_error,
    };

    if (xengnttab_grant_copy(h->handle, 1, &s))
        return fail(e, -errno, "hold: copy to grant %u of domain %u: %s", ref,
                    domid, strerror(errno));
    if (s.status != GNTST_okay)
        return fail(e, -EACCES,
                    "hold: copy to grant %u of domain %u: grant status %d", ref,
                    domid, s.status);
    return 0;
}
