/* SPDX-License-Identifier: MIT */
/*
 * nbduri.h - where an NBD server is: nbd://HOST[:PORT]/EXPORT and
 * nbd+unix:///EXPORT?socket=PATH
 *
 * Source: the NBD project's doc/uri.md.
 */
#ifndef NBDURI_H
#define NBDURI_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/blk/blk_ctl.h"

#define NBD_PORT 10809u
#define NBD_HOST_MAX 255u
#define NBD_SOCKET_MAX 107u /* bytes: struct sockaddr_un, and a NUL */

struct err;

struct nbd_uri { /* checked */
    bool is_unix;
    char host[NBD_HOST_MAX + 1]; /* a name or address, without brackets */
    uint16_t port;
    char path[NBD_SOCKET_MAX + 1]; /* absolute */
    char export[BLK_TEXT];         /* "": the default one */
};

/* Does a target name an NBD server, well or badly?  Else it is a path. */
bool nbduri_is(const char *target);

/*
 * Read one.  Bytes behind % are decoded, but for NUL.
 *
 *   -EINVAL         `target: got "...", want ...`
 *   -EOPNOTSUPP     nbds: TLS is not there yet
 */
int nbduri_parse(const char *text, struct nbd_uri *out, struct err *e);

#endif
