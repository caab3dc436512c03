/* SPDX-License-Identifier: MIT */
/*
 * disk.h - one disk between a test's guest and a test's backend, for
 * test_vbd*.c
 *
 * The real vbd.c runs on a real loop over the fake xenstore; its backends are
 * puppets.  Each test ends by counting watches and descriptors.
 */
#ifndef DISK_H
#define DISK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <uv.h>

#include "tests/unit/puppet.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/vbd.h"
#include "toolstack/supervisor/vmdisk.h"

#define FRONT "/local/domain/7/device/vbd/51712"
#define BACK "/local/domain/0/backend/fh-vbd/7/51712"
#define TURN_S_MAX 20

extern struct disk_world {
    uv_loop_t loop;
    uv_poll_t stored, puppeteer;
    uv_timer_t tick;
    struct store *store;
    struct vbd *vbd;
    struct vm_disk spec;
    struct rundir dir;
    struct beproc_id process;
    uint32_t nr_fds; /* before */
    uint32_t hurry;  /* timers run so much faster */
    uint32_t nr_moved, nr_started;
    bool gone;
} disk;

/* Run the loop until it is so; it must be within some seconds. */
#define UNTIL(what)                                                            \
    for (int end_s = disk_now_s() + TURN_S_MAX; !(what);) {                    \
        CHECK(disk_now_s() < end_s);                                           \
        uv_run(&disk.loop, UV_RUN_ONCE);                                       \
    }

#define IS(path, value) (strcmp(disk_node(path), value) == 0)

int disk_set_up(void **state); /* of the program */
int disk_tear_down(void **state);

void disk_fresh(void);           /* a new test: a world, and a disk in it */
void disk_open(void);            /* the disk; fresh() has done it once */
void disk_start(void);           /* and its backend */
void disk_write_keys(void);      /* a guest with one queue wants it */
void disk_start_connected(void); /* all of these, until it is */
void disk_finish(void);          /* end what is left; nothing may be */

/* Everything that is on its way has come: a while without a sign. */
void disk_settle(void);
const char *disk_node(const char *path); /* "": there is none */
/* Descriptors of this process; what: only those that are called so. */
uint32_t disk_count_fds(const char *what);
int disk_now_s(void);

#endif
