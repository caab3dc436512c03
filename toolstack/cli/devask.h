/* SPDX-License-Identifier: MIT */
/*
 * devask.h - have a supervisor attach or detach a device, and wait for it
 *
 * How this works: the supervisor answers at once that it will, and tells by
 * events how that went.  So we subscribe first, ask, and hear.
 */
#ifndef DEVASK_H
#define DEVASK_H

#include <stdbool.h>
#include <stdint.h>

struct client;
struct err;
struct json_object;

#define DEVASK_ATTACH_MS 30000
#define DEVASK_DETACH_MS 10000

struct devask_kind {    /* of devices */
    const char *noun;   /* what people call one */
    const char *event;  /* that tells of one */
    const char *attach; /* methods */
    const char *detach;
    const char *id;      /* detach's word for which one */
    const char *name;    /* attach's answer to that */
    const char *unready; /* what may take its time */
    const char *list;    /* the command that tells how they are */
};

/*
 * Takes params.  *out (may be NULL): what the supervisor answered, and
 * "state"; the caller's to put.
 *
 *   -EIO        it failed, with the reason; it was taken away again
 *   -ETIMEDOUT  it is not there in timeout_ms; it may still come
 *   whatever the supervisor refuses it with
 */
int devask_attach(struct client *c, const struct devask_kind *k,
                  struct json_object *params, int timeout_ms,
                  struct json_object **out, struct err *e);

/*
 * devid: its number, NULL: the answer tells it.
 *
 *   -ETIMEDOUT  the guest keeps it; the request stands
 *   -EIO        it could not be taken away, with the reason
 */
int devask_detach(struct client *c, const struct devask_kind *k,
                  const char *word, const uint32_t *devid, bool force,
                  int timeout_ms, struct err *e);

/* block_detach() or net_detach(). */
typedef int devask_let_go(struct client *c, const char *word, bool force,
                          int timeout_ms, struct err *e);
/* `[-f] GUEST DEVICE...`: as a command returns. */
int devask_detach_all(int argc, char **argv, devask_let_go *detach,
                      struct err *e);

#endif
