/* SPDX-License-Identifier: MIT */
/*
 * net_tap.c - what a tap is told beside packets
 *
 * A tap that refuses serves on without: packets are then larger or more
 * complete than they need be, or the bridge sees a link that is not there.
 */
#include "backends/net/net_tap.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/if.h>
#include <linux/if_tun.h>

#include "common/log.h"

static void refused(const char *what)
{
    log_debug("tap: %s: %s", what, strerror(errno));
}

void net_tap_offload(int fd, const struct net_wiring *w)
{
    unsigned flags = 0;

    /* One flag for both: IPv6 is filled by us where the guest takes none. */
    if (w->csum_v4)
        flags |= TUN_F_CSUM;
    if (w->csum_v4 && w->sg && w->gso_v4)
        flags |= TUN_F_TSO4 | TUN_F_TSO_ECN;
    if (w->csum_v4 && w->csum_v6 && w->sg && w->gso_v6)
        flags |= TUN_F_TSO6 | TUN_F_TSO_ECN;
    if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)flags))
        refused("TUNSETOFFLOAD");
}

void net_tap_use(int fd, bool use)
{
    struct ifreq r;

    memset(&r, 0, sizeof(r));
    r.ifr_flags = use ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE;
    if (ioctl(fd, TUNSETQUEUE, &r) && errno != EINVAL) /* it is so already */
        refused("TUNSETQUEUE");
}

void net_tap_carrier(int fd, bool on)
{
    int value = on;

    if (ioctl(fd, TUNSETCARRIER, &value))
        refused("TUNSETCARRIER");
}
