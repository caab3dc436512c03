/* SPDX-License-Identifier: MIT */
/*
 * image_main.c - freehold-image: run qemu-nbd for one image, in a sandbox
 *
 * usage: freehold-image GUEST/VDEV FORMAT r|w cached|direct CLIENTS IMAGE
 *
 * Started by the supervisor (qemunbd.c) with descriptor 3, a listening socket,
 * and 4, the image open and locked, which is only to stay open while qemu-nbd
 * lives.  What goes wrong is said on stderr, in one last line.  qemu-nbd ends
 * when its last client leaves; we end as it did.
 *
 * Each write is on the image's disk before it is answered.  With a cache of its
 * own, qemu-nbd would keep which clusters it allocated to itself until a flush;
 * killed, it would take from a guest that goes on what the guest has written.
 *
 * An image names its backing files itself, and one that somebody uploaded may
 * name another guest's disk.  So a backing file is one that lies beside the
 * image and that nobody may write to (chmod a-w): its owner's own word.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/image/box.h"
#include "common/checked.h"
#include "common/err.h"

#define PROGRAM "/usr/bin/qemu-nbd"
#define FD_LISTEN 3
#define FD_LOCKED 4

struct order {
    char *format, *clients;
    bool writable, direct;
    char image[PATH_MAX];
};

static volatile pid_t server_pid;

static void pass_on(int number)
{
    if (server_pid > 0)
        kill(server_pid, number);
}

static bool is_one_of(const char *word, const char *const *list)
{
    while (*list && strcmp(*list, word))
        list++;
    return *list != NULL;
}

static int read_order(int argc, char **argv, struct order *o, struct err *e)
{
    static const char *const formats[] = { "qcow2", "qcow", "vpc", "qed",
                                           NULL };

    if (argc != 7)
        return fail(e, -EINVAL,
                    "usage: freehold-image GUEST/VDEV "
                    "qcow2|qcow|vpc|qed r|w cached|direct CLIENTS IMAGE");
    *o = (struct order){ .format = argv[2],
                         .clients = argv[5],
                         .writable = strcmp(argv[3], "w") == 0,
                         .direct = strcmp(argv[4], "direct") == 0 };
    if (!is_one_of(o->format, formats))
        return fail(e, -EINVAL,
                    "format: got \"%.20s\", want qcow2, qcow, vpc "
                    "or qed",
                    o->format);
    if (!realpath(argv[6], o->image))
        return fail(e, -errno, "%.300s: %s", argv[6], strerror(errno));
    return 0;
}

static void start_server(const struct order *o)
{
    char *argv[] = {
        (char *)"qemu-nbd",
        (char *)"--format",
        o->format,
        (char *)"--shared",
        o->clients,
        (char *)"--discard=unmap",
        (char *)"--detect-zeroes=off",
        (char *)(o->direct ? "--cache=directsync" : "--cache=writethrough"),
        (char *)(o->direct ? "--aio=native" : "--aio=threads"),
        (char *)"--export-name=",
        (char *)(o->writable ? "--" : "--read-only"),
        (char *)(o->writable ? o->image : "--"),
        o->writable ? NULL : (char *)o->image,
        NULL,
    };
    char *env[] = { (char *)"LISTEN_FDS=1", (char *)"LISTEN_PID=1",
                    (char *)"LC_ALL=C.UTF-8", NULL };

    execve(PROGRAM, argv, env);
    fprintf(stderr, "%s: %s\n", PROGRAM, strerror(errno));
}

static void keep_open(int fd)
{
    fcntl(fd, F_SETFD, 0);
}

static int wait_for_server(void)
{
    int status;

    while (waitpid(server_pid, &status, 0) < 0)
        if (errno != EINTR)
            return EXIT_FAILURE;
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    fprintf(stderr, "qemu-nbd: ended by signal %d\n", WTERMSIG(status));
    return EXIT_FAILURE;
}

static int look_at_image(const struct order *o, struct box *b, struct err *e)
{
    struct stat st, held;

    if (stat(o->image, &st) || fstat(FD_LOCKED, &held))
        return fail(e, -errno, "%.300s: %s", o->image, strerror(errno));
    if (st.st_dev != held.st_dev || st.st_ino != held.st_ino)
        return fail(e, -ESTALE, "%.300s: it was replaced meanwhile", o->image);
    if (access(PROGRAM, X_OK))
        return fail(e, -errno, "%s: %s (package qemu-utils)", PROGRAM,
                    strerror(errno));
    *b = (struct box){ .program = PROGRAM,
                       .image = o->image,
                       .writable = o->writable,
                       .uid = st.st_uid,
                       .gid = st.st_gid };
    return 0;
}

int main(int argc, char **argv)
{
    const struct sigaction forward = { .sa_handler = pass_on };
    struct err e = { 0 };
    struct order o;
    struct box b;

    if (read_order(argc, argv, &o, &e) < 0 || look_at_image(&o, &b, &e) < 0 ||
        box_enter(&b, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return EXIT_FAILURE;
    }
    sigaction(SIGTERM, &forward, NULL);
    server_pid = fork();
    if (server_pid == 0) {
        signal(SIGTERM, SIG_DFL);
        keep_open(FD_LISTEN);
        keep_open(FD_LOCKED);
        close_range(FD_LOCKED + 1, ~0u, 0);
        if (box_drop(&b, &e) < 0)
            fprintf(stderr, "%s\n", e.text);
        else
            start_server(&o);
        _exit(EXIT_FAILURE);
    }
    if (server_pid < 0) {
        fprintf(stderr, "fork: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    close_range(FD_LISTEN, ~0u, 0); /* who connects finds qemu-nbd, or nobody */
    _exit(wait_for_server());       /* atexit() would miss the host's files */
}
