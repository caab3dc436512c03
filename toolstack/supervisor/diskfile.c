/* SPDX-License-Identifier: MIT */
/*
 * diskfile.c - what a disk's file holds
 */
#include "toolstack/supervisor/diskfile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/vmdisktext.h"
#include "toolstack/supervisor/vmvdev.h"

int diskfile_write(const struct rundir *d, const struct diskfile *f,
                   struct err *e)
{
    char *text = vmdisk_text(&f->disk), *lines = NULL;
    int rc;

    if (!text || asprintf(&lines, "limits=%" PRIu64 " %" PRIu64 "\ndisk=%s\n",
                          f->limits.iops, f->limits.bps, text) < 0)
        rc = fail(e, -ENOMEM, "disk %s: no memory", f->disk.vdev);
    else
        rc = devfile_write(d, DEVFILE_DISK, f->disk.devid, &f->process, lines,
                           2, e);
    free(text);
    free(lines);
    return rc;
}

static int on_line(void *arg, const char *line, struct err *e)
{
    struct diskfile *f = arg;

    sscanf(line, "limits=%" SCNu64 " %" SCNu64, &f->limits.iops,
           &f->limits.bps);
    if (strncmp(line, "disk=", 5))
        return 0;
    vmdisk_free(&f->disk);
    return vmdisk_parse(line + 5, &f->disk, e);
}

static int read_file(const struct rundir *d, uint32_t devid, struct diskfile *f,
                     struct err *e)
{
    int rc;

    *f = (struct diskfile){ 0 };
    rc = devfile_read(d, DEVFILE_DISK, devid, &f->process, on_line, f, e);
    if (rc == 0 &&
        (!f->disk.vdev || vmvdev_number(f->disk.vdev, &f->disk.devid) < 0 ||
         f->disk.devid != devid))
        rc = fail(e, -EINVAL,
                  "%s/vbd-%u.disk: it does not say which disk it "
                  "is",
                  d->path, devid);
    if (rc < 0)
        vmdisk_free(&f->disk);
    return rc;
}

int diskfile_list(const struct rundir *d, struct diskfile **out, struct err *e)
{
    struct diskfile *list = NULL;
    uint32_t *devids;
    int all = devfile_list(d, DEVFILE_DISK, &devids, e), nr = 0;

    *out = NULL;
    if (all <= 0)
        return all;
    list = calloc((size_t)all, sizeof(*list));
    for (int i = 0; list && i < all; i++) {
        struct err why = { 0 };

        if (read_file(d, devids[i], &list[nr], &why) == 0)
            nr++;
        else
            log_err("%s", why.text);
    }
    free(devids);
    *out = list;
    return list ? nr : fail(e, -ENOMEM, "%s: no memory", d->path);
}
