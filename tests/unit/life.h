/* SPDX-License-Identifier: MIT */
/*
 * life.h - one guest's life on a fake host, for test_guest*.c
 *
 * The real supervisor runs on a real loop, over the fakes.  Each life ends by
 * counting domains, mappings, handles, xenstore nodes and files.
 */
#ifndef LIFE_H
#define LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "common/err.h"
#include "toolstack/supervisor/guest.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/vmcfg.h"

#define LIFE_KERNEL_BYTES (9 * 4096 + 17)

extern struct life { /* what one test's guest went through */
    uv_loop_t loop;
    uv_timer_t closing;
    struct rundir dir;
    struct vm_config cfg;
    const char *daemon_name; /* of the xenstored that runs; NULL: none */
    int daemon_pid;          /* 0: as long as this test */
    struct guest *guest;
    void (*when_running)(struct life *l); /* the test's next step */
    uint32_t nr_outcomes, nr_runs;
    bool gone;
    struct err failed;
    char state[16];
    char measurement[65]; /* as its info said when it ran */
    void (*other)(void);  /* a world besides, which has a descriptor */
    int other_fd;
} life;

/* Where run directories and logs are; the guest's kernel. */
extern char life_base[], life_kernel_path[64];

int life_set_up(void **state); /* of the program */
int life_tear_down(void **state);

/* A new test: an empty host, and a configuration that works. */
void life_fresh(void);
/* The loop, the name and the guest, of which nothing exists yet. */
int life_open(const struct guest_options *more);
/* And make the guest. */
int life_begin(const struct guest_options *more);
/* Run until the guest is gone, then look for what is left. */
void life_finish(void);

/* For when_running. */
void life_power_off(struct life *l);

#endif
