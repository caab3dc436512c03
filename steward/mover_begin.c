/* SPDX-License-Identifier: MIT */
/*
 * mover_begin.c - what a migration needs before it begins
 */
#include <string.h>

#include "mover_priv.h"
#include "wipe.h"

/* No vCPU's state is larger: XSAVE areas are 11 KiB, all else is less. */
#define VCPU_CONTEXT_BYTES 0x6000u
#define OTHER_CONTEXT_BYTES 0x10000u

static int seed(struct mover *v, struct st_err *e)
{
    uint8_t cpu[DRBG_SEED_BYTES];

    if (!drbg_cpu_seed(cpu))
        return st_fail(e, FH_ERR_XEN,
                       "cpu: neither RDSEED nor RDRAND gives random bytes: "
                       "nothing to make keys of");
    drbg_open(&v->drbg, cpu, &v->me.own, sizeof(v->me.own));
    wipe(cpu, sizeof(cpu));
    return 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int take_scratch(struct mover *v, struct st_err *e)
{
    const struct fh_measured_config *config = &v->shape.config;
    struct ram ram;
    uint64_t blocks, context;
    int rc;

    if (!ram_open(&ram, config->map, config->nr_map))
        return st_fail(e, FH_ERR_MEMORY, "memory map: none that could migrate");
    blocks = ram_end_block(&ram);
    context = OTHER_CONTEXT_BYTES +
              (uint64_t)config->nr_guest_vcpus * VCPU_CONTEXT_BYTES;
    rc =
        scratch_take(&v->scratch, SCRATCH_FRAME, sizeof(struct fh_mig_long), e);
    if (rc == 0)
        rc = scratch_take(&v->scratch, SCRATCH_POLICY, MACHINE_POLICY_BYTES_MAX,
                          e);
    if (rc == 0 && !v->receives)
        return scratch_take(
            &v->scratch, SCRATCH_WINDOW,
            least(blocks * RAM_BLOCK_WORDS * 8, LAYOUT_WINDOW_BYTES_MAX), e);
    if (rc == 0)
        rc =
            scratch_take(&v->scratch, SCRATCH_HOLED, (blocks + 63) / 64 * 8, e);
    if (rc == 0)
        rc = scratch_take(&v->scratch, SCRATCH_CONTEXT,
                          least(context, LAYOUT_CONTEXT_BYTES_MAX), e);
    return rc;
}

static int prepare(struct mover *v, struct st_err *e)
{
    struct slots_wire wire;
    int rc;

    movepage_fetch_slots(v->control, &wire);
    rc = slots_check(&wire, &v->slots, e);
    if (rc == 0)
        rc = take_scratch(v, e);
    if (rc == 0)
        rc = machine_read(&v->me, &v->shape, scratch_at(SCRATCH_POLICY), e);
    if (rc == 0)
        rc = seed(v, e);
    if (rc < 0)
        scratch_drop(&v->scratch);
    return rc;
}

static void reset(struct mover *v)
{
    memset(v->moved, 0, sizeof(v->moved));
    v->mail_waits = false; /* of a transfer that ended */
    v->view = (struct movepage_view){
        .ram_pages = v->shape.ram_bytes / PAGE_BYTES,
    };
    movepage_reset(v->control);
}

int mover_send(struct mover *v, struct st_err *e)
{
    struct fh_mig_side h1;
    int rc;

    if (v->receives || mover_is_busy(v))
        return st_fail(e, FH_ERR_STATE,
                       v->receives ? "guest: it has not come yet"
                                   : "transfer: there is one");
    rc = prepare(v, e);
    if (rc < 0)
        return rc;
    reset(v);
    memset(&v->x, 0, sizeof(v->x));
    v->x.world = &v->xen.world;
    v->x.me = &v->me;
    v->x.window = scratch_at(SCRATCH_WINDOW);
    v->x.window_blocks =
        v->scratch.pages[SCRATCH_WINDOW] * PAGE_BYTES / (RAM_BLOCK_WORDS * 8);
    v->x.context = scratch_at(SCRATCH_CONTEXT);
    v->x.context_room = LAYOUT_CONTEXT_BYTES_MAX;
    v->x.drbg = &v->drbg;
    rc = export_begin(&v->x, v->slots.nr_streams, v->slots.check, &h1);
    if (rc == 0)
        mover_say(v, FH_MAIL_HAND, 1, &h1, sizeof(h1));
    return 0;
}

int mover_receive(struct mover *v, struct st_err *e)
{
    int rc;

    if (!v->receives || v->begun || v->m.state != IMPORT_IDLE)
        return st_fail(e, FH_ERR_STATE,
                       v->receives ? "transfer: there was one"
                                   : "guest: it runs here");
    rc = prepare(v, e);
    if (rc < 0)
        return rc;
    reset(v);
    v->begun = true;
    v->m.world = &v->xen.world;
    v->m.me = &v->me;
    v->m.holed = scratch_at(SCRATCH_HOLED);
    v->m.holed_blocks = v->scratch.pages[SCRATCH_HOLED] * PAGE_BYTES * 8;
    v->m.context = scratch_at(SCRATCH_CONTEXT);
    v->m.context_room =
        (uint32_t)(v->scratch.pages[SCRATCH_CONTEXT] * PAGE_BYTES);
    v->m.drbg = &v->drbg;
    return 0;
}
