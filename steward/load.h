/* SPDX-License-Identifier: MIT */
/*
 * load.h - have dom0 fill guest memory, batch by batch, and measure it
 *
 * Faces toolstack/supervisor/load.c.
 */
#ifndef STEWARD_LOAD_H
#define STEWARD_LOAD_H

#include "control.h"
#include "err.h"
#include "grant.h"
#include "layout.h"
#include "measure.h"

struct load {
    struct control *control;
    struct grant *grant;
    struct measure *measure;
    uint64_t loaded_bytes, total_bytes; /* progress, all blobs */
    uint32_t seq;                       /* of the last batch */
};

struct load_range {
    enum fh_blob blob;
    uint64_t off_bytes; /* into the blob; a multiple of 4096 */
    uint64_t len_bytes;
    struct gpa to; /* a page's start; its pages are all ours to grant */
};

/*
 * Load a part of a blob.  On return dom0 can reach none of its pages, every
 * byte has been fed to the measurement in order, and what lies behind the
 * last byte in its page is 0.
 *
 *   FH_ERR_GRANT     dom0 kept a page
 *   FH_ERR_PROTOCOL  it answered nonsense, or gave up
 */
int load_range(struct load *l, const struct load_range *r, struct st_err *e);

#endif
