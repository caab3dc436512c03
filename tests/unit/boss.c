/* SPDX-License-Identifier: MIT */
/*
 * boss.c - a supervisor as a process of its own, for tests of who talks to it
 */
#include "tests/unit/boss.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>
#include <uv.h>

#include "common/err.h"
#include "common/log.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/api.h"
#include "toolstack/supervisor/rundir.h"

#define LAST_FD 900

char boss_base[32];

static struct {
    struct rundir dir;
    struct api *api;
    int fd;
    uv_idle_t telling; /* of a device, an event each turn */
    const char *event; /* of its kind */
    char moves[128], *next;
    int devid;
    bool there, moves_on, cut, keeps; /* a transfer */
    const char *end;                  /* of it; NULL: the supervisor's */
} own;

static struct json_object *migration(int epoch)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "role", json_object_new_string("source"));
    json_object_object_add(
        o, "state", json_object_new_string(own.cut ? "fenced" : "precopy"));
    json_object_object_add(o, "epoch", json_object_new_int(epoch));
    return o;
}

static void tell_end(const char *end, const char *why)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "end", json_object_new_string(end));
    json_object_object_add(o, "why", json_object_new_string(why));
    json_object_object_add(o, "session", json_object_new_string("00ff"));
    json_object_object_add(o, "total_ms", json_object_new_int(9400));
    json_object_object_add(o, "downtime_ms", json_object_new_int(210));
    json_object_object_add(o, "bytes", json_object_new_int(1 << 20));
    json_object_object_add(o, "epochs", json_object_new_int(4));
    api_event(own.api, "migration-end", o);
}

/* Behind the answer: an epoch, and the end; or ours. */
static void on_moving(uv_idle_t *idle)
{
    uv_idle_stop(idle);
    if (!own.end)
        _exit(0);
    api_event(own.api, "migration", migration(0));
    tell_end(own.end, "it broke");
}

/* Are the descriptors those of the test, which is our parent? */
static bool are_open(struct json_object *fds)
{
    char path[64];

    for (size_t i = 0; i < json_object_array_length(fds); i++)
        for (size_t k = 0; k < 2; k++) {
            struct json_object *pair = json_object_array_get_idx(fds, i);

            snprintf(path, sizeof(path), "/proc/%d/fd/%d", getppid(),
                     json_object_get_int(json_object_array_get_idx(pair, k)));
            if (access(path, F_OK) < 0)
                return false;
        }
    return true;
}

static int on_resolve(struct json_object *params, struct err *e)
{
    struct json_object *fds = json_object_object_get(params, "fds");

    if (!are_open(fds))
        return fail(e, -EBADF, "resolve: fds: they are not open");
    own.end = json_object_array_length(fds) ? "moved" : "runs";
    if (json_object_get_boolean(json_object_object_get(params, "abort")))
        own.end = "stayed";
    uv_idle_start(&own.telling, on_moving);
    return 0;
}

static int on_migrate(struct json_object *params, struct err *e)
{
    static const char *const ends[] = { "moved", "fenced", NULL };
    int n = json_object_get_int(json_object_object_get(params, "bytes_per_s"));

    n = n < 1024 ? n : n / 1024; /* which end it is to have */

    if (n >= 79 && n <= 81) {
        if (!are_open(json_object_object_get(params, "fds")))
            return fail(e, -EBADF, "migrate: fds: they are not open");
        own.end = ends[n - 79];
        uv_idle_start(&own.telling, on_moving);
        return 0;
    }

    if (n == 77)
        return fail(
            e, -EINVAL, "%s",
            json_object_to_json_string_ext(params, JSON_C_TO_STRING_PLAIN));
    if (n == 78)
        tell_end("fenced", "an older one");
    return 0;
}

static int on_cancel(struct err *e)
{
    if (own.keeps)
        return fail(e, -EBUSY, "guest web: migrate_cancel: it is fenced");
    tell_end("stayed", "cancelled");
    return 0;
}

static void tell_dev(int devid, const char *state)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "devid", json_object_new_int(devid));
    json_object_object_add(o, "state", json_object_new_string(state));
    json_object_object_add(o, "why", json_object_new_string("it broke"));
    api_event(own.api, own.event, o);
}

