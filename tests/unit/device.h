/* SPDX-License-Identifier: MIT */
/*
 * device.h - what a test's disk and card have around them, for disk.c, card.c
 *
 * The supervisor's side of domain 7, on a stage: xenstore, the guest's run
 * directory, time that may hurry, and puppets.  Each test ends by counting
 * watches and descriptors.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/unit/puppet.h"
#include "tests/unit/stage.h"
#include "toolstack/supervisor/beproc.h"
#include "toolstack/supervisor/rundir.h"

extern struct device {
    uv_poll_t stored;
    struct store *store;
    void (*fired)(const char *token); /* a watch of the store's */
    struct rundir dir;
    struct beproc_id process; /* as it was to be written down */
    uint32_t nr_fds;          /* before */
    uint32_t hurry;           /* timers run so much faster */
    uint32_t nr_moved, nr_started;
    bool gone;
} device;

int device_set_up(void **state); /* of the program */
int device_tear_down(void **state);

void device_fresh(void (*fired)(const char *token));
/* It is gone, or goes within some seconds; and then nothing is left. */
void device_finish(void);

void device_moved(void *arg); /* for its ops */
void device_started(struct beproc_id process);

/* Descriptors of this process; what: only those that are called so. */
uint32_t device_count_fds(const char *what);

#endif
