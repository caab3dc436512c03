/* SPDX-License-Identifier: MIT */
/*
 * viffile.c - what a card's file holds
 */
#include "toolstack/supervisor/viffile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/vmviftext.h"

struct reader {
    struct vm_vif *vif;
    uint64_t rate_bytes;
    uint32_t rate_usecs;
    int any_mac;
};

int viffile_write(const struct rundir *d, const struct vm_vif *vif,
                  const struct beproc_id *process, struct err *e)
{
    char *text = vmvif_text(vif), *lines = NULL;
    int rc;

    if (!text ||
        asprintf(&lines, "rate=%" PRIu64 " %u\nany_mac=%d\nvif=%s\n",
                 vif->rate_bytes, vif->rate_usecs, vif->any_mac, text) < 0)
        rc = fail(e, -ENOMEM, "vif %u: no memory", vif->devid);
    else
        rc = devfile_write(d, DEVFILE_VIF, vif->devid, process, lines, 3, e);
    free(text);
    free(lines);
    return rc;
}

static int on_line(void *arg, const char *line, struct err *e)
{
    struct reader *r = arg;

    sscanf(line, "rate=%" SCNu64 " %u", &r->rate_bytes, &r->rate_usecs);
    sscanf(line, "any_mac=%d", &r->any_mac);
    if (strncmp(line, "vif=", 4))
        return 0;
    vmvif_free(r->vif);
    return vmvif_read(line + 4, r->vif, e);
}

static int read_file(const struct rundir *d, uint32_t devid, struct viffile *f,
                     struct err *e)
{
    struct reader r = { .vif = &f->vif };
    int rc;

    *f = (struct viffile){ 0 };
    rc = devfile_read(d, DEVFILE_VIF, devid, &f->process, on_line, &r, e);
    if (rc == 0 && (!f->vif.has_mac || f->vif.devid != devid))
        rc = fail(e, -EINVAL, "%s/vif-%u.vif: it does not say which card it is",
                  d->path, devid);
    f->vif.rate_bytes = r.rate_bytes;
    f->vif.rate_usecs = r.rate_usecs;
    f->vif.any_mac = r.any_mac;
    if (rc < 0)
        vmvif_free(&f->vif);
    return rc;
}

int viffile_list(const struct rundir *d, struct viffile **out, struct err *e)
{
    struct viffile *list = NULL;
    uint32_t *devids;
    int all = devfile_list(d, DEVFILE_VIF, &devids, e), nr = 0;

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
