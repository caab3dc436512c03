/* SPDX-License-Identifier: MIT */
/*
 * serve.h - one disk or card of a guest that xl made
 *
 * How this works: xl writes the device's directory (xldisk.h, xlcard.h) and
 * waits for it to be offered, so this is there from when the directory appears.
 * What the guest and the backend do is vbd.c's and vif.c's, as for guests of
 * ours; what xl wants is read from the directory: `online` = 0 lets it close,
 * and it is over when that is done, or when directory or domain are gone.
 *
 * /run/freehold/.serve-DOMID-DEVID, or .serve-net-DOMID-DEVID, is its place,
 * which is no guest's name.  It is locked by whoever serves the device, and
 * holds what the next one needs: the backend outlives us, and is taken over.
 *
 * xl has one kind of backend for cards, so one that dom0's kernel or anybody
 * else serves is left as it is (netback.h).
 *
 * Loop thread only.
 */
#ifndef SERVE_H
#define SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

struct err;
struct serve;

enum serve_what { SERVE_DISK, SERVE_CARD };

#define SERVE_NAME_BYTES 32u
/* The name of its place, ".serve-7-51712" or ".serve-net-7-0". */
void serve_name(enum serve_what what, uint16_t domid, uint32_t devid,
                char out[SERVE_NAME_BYTES]);
/* Is it one?  Fills both then. */
int serve_name_parse(enum serve_what what, const char *name, uint16_t *domid,
                     uint32_t *devid);

struct serve_options {
    const char *base; /* RUNDIR_BASE */
    enum serve_what what;
    uint16_t domid;
    uint32_t devid;
    const char *params;  /* a disk's [FORMAT:]TARGET instead of xl's; or NULL */
    bool any_mac;        /* of a card: let any source address through */
    const char *program; /* NULL: the backend that is installed */
    /*
     * It is over, and nothing is left; or, failed: we cannot go on, and its
     * backend serves as it did.  serve_close() is what remains to do.
     */
    void (*gone)(void *arg, const struct err *failed);
    void *arg;
};

/*
 * Serve it, or take it over.  Returns 0, and gone() comes once from the loop;
 * or 1, if it was over already.
 *
 *   -ENOENT     no such device; what an earlier one left is removed.  Or no
 *               xenstored
 *   -EEXIST     another process of ours serves it
 *   -EBUSY      another backend does; it was not touched
 *   other       its target, or its tap; the device's `error` says so too
 */
int serve_open(uv_loop_t *loop, const struct serve_options *o,
               struct serve **out, struct err *e);

/* Free it; a backend that runs goes on.  NULL: no-op. */
void serve_close(struct serve *s);

#endif
