/* SPDX-License-Identifier: MIT */
/*
 * xldev.h - a device that xl made, as its backend's directory in xenstore says
 *
 * Of any kind; what a disk or a card is, xldisk.h and xlcard.h read.  back is
 * the directory, absolute.
 *
 * Source: Xen 4.20, tools/libs/light/libxl_device.c,
 * libxl__device_generic_add(), libxl__initiate_device_generic_remove().
 */
#ifndef XLDEV_H
#define XLDEV_H

#include <stdbool.h>

struct store;

/* Its text, to be freed; NULL: there is none. */
char *xldev_get(struct store *s, const char *back, const char *leaf);
bool xldev_says(struct store *s, const char *back, const char *leaf,
                const char *what);

bool xldev_is_there(struct store *s, const char *back);
/* Is it there and online?  xl says no before it takes the device away. */
bool xldev_is_online(struct store *s, const char *back);

/* Say that nobody serves it any more, if it is there; else nothing stays.
   name: "disk 7/51712", for words. */
void xldev_closed(struct store *s, const char *back, const char *name);

#endif
