/* SPDX-License-Identifier: MIT */
/*
 * vbd_state.h - what becomes of a device between its guest and its backend
 *
 * One set of states for disks and network cards (xbdev.h).
 */
#ifndef VBD_STATE_H
#define VBD_STATE_H

enum vbd_state {
    VBD_NEW,
    VBD_STARTING, /* what it serves is being opened */
    VBD_WAITING,  /* for the guest: InitWait */
    VBD_CONNECTING,
    VBD_CONNECTED,
    VBD_CLOSING,
    VBD_CLOSED, /* and may come again */
    VBD_FAILED,
    VBD_GONE,
    VBD_STATES
};

const char *vbd_state_name(enum vbd_state s); /* as the API has it */

#endif
