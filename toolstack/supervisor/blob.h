/* SPDX-License-Identifier: MIT */
/*
 * blob.h - a file's bytes, straight from the page cache
 */
#ifndef BLOB_H
#define BLOB_H

#include <stddef.h>
#include <stdint.h>

struct err;

struct blob {       /* all zero: empty */
    const void *va; /* page aligned; NULL when empty */
    uint64_t len_bytes;
    size_t mapped_bytes;
};

/*
 * Map a whole file.  what names it in messages: `kernel`, `ramdisk`.
 *
 *   -ENOENT, -EACCES ...  open or map failed
 *   -EINVAL               no regular file, or empty
 *   -EFBIG                more than max_bytes
 */
int blob_open(struct blob *b, const char *what, const char *path,
              uint64_t max_bytes, struct err *e);

/* A private copy of text, without its NUL, aligned like a file's. */
int blob_from_text(struct blob *b, const char *text, struct err *e);

void blob_close(struct blob *b); /* twice: no-op */

#endif
