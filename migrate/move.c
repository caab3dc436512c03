/* SPDX-License-Identifier: MIT */
/*
 * move.c - names that both state machines use
 */
#include "migrate/move.h"

#include "common/checked.h"

static const char *const end_name[] = {
    [MOVE_END_NONE] = "none",         [MOVE_END_MOVED] = "moved",
    [MOVE_END_STAYED] = "stayed",     [MOVE_END_CHECKED] = "checked",
    [MOVE_END_FENCED] = "fenced",     [MOVE_END_STUCK] = "stuck",
    [MOVE_END_RUNS] = "runs",         [MOVE_END_READY] = "ready",
    [MOVE_END_POISONED] = "poisoned", [MOVE_END_REFUSED] = "refused",
};
_Static_assert(ARRAY_SIZE(end_name) == MOVE_ENDS, "end_name");

const char *move_end_name(enum move_end end)
{
    return end_name[end];
}
