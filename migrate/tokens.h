/* SPDX-License-Identifier: MIT */
/*
 * tokens.h - files of START, ABORT and DONE
 *
 *   DIR/SESSION.start, .abort, .done       session in hex, 352 bytes
 *
 * A token is the same bytes for ever, so a file that is there is either the
 * same or was made by somebody else; the newer one wins, for it may be right.
 *
 * Whoever has rights to DIR: the supervisor and the CLI, not freehold-migrate.
 */
#ifndef MIGRATE_TOKENS_H
#define MIGRATE_TOKENS_H

#include "migrate/wire.h"

#define TOKENS_DIR "/var/lib/freehold/migrate"

/*
 * Write it under its own session and type: synced, renamed, and the folder
 * synced, so a host that goes down has all of it or none.
 *
 *   -EPROTO     it is no token
 *   -EIO ..     the file system's
 */
int tokens_keep(int dir_fd, const uint8_t token[FH_TOKEN_BYTES], struct err *e);

/*
 *   -ENOENT     there is none
 *   -EPROTO     the file is no token of that session and type
 */
int tokens_read(int dir_fd, const uint8_t session[WIRE_ID_BYTES],
                enum wire_token type, uint8_t token[FH_TOKEN_BYTES],
                struct err *e);

/* Hex of nr bytes, NUL terminated: 2 * nr + 1 chars. */
void tokens_hex(char *out, const uint8_t *bytes, uint32_t nr);
/* The reverse; -EINVAL: not exactly nr bytes of lower-case hex. */
int tokens_unhex(uint8_t *bytes, uint32_t nr, const char *hex);

#endif
