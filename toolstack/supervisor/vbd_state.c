/* SPDX-License-Identifier: MIT */
/*
 * vbd_state.c - what becomes of a device between its guest and its backend
 */
#include "toolstack/supervisor/vbd_state.h"

#include "common/checked.h"

static const char *const state_name[] = {
    [VBD_NEW] = "new",
    [VBD_STARTING] = "starting",
    [VBD_WAITING] = "waiting",
    [VBD_CONNECTING] = "waiting",
    [VBD_CONNECTED] = "connected",
    [VBD_CLOSING] = "closing",
    [VBD_CLOSED] = "closed",
    [VBD_FAILED] = "failed",
    [VBD_GONE] = "gone",
};
_Static_assert(ARRAY_SIZE(state_name) == VBD_STATES, "state_name");

const char *vbd_state_name(enum vbd_state s)
{
    return state_name[s];
}
