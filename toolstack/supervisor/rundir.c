/* SPDX-License-Identifier: MIT */
/*
 * rundir.c - a guest's name, held on this host
 */
#include "toolstack/supervisor/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"

static const char *const members[] = {
    "api",       "api.new", "console",    "console.new", "state",
    "state.new", "config",  "config.new", "ended",       "lock",
};

static int lock_path(char out[PATH_MAX], const char *dir)
{
    return snprintf(out, PATH_MAX, "%s/lock", dir) < PATH_MAX ? 0 : -1;
}

/* 1: locked by us.  0: somebody else has it.  Negative errno otherwise. */
static int try_lock(int fd)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
        return 1;
    return errno == EAGAIN || errno == EACCES ? 0 : -errno;
}

/* Did the last holder remove the file between our open and our lock? */
static bool still_there(int fd, const char *path)
{
    struct stat ours, named;

    return fstat(fd, &ours) == 0 && stat(path, &named) == 0 &&
           ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

/* Returns 1 when the name is ours, 0 to try again, or a negative errno. */
static int take_once(struct rundir *d, const char *name, struct err *e)
{
    char lock[PATH_MAX];
    int rc;

    if (lock_path(lock, d->path))
        return fail(e, -ENAMETOOLONG, "%s: the path is too long", d->path);
    if (mkdir(d->path, 0700) && errno != EEXIST)
        return fail(e, -errno, "%s: make it: %s", d->path, strerror(errno));
    d->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0 && errno == ENOENT)
        return 0; /* removed under our feet */
    if (d->lock_fd < 0)
        return fail(e, -errno, "%s: open: %s", lock, strerror(errno));
    rc = try_lock(d->lock_fd);
    if (rc == 1 && still_there(d->lock_fd, lock))
        return 1;
    close(d->lock_fd);
    d->lock_fd = -1;
    if (rc == 0)
        return fail(e, -EEXIST,
                    "guest %s: take the name: a guest of this name is there; "
                    "destroy it or choose another name=",
                    name);
    if (rc < 0)
        return fail(e, rc, "%s: lock: %s", lock, strerror(-rc));
    return 0;
}

int rundir_take(const char *base, const char *name, struct rundir *out,
                struct err *e)
{
    int rc;

    *out = (struct rundir){ .lock_fd = -1 };
    if (mkdir(base, 0700) && errno != EEXIST)
        return fail(e, -errno, "%s: make it: %s", base, strerror(errno));
    if (snprintf(out->path, sizeof(out->path), "%s/%s", base, name) >= PATH_MAX)
        return fail(e, -ENAMETOOLONG, "%s: the path is too long", base);
    do
        rc = take_once(out, name, e);
    while (rc == 0);
    if (rc < 0)
        out->path[0] = 0; /* what is there is not ours to remove */
    return rc < 0 ? rc : 0;
}

int rundir_inherit(const char *base, const char *name, int lock_fd,
                   struct rundir *out, struct err *e)
{
    char lock[PATH_MAX];

    *out = (struct rundir){ .lock_fd = -1 };
    if (snprintf(out->path, sizeof(out->path), "%s/%s", base, name) >=
            PATH_MAX ||
        lock_path(lock, out->path) || !still_there(lock_fd, lock) ||
        try_lock(lock_fd) != 1 || fcntl(lock_fd, F_SETFD, FD_CLOEXEC)) {
        out->path[0] = 0; /* what is there is not ours to remove */
        return fail(e, -EBADF, "guest %s: --lock-fd %d: it is not its lock",
                    name, lock_fd);
    }
    out->lock_fd = lock_fd;
    return 0;
}

void rundir_mark_ended(const struct rundir *d)
{
    char path[PATH_MAX + 16];
    int fd;

    snprintf(path, sizeof(path), "%s/ended", d->path);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

bool rundir_has_ended(const char *base, const char *name)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s/ended", base, name);
    return access(path, F_OK) == 0;
}

