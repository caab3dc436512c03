/* SPDX-License-Identifier: MIT */
/*
 * serve_priv.h - devices of guests that xl made: what differs between kinds,
 * for serve*.c alone
 */
#ifndef SERVE_PRIV_H
#define SERVE_PRIV_H

#include "common/err.h"
#include "common/store.h"
#include "toolstack/supervisor/devfile.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/serve.h"
#include "toolstack/supervisor/vbd_nodes.h"
#include "toolstack/supervisor/vmdisk.h"
#include "toolstack/supervisor/vmvif.h"

#define SERVE_PATH_BYTES 64u

struct serve_kind {
    const char *what;    /* "disk" */
    const char *command; /* "serve-blk" */
    const char *place;   /* what its place's name begins with */
    const char *dir;     /* where xl writes them */
    enum devfile_kind file;

    /* ---- for whoever looks after all of them (servewatch.c) ---- */

    /* In words, what keeps new ones from being served; NULL: nothing. */
    const char *(*obstacle)(void);
    /* Is a device that nobody of ours serves yet meant for us? */
    bool (*is_meant)(struct store *s, const char *back);

    /* ---- for one ---- */

    /* Never served by us: who else does?  0: nobody; or -EBUSY. */
    int (*check_free)(struct serve *s, struct err *e);
    /* What xl wrote; -ENOENT: there is no such device. */
    int (*read)(struct serve *s, struct err *e);
    /* The object; then either of these. */
    int (*open)(struct serve *s, struct err *e);
    int (*start)(struct serve *s, struct err *e);
    void (*adopt)(struct serve *s, const struct beproc_id *left);
    /* All of these also when there is no object. */
    void (*fired)(struct serve *s);
    void (*end)(struct serve *s); /* the guest's domain is over */
    void (*lose_store)(struct serve *s);
    struct beproc_id (*process)(const struct serve *s);
    void (*close)(struct serve *s); /* the object; the backend goes on */
    void (*clear)(struct serve *s); /* what is left of it in dom0 */
    void (*free)(struct serve *s);  /* what read() got */
};

extern const struct serve_kind serve_disk_kind, serve_card_kind;
const struct serve_kind *serve_kind_of(enum serve_what what);

struct serve {
    uv_loop_t *loop;
    struct serve_options o;
    const struct serve_kind *kind;
    char name[48]; /* "disk 7/51712", for words */
    char back[SERVE_PATH_BYTES];
    struct storewatch *watch;
    struct store *store; /* the watch's; NULL: it ended */
    struct hyp *hyp;
    struct rundir dir;
    union {
        struct {
            struct vbd_nodes nodes;
            struct vm_disk spec;
            struct vbd *vbd;
        } disk;
        struct {
            struct vm_vif spec;
            struct vif *vif;
            bool bad_rate; /* and it was said */
        } card;
    } u;
};

/* ---- what a kind's object calls ---- */

void serve_base(struct serve *s, char out[BE_BASE_BYTES]);
void serve_note(struct serve *s); /* its process is another */
void serve_gone(struct serve *s); /* its object is GONE */
/* Each vCPU may have its queue. */
uint8_t serve_count_queues(struct serve *s, uint8_t max);

#endif
