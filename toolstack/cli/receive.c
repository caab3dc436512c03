/* SPDX-License-Identifier: MIT */
/*
 * receive.c - `freehold migrate-receive`: take a guest that another host sends
 *
 * How this works: the connection is stdin and stdout (ssh's), or is accepted
 * here.  A child of its own session starts freehold-migrate with it, hears what
 * is to come, and becomes the guest's supervisor.  We wait for its report, as
 * create does: so the far end hears by our exit code how it went, and whoever
 * carries the connection stays.  Words go to stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/jsonget.h"
#include "common/log.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/miglink.h"
#include "toolstack/cli/receive.h"
#include "toolstack/cli/units.h"
#include "toolstack/supervisor/guest.h"
#include "toolstack/supervisor/moveproc.h"
#include "toolstack/supervisor/supervise.h"

#define PLAN_MS 90000 /* connect, hello and PLAN */
#define REPORT_FD 3

struct receive {
    const char *name, *tcp, *unix_path;
    struct moveproc_fds fds;
    int report_fd;
    uint64_t start_us;
};

/* ---- the connection ---- */

static int listen_unix(const char *path, struct err *e)
{
    struct sockaddr_un where = { .sun_family = AF_UNIX };
    mode_t mask = umask(0077);
    int fd = -1, rc = 0;

    if (snprintf(where.sun_path, sizeof(where.sun_path), "%s", path) >=
        (int)sizeof(where.sun_path))
        rc = fail(e, -ENAMETOOLONG, "%s: the path is too long", path);
    else if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
             bind(fd, (struct sockaddr *)&where, sizeof(where)) ||
             listen(fd, MOVEPROC_CONNECTIONS_MAX))
        rc = fail(e, -errno, "--unix %s: listen: %s%s", path, strerror(errno),
                  errno == EADDRINUSE
                      ? "; one that was interrupted leaves it behind: if none "
                        "waits there, remove it"
                      : "");
    umask(mask);
    if (rc == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return rc;
}

static int bind_one(const struct addrinfo *a)
{
    int on = 1, fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
        listen(fd, MOVEPROC_CONNECTIONS_MAX) == 0)
        return fd;
    on = -errno;
    close(fd);
    return on;
}

/* PORT, ADDR:PORT or [ADDR]:PORT; without one, every address. */
static int listen_tcp(const char *where, struct err *e)
{
    const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                    .ai_socktype = SOCK_STREAM };
    const char *colon = strrchr(where, ':'), *from = where;
    const char *port = colon ? colon + 1 : where;
    struct addrinfo *list = NULL;
    char host[256] = "";
    size_t len = colon ? (size_t)(colon - where) : 0;
    uint32_t number;
    int r, fd;

    if (len && where[0] == '[' && where[len - 1] == ']')
        from++, len -= 2;
    if (len >= sizeof(host) ||
        units_range("--tcp: port", port, 1, UINT16_MAX, &number, NULL) < 0)
        return fail(e, -EINVAL, "--tcp: got %.100s, want PORT or ADDR:PORT",
                    where);
    memcpy(host, from, len);
    r = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
    if (r)
        return fail(e, -EINVAL, "--tcp %s: look up: %s", where,
                    gai_strerror(r));
    fd = bind_one(list);
    freeaddrinfo(list);
    return fd < 0 ? fail(e, fd, "--tcp %s: listen: %s", where, strerror(-fd))
                  : fd;
}

