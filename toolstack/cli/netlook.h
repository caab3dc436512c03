/* SPDX-License-Identifier: MIT */
/*
 * netlook.h - where a guest stands with one of its cards
 */
#ifndef NETLOOK_H
#define NETLOOK_H

#include <stdint.h>

struct columns_network;
struct store;

/*
 * Fill *n, but for its address, for the card of n->devid; what is no number is
 * -1.  xl looks for one port and one pair of rings only; of a card with
 * several queues those of the first are told, and of two ports that of
 * transmission.
 */
void net_look(struct store *s, uint16_t domid, struct columns_network *n);

#endif
