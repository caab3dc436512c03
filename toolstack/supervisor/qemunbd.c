/* SPDX-License-Identifier: MIT */
/*
 * qemunbd.c - a qemu-nbd that serves one image, while it has clients
 */
#include "toolstack/supervisor/qemunbd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backends/blk/blk_ctl.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"

/* A client for each queue, and as many that it has not seen go yet. */
#define CLIENTS (2u * BLK_QUEUES_MAX)

struct qemunbd {
    char name[48];
    qemunbd_ended *ended;
    void *arg;
    uv_process_t process;
    uv_pipe_t words;
    uint32_t nr_open; /* handles: the memory goes with the last */
    bool is_forgotten, has_ended, is_heard;
    int64_t status;
    int number; /* of the signal that ended it */
    char buf[256];
    char line[256]; /* the last whole one, or what there is of it */
    uint32_t line_bytes;
    bool line_ends; /* the next byte begins another */
};

static void on_words(uv_stream_t *s, ssize_t n, const uv_buf_t *b);
static void on_exit_of(uv_process_t *p, int64_t status, int number);

static void on_closed(uv_handle_t *h)
{
    struct qemunbd *q = h->data;

    if (--q->nr_open == 0)
        free(q);
}

static const char *format_word(enum vm_disk_format f)
{
    return f == VM_DISK_VHD ? "vpc" : vmdisk_format_name(f); /* QEMU's name */
}

/* Bound under another name first: who sees the name can connect. */
static int listen_at(const char *path, struct err *e)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd, rc;

    if (snprintf(at.sun_path, sizeof(at.sun_path), "%s.new", path) >=
        (int)sizeof(at.sun_path))
        return fail(e, -ENAMETOOLONG, "%s: listen: the path is too long", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(e, -errno, "%s: socket: %s", path, strerror(errno));
    unlink(at.sun_path);
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
        listen(fd, 2 * CLIENTS) == 0 && rename(at.sun_path, path) == 0)
        return fd;
    rc = fail(e, -errno, "%s: listen: %s", path, strerror(errno));
    unlink(at.sun_path);
    close(fd);
    return rc;
}

static int spawn(uv_loop_t *loop, struct qemunbd *q,
                 const struct qemunbd_order *o, int listen_fd)
{
    char clients[12];
    char *args[] = { (char *)o->program,
                     (char *)o->title,
                     (char *)format_word(o->format),
                     (char *)(o->writable ? "w" : "r"),
                     (char *)(o->direct ? "direct" : "cached"),
                     clients,
                     (char *)o->image,
                     NULL };
    char *env[] = { NULL };
    uv_stdio_container_t fds[] = {
        { .flags = UV_IGNORE },
        { .flags = UV_IGNORE },
        { .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
          .data.stream = (uv_stream_t *)&q->words },
        { .flags = UV_INHERIT_FD, .data.fd = listen_fd },
        { .flags = UV_INHERIT_FD, .data.fd = o->locked_fd },
    };
    const uv_process_options_t options = {
        .exit_cb = on_exit_of,
        .file = o->program,
        .args = args,
        .env = env,
        .cwd = "/",
        .flags = UV_PROCESS_DETACHED,
        .stdio = fds,
        .stdio_count = ARRAY_SIZE(fds),
    };

    snprintf(clients, sizeof(clients), "%u", CLIENTS);
    return uv_spawn(loop, &q->process, &options);
}

static void on_room(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
    struct qemunbd *q = h->data;

    (void)hint;
    *b = uv_buf_init(q->buf, sizeof(q->buf));
}

int qemunbd_start(uv_loop_t *loop, const struct qemunbd_order *o,
                  qemunbd_ended *ended, void *arg, struct qemunbd **out,
                  struct err *e)
{
    struct qemunbd *q = calloc(1, sizeof(*q));
    int fd, r;

    if (!q)
        return fail(e, -ENOMEM, "%s: no memory", o->name);
    q->ended = ended;
    q->arg = arg;
    q->process.data = q->words.data = q;
    snprintf(q->name, sizeof(q->name), "%s", o->name);
    fd = listen_at(o->socket, e);
    if (fd < 0) {
        free(q);
        return fd;
    }
    uv_pipe_init(loop, &q->words, 0);
    q->nr_open = 2;
    r = spawn(loop, q, o, fd);
    close(fd); /* when the server is gone, connecting must fail */
    if (r < 0) {
        uv_close((uv_handle_t *)&q->words, on_closed);
        uv_close((uv_handle_t *)&q->process, on_closed);
        return fail(e, r, "%s: start %s: %s", o->name, o->program,
                    uv_strerror(r));
    }
    uv_read_start((uv_stream_t *)&q->words, on_room, on_words);
    *out = q;
    return 0;
}

/* ---- what it says ---- */

static void keep_line(struct qemunbd *q, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\n') {
            if (q->line_bytes > 0 && !q->line_ends)
                log_warn("%s: %s", q->name, q->line);
            q->line_ends = true;
            continue;
        }
        if (q->line_ends)
            q->line_bytes = 0;
        q->line_ends = false;
        if (q->line_bytes + 1 < sizeof(q->line))
            q->line[q->line_bytes++] =
                text[i] >= ' ' && text[i] != 0x7f ? text[i] : '?';
        q->line[q->line_bytes] = 0;
    }
}

static void end(struct qemunbd *q)
{
    uv_close((uv_handle_t *)&q->words, on_closed);
    uv_close((uv_handle_t *)&q->process, on_closed);
}

/* A backing file that is not to be seen is the usual reason. */
static const char *hint(const struct qemunbd *q)
{
    return strstr(q->line, "backing file")
               ? " (a backing file is one beside the image that nobody may "
                 "write to: chmod a-w)"
               : "";
}

static void finish(struct qemunbd *q)
{
    struct err why = { 0 };

    if (q->is_forgotten) {
        uv_close((uv_handle_t *)&q->process, on_closed);
        return;
    }
    if (q->status != 0 || q->number != 0)
        fail(&why, -EIO, "%s: %s%s", q->name,
             q->line[0] ? q->line : "its server was killed", hint(q));
    end(q);
    q->ended(q->arg, &why);
}

static void on_words(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct qemunbd *q = s->data;

    if (n >= 0) {
        keep_line(q, b->base, (size_t)n);
        return;
    }
    uv_read_stop(s);
    q->is_heard = true;
    if (q->has_ended)
        finish(q);
}

static void on_exit_of(uv_process_t *p, int64_t status, int number)
{
    struct qemunbd *q = p->data;

    q->has_ended = true;
    q->status = status;
    q->number = number;
    if (q->is_heard) /* else its last words are still to come */
        finish(q);
}

void qemunbd_forget(struct qemunbd *q, bool unused)
{
    if (!q || q->is_forgotten)
        return;
    q->is_forgotten = true;
    uv_close((uv_handle_t *)&q->words, on_closed);
    q->is_heard = true;
    if (q->has_ended) {
        uv_close((uv_handle_t *)&q->process, on_closed);
        return;
    }
    if (unused)
        uv_process_kill(&q->process, SIGTERM);
    uv_unref((uv_handle_t *)&q->process); /* it is still to be waited for */
}