void rundir_config_path(const char *base, const char *name, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/%s/config", base, name);
}

/* Open NAME.new, to be renamed to NAME by replace_end(). */
static int replace_begin(const struct rundir *d, const char *member, FILE **out,
                         struct err *e)
{
    char path[PATH_MAX + 16];

    snprintf(path, sizeof(path), "%s/%s.new", d->path, member);
    *out = fopen(path, "we");
    if (!*out)
        return fail(e, -errno, "%s: open: %s", path, strerror(errno));
    return 0;
}

/* Closes f. */
static int replace_end(const struct rundir *d, const char *member, FILE *f,
                       struct err *e)
{
    char path[2][PATH_MAX + 16];
    bool good = fflush(f) == 0;

    snprintf(path[0], sizeof(path[0]), "%s/%s.new", d->path, member);
    snprintf(path[1], sizeof(path[1]), "%s/%s", d->path, member);
    good &= fclose(f) == 0;
    if (!good || rename(path[0], path[1]))
        return fail(e, -errno, "%s: write: %s", path[1], strerror(errno));
    return 0;
}

int rundir_keep_config(const struct rundir *d, const char *text, struct err *e)
{
    char ended[PATH_MAX + 16];
    FILE *f;
    int rc = replace_begin(d, "config", &f, e);

    if (rc < 0)
        return rc;
    fputs(text, f);
    snprintf(ended, sizeof(ended), "%s/ended", d->path);
    unlink(ended); /* of the one before */
    return replace_end(d, "config", f, e);
}

int rundir_rename(struct rundir *d, const char *to, struct err *e)
{
    char path[PATH_MAX];
    int base_bytes = (int)(strrchr(d->path, '/') - d->path);

    if (snprintf(path, sizeof(path), "%.*s/%s", base_bytes, d->path, to) >=
        PATH_MAX)
        return fail(e, -ENAMETOOLONG, "%s: the path is too long", d->path);
    if (renameat2(AT_FDCWD, d->path, AT_FDCWD, path, RENAME_NOREPLACE)) {
        if (errno == EEXIST)
            return fail(e, -EEXIST,
                        "guest %s: take the name: a guest of this name is "
                        "there; destroy it or choose another name",
                        to);
        return fail(e, -errno, "%s: rename to %s: %s", d->path, to,
                    strerror(errno));
    }
    strcpy(d->path, path);
    return 0;
}

static void print_hex(FILE *f, const char *key, const uint8_t *bytes, size_t nr)
{
    fprintf(f, "%s=", key);
    for (size_t i = 0; i < nr; i++)
        fprintf(f, "%02x", bytes[i]);
    fputc('\n', f);
}

int rundir_write(const struct rundir *d, const struct run_state *s,
                 struct err *e)
{
    char uuid[VM_UUID_TEXT];
    FILE *f;
    int rc;

    vmcfg_uuid_text(s->uuid, uuid);
    rc = replace_begin(d, "state", &f, e);
    if (rc < 0)
        return rc;
    fprintf(f, "uuid=%s\npid=%d\ndomid=%u\nconsole_port=%u\n", uuid, s->pid,
            s->domid, s->console_port);
    print_hex(f, "measurement", s->identity.measurement,
              sizeof(s->identity.measurement));
    print_hex(f, "guest_id", s->identity.guest_id,
              sizeof(s->identity.guest_id));
    if (s->receives)
        fputs("receives=1\n", f);
    if (s->leaves)
        fputs("leaves=1\n", f);
    return replace_end(d, "state", f, e);
}

static void hex_parse(const char *text, uint8_t *out, size_t nr)
{
    for (size_t i = 0; i < nr; i++)
        if (sscanf(text + 2 * i, "%2hhx", &out[i]) != 1)
            return;
}