static int accept_first(struct receive *r, struct err *e)
{
    int fd;

    r->fds.listen_fd =
        r->tcp ? listen_tcp(r->tcp, e) : listen_unix(r->unix_path, e);
    if (r->fds.listen_fd < 0)
        return r->fds.listen_fd;
    do
        fd = accept4(r->fds.listen_fd, NULL, NULL, SOCK_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return fail(e, -errno, "accept: %s", strerror(errno));
    r->fds.fd[0][0] = r->fds.fd[0][1] = fd;
    return 0;
}

static int take_stdio(struct receive *r, struct err *e)
{
    if (isatty(STDIN_FILENO) || isatty(STDOUT_FILENO))
        return fail(e, -EINVAL,
                    "migrate-receive: stdin and stdout are a terminal, want "
                    "the connection: freehold migrate starts it by ssh; or "
                    "use --tcp or --unix");
    if (write(STDOUT_FILENO, MIGLINK_BANNER, strlen(MIGLINK_BANNER)) !=
        (int)strlen(MIGLINK_BANNER))
        return fail(e, -EPIPE, "migrate-receive: stdout: %s", strerror(errno));
    r->fds.fd[0][0] = STDIN_FILENO;
    r->fds.fd[0][1] = STDOUT_FILENO;
    return 0;
}

static int take_connection(struct receive *r, struct err *e)
{
    int rc;

    r->fds.nr = 1;
    r->fds.listen_fd = -1;
    rc = r->tcp || r->unix_path ? accept_first(r, e) : take_stdio(r, e);
    return rc;
}

/* ---- the child ---- */

static void log_to(const char *name)
{
    char path[PATH_MAX];
    int log;

    mkdir(LOG_BASE, 0750);
    snprintf(path, sizeof(path), LOG_BASE "/%s.log", name);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (log < 0)
        log = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(log, STDERR_FILENO);
    close(log);
}

/* The connections are freehold-migrate's alone from here on. */
static void let_go(int report_fd)
{
    int null = open("/dev/null", O_RDWR);

    if (chdir("/"))
        perror("freehold: chdir /");
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    if (report_fd != REPORT_FD)
        dup3(report_fd, REPORT_FD, O_CLOEXEC);
}

static void report(struct json_object *o)
{
    const char *text =
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);

    if (write(REPORT_FD, text, strlen(text)) < 0 ||
        write(REPORT_FD, "\n", 1) < 0)
        log_debug("migrate-receive: nobody waits for the report");
    json_object_put(o);
}

static void report_error(const struct err *e)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "errno", json_object_new_int(-e->rc));
    json_object_object_add(o, "error", json_object_new_string(e->text));
    report(o);
}

static void report_end(const char *end)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "ok", json_object_new_boolean(true));
    json_object_object_add(o, "end", json_object_new_string(end));
    report(o);
}

/* What it has to do: the first event that is no mere news. */
static int wait_task(struct moveproc *p, struct json_object **out,
                     struct err *e)
{
    int rc;

    while ((rc = moveproc_wait(p, PLAN_MS, out, e)) == 0) {
        const char *name = jsonget_text(*out, "event");

        if (strcmp(name, "plan") == 0 || strcmp(name, "session") == 0)
            return 0;
        if (strcmp(name, "end") == 0) {
            rc = fail(e, -EPROTO, "migrate-receive: %s",
                      jsonget_text(*out, "why"));
            json_object_put(*out);
            return rc;
        }
        json_object_put(*out);
    }
    return rc;
}

static int be_supervisor(struct receive *r, struct json_object *event,
                         struct moveproc *p, struct err *e)
{
    char log[VM_NAME_MAX + 16];
    struct supervise_options o = {
        .lock_fd = -1,
        .report_fd = REPORT_FD,
        .receive = p,
        .start_us = r->start_us,
    };
    struct receive_plan plan;
    int rc = receive_plan(event, r->name, &plan, e);

    if (rc == 0 && r->tcp)
        rc = receive_plan_runs_nothing(&plan, e);
    if (rc < 0) {
        guest_refuse_mover(p, e);
        report_error(e);
        receive_plan_free(&plan);
        return rc;
    }
    snprintf(log, sizeof(log), "%s-supervisor", plan.cfg.name);
    log_to(log);
    o.config_text = plan.text;
    o.receive_check = plan.check;
    rc = supervise(&plan.cfg, &o, e);
    receive_plan_free(&plan);
    return rc;
}

static int resolve(struct json_object *event, struct moveproc *p, struct err *e)
{
    char end[16] = "";
    int rc = receive_resolve(event, p, end, e);

    if (rc < 0)
        report_error(e);
    else
        report_end(end);
    moveproc_close(p);
    return rc;
}

