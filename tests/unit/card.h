/* SPDX-License-Identifier: MIT */
/*
 * card.h - one network card between a test's guest and a test's backend, for
 * test_vif*.c
 *
 * As disk.h: the real vif.c on a real loop over the fake xenstore; its backends
 * are puppets, and its tap is fake_vifdev.h's.
 */
#ifndef CARD_H
#define CARD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <uv.h>

#include "tests/fakes/fake_vifdev.h"
#include "tests/unit/puppet.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/vif.h"

#define FRONT "/local/domain/7/device/vif/0"
#define BACK "/local/domain/0/backend/fh-vif/7/0"
#define TURN_S_MAX 20

extern struct card_world {
    uv_loop_t loop;
    uv_poll_t stored, puppeteer;
    uv_timer_t tick;
    struct store *store;
    struct vif *vif;
    struct vm_vif spec;
    struct vif_options options;
    struct rundir dir;
    struct beproc_id process;
    uint32_t nr_fds; /* before */
    uint32_t hurry;  /* timers run so much faster */
    uint32_t nr_moved, nr_started;
    bool gone;
} card;

/* Run the loop until it is so; it must be within some seconds. */
#define UNTIL(what)                                                            \
    for (int end_s = card_now_s() + TURN_S_MAX; !(what);) {                    \
        CHECK(card_now_s() < end_s);                                           \
        uv_run(&card.loop, UV_RUN_ONCE);                                       \
    }

#define IS(path, value) (strcmp(card_node(path), value) == 0)

int card_set_up(void **state);
int card_tear_down(void **state);

void card_fresh(void);           /* a new test: a world, and a card's options */
void card_open(void);            /* the card, by card.options */
void card_start(void);           /* open it; and its tap and backend */
void card_write_keys(void);      /* as Linux's frontend, with two queues */
void card_start_connected(void); /* all of these, until it is */
void card_finish(void);          /* end what is left; nothing may be */

/* Everything that is on its way has come: a while without a sign. */
void card_settle(void);
const char *card_node(const char *path); /* "": there is none */
int card_now_s(void);

#endif
