/* SPDX-License-Identifier: MIT */
/*
 * qemunbd.h - a qemu-nbd that serves one image, while it has clients
 *
 * freehold-image (backends/image) is run with a listening socket and the image,
 * locked.  It says what goes wrong on its stderr; its last line is why it
 * ended.  It outlives us: the next supervisor finds its socket.
 */
#ifndef QEMUNBD_H
#define QEMUNBD_H

#include <stdbool.h>

#include <uv.h>

#include "toolstack/supervisor/vmdisk.h"

struct err;
struct qemunbd;

struct qemunbd_order {
    const char *program; /* freehold-image, wherever that is */
    const char *name;    /* of the disk, for words: `disk xvda` */
    const char *title;   /* what ps shows behind it: `web/xvda` */
    const char *image, *socket;
    enum vm_disk_format format; /* neither RAW nor EMPTY */
    bool writable, direct;
    int locked_fd; /* the image, open and locked; stays the caller's */
};

/* rc: 0 if its last client left, else why says more. */
typedef void qemunbd_ended(void *arg, const struct err *why);

/*
 * Listen on socket, which is there when this returns, and start the server.
 * Returns 0, and ended() runs once from the loop, unless qemunbd_forget()
 * comes first.  *q is gone behind either.
 */
int qemunbd_start(uv_loop_t *loop, const struct qemunbd_order *o,
                  qemunbd_ended *ended, void *arg, struct qemunbd **out,
                  struct err *e);

/*
 * Let it be; unused: nobody was connected to it, so it is ended.  Its process
 * is reaped when it ends, if the loop still runs then.  NULL: no-op.
 */
void qemunbd_forget(struct qemunbd *q, bool unused);

#endif
