/* SPDX-License-Identifier: MIT */
/*
 * unit.c - a migration's connection, cut into what is said on it
 */
#include "tests/evil-relay/unit.h"

#include <errno.h>
#include <string.h>

#include "abi/migrate_wire.h"
#include "common/checked.h"
#include "migrate/wire.h"

static struct wire_unit head_of(const uint8_t *p)
{
    struct wire_unit u;

    memcpy(&u, p, sizeof(u));
    return u;
}

int64_t unit_bytes(const uint8_t *p, size_t have_bytes, bool first)
{
    struct wire_unit u;
    size_t bytes;

    if (first)
        return have_bytes < sizeof(struct wire_hello)
                   ? 0
                   : (int64_t)sizeof(struct wire_hello);
    if (have_bytes < sizeof(u))
        return 0;
    u = head_of(p);
    bytes = sizeof(u) + u.len_bytes;
    if (bytes > UNIT_BYTES_MAX)
        return -EPROTO;
    return have_bytes < bytes ? 0 : (int64_t)bytes;
}

static const char *hand_name(uint64_t n)
{
    static const char *const name[] = { "other", "hand1", "hand2",
                                        "hand3", "hand4", "hand5" };

    return name[n < ARRAY_SIZE(name) ? n : 0];
}

static const char *short_name(const uint8_t *frame, uint32_t bytes)
{
    if (bytes < sizeof(struct fh_mig_head))
        return "other";
    switch (frame[offsetof(struct fh_mig_head, type)]) {
    case FH_MIG_EPOCH:
        return "epoch";
    case FH_MIG_EPOCH_ACK:
        return "ack";
    case FH_MIG_READY:
        return "ready";
    default:
        return "other";
    }
}

static const char *token_name(const uint8_t *token, uint32_t bytes)
{
    return bytes < FH_TOKEN_BYTES
               ? "other"
               : wire_token_name(token[offsetof(struct fh_mig_token, type)]);
}

const char *unit_name(const uint8_t *p, bool first)
{
    struct wire_unit u;

    if (first)
        return "hello";
    u = head_of(p);
    p += sizeof(u);
    switch (u.kind) {
    case WIRE_PLAN:
        return "plan";
    case WIRE_ANSWER:
        return "answer";
    case WIRE_HAND:
        return hand_name(u.arg);
    case WIRE_FRAME:
        return "frame";
    case WIRE_SHORT:
        return short_name(p, u.len_bytes);
    case WIRE_TOKEN:
        return token_name(p, u.len_bytes);
    case WIRE_ASK:
        return "ask";
    case WIRE_END:
        return "end";
    case WIRE_ALIVE:
        return "alive";
    default:
        return "other";
    }
}

uint16_t unit_stream(const uint8_t *hello)
{
    struct wire_hello h;

    memcpy(&h, hello, sizeof(h));
    return h.stream;
}
