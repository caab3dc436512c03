/* SPDX-License-Identifier: MIT */
/*
 * tapdev.h - a guest's tap: make, attach, recognise
 *
 * A tap of ours has an alias that names guest, vif and domain, so that nobody
 * else's device is taken for one, whatever it is called.  The domain is what
 * counts: a guest may be renamed.
 *
 * Source: Linux 6.12, Documentation/networking/tuntap.rst, drivers/net/tun.c.
 */
#ifndef TAPDEV_H
#define TAPDEV_H

#include <stdbool.h>
#include <stdint.h>

#include <net/if.h>

struct err;
struct nl_link;

#define TAPDEV_GUEST_BYTES 80u

struct tapdev_owner {
    char guest[TAPDEV_GUEST_BYTES];
    uint32_t devid;
    uint16_t domid;
};

/* "freehold web/vif-0 domain 7" */
void tapdev_alias(const struct tapdev_owner *o, char out[128]);
/* False: it is none of ours. */
bool tapdev_owner(const struct nl_link *l, struct tapdev_owner *out);

/* May the kernel be asked for a device of that name? */
bool tapdev_name_good(const char *name);

/*
 * A new tap, with a descriptor of each queue: blocking, for packets behind a
 * struct virtio_net_hdr of 10 bytes.  It has no carrier, and is gone with its
 * last descriptor unless tapdev_persist() says otherwise.
 *
 *   -EBUSY      there is a device of that name
 */
int tapdev_make(const char *name, uint32_t nr_queues, int *fds, struct err *e);
/* Queues of one that is there; its carrier is off then. */
int tapdev_attach(const char *name, uint32_t nr_queues, int *fds,
                  struct err *e);
int tapdev_persist(const char *name, int fd, struct err *e);
void tapdev_close(int *fds, uint32_t nr); /* those that are not -1 */

#endif