/* Its next move; and others, which are not about it. */
static void on_telling(uv_idle_t *idle)
{
    char *move = strtok_r(NULL, ",", &own.next);
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "devid", json_object_new_int(own.devid));
    json_object_object_add(o, "state", json_object_new_string("failed"));
    api_event(own.api, "state", o);
    tell_dev(own.devid + 1, "gone");
    if (move && strcmp(move, "die") == 0)
        _exit(0);
    if (move)
        tell_dev(own.devid, move);
    else
        uv_idle_stop(idle);
}

/* What happens to the device from now on, by commas. */
static void begin_moves(const char *event, int devid, const char *moves)
{
    own.event = event;
    own.devid = devid;
    snprintf(own.moves, sizeof(own.moves), "%s", moves);
    own.next = own.moves;
    uv_idle_start(&own.telling, on_telling);
}

static int on_attach(struct json_object *params, struct json_object **result,
                     struct err *e)
{
    const char *moves =
        json_object_get_string(json_object_object_get(params, "disk"));

    if (own.there)
        return fail(e, -EEXIST, "disk xvdb: attach: it is there");
    own.there = true;
    begin_moves("block", BOSS_DEVID, moves);
    *result = json_object_new_object();
    json_object_object_add(*result, "vdev", json_object_new_string("xvdb"));
    json_object_object_add(*result, "devid", json_object_new_int(BOSS_DEVID));
    return 0;
}

/* The guest holds on to xvdc; nothing takes xvdd away. */
static int on_detach(struct json_object *params, struct err *e)
{
    const char *vdev =
        json_object_get_string(json_object_object_get(params, "vdev"));
    bool force =
        json_object_get_boolean(json_object_object_get(params, "force"));

    if (strcmp(vdev, "xvdb") == 0)
        own.there = false;
    if (strcmp(vdev, "xvdb") == 0)
        begin_moves("block", BOSS_DEVID, "closing,closed,gone");
    else if (strcmp(vdev, "xvdc") == 0)
        begin_moves("block", BOSS_DEVID + 16, force ? "gone" : "closing");
    else if (strcmp(vdev, "xvdd") == 0)
        begin_moves("block", BOSS_DEVID + 32, "closing,failed");
    else if (strcmp(vdev, "xvde") == 0)
        begin_moves("block", BOSS_DEVID + 48, "failed,gone");
    else
        return fail(e, -ENOENT, "disk %s: there is none", vdev);
    return 0;
}

static int on_attach_vif(struct json_object *params,
                         struct json_object **result, struct err *e)
{
    const char *moves =
        json_object_get_string(json_object_object_get(params, "vif"));

    if (own.there)
        return fail(e, -EEXIST, "vif 1: it is there");
    own.there = true;
    begin_moves("network", 1, moves);
    *result = json_object_new_object();
    json_object_object_add(*result, "devid", json_object_new_int(1));
    return 0;
}

/* An address is vif 1; the guest holds on to 2; nothing takes 3 away; 4 has no
   number in its answer. */
static int on_detach_vif(struct json_object *params,
                         struct json_object **result, struct err *e)
{
    const char *word =
        json_object_get_string(json_object_object_get(params, "vif"));
    bool force =
        json_object_get_boolean(json_object_object_get(params, "force"));
    int devid = strchr(word, ':') ? 1 : atoi(word);

    if (devid < 1 || devid > 4)
        return fail(e, -ENOENT, "vif %s: there is none", word);
    own.there &= devid != 1;
    begin_moves("network", devid,
                devid == 1            ? "closing,gone"
                : devid == 2 && force ? "gone"
                : devid == 2          ? "closing"
                                      : "failed");
    *result = json_object_new_object();
    if (devid < 4)
        json_object_object_add(*result, "devid", json_object_new_int(devid));
    return 0;
}

static int on_call(void *arg, const char *method, struct json_object *params,
                   struct json_object **result, struct err *e)
{
    static char pad[BOSS_PAD + 1];

    (void)arg;
    if (strcmp(method, "block_attach") == 0)
        return on_attach(params, result, e);
    if (strcmp(method, "block_detach") == 0)
        return on_detach(params, e);
    if (strcmp(method, "network_attach") == 0)
        return on_attach_vif(params, result, e);
    if (strcmp(method, "network_detach") == 0)
        return on_detach_vif(params, result, e);
    if (strcmp(method, "network_rate") == 0) /* its words are the answer */
        return fail(
            e, -EINVAL, "%s",
            json_object_to_json_string_ext(params, JSON_C_TO_STRING_PLAIN));
    if (strcmp(method, "migrate") == 0)
        return on_migrate(params, e);
    if (strcmp(method, "resolve") == 0)
        return on_resolve(params, e);
    if (strcmp(method, "migrate_cancel") == 0)
        return on_cancel(e);
    if (strcmp(method, "info"))
        return -ENOSYS;
    memset(pad, 'x', BOSS_PAD);
    *result = json_object_new_object();
    json_object_object_add(*result, "state", json_object_new_string("running"));
    json_object_object_add(*result, "pad", json_object_new_string(pad));
    json_object_object_add(*result, "migration",
                           own.moves_on ? migration(3) : NULL);
    return 0;
}

