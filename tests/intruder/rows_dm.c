/* SPDX-License-Identifier: MIT */
/*
 * rows_dm.c - the device model's operations, one by one (audit 2.2)
 *
 * Most ioreq operations need a server; each attempt makes one, and where that
 * is refused already goes on with server 0, so that the operation itself is
 * what meets the check.
 */
#include "row.h"

#include <errno.h>
#include <string.h>

#define PROBE_VECTOR 0x41 /* the canary guest takes it and goes on */
#define MSI_ADDRESS 0xfee00000u
#define FREE_GFN 0xf0000u
#define DIRTY_PAGES 64u

static void fill_ioreq(struct xen_dm_op *op, ioservid_t id)
{
    switch (op->op) {
    case XEN_DMOP_get_ioreq_server_info:
        op->u.get_ioreq_server_info.id = id;
        op->u.get_ioreq_server_info.flags = XEN_DMOP_no_gfns;
        break;
    case XEN_DMOP_map_io_range_to_ioreq_server:
    case XEN_DMOP_unmap_io_range_from_ioreq_server:
        op->u.map_io_range_to_ioreq_server.id = id;
        op->u.map_io_range_to_ioreq_server.type = XEN_DMOP_IO_RANGE_MEMORY;
        op->u.map_io_range_to_ioreq_server.start = FREE_GFN << 12;
        op->u.map_io_range_to_ioreq_server.end = (FREE_GFN << 12) + 4095;
        break;
    case XEN_DMOP_set_ioreq_server_state:
        op->u.set_ioreq_server_state.id = id;
        break;
    case XEN_DMOP_destroy_ioreq_server:
        op->u.destroy_ioreq_server.id = id;
        break;
    case XEN_DMOP_map_mem_type_to_ioreq_server:
        op->u.map_mem_type_to_ioreq_server.id = id;
        op->u.map_mem_type_to_ioreq_server.type = HVMMEM_ioreq_server;
        op->u.map_mem_type_to_ioreq_server.flags =
            XEN_DMOP_IOREQ_MEM_ACCESS_WRITE;
        break;
    default:
        break;
    }
}

static void fill_memory(const struct attack *a, struct xen_dm_op *op)
{
    switch (op->op) {
    case XEN_DMOP_track_dirty_vram:
        op->u.track_dirty_vram.nr = DIRTY_PAGES;
        op->u.track_dirty_vram.first_pfn = a->gfn;
        break;
    case XEN_DMOP_modified_memory:
        op->u.modified_memory.nr_extents = 1;
        break;
    case XEN_DMOP_set_mem_type:
        op->u.set_mem_type.nr = 1;
        op->u.set_mem_type.mem_type = HVMMEM_ram_rw;
        op->u.set_mem_type.first_pfn = a->spare_gfn;
        break;
    case XEN_DMOP_relocate_memory:
        op->u.relocate_memory.size = 1;
        op->u.relocate_memory.src_gfn = a->spare_gfn - 44;
        op->u.relocate_memory.dst_gfn = FREE_GFN + 80;
        break;
    case XEN_DMOP_pin_memory_cacheattr:
        op->u.pin_memory_cacheattr.start = a->spare_gfn;
        op->u.pin_memory_cacheattr.end = a->spare_gfn;
        op->u.pin_memory_cacheattr.type = XEN_DMOP_MEM_CACHEATTR_WB;
        break;
    default:
        break;
    }
}

static void fill_events(struct xen_dm_op *op)
{
    switch (op->op) {
    case XEN_DMOP_set_pci_intx_level:
        op->u.set_pci_intx_level.device = 3;
        break;
    case XEN_DMOP_set_isa_irq_level:
        op->u.set_isa_irq_level.isa_irq = 5;
        break;
    case XEN_DMOP_set_pci_link_route:
        op->u.set_pci_link_route.isa_irq = 5;
        break;
    case XEN_DMOP_inject_event:
        op->u.inject_event.vector = PROBE_VECTOR;
        op->u.inject_event.type = XEN_DMOP_EVENT_ext_int;
        op->u.inject_event.error_code = ~0u;
        break;
    case XEN_DMOP_inject_msi:
        op->u.inject_msi.data = PROBE_VECTOR;
        op->u.inject_msi.addr = MSI_ADDRESS;
        break;
    case XEN_DMOP_remote_shutdown:
        op->u.remote_shutdown.reason = SHUTDOWN_suspend;
        break;
    default:
        break;
    }
}

