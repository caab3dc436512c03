/* SPDX-License-Identifier: MIT */
/*
 * card.h - one network card between a test's guest and a test's backend, for
 * test_vif*.c
 *
 * The real vif.c, in a device's world (device.h); its tap is fake_vifdev.h's.
 */
#ifndef CARD_H
#define CARD_H

#include "tests/fakes/fake_vifdev.h"
#include "tests/unit/device.h"
#include "toolstack/supervisor/vif.h"

#define FRONT "/local/domain/7/device/vif/0"
#define BACK "/local/domain/0/backend/fh-vif/7/0"

extern struct card_world {
    struct vif *vif;
    struct vm_vif spec;
    struct vif_options options;
} card;

void card_fresh(void);           /* a new test: a world, and a card's options */
void card_open(void);            /* the card, by card.options */
void card_start(void);           /* open it; and its tap and backend */
void card_write_keys(void);      /* as Linux's frontend, with two queues */
void card_start_connected(void); /* all of these, until it is */
void card_finish(void);          /* end what is left; nothing may be */

#endif
