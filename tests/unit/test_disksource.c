/* SPDX-License-Identifier: MIT */
/*
 * test_disksource.c - what may stand behind a disk, and who has it
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "toolstack/supervisor/disksource.h"

static uv_loop_t loop;
static char dir[] = "/tmp/disksource-XXXXXX";
static struct err err;

static char *in_dir(const char *name)
{
    static char path[4][64];
    static int next;
    char *p = path[next++ % 4];

    snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
    return p;
}

static char *make_file(const char *name)
{
    char *path = in_dir(name);
    int fd = open(path, O_CREAT | O_RDWR, 0600);

    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, 1 << 20), 0);
    close(fd);
    return path;
}

static int open_source(const char *target, bool writable,
                       enum vm_disk_format format, struct disk_source **out)
{
    struct vm_disk d = { .target = (char *)target,
                         .vdev = (char *)"xvda",
                         .format = format,
                         .writable = writable };

    err = (struct err){ 0 };
    *out = NULL;
    return disk_source_open(&loop, &d, in_dir("vbd-51712"), out, &err);
}

static int refused(const char *target, enum vm_disk_format format)
{
    struct disk_source *s;
    int rc = open_source(target, true, format, &s);

    assert_null(s);
    return rc;
}

static struct disk_source *opened(const char *target, bool writable)
{
    struct disk_source *s;

    CHECK_EQ(open_source(target, writable, VM_DISK_RAW, &s), 0);
    return s;
}

static int make_dir(void **state)
{
    (void)state;
    return uv_loop_init(&loop) || !mkdtemp(dir);
}

static int remove_dir(void **state)
{
    char cmd[64];

    (void)state;
    uv_run(&loop, UV_RUN_DEFAULT);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    return system(cmd) || uv_loop_close(&loop);
}

TEST(what_is_neither_file_nor_block_device_is_refused)
{
    CHECK_EQ(refused(NULL, VM_DISK_RAW), -ENOMEDIUM);
    CHECK_EQ(refused("", VM_DISK_RAW), -ENOMEDIUM);
    CHECK_HAS(err.text, "disk xvda: target: got none");
    CHECK_EQ(refused("/any", VM_DISK_EMPTY), -ENOMEDIUM);

    CHECK_EQ(refused(in_dir("none"), VM_DISK_RAW), -ENOENT);
    CHECK_HAS(err.text, "disk xvda: /tmp/disksource-");
    CHECK_HAS(err.text, "/none: No such file");
    CHECK_EQ(refused(dir, VM_DISK_RAW), -EINVAL);
    CHECK_HAS(err.text, "got a directory, want a file or block device");
    CHECK_EQ(mkfifo(in_dir("pipe"), 0600), 0);
    CHECK_EQ(refused(in_dir("pipe"), VM_DISK_RAW), -EINVAL);
    CHECK_HAS(err.text, "got a pipe");
}

TEST(a_relative_target_is_below_dev)
{
    CHECK_EQ(refused("null", VM_DISK_RAW), -EINVAL);
    CHECK_STR(err.text, "disk xvda: /dev/null: got a character device, "
                        "want a file or block device");
    CHECK_EQ(refused("vg/none", VM_DISK_RAW), -ENOENT);
    CHECK_HAS(err.text, "/dev/vg/none");
}

TEST(a_long_path_is_refused)
{
    char path[5000];

    memset(path, 'x', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = 0;
    CHECK_EQ(refused(path, VM_DISK_RAW), -ENAMETOOLONG);
}

TEST(access_is_what_the_configuration_says)
{
    struct disk_source *s = opened(make_file("modes"), false);
    int fd = disk_source_fd(s);

    CHECK_EQ(disk_source_kind(s), BLK_STORE_RAW);
    CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    disk_source_close(s);

    s = opened(in_dir("modes"), true);
    fd = disk_source_fd(s);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
    close(fd);
    disk_source_close(s);
}

TEST(a_link_is_followed)
{
    struct disk_source *s;

    make_file("volume");
    CHECK_EQ(symlink("volume", in_dir("link")), 0);
    s = opened(in_dir("link"), true);
    close(disk_source_fd(s));
    disk_source_close(s);
}

static void check_pair(bool first, bool second, bool fits)
{
    struct disk_source *a = opened(make_file("shared"), first);
    struct disk_source *b = opened(in_dir("shared"), second);
    int fd = disk_source_fd(a), other = disk_source_fd(b);

    CHECK(fd >= 0);
    CHECK_STR(disk_source_why(a), "");
    if (fits) {
        CHECK(other >= 0);
        close(other);
    } else {
        CHECK_EQ(other, -EBUSY);
        CHECK_HAS(disk_source_why(b), "/shared: it is in use by another guest");
    }
    close(fd);
    disk_source_close(a);
    /* Whoever was refused may ask again. */
    other = disk_source_fd(b);
    CHECK(other >= 0);
    CHECK_STR(disk_source_why(b), "");
    close(other);
    disk_source_close(b);
}

TEST(two_may_share_a_disk_only_to_read)
{
    check_pair(true, true, false);
    check_pair(true, false, false);
    check_pair(false, true, false);
    check_pair(false, false, true);
}

TEST(the_lock_lives_as_long_as_a_backend_has_the_descriptor)
{
    struct disk_source *a = opened(make_file("kept"), true), *b;
    int fd = disk_source_fd(a), again = disk_source_fd(a);

    CHECK(again >= 0); /* for the backend that follows a killed one */
    disk_source_close(a);
    b = opened(in_dir("kept"), true);
    close(fd);
    CHECK_EQ(disk_source_fd(b), -EBUSY);
    close(again);
    fd = disk_source_fd(b);
    CHECK(fd >= 0);
    close(fd);
    disk_source_close(b);
}

TEST(a_file_that_became_a_pipe_is_noticed)
{
    struct disk_source *s = opened(make_file("turned"), true);

    CHECK_EQ(unlink(in_dir("turned")), 0);
    CHECK_EQ(mkfifo(in_dir("turned"), 0600), 0);
    CHECK_EQ(disk_source_fd(s), -EINVAL);
    CHECK_HAS(disk_source_why(s), "got a pipe");
    disk_source_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(what_is_neither_file_nor_block_device_is_refused),
        RULE(a_relative_target_is_below_dev),
        RULE(a_long_path_is_refused),
        RULE(access_is_what_the_configuration_says),
        RULE(a_link_is_followed),
        RULE(two_may_share_a_disk_only_to_read),
        RULE(the_lock_lives_as_long_as_a_backend_has_the_descriptor),
        RULE(a_file_that_became_a_pipe_is_noticed),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