static struct outcome dm(const struct attack *a)
{
    struct xen_dm_op server = { .op = XEN_DMOP_create_ioreq_server };
    struct xen_dm_op op = { .op = a->row->arg };
    struct xen_dm_op_modified_memory_extent extent = { .nr = 1,
                                                       .first_pfn =
                                                           a->spare_gfn };
    uint8_t bitmap[DIRTY_PAGES / 8] = { 0 };
    void *second = NULL;
    size_t second_bytes = 0;
    long rc, server_rc;

    if (op.op == XEN_DMOP_modified_memory) {
        second = &extent;
        second_bytes = sizeof(extent);
    } else if (op.op == XEN_DMOP_track_dirty_vram) {
        second = bitmap;
        second_bytes = sizeof(bitmap);
    }
    server_rc = hc_dm(a->h, a->domid, &server, sizeof(server), NULL, 0);
    if (op.op == XEN_DMOP_create_ioreq_server)
        rc = server_rc;
    else {
        fill_ioreq(&op, server_rc == 0 ? server.u.create_ioreq_server.id : 0);
        fill_memory(a, &op);
        fill_events(&op);
        if (op.op == XEN_DMOP_unmap_io_range_from_ioreq_server) {
            op.op = XEN_DMOP_map_io_range_to_ioreq_server;
            hc_dm(a->h, a->domid, &op, sizeof(op), NULL, 0);
            op.op = XEN_DMOP_unmap_io_range_from_ioreq_server;
        }
        rc = hc_dm(a->h, a->domid, &op, sizeof(op), second, second_bytes);
    }
    if (server_rc == 0) {
        op = (struct xen_dm_op){ .op = XEN_DMOP_destroy_ioreq_server };
        op.u.destroy_ioreq_server.id = server.u.create_ioreq_server.id;
        hc_dm(a->h, a->domid, &op, sizeof(op), NULL, 0);
    }
    return out_of_rc(rc);
}

#define DM(name, stages)                                                       \
    { "dm-" #name, "2.2",     "dm_op " #name,                                  \
      "K2",        dm,        XEN_DMOP_##name,                                 \
      stages,      RULE_DENY, 0,                                               \
      0,           NULL }
#define BOTH (STAGE_NEWBORN | STAGE_RUNNING)

/* clang-format off */
static const struct row rows[] = {
    DM(create_ioreq_server, BOTH),
    DM(get_ioreq_server_info, BOTH),
    DM(map_io_range_to_ioreq_server, BOTH),
    DM(unmap_io_range_from_ioreq_server, STAGE_RUNNING),
    DM(set_ioreq_server_state, BOTH),
    DM(destroy_ioreq_server, BOTH),
    DM(map_mem_type_to_ioreq_server, STAGE_RUNNING),
    DM(track_dirty_vram, STAGE_RUNNING),
    DM(set_pci_intx_level, STAGE_RUNNING),
    DM(set_isa_irq_level, STAGE_RUNNING),
    DM(set_pci_link_route, STAGE_RUNNING),
    DM(modified_memory, STAGE_RUNNING),
    DM(set_mem_type, STAGE_RUNNING),
    DM(set_irq_level, STAGE_RUNNING),
    DM(nr_vcpus, BOTH),
    DM(inject_msi, STAGE_RUNNING),
    DM(pin_memory_cacheattr, STAGE_RUNNING),
    DM(inject_event, STAGE_LAST),
    DM(relocate_memory, STAGE_LAST),
};
/* clang-format on */

const struct row_set rows_dm = { rows, sizeof(rows) / sizeof(rows[0]) };
