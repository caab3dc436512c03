/* SPDX-License-Identifier: MIT */
/*
 * blocklook.h - where a guest stands with one of its disks
 *
 * Its kernel writes that into xenstore, so it may be anything.
 */
#ifndef BLOCKLOOK_H
#define BLOCKLOOK_H

#include <stdint.h>

struct columns_block;
struct store;

/*
 * Fill *b for the disk of b->devid.  What is no number of 0..INT_MAX is -1.
 * xl looks for one port and one ring only; of a disk with several queues, or
 * rings of several pages, those of the first are told.
 */
void block_look(struct store *s, uint16_t domid, struct columns_block *b);

#endif
