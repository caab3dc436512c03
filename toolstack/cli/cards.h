/* SPDX-License-Identifier: MIT */
/*
 * cards.h - a guest's cards, as its supervisor's `info` tells them
 *
 * The one reader of "vifs".  What it does not say is NULL, or 0.
 */
#ifndef CARDS_H
#define CARDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_object;

/* Each grows while the card is there, over restarts of its backend too.  The
   guest's view: tx is what it sent. */
enum card_figure {
    CARD_TX_PACKETS,
    CARD_TX_BYTES,
    CARD_TX_DROPPED,
    CARD_TX_ERRORS,
    CARD_TX_SPOOFED,
    CARD_RX_PACKETS,
    CARD_RX_BYTES,
    CARD_RX_DROPPED,
    CARD_TX_GSO,
    CARD_RX_GSO,
    CARD_WAITS,
    CARD_STALLS,
    CARD_FIGURES
};

struct card { /* texts are the info's */
    const char *mac, *tap, *bridge, *state, *why;
    uint32_t devid, queues, mtu;
    bool sg, gso_v4, gso_v6, stalled, any_mac;
    int pid; /* of its backend */
    uint64_t restarts, rate_bytes;
    uint32_t rate_usecs;
    uint64_t figure[CARD_FIGURES];
    bool known[CARD_FIGURES];
};

uint32_t cards_count(struct json_object *info); /* NULL: none */
/* i < cards_count(info) */
void cards_get(struct json_object *info, uint32_t i, struct card *out);
/* By number or address, as the supervisor takes them; false: none. */
bool cards_find(struct json_object *info, const char *word, struct card *out);

/* The array itself, or an empty one; the caller's to put. */
struct json_object *cards_array(struct json_object *info);

/* "1000000B/s@50000us", as rate= has it; "0": no limit. */
#define CARD_RATE_TEXT 48u
void cards_rate_text(const struct card *c, char out[CARD_RATE_TEXT]);

/* A line each, as `freehold info` has them. */
void cards_print(FILE *to, struct json_object *info);

#endif
