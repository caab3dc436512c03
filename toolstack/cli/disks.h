/* SPDX-License-Identifier: MIT */
/*
 * disks.h - a guest's disks, as its supervisor's `info` tells them
 *
 * The one reader of "disks".  What it does not say is NULL, or 0.
 */
#ifndef DISKS_H
#define DISKS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct err;
struct json_object;

/* Each grows while the disk is there, over restarts of its backend too. */
enum disk_figure {
    DISK_READS,
    DISK_WRITES,
    DISK_FLUSHES,
    DISK_DISCARDS,
    DISK_READ_BYTES,
    DISK_WRITE_BYTES,
    DISK_DISCARD_BYTES,
    DISK_ERRORS,
    DISK_WAITS,
    DISK_BUSY_NS, /* from taken to answered, summed over requests */
    DISK_FIGURES
};

struct disk { /* texts are the info's */
    const char *vdev, *target, *format, *state, *why;
    uint32_t devid;
    bool writable;
    uint32_t queues, ring_pages;
    int pid; /* of its backend */
    uint64_t size_bytes, iops_limit, bps_limit, restarts;
    uint64_t figure[DISK_FIGURES];
    bool known[DISK_FIGURES];
};

uint32_t disks_count(struct json_object *info); /* NULL: none */
/* i < disks_count(info) */
void disks_get(struct json_object *info, uint32_t i, struct disk *out);

/* The array itself, or an empty one; the caller's to put. */
struct json_object *disks_array(struct json_object *info);

/* A line each, as `freehold info` has them. */
void disks_print(FILE *to, struct json_object *info);

#endif
