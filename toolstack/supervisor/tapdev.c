/* SPDX-License-Identifier: MIT */
/*
 * tapdev.c - a guest's tap: make, attach, recognise
 */
#include "toolstack/supervisor/tapdev.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "common/err.h"
#include "toolstack/supervisor/netlink.h"

#define TUN_PATH "/dev/net/tun"
#define ALIAS_START "freehold "
#define VNET_HDR_BYTES 10
#ifndef IFF_NO_CARRIER
#define IFF_NO_CARRIER 0x0040
#endif

#define TAP_FLAGS                                                              \
    (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE | IFF_NO_CARRIER)

void tapdev_alias(const struct tapdev_owner *o, char out[128])
{
    snprintf(out, 128, ALIAS_START "%.79s/vif-%u domain %u", o->guest, o->devid,
             o->domid);
}

/* A guest's name may hold anything, so from behind. */
bool tapdev_owner(const struct nl_link *l, struct tapdev_owner *out)
{
    const char *at = l->alias + strlen(ALIAS_START);
    const char *vif = strrchr(l->alias, '/');
    unsigned int devid, domid;
    int used = 0;

    if (!l->tap || strncmp(l->alias, ALIAS_START, strlen(ALIAS_START)) ||
        !vif || vif < at || (size_t)(vif - at) >= sizeof(out->guest))
        return false;
    if (sscanf(vif, "/vif-%u domain %u%n", &devid, &domid, &used) != 2 ||
        vif[used] || domid > UINT16_MAX)
        return false;
    *out = (struct tapdev_owner){ .devid = devid, .domid = (uint16_t)domid };
    memcpy(out->guest, at, (size_t)(vif - at));
    return true;
}

bool tapdev_name_good(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len >= IFNAMSIZ || !strcmp(name, ".") ||
        !strcmp(name, ".."))
        return false;
    for (const char *s = name; *s; s++)
        if (!isgraph((unsigned char)*s) || strchr("/:%", *s))
            return false; /* % is a pattern to TUNSETIFF */
    return true;
}

static int refused(struct err *e, const char *name, const char *what)
{
    int rc = -errno;

    return fail(e, rc, "%s: %s: %s", name, what, strerror(-rc));
}

static int open_queue(const char *name, int flags, int *out, struct err *e)
{
    struct ifreq want = { .ifr_flags = (short)flags };
    unsigned int carrier = 0;
    int bytes = VNET_HDR_BYTES, rc = 0;
    int fd = open(TUN_PATH, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return fail(e, -errno,
                    "%s: open " TUN_PATH ": %s; dom0's kernel needs tun "
                    "(modprobe tun)",
                    name, strerror(errno));
    snprintf(want.ifr_name, sizeof(want.ifr_name), "%s", name);
    if (ioctl(fd, TUNSETIFF, &want) < 0)
        rc = refused(e, name, "take a queue of it (TUNSETIFF)");
    else if (ioctl(fd, TUNSETVNETHDRSZ, &bytes) < 0)
        rc = refused(e, name, "set its header's size (TUNSETVNETHDRSZ)");
    /* Kernels before 6.2 know no IFF_NO_CARRIER. */
    else if (ioctl(fd, TUNSETCARRIER, &carrier) < 0)
        rc = refused(e, name, "take its carrier off (TUNSETCARRIER)");
    if (rc < 0) {
        close(fd);
        return rc;
    }
    *out = fd;
    return 0;
}

static int open_queues(const char *name, uint32_t nr, int first_flags, int *fds,
                       struct err *e)
{
    for (uint32_t i = 0; i < nr; i++)
        fds[i] = -1;
    for (uint32_t i = 0; i < nr; i++) {
        int rc = open_queue(name, i ? TAP_FLAGS : first_flags, &fds[i], e);

        if (rc < 0) {
            tapdev_close(fds, nr);
            return rc;
        }
    }
    return 0;
}

int tapdev_make(const char *name, uint32_t nr_queues, int *fds, struct err *e)
{
    return open_queues(name, nr_queues, TAP_FLAGS | IFF_TUN_EXCL, fds, e);
}

int tapdev_attach(const char *name, uint32_t nr_queues, int *fds, struct err *e)
{
    return open_queues(name, nr_queues, TAP_FLAGS, fds, e);
}

int tapdev_persist(const char *name, int fd, struct err *e)
{
    return ioctl(fd, TUNSETPERSIST, 1) < 0
               ? refused(e, name, "keep it (TUNSETPERSIST)")
               : 0;
}

void tapdev_close(int *fds, uint32_t nr)
{
    for (uint32_t i = 0; i < nr; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}
