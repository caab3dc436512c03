/* SPDX-License-Identifier: MIT */
/*
 * guest_devs.h - the devices of a guest, disks and cards, for guest*.c alone
 *
 * How this works: which devices a guest has is its configuration's say when it
 * is made, and then what was attached and detached: also over its restarts.
 * Each of them is a vbd.h or a vif.h while there is a domain; between two
 * domains it is kept in mind, and in its file (devfile.h).  One list has them
 * all; what is of one kind alone is guest_disks.c's or guest_vifs.c's.
 */
#ifndef GUEST_DEVS_H
#define GUEST_DEVS_H

#include <stdbool.h>
#include <stdint.h>

#include "toolstack/supervisor/devfile.h"
#include "toolstack/supervisor/vbd.h"
#include "toolstack/supervisor/vif.h"
#include "toolstack/supervisor/vmdisk.h"
#include "toolstack/supervisor/vmvif.h"

struct err;
struct guest;
struct json_object;

#define GUEST_DEVS_OPEN_US (30ull * 1000000)
#define GUEST_DEVS_SCRIPT_US                                                   \
    (40ull * 1000000) /* more, for one with a script                           \
                       */

struct guest_dev {
    struct guest *guest;
    enum devfile_kind kind;
    uint32_t devid;
    union {
        struct vm_disk disk; /* its limits are those of now */
        struct vm_vif card;  /* its rate is that of now; it has an address */
    };
    struct vbd *vbd; /* of a disk; NULL: no domain has it */
    struct vif *vif; /* of a card; the same */
    uint16_t domid;  /* that it is for */
    bool detached;   /* the next domain does not get it */
    bool held;       /* a disk: nothing of it is in flight */
    struct guest_dev *next;
};

/* ---- all of them ---- */

/* The domain is built: start all of them.  guest_devs_end() after an error. */
int guest_devs_build(struct guest *g, struct err *e);

/* Returns 1 when all are open, 0 when one is not yet, or why it will not. */
int guest_devs_ready(struct guest *g, struct err *e);

/*
 * For a guest that is to move: may its devices?
 *
 *   -EBUSY      one comes or goes
 */
int guest_devs_may_move(struct guest *g, struct err *e);
/* Have disks finish what they took; guest_leaves_drained() follows, from the
   loop, and guest_devs_held() is true then. */
void guest_devs_hold(struct guest *g);
bool guest_devs_held(const struct guest *g);
void guest_devs_go_on(struct guest *g); /* not held: a no-op */
/* The guest came: what waited for it is started. */
void guest_devs_serve(struct guest *g);

/* The domain domid is over: end the backends; then guest_devs_busy() is
   false, which guest_devs_ended() tells if it was not at once. */
void guest_devs_end(struct guest *g, uint16_t domid);
bool guest_devs_busy(const struct guest *g);

/* Leave them to the next supervisor, and take them over. */
void guest_devs_leave(struct guest *g);
void guest_devs_adopt(struct guest *g);

/* g->store or g->stale is another. */
void guest_devs_store(struct guest *g);
/* A watch fired; false: its token is none of theirs. */
bool guest_devs_fired(struct guest *g, const char *token);

void guest_devs_free(struct guest *g); /* guest_close() */

/* ---- one ---- */

/* At the list's end; of it all is empty yet.  NULL: no memory. */
struct guest_dev *guest_dev_add(struct guest *g, enum devfile_kind kind);
void guest_dev_drop(struct guest_dev *d);
/* The next of a kind; after NULL: the first. */
struct guest_dev *guest_dev_next(const struct guest *g, enum devfile_kind kind,
                                 const struct guest_dev *after);
/* It was accepted, and events follow; after an error it is no more. */
int guest_dev_attach(struct guest_dev *d, struct err *e);
/* Write its file anew. */
int guest_dev_note(struct guest_dev *d, struct err *e);

/* Between two domains it waits for the next. */
const char *guest_dev_state_name(const struct guest_dev *d);
const char *guest_dev_why(const struct guest_dev *d);
/* xenstore as a device may use it; NULL: it may not. */
struct store *guest_dev_store(const struct guest *g);

/* What vbd_ops and vif_ops have, which tell of a struct guest_dev. */
void guest_dev_base(void *arg, char out[BE_BASE_BYTES]);
void guest_dev_started(void *arg);
void guest_dev_moved(void *arg);
void guest_dev_gone(void *arg);
void guest_dev_held(void *arg);

/* ---- guest_disks.c ---- */

/* Those of the configuration, into the list; those of files, too, which are
   gone on with. */
int guest_disks_list(struct guest *g, struct err *e);
void guest_disks_adopt(struct guest *g);
int guest_disk_open(struct guest_dev *d, struct err *e);
int guest_disk_note(struct guest_dev *d, struct err *e);

/* One more, as a method of the API: accepted, events follow. */
int guest_disk_attach(struct guest *g, const char *text, const char *limits,
                      struct guest_dev **out, struct err *e);
/* By name or number; NULL: there is none. */
struct guest_dev *guest_disk_find(struct guest *g, const char *vdev);

/* ---- guest_vifs.c, the same ---- */

int guest_vifs_list(struct guest *g, struct err *e);
void guest_vifs_adopt(struct guest *g);
int guest_vif_open(struct guest_dev *d, struct err *e);
int guest_vif_note(struct guest_dev *d, struct err *e);

int guest_vif_attach(struct guest *g, const char *text, bool any_mac,
                     struct guest_dev **out, struct err *e);
/* By number or address; NULL: there is none. */
struct guest_dev *guest_vif_find(struct guest *g, const char *word);

/* ---- guest_block.c and guest_net.c ---- */

struct json_object *guest_block_info(struct guest *g);
void guest_block_event(struct guest_dev *d);
/* block_*: -ENOSYS without words: none of them. */
int guest_block_call(struct guest *g, const char *method,
                     struct json_object *params, struct json_object **result,
                     struct err *e);

struct json_object *guest_net_info(struct guest *g);
void guest_net_event(struct guest_dev *d);
/* network_*: the same. */
int guest_net_call(struct guest *g, const char *method,
                   struct json_object *params, struct json_object **result,
                   struct err *e);

#endif
