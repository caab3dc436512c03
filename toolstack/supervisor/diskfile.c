/* SPDX-License-Identifier: MIT */
/*
 * diskfile.c - which disks a guest has now, for the next supervisor
 */
#include "toolstack/supervisor/diskfile.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/vmdisktext.h"
#include "toolstack/supervisor/vmvdev.h"

#define LINE_BYTES_MAX 8192u

void diskfile_base(const struct rundir *d, uint32_t devid,
                   char out[BE_BASE_BYTES])
{
    /* RUNDIR_BASE and the longest name fit; a longer path is not found. */
    snprintf(out, BE_BASE_BYTES, "%.80s/vbd-%u", d->path, devid);
}

static void file_path(const struct rundir *d, uint32_t devid,
                      const char *suffix, char out[BE_BASE_BYTES + 16])
{
    char base[BE_BASE_BYTES];

    diskfile_base(d, devid, base);
    snprintf(out, BE_BASE_BYTES + 16, "%s%s", base, suffix);
}

int diskfile_write(const struct rundir *d, const struct diskfile *f,
                   struct err *e)
{
    char path[2][BE_BASE_BYTES + 16], *text = vmdisk_text(&f->disk);
    bool good = false;
    FILE *out;

    if (!text)
        return fail(e, -ENOMEM, "disk %s: no memory", f->disk.vdev);
    file_path(d, f->disk.devid, ".disk.new", path[0]);
    file_path(d, f->disk.devid, ".disk", path[1]);
    out = fopen(path[0], "we");
    if (out) {
        fprintf(out, "limits=%" PRIu64 " %" PRIu64 "\n", f->limits.iops,
                f->limits.bps);
        fprintf(out, "process=%d %" PRIu64 "\n", f->process.pid,
                f->process.start_ticks);
        fprintf(out, "disk=%s\n", text);
        good = fflush(out) == 0;
        good &= fclose(out) == 0;
    }
    free(text);
    if (good && rename(path[0], path[1]) == 0)
        return 0;
    return fail(e, -errno, "%s: write: %s", path[1], strerror(errno));
}

void diskfile_remove(const struct rundir *d, uint32_t devid)
{
    static const char *const suffix[] = { ".disk",     ".disk.new", ".sock",
                                          ".sock.new", ".journal",  ".nbd" };
    char path[BE_BASE_BYTES + 16];

    for (uint32_t i = 0; i < ARRAY_SIZE(suffix); i++) {
        file_path(d, devid, suffix[i], path);
        unlink(path);
    }
}

static int read_line(char *line, struct diskfile *f, struct err *e)
{
    line[strcspn(line, "\n")] = 0;
    sscanf(line, "limits=%" SCNu64 " %" SCNu64, &f->limits.iops,
           &f->limits.bps);
    sscanf(line, "process=%d %" SCNu64, &f->process.pid,
           &f->process.start_ticks);
    if (strncmp(line, "disk=", 5))
        return 0;
    vmdisk_free(&f->disk);
    return vmdisk_parse(line + 5, &f->disk, e);
}

static int read_file(const struct rundir *d, uint32_t devid, struct diskfile *f,
                     struct err *e)
{
    char path[BE_BASE_BYTES + 16], *line = malloc(LINE_BYTES_MAX);
    FILE *in = NULL;
    int rc = 0;

    *f = (struct diskfile){ 0 };
    file_path(d, devid, ".disk", path);
    if (line)
        in = fopen(path, "re");
    if (!in)
        rc = fail(e, -errno, "%s: read: %s", path, strerror(errno));
    while (rc == 0 && fgets(line, LINE_BYTES_MAX, in))
        rc = read_line(line, f, e);
    if (rc == 0 &&
        (!f->disk.vdev || vmvdev_number(f->disk.vdev, &f->disk.devid) < 0 ||
         f->disk.devid != devid))
        rc = fail(e, -EINVAL, "%s: it does not say which disk it is", path);
    if (in)
        fclose(in);
    free(line);
    if (rc < 0)
        vmdisk_free(&f->disk);
    return rc;
}

int diskfile_list(const struct rundir *d, struct diskfile **out, struct err *e)
{
    struct diskfile *list = NULL;
    DIR *dir = opendir(d->path);
    struct dirent *entry;
    int nr = 0, rc = 0;

    *out = NULL;
    if (!dir)
        return fail(e, -errno, "%s: open: %s", d->path, strerror(errno));
    while (rc == 0 && (entry = readdir(dir))) {
        struct err why = { 0 };
        uint32_t devid;
        int end = 0;
        void *more;

        if (sscanf(entry->d_name, "vbd-%u.disk%n", &devid, &end) != 1 ||
            end == 0 || entry->d_name[end])
            continue;
        more = realloc(list, (nr + 1) * sizeof(*list));
        if (!more) {
            rc = fail(e, -ENOMEM, "%s: no memory", d->path);
            break;
        }
        list = more;
        if (read_file(d, devid, &list[nr], &why) == 0)
            nr++;
        else
            log_err("%s", why.text);
    }
    closedir(dir);
    if (rc == 0) {
        *out = list;
        return nr;
    }
    while (nr > 0)
        vmdisk_free(&list[--nr].disk);
    free(list);
    return rc;
}

void diskfile_clear(const struct rundir *d)
{
    struct diskfile *list = NULL;
    int nr = diskfile_list(d, &list, NULL);

    for (int i = 0; i < nr; i++) {
        beproc_kill_left(&list[i].process);
        diskfile_remove(d, list[i].disk.devid);
        vmdisk_free(&list[i].disk);
    }
    free(list);
}
