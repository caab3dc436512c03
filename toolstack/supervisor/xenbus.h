/* SPDX-License-Identifier: MIT */
/*
 * xenbus.h - a guest's tree in xenstore
 *
 * The layout is libxl's for PVH, so that guests, `xl list` and xentop find
 * what they look for.  Our console says type `freehold`, which xenconsoled
 * leaves alone.
 */
#ifndef XENBUS_H
#define XENBUS_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct store;

struct xenbus_spec {
    uint16_t domid;
    const char *name;
    uint8_t uuid[16];
    uint64_t ram_bytes;    /* static-max: what the guest was built with */
    uint64_t target_bytes; /* what its balloon driver is asked to keep */
    uint32_t nr_vcpus;     /* the guest's own */
    uint32_t console_port;
};

/* Write the whole tree in one transaction: all of it or nothing is there. */
int xenbus_build(struct store *s, const struct xenbus_spec *x, struct err *e);

/* Remove the tree; goes on after an error and returns the first. */
int xenbus_remove(struct store *s, uint16_t domid, const uint8_t uuid[16],
                  struct err *e);

/* Ask the guest's kernel: what is "poweroff" or "reboot". */
int xenbus_ask_shutdown(struct store *s, uint16_t domid, const char *what,
                        struct err *e);

/*
 * Is the running xenstored the one written in C?  The other one maps foreign
 * pages, which a protected guest does not allow.
 *
 *   -EPROTONOSUPPORT  it is oxenstored
 *   -ENOENT           there is none
 */
int xenbus_check_daemon(struct err *e);

/*
 * Connect to xenstore, or fail when no daemon is there: libxenstore would ask
 * our kernel for it then, and wait for ever.  -ENOENT.
 */
int xenbus_connect(struct store **out, struct err *e);

/* Is a request to shut down still unanswered? */
bool xenbus_is_asked(struct store *s, uint16_t domid);

/* Is a domain of ours in xenstore? */
bool xenbus_knows(struct store *s, uint16_t domid);

#endif
