/* SPDX-License-Identifier: MIT */
/*
 * vmdisktext.c - a disk in xl's words again, and its limits in ours
 */
#include "toolstack/supervisor/vmdisktext.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/supervisor/vmdisk.h"
#include "toolstack/supervisor/vmvdev.h"

#define NUMBER_BYTES_MAX 24u

static void put_choice(FILE *f, enum vm_choice c, const char *yes,
                       const char *no)
{
    if (c != VM_UNSAID)
        fprintf(f, "%s,", c == VM_YES ? yes : no);
}

char *vmdisk_text(const struct vm_disk *d)
{
    char *text = NULL;
    size_t nr;
    FILE *f = open_memstream(&text, &nr);

    if (!f)
        return NULL;
    fprintf(f, "format=%s,vdev=%s,access=%s,", vmdisk_format_name(d->format),
            d->vdev, d->writable ? "rw" : "ro");
    if (d->backend != VM_DISK_ANY)
        fprintf(f, "backendtype=%s,", vmdisk_backend_name(d->backend));
    if (d->backend_domain && d->backend_domain[0])
        fprintf(f, "backend=%s,", d->backend_domain);
    if (d->cdrom)
        fprintf(f, "devtype=cdrom,");
    if (d->direct_io_safe)
        fprintf(f, "direct-io-safe,");
    put_choice(f, d->discard, "discard", "no-discard");
    put_choice(f, d->trusted, "trusted", "untrusted");
    put_choice(f, d->grant_usage, "grant_usage=1", "grant_usage=0");
    if (d->script && d->script[0])
        fprintf(f, "script=%s,", d->script);
    if (d->target)
        fprintf(f, "target=%s", d->target); /* last: it takes the rest */
    if (fclose(f) == 0)
        return text;
    free(text);
    return NULL;
}

int vmdisk_copy(const struct vm_disk *d, struct vm_disk *out, struct err *e)
{
    char *text = vmdisk_text(d);
    int rc;

    *out = (struct vm_disk){ 0 };
    if (!text)
        return fail(e, -ENOMEM, "disk: no memory");
    rc = vmdisk_parse(text, out, e);
    free(text);
    out->devid = d->devid;
    out->iops_max = d->iops_max;
    out->bps_max = d->bps_max;
    return rc;
}

int vmdisk_check_backend(const char *domain, struct err *e)
{
    if (!domain || !domain[0] || strcmp(domain, "0") == 0 ||
        strcmp(domain, "Domain-0") == 0)
        return 0;
    return fail(e, -EINVAL, "backend: got \"%.40s\", want none: dom0 serves it",
                domain);
}

int vmdisk_check(struct vm_disk *d, struct err *e)
{
    if (vmvdev_number(d->vdev, &d->devid) < 0)
        return fail(e, -EINVAL,
                    "vdev: got \"%.40s\", want xvda, xvda1, hda, sda or the "
                    "like",
                    d->vdev);
    if (d->colo == VM_YES || d->colo_details)
        return fail(e, -EPERM, "refused: COLO copies a guest's memory");
    if (d->virtio)
        return fail(e, -EINVAL,
                    "specification: got virtio, want xen: a PVH guest has no "
                    "device model");
    return vmdisk_check_backend(d->backend_domain, e);
}

static int parse_limit(const char *word, size_t nr, uint64_t *iops,
                       uint64_t *bps, struct err *e)
{
    bool is_iops = strncmp(word, "iops=", 5) == 0;
    size_t name = is_iops ? 5 : 4;
    char number[NUMBER_BYTES_MAX];
    uint64_t *out = is_iops ? iops : bps;

    if (!is_iops && strncmp(word, "bps=", 4))
        return fail(e, -EINVAL, "got \"%.*s\", want iops=N or bps=N",
                    (int)MIN_OF(nr, 40u), word);
    snprintf(number, sizeof(number), "%.*s", (int)(nr - name), word + name);
    if (nr == name || nr - name > 18 ||
        strspn(number, "0123456789") != nr - name)
        return fail(e, -EINVAL, "%s: got \"%.*s\", want 0..10^18 - 1",
                    is_iops ? "iops" : "bps", (int)MIN_OF(nr - name, 40u),
                    word + name);
    *out = strtoull(number, NULL, 10);
    return 0;
}

int vmdisk_limits(const char *words, uint64_t *iops, uint64_t *bps,
                  struct err *e)
{
    int rc = 0;

    *iops = *bps = 0;
    while (rc == 0) {
        size_t nr;

        words += strspn(words, " \t");
        nr = strcspn(words, " \t");
        if (nr == 0)
            break;
        rc = parse_limit(words, nr, iops, bps, e);
        words += nr;
    }
    return rc;
}