static int child(struct receive *r, struct err *e)
{
    struct json_object *first = json_object_new_object(), *event = NULL;
    struct moveproc *p = NULL;
    int rc;

    setsid();
    signal(SIGPIPE, SIG_IGN);
    log_to("migrate-receive");
    json_object_object_add(first, "side", json_object_new_string("dest"));
    rc = moveproc_start(NULL, first, &r->fds, &p, e);
    json_object_put(first);
    let_go(r->report_fd);
    close_range(REPORT_FD + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
    if (r->fds.listen_fd > REPORT_FD)
        close(r->fds.listen_fd);
    if (r->fds.fd[0][0] > REPORT_FD)
        close(r->fds.fd[0][0]);
    if (rc == 0)
        rc = wait_task(p, &event, e);
    if (rc < 0) {
        report_error(e);
        moveproc_close(p);
        return rc;
    }
    rc = strcmp(jsonget_text(event, "event"), "plan") == 0
             ? be_supervisor(r, event, p, e)
             : resolve(event, p, e);
    json_object_put(event);
    return rc;
}

/* ---- the parent ---- */

static int spawn(struct receive *r, struct err *e)
{
    struct err own = { 0 };
    int pipe_fd[2];
    pid_t pid;

    if (pipe2(pipe_fd, O_CLOEXEC))
        return fail(e, -errno, "migrate-receive: pipe: %s", strerror(errno));
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        r->report_fd = pipe_fd[1];
        _exit(child(r, &own) < 0);
    }
    close(pipe_fd[1]);
    if (pid < 0) {
        close(pipe_fd[0]);
        return fail(e, -errno, "migrate-receive: fork: %s", strerror(errno));
    }
    return pipe_fd[0];
}

/* The last line that is none of `listening`. */
static struct json_object *last_report(int fd)
{
    FILE *from = fdopen(fd, "r");
    struct json_object *o = NULL, *listening;
    char *line = NULL;
    size_t line_bytes = 0;

    while (!o && getline(&line, &line_bytes, from) > 0) {
        o = json_tokener_parse(line);
        if (o && json_object_object_get_ex(o, "listening", &listening)) {
            json_object_put(o);
            o = NULL;
        }
    }
    free(line);
    fclose(from);
    return o;
}

static int outcome(struct cmd_context *x, struct json_object *o, bool on_stdio,
                   struct err *e)
{
    struct json_object *number, *text;

    if (!o)
        return fail(e, -EIO, "migrate-receive: the guest's supervisor died");
    if (json_object_object_get_ex(o, "error", &text)) {
        json_object_object_get_ex(o, "errno", &number);
        return fail(e, -json_object_get_int(number), "%s",
                    json_object_get_string(text));
    }
    if (x->json && !on_stdio)
        cmd_print_json(json_object_get(o));
    return 0;
}

static int receive(struct cmd_context *x, struct receive *r, struct err *e)
{
    bool on_stdio = !r->tcp && !r->unix_path;
    struct json_object *o;
    int fd, rc = take_connection(r, e);

    fd = rc < 0 ? rc : spawn(r, e);
    if (!on_stdio && r->fds.listen_fd >= 0)
        close(r->fds.listen_fd);
    if (!on_stdio && rc == 0)
        close(r->fds.fd[0][0]);
    if (fd < 0)
        return fd;
    o = last_report(fd);
    rc = outcome(x, o, on_stdio, e);
    json_object_put(o);
    if (rc < 0 && on_stdio && x->json) { /* stdout is the connection */
        x->json = false;
    }
    return rc;
}

static const struct option long_options[] = {
    { "tcp", required_argument, NULL, 't' },
    { "unix", required_argument, NULL, 'u' },
    { "name", required_argument, NULL, 'n' },
    { NULL, 0, NULL, 0 },
};

int cmd_migrate_receive(struct cmd_context *x, int argc, char **argv,
                        struct err *e)
{
    struct receive r = { .start_us = x->start_us };
    int option, rc;

    r.fds.listen_fd = -1;
    optind = 0;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == '?')
            return EXIT_USAGE;
        *(option == 't'   ? &r.tcp
          : option == 'u' ? &r.unix_path
                          : &r.name) = optarg;
    }
    if (optind != argc || (r.tcp && r.unix_path))
        return EXIT_USAGE;
    if (r.name && vmcfg_check_name(r.name, e) < 0)
        return -EINVAL;
    signal(SIGPIPE, SIG_IGN);
    rc = receive(x, &r, e);
    if (r.unix_path && r.fds.listen_fd >= 0)
        unlink(r.unix_path);
    return rc;
}
