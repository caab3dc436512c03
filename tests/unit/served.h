/* SPDX-License-Identifier: MIT */
/*
 * served.h - one device of a guest that xl made, between xl, the guest and a
 * backend, for test_serve*.c
 *
 * The real serve.c runs on a stage, over the fake xenstore; its backends are
 * puppets.  Domain 7 has the device, xl has just written it.  A program's
 * device is a disk or a card: what both must keep is tested here, for each.
 */
#ifndef SERVED_H
#define SERVED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "tests/unit/puppet.h"
#include "tests/unit/stage.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/serve.h"

struct served_kind {
    enum serve_what what;
    uint32_t devid;
    const char *label;   /* as errors call it: "disk 7/51712" */
    const char *command; /* that serves it */
    const char *front, *back;
    void (*fresh)(void);    /* a new test: its own fakes, and as xl writes it */
    void (*take_up)(void);  /* all that must happen until it is connected */
    void (*finished)(void); /* NULL, or: nothing of its own is left */
};

extern struct served {
    struct serve *serve;
    uint32_t nr_gone;
    struct err failed;
    int daemon_pid; /* of a xenstored; 0: as long as this test */
    bool any_mac;
} served;

extern char served_base[32]; /* where its place is made */

/* A program: the rules of both, and its own. */
int served_run(const struct served_kind *kind, const struct CMUnitTest *own,
               uint32_t nr_own);

void served_fresh(void);
int served_open(struct err *e); /* serve_open() of it */
void served_start(void);        /* and that must succeed */
void served_start_connected(void);
/* kill -9, but for what the kernel would close. */
void served_leave(void);
bool served_is_left(void); /* what the next one needs */

void served_detach(void);    /* as xl asks for the device */
void served_take_away(void); /* as xl does it, whatever anybody says */

/* Nobody serves it, and nothing but what xl knows is there. */
void served_finish(void);
void served_finish_closed(void);     /* soon, and as xl waits for it */
void served_detach_and_finish(void); /* which the guest lets go of */

#endif
