/* SPDX-License-Identifier: MIT */
/*
 * vifnet.h - a vif's device in a network of a test's own, for test_vifdev.c and
 * test_vifscript.c
 *
 * The real vifdev.c on a real loop; devices are the kernel's (netns.h).  Each
 * test ends with the devices and descriptors that there were before.
 */
#ifndef VIFNET_H
#define VIFNET_H

#include <stdint.h>
#include <time.h>

#include <uv.h>

#include "common/err.h"
#include "tests/unit/netns.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/script.h"
#include "toolstack/supervisor/vifdev.h"

#define HOOK_DIR SCRIPT_DIR "/vif-post.d"
#define TURN_S_MAX 20

extern struct vif_world {
    uv_loop_t loop;
    uint32_t hurry; /* timers run so much faster */
    struct vm_vif vif;
    struct vifdev_spec spec;
    struct vifdev *dev;
    struct err e;
    uint32_t nr_done;  /* done() ran */
    struct err failed; /* what it said, last */
} w;

#define UNTIL(what)                                                            \
    for (time_t end = time(NULL) + TURN_S_MAX; !(what);) {                     \
        CHECK(time(NULL) < end);                                               \
        uv_run(&w.loop, UV_RUN_ONCE);                                          \
    }

int vifnet_set_up(void **state); /* of the program */

void vifnet_fresh_alone(void); /* without a bridge */
void vifnet_fresh(void);       /* with xenbr0, of MTU 9000 */
void vifnet_finish(void);

void vifnet_done(void *arg, const struct err *failed); /* arg: &w */
int vifnet_open(void);    /* vifdev_open() of w.spec */
void vifnet_opened(void); /* and it is */
void vifnet_removed(void);
/* Refused at once, with words, and nothing is left of it. */
void vifnet_refused(int rc, const char *words);

#endif
