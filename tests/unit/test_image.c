/* SPDX-License-Identifier: MIT */
/*
 * test_image.c - images by a real qemu-nbd in its sandbox, from file to store
 *
 * Needs root and qemu-utils; says so and is skipped without.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/blk/blk_store.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/disksource.h"

#define SKIPPED 77
#define UNIT 65536u

static uv_loop_t loop;
static char dir[] = "/tmp/image-XXXXXX";
static struct err err;

static int run(const char *format, const char *a, const char *b)
{
    char cmd[512];

    snprintf(cmd, sizeof(cmd), format, dir, a, b);
    return system(cmd);
}

static int make_dir(void **state)
{
    char path[64];

    (void)state;
    if (uv_loop_init(&loop) || !mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/web", dir);
    return mkdir(path, 0700);
}

static int remove_dir(void **state)
{
    (void)state;
    uv_run(&loop, UV_RUN_DEFAULT);
    return run("rm -rf %s", "", "");
}

/* ---- a disk, as supervisor and backend see it together ---- */

struct disk {
    struct disk_source *source;
    struct blk_store *store;
    struct loop *loop;
    struct blk_store_queue *queue;
    int fd;
    bool is_answered, is_wanted;
    struct err why;
};

static void on_connected(void *arg, int fd, const struct err *failed)
{
    struct disk *d = arg;

    d->fd = fd;
    d->is_answered = true;
    d->why = failed ? *failed : (struct err){ 0 };
}

static void on_want(void *arg, uint32_t queue)
{
    (void)queue;
    ((struct disk *)arg)->is_wanted = true;
}

static int connect_once(struct disk *d)
{
    d->is_answered = false;
    CHECK_EQ(disk_source_connect(d->source, on_connected, d, &err), 0);
    while (!d->is_answered)
        uv_run(&loop, UV_RUN_ONCE);
    return d->why.rc;
}

static int open_disk(struct disk *d, const char *name,
                     enum vm_disk_format format, bool writable, bool direct)
{
    struct blk_open o = { .kind = BLK_STORE_NBD,
                          .nr_queues = 2,
                          .discard = 1,
                          .readonly = !writable,
                          .offline_ms = 20000 };
    char target[128], base[128];
    struct vm_disk v = { .target = target,
                         .vdev = (char *)"xvda",
                         .format = format,
                         .writable = writable,
                         .direct_io_safe = direct };

    snprintf(target, sizeof(target), "%s/%s", dir, name);
    snprintf(base, sizeof(base), "%s/web/vbd-51712", dir);
    *d = (struct disk){ .fd = -1 };
    CHECK_EQ(disk_source_open(&loop, &v, base, &d->source, &err), 0);
    if (connect_once(d) < 0)
        return d->why.rc;
    CHECK_EQ(blk_nbd_open(d->fd, &o, on_want, d, &d->store, &err), 0);
    CHECK_EQ(loop_open(&d->loop, 0, NULL, 0, &err), 0);
    CHECK_EQ(d->store->ops->attach(d->store, 0, d->loop, &d->queue, &err), 0);
    return 0;
}

static void close_disk(struct disk *d)
{
    if (d->store)
        d->store->ops->close(d->store);
    loop_close(d->loop);
    disk_source_close(d->source);
    uv_run(&loop, UV_RUN_NOWAIT);
}

/* The lock is free when the server is gone. */
static void await_end(const char *name)
{
    char target[128];
    struct vm_disk v = { .target = target,
                         .vdev = (char *)"xvda",
                         .format = VM_DISK_RAW,
                         .writable = true };
    struct disk_source *s;
    int fd;

    snprintf(target, sizeof(target), "%s/%s", dir, name);
    CHECK_EQ(disk_source_open(&loop, &v, dir, &s, &err), 0);
    while ((fd = disk_source_fd(s)) == -EBUSY)
        uv_run(&loop, UV_RUN_NOWAIT);
    CHECK(fd >= 0);
    close(fd);
    disk_source_close(s);
}

