/* SPDX-License-Identifier: MIT */
/*
 * vmvdev.c - the number of a virtual block device
 */
#include "toolstack/supervisor/vmvdev.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * `xvdb3`: kind, letters a..z as a number of base 26 without a nought, and a
 * partition that does not begin with 0.
 */
static bool named(const char *vdev, const char *kind, long max_disk,
                  long max_part, long *disk, long *part)
{
    const char *s = vdev + strlen(kind);
    char *end;

    if (strncmp(vdev, kind, strlen(kind)))
        return false;
    *disk = -1;
    for (; *s >= 'a' && *s <= 'z'; s++) {
        *disk = (*disk + 1) * 26 + (*s - 'a');
        if (*disk > max_disk)
            return false;
    }
    *part = 0;
    if (*disk < 0)
        return false;
    if (*s == 0)
        return true;
    if (*s == '0' || !isdigit((unsigned char)*s))
        return false;
    errno = 0;
    *part = strtol(s, &end, 10);
    return !errno && *end == 0 && *part <= max_part;
}

int vmvdev_number(const char *vdev, uint32_t *out)
{
    int n_disk, n_part, used = -1;
    long disk, part;
    char *end;

    if (sscanf(vdev, "d%ip%i%n", &n_disk, &n_part, &used) >= 2 && used >= 0 &&
        vdev[used] == 0 && n_disk >= 0 && n_disk < 1 << 20 && n_part >= 0 &&
        n_part < 256) {
        disk = n_disk;
        part = n_part;
    } else if (!named(vdev, "xvd", (1 << 20) - 1, 255, &disk, &part)) {
        disk = -1;
    }
    if (disk >= 0) {
        *out = disk <= 15 && part <= 15
                   ? (uint32_t)(202 << 8 | disk << 4 | part)
                   : (uint32_t)(1 << 28 | disk << 8 | part);
        return 0;
    }
    if (isdigit((unsigned char)vdev[0])) {
        unsigned long number;

        errno = 0;
        number = strtoul(vdev, &end, 0);
        *out = (uint32_t)number;
        return errno || *end || number > INT_MAX ? -EINVAL : 0;
    }
    if (named(vdev, "hd", 3, 63, &disk, &part)) {
        *out = (uint32_t)((disk < 2 ? 3 : 22) << 8 | (disk & 1) << 6 | part);
        return 0;
    }
    if (named(vdev, "sd", 15, 15, &disk, &part)) {
        *out = (uint32_t)(8 << 8 | disk << 4 | part);
        return 0;
    }
    return -EINVAL;
}
