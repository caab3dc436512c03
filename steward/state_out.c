/* SPDX-License-Identifier: MIT */
/*
 * state_out.c - what a guest is beside its memory, as the source sends it
 */
#include "state_out.h"

#include <string.h>

void state_out_open(struct state_out *s, const struct mig_machine *me,
                    const struct fh_mig_param param[FH_MIG_PARAMS],
                    const void *context, uint32_t context_bytes)
{
    *s = (struct state_out){ .id = FH_MIG_STATE_CONTEXT };
    memcpy(s->guest.guest_id, me->own.guest_id, sizeof(s->guest.guest_id));
    s->guest.generation = me->own.generation;
    memcpy(s->launch.measurement, me->own.measurement,
           sizeof(s->launch.measurement));
    memcpy(s->param, param, sizeof(s->param));
    s->launch.config = me->config;
#define ITEM(which, from, len)                                                 \
    s->item[FH_MIG_STATE_##which].p = from;                                    \
    s->item[FH_MIG_STATE_##which].bytes = len
    ITEM(CONTEXT, context, context_bytes);
    ITEM(TSC, &me->tsc, sizeof(me->tsc));
    ITEM(POLICY, me->policy, me->policy_bytes);
    ITEM(PARAMS, s->param, sizeof(s->param));
    ITEM(MAP, me->config.map, sizeof(me->config.map));
    ITEM(GUEST, &s->guest, sizeof(s->guest));
    ITEM(LAUNCH, &s->launch, sizeof(s->launch));
#undef ITEM
}

bool state_out_fill(struct state_out *s, struct pack *p)
{
    for (; s->id < FH_MIG_STATES; s->id++, s->part = 0) {
        uint32_t bytes = s->item[s->id].bytes;
        uint32_t nr_parts =
            (bytes + FH_MIG_STATE_BYTES - 1) / FH_MIG_STATE_BYTES;

        for (; s->part < nr_parts; s->part++) {
            uint32_t off = s->part * FH_MIG_STATE_BYTES, nr = bytes - off;

            if (nr > FH_MIG_STATE_BYTES)
                nr = FH_MIG_STATE_BYTES;
            if (!pack_state(p, (enum fh_mig_state)s->id, s->part, nr_parts,
                            (const uint8_t *)s->item[s->id].p + off, nr))
                return true;
        }
    }
    return false;
}