static uint8_t buf[UNIT] __attribute__((aligned(4096)));
static int done_rc;

static void on_done(struct blk_io *io, int rc)
{
    (void)io;
    done_rc = rc;
}

static struct blk_io io;

static void start(struct disk *d, enum blk_op op, uint64_t off)
{
    io = (struct blk_io){ .op = op,
                          .buf = buf,
                          .off = off,
                          .len = op == BLK_FLUSH ? 0 : UNIT,
                          .done = on_done };
    done_rc = 1;
    d->store->ops->submit(d->queue, &io);
}

static int finish(struct disk *d)
{
    while (done_rc == 1) {
        loop_turn(d->loop, true);
        if (!d->is_wanted)
            continue;
        d->is_wanted = false;
        CHECK_EQ(connect_once(d), 0);
        d->store->ops->reconnect(d->queue, d->fd);
    }
    return done_rc;
}

static int do_one(struct disk *d, enum blk_op op, uint64_t off)
{
    start(d, op, off);
    return finish(d);
}

static void check_written(struct disk *d, uint64_t off, uint8_t fill)
{
    memset(buf, ~fill, sizeof(buf));
    CHECK_EQ(do_one(d, BLK_READ, off), 0);
    for (uint32_t i = 0; i < UNIT; i++)
        CHECK_EQ(buf[i], fill);
}

static void make_image(const char *format, const char *name)
{
    CHECK_EQ(run("cd %s && qemu-img create -q -f %s %s 64M", format, name), 0);
}

/* ---- the rules ---- */

static void check_format(const char *word, enum vm_disk_format format,
                         bool direct)
{
    struct disk d;

    make_image(word, "disk");
    CHECK_EQ(open_disk(&d, "disk", format, true, direct), 0);
    CHECK(d.store->info.size_bytes >= 64 * MIB_BYTES);
    memset(buf, 0x5a, sizeof(buf));
    CHECK_EQ(do_one(&d, BLK_WRITE, 10 * UNIT), 0);
    CHECK_EQ(do_one(&d, BLK_FLUSH, 0), 0);
    check_written(&d, 10 * UNIT, 0x5a);
    check_written(&d, 11 * UNIT, 0);
    close_disk(&d);
    await_end("disk");

    CHECK_EQ(open_disk(&d, "disk", format, false, direct), 0);
    CHECK(d.store->info.readonly);
    CHECK_EQ(do_one(&d, BLK_WRITE, 0), -EROFS);
    check_written(&d, 10 * UNIT, 0x5a);
    close_disk(&d);
    await_end("disk");
}

TEST(each_format_is_served)
{
    check_format("qcow2", VM_DISK_QCOW2, false);
    check_format("qcow2", VM_DISK_QCOW2, true);
    check_format("qcow", VM_DISK_QCOW, false);
    check_format("vpc", VM_DISK_VHD, false);
    check_format("qed", VM_DISK_QED, false);
}

/* The server that has the image; it is in a namespace of its own, not hidden.
 */
static pid_t server_pid(void)
{
    FILE *f = popen("pgrep -n -x qemu-nbd", "r");
    int pid = 0;

    CHECK_EQ(fscanf(f, "%d", &pid), 1);
    pclose(f);
    return pid;
}

TEST(a_server_that_is_killed_is_followed_by_another)
{
    struct disk d;

    make_image("qcow2", "killed");
    CHECK_EQ(open_disk(&d, "killed", VM_DISK_QCOW2, true, false), 0);
    for (uint8_t i = 1; i <= 5; i++) {
        memset(buf, i, sizeof(buf));
        CHECK_EQ(do_one(&d, BLK_WRITE, i * UNIT), 0);
        CHECK_EQ(do_one(&d, BLK_FLUSH, 0), 0);
        CHECK_EQ(kill(server_pid(), SIGKILL), 0);
        start(&d, BLK_WRITE, (i + 10) * UNIT);
        CHECK_EQ(finish(&d), 0);
    }
    for (uint8_t i = 1; i <= 5; i++) {
        check_written(&d, i * UNIT, i);
        check_written(&d, (i + 10) * UNIT, i);
    }
    close_disk(&d);
    await_end("killed");
    CHECK_EQ(run("qemu-img check -q -f qcow2 %s/%s%s", "killed", ""), 0);
}

