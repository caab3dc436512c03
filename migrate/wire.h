/* SPDX-License-Identifier: MIT */
/*
 * wire.h - what two freehold-migrate say to each other, checked
 *
 * The structs are the wire's own bytes; check functions take private copies of
 * what a peer sent, and whoever passes them is in range, of that side, on that
 * stream.  Nothing here does I/O.
 *
 * Source: migrate/stream.md, sections 3 and 7.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdint.h>

#include "abi/steward_abi.h"

struct err;

#define WIRE_MAGIC "FHMIG\0\0\1" /* 8 bytes */
#define WIRE_VERSION 1u
#define WIRE_ID_BYTES 16u

enum wire_purpose { WIRE_MIGRATE = 1, WIRE_CHECK, WIRE_RESOLVE, WIRE_PURPOSES };
enum wire_side { WIRE_SOURCE, WIRE_DEST };

struct wire_hello {
    uint8_t magic[8];
    uint16_t version_min, version_max;
    uint16_t stream, nr_streams;
    uint32_t purpose; /* enum wire_purpose */
    uint32_t zero;
    uint8_t transfer[WIRE_ID_BYTES];
    uint8_t session[WIRE_ID_BYTES]; /* RESOLVE: whose; else zero */
    uint8_t zero2[8];
};
_Static_assert(sizeof(struct wire_hello) == 64, "wire_hello");

enum wire_kind {
    WIRE_PLAN = 1,
    WIRE_ANSWER,
    WIRE_HAND,
    WIRE_FRAME,
    WIRE_SHORT,
    WIRE_TOKEN,
    WIRE_ASK,
    WIRE_END,
    WIRE_ALIVE,
    WIRE_KINDS
};
#define WIRE_PLAN_MAX (1u << 20) /* bytes */
#define WIRE_ANSWER_MAX (64u << 10)
#define WIRE_END_MAX 4096u

/* The arg of ASK. */
#define WIRE_ASK_END 1u  /* ABORT or DONE, whichever is true from now on */
#define WIRE_ASK_TRUE 2u /* which is true */

struct wire_unit {
    uint32_t kind; /* enum wire_kind */
    uint32_t len_bytes;
    uint64_t arg;
};
_Static_assert(sizeof(struct wire_unit) == 16, "wire_unit");

enum wire_token { WIRE_START = 1, WIRE_ABORT, WIRE_DONE, WIRE_TOKENS };

const char *wire_kind_name(uint32_t kind);   /* "unknown" for others */
const char *wire_token_name(uint32_t token); /* file names, too */

/*
 * A first hello, as the source makes it.  session may be NULL.
 */
void wire_hello(struct wire_hello *h, enum wire_purpose purpose,
                uint16_t stream, uint16_t nr_streams,
                const uint8_t transfer[WIRE_ID_BYTES],
                const uint8_t session[WIRE_ID_BYTES]);
/*
 * At the destination.  -EPROTO: it is none; -EPROTONOSUPPORT: no version in
 * common.
 */
int wire_check_hello(const struct wire_hello *h, struct err *e);
/* At the source: the answer to asked.  The same errors. */
int wire_check_answer(const struct wire_hello *h,
                      const struct wire_hello *asked, struct err *e);

/* A unit's head that came from that side on that stream; -EPROTO. */
int wire_check_unit(const struct wire_unit *u, enum wire_side from,
                    uint16_t stream, struct err *e);

/*
 * A token's type, or -EPROTO when its clear part is not as it must be; session
 * may be NULL.  What its evidence is worth only a Xen can say.
 */
int wire_check_token(const uint8_t token[FH_TOKEN_BYTES],
                     uint8_t session[WIRE_ID_BYTES], struct err *e);

#endif