static bool is_locked(const char *dir)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    char lock[PATH_MAX];
    int fd, r;

    if (lock_path(lock, dir))
        return false;
    fd = open(lock, O_RDONLY | O_CLOEXEC); /* /run may be read-only by now */
    if (fd < 0)
        return false;
    r = fcntl(fd, F_OFD_GETLK, &whole);
    close(fd);
    return r == 0 && whole.l_type != F_UNLCK;
}

static void parse_line(struct run_state *s, const char *line)
{
    char uuid[VM_UUID_TEXT], hex[65];

    if (sscanf(line, "measurement=%64[0-9a-f]", hex) == 1)
        hex_parse(hex, s->identity.measurement,
                  sizeof(s->identity.measurement));
    if (sscanf(line, "guest_id=%32[0-9a-f]", hex) == 1)
        hex_parse(hex, s->identity.guest_id, sizeof(s->identity.guest_id));
    if (sscanf(line, "uuid=%36s", uuid) == 1)
        vmcfg_uuid_parse(uuid, s->uuid);
    sscanf(line, "pid=%d", &s->pid);
    sscanf(line, "domid=%hu", &s->domid);
    sscanf(line, "console_port=%u", &s->console_port);
    if (strcmp(line, "receives=1\n") == 0)
        s->receives = true;
    if (strcmp(line, "leaves=1\n") == 0)
        s->leaves = true;
}

int rundir_read(const char *base, const char *name, struct run_state *out,
                struct err *e)
{
    char dir[PATH_MAX - 16], path[PATH_MAX], line[128];
    struct stat st;
    FILE *f;

    *out = (struct run_state){ 0 };
    snprintf(out->name, sizeof(out->name), "%s", name);
    if (snprintf(dir, sizeof(dir), "%s/%s", base, name) >= (int)sizeof(dir))
        return fail(e, -ENAMETOOLONG, "%s: the path is too long", base);
    if (stat(dir, &st) || !S_ISDIR(st.st_mode))
        return -ENOENT;
    out->supervised = is_locked(dir);
    snprintf(path, sizeof(path), "%s/state", dir);
    f = fopen(path, "re");
    if (!f)
        return 0; /* the name is held, and no more is known yet */
    while (fgets(line, sizeof(line), f))
        parse_line(out, line);
    fclose(f);
    return 0;
}

int rundir_list(const char *base, struct run_state **out, struct err *e)
{
    struct run_state *list = NULL;
    DIR *dir = opendir(base);
    struct dirent *d;
    int nr = 0;

    *out = NULL;
    if (!dir)
        return errno == ENOENT
                   ? 0
                   : fail(e, -errno, "%s: open: %s", base, strerror(errno));
    while ((d = readdir(dir))) {
        struct run_state *more;

        if (vmcfg_check_name(d->d_name, NULL) < 0)
            continue;
        more = realloc(list, (nr + 1) * sizeof(*list));
        if (!more) {
            free(list);
            closedir(dir);
            return fail(e, -ENOMEM, "%s: no memory", base);
        }
        list = more;
        if (rundir_read(base, d->d_name, &list[nr], NULL) == 0)
            nr++;
    }
    closedir(dir);
    *out = list;
    return nr;
}

/* What its disks and cards left: devfile.h names them. */
static void remove_devices(const char *dir_path)
{
    DIR *dir = opendir(dir_path);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (strncmp(entry->d_name, "vbd-", 4) == 0 ||
            strncmp(entry->d_name, "vif-", 4) == 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
}

void rundir_remove(struct rundir *d)
{
    char path[PATH_MAX + 16];

    if (d->path[0]) {
        remove_devices(d->path);
        for (uint32_t i = 0; i < ARRAY_SIZE(members); i++) {
            snprintf(path, sizeof(path), "%s/%s", d->path, members[i]);
            unlink(path);
        }
        rmdir(d->path);
    }
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    *d = (struct rundir){ .lock_fd = -1 };
}
