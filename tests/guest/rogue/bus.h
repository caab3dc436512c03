/* SPDX-License-Identifier: MIT */
/*
 * bus.h - a device as xenbus has it: its directories, states, the reason why
 * its backend closed it; and the head of a ring, which all kinds share
 */
#ifndef ROGUE_BUS_H
#define ROGUE_BUS_H

#include <stdint.h>

#define BUS_WAIT_MS 8000u
#define BUS_NEVER 99u /* no such state was seen */

/* States of xenbus, as bits. */
#define XB(state) (1u << (state))
#define XB_INIT_WAIT XB(2)
#define XB_CONNECTED XB(4)
#define XB_GONE (XB(0) | XB(5) | XB(6))

struct sring { /* the head of a ring */
    uint32_t req_prod, req_event, rsp_prod, rsp_event;
    uint8_t pad[48];
    uint8_t slots[];
};

struct bus {
    uint32_t devid;
    char dir[64], backend[128];
};

/*
 * Wait for the device, kind "vbd" or "vif", and for its backend to wait for
 * us.  0, or -1: there is none.
 */
int bus_open(struct bus *b, const char *kind, uint32_t devid);

uint32_t bus_state(const struct bus *b); /* the backend's; 0: gone */
/* Until the backend is in one of these states.  Returns it, or BUS_NEVER. */
uint32_t bus_await(const struct bus *b, uint32_t states, uint32_t ms);
/* Why the backend closed the device; its length, 0: no word of it. */
uint32_t bus_error(const struct bus *b, char *text, uint32_t size);
/* Write our state. */
void bus_say(const struct bus *b, uint32_t state);
/* Closing, Closed, as a frontend should.  0, or -1: the backend does not. */
int bus_close(const struct bus *b);

/* A number of dir/leaf; 0: it is not there. */
uint32_t bus_number(const char *dir, const char *leaf);

#endif
