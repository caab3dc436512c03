/* SPDX-License-Identifier: MIT */
/*
 * fuzz_steward_offer.c - dom0's offer: the struct as it lies on the page
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "steward/offer.c"

#define MAX_PAGES (FH_RAM_MAX / PAGE_BYTES)
#define OWN_PAGES 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_offer wire = { 0 };
    struct st_err e = { 0 };
    uint64_t ram = 0;
    struct offer o;

    memcpy(&wire, data, size < sizeof(wire) ? size : sizeof(wire));
    if (offer_check(&wire, MAX_PAGES, OWN_PAGES, &o, &e) < 0)
        return 0;
    for (uint32_t i = 0; i < o.nr_map; i++)
        if (o.map[i].type != FH_MAP_RESERVED)
            ram += o.map[i].len_bytes;
    if (ram != o.ram_bytes || ram / PAGE_BYTES + OWN_PAGES > MAX_PAGES ||
        o.low_ram_bytes > FH_LOW_RAM_END ||
        o.receives != (wire.flags == FH_OFFER_RECEIVE))
        abort();
    if (o.receives ? o.kernel_bytes || o.initrd_bytes || o.cmdline_bytes
                   : o.kernel_bytes == 0 || o.cmdline_bytes >= FH_CMDLINE_MAX ||
                         o.kernel_bytes + o.initrd_bytes >
                             o.low_ram_bytes - LAYOUT_LOAD_GPA)
        abort();
    return 0;
}
