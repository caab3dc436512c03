/* SPDX-License-Identifier: MIT */
/*
 * fuzz_consring.c - a guest that writes anything into its console's page
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/console.h>

#include "common/checked.h"
#include "toolstack/supervisor/consring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes);

struct step { /* what the guest does between two looks of ours */
    uint32_t in_cons, in_prod, out_cons, out_prod;
    uint16_t take_bytes, give_bytes;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes)
{
    struct xencons_interface *page = calloc(1, 4096);
    static char bytes[4096];
    struct consring ring;
    struct step s;

    consring_attach(&ring, page);
    for (; data_bytes >= sizeof(s); data += sizeof(s)) {
        memcpy(&s, data, sizeof(s));
        data_bytes -= sizeof(s);
        page->in_cons = s.in_cons;
        page->in_prod = s.in_prod;
        page->out_cons = s.out_cons;
        page->out_prod = s.out_prod;
        if (consring_take(&ring, bytes, s.take_bytes % sizeof(bytes)) >
            sizeof(page->out))
            abort();
        consring_release(&ring);
        if (consring_give(&ring, bytes, s.give_bytes % sizeof(bytes)) >
            sizeof(page->in))
            abort();
    }
    free(page);
    return 0;
}
