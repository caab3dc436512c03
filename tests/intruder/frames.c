/* SPDX-License-Identifier: MIT */
/* frames.c - M2P look-ups and single foreign pages */
#include "frames.h"

#include <errno.h>
#include <sys/mman.h>

#include <xenguest.h>

#define M2P_CHUNK (2ull << 20) /* xc_map_m2p() maps whole chunks */
#define M2P_BYTES_MAX (1ull << 32)

void *frames_map(struct hc *h, uint16_t domid, int prot, uint64_t frame,
                 long *rc)
{
    xen_pfn_t pfn = frame;
    int err = 0;
    void *va = xenforeignmemory_map(h->fmem, domid, prot, 1, &pfn, &err);

    if (!va) {
        *rc = -errno;
        return NULL;
    }
    if (err) {
        xenforeignmemory_unmap(h->fmem, va, 1);
        *rc = err < 0 ? err : -err;
        return NULL;
    }
    *rc = 0;
    return va;
}

void frames_unmap(struct hc *h, void *va)
{
    if (va)
        xenforeignmemory_unmap(h->fmem, va, 1);
}

/* A PV dom0 maps its own frames by machine frame number, too. */
static int is_our_own(struct hc *h, uint64_t mfn)
{
    long rc;
    void *va = frames_map(h, 0, PROT_READ, mfn, &rc);

    frames_unmap(h, va);
    return va != NULL;
}

int frames_of_gfn(struct hc *h, uint64_t gfn, uint64_t *mfn, unsigned max)
{
    unsigned long max_mfn, mfn0;
    xen_pfn_t *m2p;
    unsigned nr = 0;
    int r = xc_maximum_ram_page(h->xc, &max_mfn);

    if (r < 0)
        return -errno;
    if ((uint64_t)max_mfn * sizeof(*m2p) > M2P_BYTES_MAX)
        return -E2BIG;
    m2p = xc_map_m2p(h->xc, max_mfn, PROT_READ, &mfn0);
    if (!m2p)
        return -errno;
    for (unsigned long i = 0; i < max_mfn && nr < max; i++)
        if (m2p[i] == gfn && !is_our_own(h, i))
            mfn[nr++] = i;
    munmap(m2p, (max_mfn * sizeof(*m2p) + M2P_CHUNK - 1) & ~(M2P_CHUNK - 1));
    return (int)nr;
}