TEST(what_qemu_nbd_says_reaches_us)
{
    struct disk d;

    CHECK_EQ(run("truncate -s 64M %s/plain%s%s", "", ""), 0);
    CHECK(open_disk(&d, "plain", VM_DISK_QCOW2, true, false) < 0);
    CHECK_HAS(d.why.text, "disk xvda: qemu-nbd: ");
    CHECK_HAS(d.why.text, "Image is not in qcow2 format");
    close_disk(&d);
}

TEST(a_backing_file_is_one_that_nobody_may_write_to)
{
    struct disk d;

    CHECK_EQ(run("cd %s && mkdir -p other && truncate -s 64M base other/base "
                 "&& printf secret 1<>base && chmod 644 base && "
                 "chmod 444 other/base && qemu-img create -q -f qcow2 -F raw "
                 "-b base child && qemu-img create -q -f qcow2 -F raw "
                 "-b other/base stray%s%s",
                 "", ""),
             0);
    CHECK(open_disk(&d, "child", VM_DISK_QCOW2, true, false) < 0);
    CHECK_HAS(d.why.text, "Could not open backing file");
    CHECK_HAS(d.why.text, "chmod a-w");
    close_disk(&d);
    CHECK(open_disk(&d, "stray", VM_DISK_QCOW2, true, false) < 0);
    CHECK_HAS(d.why.text, "Could not open backing file");
    close_disk(&d);

    CHECK_EQ(run("chmod 444 %s/base%s%s", "", ""), 0);
    CHECK_EQ(open_disk(&d, "child", VM_DISK_QCOW2, true, false), 0);
    CHECK_EQ(do_one(&d, BLK_READ, 0), 0);
    CHECK(memcmp(buf, "secret", 6) == 0);
    close_disk(&d);
    await_end("child");
    CHECK_EQ(run("rm -rf %s/base%s%s", "", ""), 0);
}

TEST(the_server_has_no_rights_and_sees_nothing)
{
    struct disk d;
    char cmd[1024];

    make_image("qcow2", "boxed");
    CHECK_EQ(open_disk(&d, "boxed", VM_DISK_QCOW2, true, false), 0);
    snprintf(cmd, sizeof(cmd),
             "cd /proc/%d && grep -q '^CapPrm:.0*$' status && "
             "grep -q '^CapBnd:.0*$' status && "
             "grep -q '^NoNewPrivs:.1$' status && "
             "grep -q '^Seccomp:.2$' status && "
             "test ! -e root/etc/passwd && test ! -e root/proc/self && "
             "test $(ls root/usr/bin | wc -l) = 1 && "
             "test $(ls root%s | wc -l) = 1 && "
             "! cut -d' ' -f4 mounts | grep -v '^ro' | grep -qv '^rw,nosuid'",
             server_pid(), dir);
    CHECK_EQ(system(cmd), 0);
    close_disk(&d);
    await_end("boxed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(each_format_is_served),
        RULE(a_server_that_is_killed_is_followed_by_another),
        RULE(what_qemu_nbd_says_reaches_us),
        RULE(a_backing_file_is_one_that_nobody_may_write_to),
        RULE(the_server_has_no_rights_and_sees_nothing),
    };

    if (geteuid() != 0 || access("/usr/bin/qemu-nbd", X_OK)) {
        fprintf(stderr, "skipped: wants root and qemu-utils\n");
        return SKIPPED;
    }
    log_set_level(LOG_LEVEL_NONE);
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
