/* SPDX-License-Identifier: MIT */
/*
 * unit.h - a migration's connection, cut into what is said on it
 *
 * Source: migrate/stream.md, sections 3, 6 and 7.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNIT_HEAD_BYTES 16u
#define UNIT_BYTES_MAX (UNIT_HEAD_BYTES + (1u << 20))

enum side { SIDE_SOURCE, SIDE_DEST };

/*
 * The bytes of what is at p, head included; first: it is a hello.  0: not all
 * of it is there; -EPROTO: no unit is that long.
 */
int64_t unit_bytes(const uint8_t *p, size_t have_bytes, bool first);

/*
 * hello, plan, answer, hand1 to hand5, frame, epoch, ack, ready, start, abort,
 * done, ask, end, alive; other for what is none of these.
 */
const char *unit_name(const uint8_t *p, bool first);

/* A hello's stream. */
uint16_t unit_stream(const uint8_t *hello);

#endif