static void tell_event(void)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "state", json_object_new_string("ended"));
    api_event(own.api, "state", o);
}

static void on_order(uv_poll_t *p, int status, int events)
{
    char order, path[PATH_MAX];

    (void)p, (void)status, (void)events;
    if (read(own.fd, &order, 1) != 1)
        _exit(0);
    switch (order) {
    case '0':
    case '1':
        api_event(own.api, "migration", migration(order - '0'));
        return;
    case 'm':
        tell_end("moved", "");
        return;
    case 's':
        tell_end("stayed", "the destination: no bridge br0; no disk xvda");
        return;
    case 'x':
        tell_end("dissolved", "");
        return;
    case 'c':
    case 'i':
        own.moves_on = true;
        own.cut = order == 'c';
        break;
    case 'k':
        own.keeps = true;
        break;
    case 'e':
        tell_event();
        return;
    case 'f':
        for (int i = 0; i < BOSS_FLOOD; i++)
            tell_event();
        break;
    case 'r':
        snprintf(path, sizeof(path), "%s/www", boss_base);
        if (rename(own.dir.path, path))
            abort();
        strcpy(own.dir.path, path);
        break;
    case 'g':
        rundir_remove(&own.dir);
        _exit(0);
    }
    if (write(own.fd, ".", 1) != 1)
        _exit(1);
}

static void be_boss(const char *name, int fd)
{
    struct run_state s = { .uuid = { 1 } };
    char path[PATH_MAX + 8];
    uv_loop_t loop;
    uv_poll_t poll;
    int lock_fd;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN); /* as supervise() */
    own.fd = fd;
    uv_loop_init(&loop);
    uv_poll_init(&loop, &poll, fd);
    uv_idle_init(&loop, &own.telling);
    if (rundir_take(boss_base, name, &own.dir, NULL) < 0 ||
        rundir_write(&own.dir, &s, NULL) < 0)
        _exit(1);
    /* Should it be killed, the lock is the last that goes. */
    lock_fd = own.dir.lock_fd;
    own.dir.lock_fd = fcntl(lock_fd, F_DUPFD_CLOEXEC, LAST_FD);
    close(lock_fd);
    snprintf(path, sizeof(path), "%s/api", own.dir.path);
    if (api_open(&loop, path, on_call, NULL, &own.api, NULL) < 0 ||
        write(fd, ".", 1) != 1)
        _exit(1);
    uv_poll_start(&poll, UV_READABLE, on_order);
    uv_run(&loop, UV_RUN_DEFAULT);
    _exit(0);
}

static void wait_answer(struct boss *b)
{
    char dot;

    CHECK_EQ(read(b->fd, &dot, 1), 1);
}

void boss_start(struct boss *b, const char *name)
{
    int fd[2];

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    b->pid = fork();
    if (b->pid == 0) {
        close(fd[0]);
        be_boss(name, fd[1]);
    }
    close(fd[1]);
    b->fd = fd[0];
    wait_answer(b);
}

void boss_order(struct boss *b, char what)
{
    CHECK_EQ(write(b->fd, &what, 1), 1);
    if (!strchr("eg01msx", what)) /* those are heard by the other way */
        wait_answer(b);
}

void boss_reap(struct boss *b)
{
    kill(b->pid, SIGKILL);
    CHECK_EQ(waitpid(b->pid, NULL, 0), b->pid);
    close(b->fd);
}

void boss_retire(struct boss *b)
{
    boss_order(b, 'g');
    CHECK_EQ(waitpid(b->pid, NULL, 0), b->pid);
    close(b->fd);
}

int boss_set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERR);
    strcpy(boss_base, "/tmp/fh-boss-XXXXXX");
    return mkdtemp(boss_base) ? 0 : -1;
}

int boss_tear_down(void **state)
{
    (void)state;
    return rmdir(boss_base);
}
