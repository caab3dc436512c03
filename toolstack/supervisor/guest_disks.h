/* SPDX-License-Identifier: MIT */
/*
 * guest_disks.h - the disks of a guest, for guest*.c alone
 *
 * How this works: which disks a guest has is its configuration's say when it
 * is made, and then what was attached and detached: also over its restarts.
 * Each of them is a vbd.h while there is a domain; between two domains it is
 * kept in mind, and in its file (diskfile.h).
 */
#ifndef GUEST_DISKS_H
#define GUEST_DISKS_H

#include <stdbool.h>
#include <stdint.h>

#include "toolstack/supervisor/vbd.h"
#include "toolstack/supervisor/vmdisk.h"

struct err;
struct guest;
struct json_object;

#define GUEST_DISKS_OPEN_US (30ull * 1000000)
#define GUEST_DISKS_SCRIPT_US                                                  \
    (40ull * 1000000) /* more, for one with a script */

struct guest_disk {
    struct guest *guest;
    struct vm_disk spec; /* its limits are those of now */
    struct vbd *vbd;     /* NULL: no domain has it */
    uint16_t domid;      /* that the vbd is for */
    bool detached;       /* the next domain does not get it */
    struct guest_disk *next;
};

/* The domain is built: start all of them.  guest_disks_end() after an error. */
int guest_disks_build(struct guest *g, struct err *e);

/* Returns 1 when all are open, 0 when one is not yet, or why it will not. */
int guest_disks_ready(struct guest *g, struct err *e);

/* The domain is over: end the backends; then guest_disks_busy() is false. */
void guest_disks_end(struct guest *g);
bool guest_disks_busy(const struct guest *g);

/* Leave them to the next supervisor, and take them over. */
void guest_disks_leave(struct guest *g);
void guest_disks_adopt(struct guest *g);

/* g->store or g->stale is another. */
void guest_disks_store(struct guest *g);
/* A watch fired; false: its token is none of theirs. */
bool guest_disks_fired(struct guest *g, const char *token);

/* One more, as a method of the API: accepted, events follow. */
int guest_disk_attach(struct guest *g, const char *text, const char *limits,
                      struct guest_disk **out, struct err *e);
/* By name or number; NULL: there is none. */
struct guest_disk *guest_disk_find(struct guest *g, const char *vdev);
/* Write its file anew. */
int guest_disk_note(struct guest_disk *d, struct err *e);

void guest_disks_free(struct guest *g); /* guest_close() */

/* guest_block.c */
struct json_object *guest_block_info(struct guest *g);
void guest_block_event(struct guest_disk *d);
/* block_*: -ENOSYS without words: none of them. */
int guest_block_call(struct guest *g, const char *method,
                     struct json_object *params, struct json_object **result,
                     struct err *e);

#endif
