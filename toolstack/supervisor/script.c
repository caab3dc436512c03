/* SPDX-License-Identifier: MIT */
/*
 * script.c - run a hotplug script: its time, its words, its end
 *
 * How this works: its stdout and stderr are a file in memory.  A pipe would
 * kill what a script leaves running, once nobody reads it any more; a file
 * does not, and takes no more when the script has ended.
 */
#include "toolstack/supervisor/script.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"

#define LIMIT_MS 40000u
#define ARGS_MAX 6u
#define WORDS_BYTES 4096u /* the last of what it printed */

struct script {
    uv_process_t process;
    uv_timer_t timer;
    uint32_t nr_handles;
    int words; /* a memfd */
    char name[512];
    script_done *done; /* NULL: forgotten */
    void *arg;
    bool late;
};

extern char **environ;

static void on_late(uv_timer_t *t);
static void on_exit_of(uv_process_t *p, int64_t status, int sig);
static void on_handle_closed(uv_handle_t *h);

void script_path(const char *written, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s%s", written[0] == '/' ? "" : SCRIPT_DIR "/",
             written);
}

static uint32_t count(const char *const *list)
{
    uint32_t nr = 0;

    while (list[nr])
        nr++;
    return nr;
}

static bool is_given(const char *const *env, const char *setting)
{
    size_t len = strcspn(setting, "=") + 1;

    for (; *env; env++)
        if (strncmp(*env, setting, len) == 0)
            return true;
    return false;
}

/* The job's and then what we have; only the list is the caller's to free. */
static char **make_env(const char *const *given)
{
    uint32_t nr = count(given);
    char **env =
        calloc(nr + count((const char *const *)environ) + 1, sizeof(*env));

    if (!env)
        return NULL;
    memcpy(env, given, nr * sizeof(*env));
    for (char **at = environ; *at; at++)
        if (!is_given(given, *at))
            env[nr++] = *at;
    return env;
}

static int spawn(struct script *s, uv_loop_t *loop,
                 const struct script_job *job)
{
    char *args[ARGS_MAX + 2] = { (char *)job->file };
    uv_stdio_container_t fds[] = {
        { .flags = UV_IGNORE },
        { .flags = UV_INHERIT_FD, .data.fd = s->words },
        { .flags = UV_INHERIT_FD, .data.fd = s->words },
    };
    uv_process_options_t options = {
        .exit_cb = on_exit_of,
        .file = job->file,
        .args = args,
        .flags = UV_PROCESS_DETACHED, /* a group, to be killed as one */
        .stdio = fds,
        .stdio_count = ARRAY_SIZE(fds),
    };
    int rc;

    for (uint32_t i = 0; job->args[i] && i < ARGS_MAX; i++)
        args[i + 1] = (char *)job->args[i];
    options.env = make_env(job->env);
    if (!options.env)
        return -ENOMEM;
    rc = uv_spawn(loop, &s->process, &options);
    free(options.env);
    return rc;
}

static void forget(struct script *s)
{
    close(s->words);
    s->done = NULL;
    uv_close((uv_handle_t *)&s->timer, on_handle_closed);
    if (s->process.loop) /* else it was not even begun */
        uv_close((uv_handle_t *)&s->process, on_handle_closed);
    else
        s->nr_handles--;
}

int script_start(uv_loop_t *loop, const struct script_job *job,
                 script_done *done, void *arg, struct script **out,
                 struct err *e)
{
    struct script *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return fail(e, -ENOMEM, "script %.200s: no memory", job->name);
    snprintf(s->name, sizeof(s->name), "%s", job->name);
    s->words = memfd_create("script", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (s->words < 0 || fcntl(s->words, F_SETFL, O_APPEND) < 0) {
        rc = fail(e, -errno, "script %.200s: a place for its words: %s",
                  s->name, strerror(errno));
        if (s->words >= 0)
            close(s->words);
        free(s);
        return rc;
    }
    s->done = done;
    s->arg = arg;
    uv_timer_init(loop, &s->timer);
    s->timer.data = s->process.data = s;
    s->nr_handles = 2;
    rc = spawn(s, loop, job);
    if (rc < 0) {
        fail(e, rc, "script %.200s: start it: %s", s->name, strerror(-rc));
        forget(s);
        return rc;
    }
    uv_timer_start(&s->timer, on_late, LIMIT_MS, 0);
    *out = s;
    return 0;
}

static void on_late(uv_timer_t *t)
{
    struct script *s = t->data;

    s->late = true;
    kill(-s->process.pid, SIGKILL);
}

/* Log each line of the last that it printed; returns the last one. */
static const char *tell_words(struct script *s, char words[WORDS_BYTES])
{
    off_t end = lseek(s->words, 0, SEEK_END);
    off_t start = end >= (off_t)WORDS_BYTES ? end - (WORDS_BYTES - 1) : 0;
    ssize_t nr = pread(s->words, words, WORDS_BYTES - 1, start);
    const char *last = "";
    char *left = NULL;

    words[nr > 0 ? nr : 0] = 0;
    for (char *line = strtok_r(words, "\n", &left); line;
         line = strtok_r(NULL, "\n", &left)) {
        log_info("script %.200s: %.500s", s->name, line);
        last = line;
    }
    return last;
}

static void judge(struct script *s, int64_t status, int sig, const char *last,
                  struct err *e)
{
    const char *colon = last[0] ? ": " : "";

    if (s->late)
        fail(e, -ETIMEDOUT, "script %.200s: it did not end in %u s%s%.200s",
             s->name, LIMIT_MS / 1000, colon, last);
    else if (sig)
        fail(e, -EIO, "script %.200s: it was killed by signal %d%s%.200s",
             s->name, sig, colon, last);
    else if (status)
        fail(e, -EIO, "script %.200s: it exited with %d, want 0%s%.200s",
             s->name, (int)status, colon, last);
}

static void on_exit_of(uv_process_t *p, int64_t status, int sig)
{
    struct script *s = p->data;
    script_done *done = s->done;
    char words[WORDS_BYTES];
    struct err e = { 0 };

    /* What it left running may print, but to nobody. */
    fcntl(s->words, F_ADD_SEALS, F_SEAL_GROW);
    judge(s, status, sig, tell_words(s, words), &e);
    forget(s);
    if (done)
        done(s->arg, e.rc ? &e : NULL);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct script *s = h->data;

    if (--s->nr_handles == 0)
        free(s);
}

void script_close(struct script *s)
{
    if (s)
        s->done = NULL; /* its exit frees it */
}
