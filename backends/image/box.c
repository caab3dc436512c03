/* SPDX-License-Identifier: MIT */
/*
 * box.c - a place with one image in it, and nothing else of the host
 */
#include "backends/image/box.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"

/* Built here, for no image is here; it exists on every host. */
#define ROOT "/sys"
#define BACKING_MAX 256u

#define HARD (MS_NOSUID | MS_NOEXEC)

static int wrong(struct err *e, const char *what, const char *path)
{
    return fail(e, -errno, "sandbox: %s %.300s: %s", what, path,
                strerror(errno));
}

/* Every folder above path, in the new root. */
static int make_folders(const char *path, struct err *e)
{
    char dir[PATH_MAX + sizeof(ROOT)];

    snprintf(dir, sizeof(dir), "%s%s", ROOT, path);
    for (char *c = dir + sizeof(ROOT); (c = strchr(c, '/')); *c++ = '/') {
        *c = 0;
        if (mkdir(dir, 0755) && errno != EEXIST)
            return wrong(e, "make", dir);
    }
    return 0;
}

/* The same path inside; flags: MS_* of the mount there. */
static int show(const char *path, unsigned long flags, struct err *e)
{
    char to[PATH_MAX + sizeof(ROOT)];
    struct stat st;
    int rc, fd;

    if (stat(path, &st))
        return wrong(e, "look at", path);
    rc = make_folders(path, e);
    if (rc < 0)
        return rc;
    snprintf(to, sizeof(to), "%s%s", ROOT, path);
    if (S_ISDIR(st.st_mode)) {
        if (mkdir(to, 0755) && errno != EEXIST)
            return wrong(e, "make", to);
    } else {
        fd = open(to, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOCTTY, 0600);
        if (fd < 0 && errno != EROFS) /* below /usr, which is there already */
            return wrong(e, "make", to);
        if (fd >= 0)
            close(fd);
    }
    if (mount(path, to, NULL, MS_BIND, NULL) ||
        mount(NULL, to, NULL, MS_BIND | MS_REMOUNT | flags, NULL))
        return wrong(e, "bind", path);
    return 0;
}

/* /lib and its like: the link that it is on a merged /usr, else the folder. */
static int show_library(const char *path, struct err *e)
{
    char to[PATH_MAX], target[256];
    ssize_t n = readlink(path, target, sizeof(target) - 1);

    if (n < 0 && errno == ENOENT)
        return 0;
    if (n < 0)
        return show(path, MS_RDONLY | MS_NOSUID | MS_NODEV, e);
    target[n] = 0;
    snprintf(to, sizeof(to), "%s%s", ROOT, path);
    return symlink(target, to) ? wrong(e, "link", to) : 0;
}

static int show_program(const struct box *b, struct err *e)
{
    static const char *const libraries[] = { "/lib", "/lib64", "/usr/lib64" };
    int rc = show("/usr/lib", MS_RDONLY | MS_NOSUID | MS_NODEV, e);

    for (uint32_t i = 0; i < ARRAY_SIZE(libraries) && rc == 0; i++)
        rc = show_library(libraries[i], e);
    if (rc == 0)
        rc = show(b->program, MS_RDONLY | MS_NOSUID | MS_NODEV, e);
    if (rc == 0 && access("/etc/ld.so.cache", R_OK) == 0)
        rc = show("/etc/ld.so.cache", MS_RDONLY | MS_NODEV | HARD, e);
    if (rc == 0)
        rc = show("/dev/null", HARD, e);
    return rc;
}

/* A file that nobody may write to is one that its owner means to share. */
static bool may_back(int dir, const char *name, const struct stat *image)
{
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(st.st_mode) && !(st.st_mode & 0222) &&
           (st.st_dev != image->st_dev || st.st_ino != image->st_ino);
}

static int show_backing(const struct box *b, struct err *e)
{
    char folder[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
    struct dirent *entry;
    struct stat image;
    uint32_t nr = 0;
    int rc = 0;
    DIR *d;

    snprintf(folder, sizeof(folder), "%s", b->image);
    *strrchr(folder, '/') = 0;
    if (stat(b->image, &image))
        return wrong(e, "look at", b->image);
    if (!S_ISREG(image.st_mode)) /* a device: what is beside it is none */
        return 0;
    d = opendir(folder[0] ? folder : "/");
    if (!d)
        return wrong(e, "list", folder);
    while (rc == 0 && nr < BACKING_MAX && (entry = readdir(d))) {
        if (!may_back(dirfd(d), entry->d_name, &image))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        rc = show(path, MS_RDONLY | MS_NODEV | HARD, e);
        nr++;
    }
    closedir(d);
    return rc;
}

static int change_root(struct err *e)
{
    if (mount(NULL, ROOT, NULL, MS_REMOUNT | MS_RDONLY | MS_NODEV | HARD, NULL))
        return wrong(e, "seal", ROOT);
    if (chdir(ROOT) || syscall(SYS_pivot_root, ".", ".") ||
        umount2(".", MNT_DETACH) || chdir("/"))
        return wrong(e, "enter", ROOT);
    return 0;
}

int box_enter(const struct box *b, struct err *e)
{
    int rc;

    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                CLONE_NEWPID))
        return wrong(e, "make", "its namespaces");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        return wrong(e, "make private", "/");
    if (mount("tmpfs", ROOT, "tmpfs", MS_NODEV | HARD,
              "mode=0755,size=1m,nr_inodes=4096"))
        return wrong(e, "mount", ROOT);
    rc = show_program(b, e);
    if (rc == 0)
        rc = show_backing(b, e);
    if (rc == 0)
        rc = show(b->image, (b->writable ? 0 : MS_RDONLY) | HARD, e);
    return rc < 0 ? rc : change_root(e);
}

/* ---- rights ---- */

static int drop_capabilities(struct err *e)
{
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct none[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

    if (syscall(SYS_capset, &h, none))
        return wrong(e, "drop", "capabilities");
    return 0;
}

/* What a program run by uid 0 would get back. */
static int forbid_capabilities(struct err *e)
{
    for (unsigned long cap = 0; cap <= 63; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL)
            return wrong(e, "forbid", "capabilities");
    if (prctl(PR_SET_SECUREBITS,
              SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                  SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                  SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
              0, 0, 0))
        return wrong(e, "forbid", "capabilities");
    return 0;
}

int box_drop(const struct box *b, struct err *e)
{
    static const struct rlimit none = { 0, 0 };
    int rc = forbid_capabilities(e);

    if (rc < 0)
        return rc;
    if (setgroups(0, NULL) || setresgid(b->gid, b->gid, b->gid) ||
        setresuid(b->uid, b->uid, b->uid))
        return wrong(e, "become", "the image's owner");
    rc = drop_capabilities(e);
    if (rc < 0)
        return rc;
    if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
        return wrong(e, "limit", "the process");
    return box_filter(e);
}
