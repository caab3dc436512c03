/* SPDX-License-Identifier: MIT */
/*
 * devfile.c - which devices a guest has now, for the next supervisor
 */
#include "toolstack/supervisor/devfile.h"

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

#define LINE_BYTES_MAX 8192u
#define PATH_BYTES (BE_BASE_BYTES + 16)

static const struct {
    const char *prefix, *suffix;
} names[] = {
    [DEVFILE_DISK] = { "vbd", ".disk" },
    [DEVFILE_VIF] = { "vif", ".vif" },
};
_Static_assert(ARRAY_SIZE(names) == DEVFILE_KINDS, "names");

void devfile_base(const struct rundir *d, enum devfile_kind kind,
                  uint32_t devid, char out[BE_BASE_BYTES])
{
    /* RUNDIR_BASE and the longest name fit; a longer path is not found. */
    snprintf(out, BE_BASE_BYTES, "%.80s/%s-%u", d->path, names[kind].prefix,
             devid);
}

static void file_path(const struct rundir *d, enum devfile_kind kind,
                      uint32_t devid, const char *suffix, char out[PATH_BYTES])
{
    char base[BE_BASE_BYTES];

    devfile_base(d, kind, devid, base);
    snprintf(out, PATH_BYTES, "%s%s", base, suffix);
}

static uint32_t count_lines(const char *lines)
{
    uint32_t nr = 0;

    for (const char *c = lines; *c; c++)
        nr += *c == '\n';
    return nr;
}

int devfile_write(const struct rundir *d, enum devfile_kind kind,
                  uint32_t devid, const struct beproc_id *process,
                  const char *lines, uint32_t nr_lines, struct err *e)
{
    char path[2][PATH_BYTES];
    bool good = false;
    FILE *out;

    file_path(d, kind, devid, names[kind].suffix, path[1]);
    if (count_lines(lines) != nr_lines)
        return fail(e, -EINVAL,
                    "%s: write: got a line's end in a word, want "
                    "none",
                    path[1]);
    snprintf(path[0], PATH_BYTES, "%.*s.new", (int)PATH_BYTES - 5, path[1]);
    out = fopen(path[0], "we");
    if (out) {
        fprintf(out, "process=%d %" PRIu64 "\n", process->pid,
                process->start_ticks);
        fputs(lines, out);
        good = fflush(out) == 0;
        good &= fclose(out) == 0;
    }
    if (good && rename(path[0], path[1]) == 0)
        return 0;
    return fail(e, -errno, "%s: write: %s", path[1], strerror(errno));
}

int devfile_read(const struct rundir *d, enum devfile_kind kind, uint32_t devid,
                 struct beproc_id *process, devfile_line *each, void *arg,
                 struct err *e)
{
    char path[PATH_BYTES], *line = malloc(LINE_BYTES_MAX);
    FILE *in = NULL;
    int rc = 0;

    *process = (struct beproc_id){ 0 };
    file_path(d, kind, devid, names[kind].suffix, path);
    if (line)
        in = fopen(path, "re");
    if (!in)
        rc = fail(e, -errno, "%s: read: %s", path, strerror(errno));
    while (rc == 0 && fgets(line, LINE_BYTES_MAX, in)) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "process=", 8))
            rc = each(arg, line, e);
        else
            sscanf(line, "process=%d %" SCNu64, &process->pid,
                   &process->start_ticks);
    }
    if (in)
        fclose(in);
    free(line);
    return rc;
}

void devfile_remove(const struct rundir *d, enum devfile_kind kind,
                    uint32_t devid)
{
    static const char *const suffix[] = { ".sock", ".sock.new", ".journal",
                                          ".nbd" };
    char path[PATH_BYTES];

    for (uint32_t i = 0; i < ARRAY_SIZE(suffix); i++) {
        file_path(d, kind, devid, suffix[i], path);
        unlink(path);
    }
    file_path(d, kind, devid, names[kind].suffix, path);
    unlink(path);
    strcat(path, ".new");
    unlink(path);
}

/* "vbd-51712.disk": the number. */
static bool is_of(enum devfile_kind kind, const char *name, uint32_t *devid)
{
    size_t nr = strlen(names[kind].prefix);
    int end = 0;

    return strncmp(name, names[kind].prefix, nr) == 0 &&
           sscanf(name + nr, "-%u%n", devid, &end) == 1 &&
           strcmp(name + nr + end, names[kind].suffix) == 0;
}

int devfile_list(const struct rundir *d, enum devfile_kind kind,
                 uint32_t **devids, struct err *e)
{
    DIR *dir = opendir(d->path);
    struct dirent *entry;
    uint32_t devid;
    int nr = 0;

    *devids = NULL;
    if (!dir)
        return fail(e, -errno, "%s: open: %s", d->path, strerror(errno));
    while ((entry = readdir(dir))) {
        uint32_t *more;

        if (!is_of(kind, entry->d_name, &devid))
            continue;
        more = realloc(*devids, (nr + 1) * sizeof(**devids));
        if (!more) {
            free(*devids);
            *devids = NULL;
            nr = fail(e, -ENOMEM, "%s: no memory", d->path);
            break;
        }
        *devids = more;
        more[nr++] = devid;
    }
    closedir(dir);
    return nr;
}

static int skip_line(void *arg, const char *line, struct err *e)
{
    (void)arg, (void)line, (void)e;
    return 0;
}

void devfile_clear(const struct rundir *d)
{
    for (enum devfile_kind kind = 0; kind < DEVFILE_KINDS; kind++) {
        uint32_t *devids;
        int nr = devfile_list(d, kind, &devids, NULL);

        for (int i = 0; i < nr; i++) {
            struct beproc_id process;

            devfile_read(d, kind, devids[i], &process, skip_line, NULL, NULL);
            beproc_kill_left(&process);
            devfile_remove(d, kind, devids[i]);
        }
        if (nr > 0)
            free(devids);
    }
}
