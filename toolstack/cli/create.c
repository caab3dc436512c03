/* SPDX-License-Identifier: MIT */
/*
 * create.c - `freehold create` and `freehold run`
 *
 * How this works: the configuration is checked here, where its warnings can
 * be read.  Then the supervisor is forked off into a session of its own; it
 * reports through a pipe, line by line, how far it is.  Without a reader (we
 * were killed) it goes on all the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/log.h"
#include "toolstack/cli/attach.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/units.h"
#include "toolstack/supervisor/dump.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/supervise.h"
#include "toolstack/supervisor/vmcfg.h"

#define CONFIG_BASE "/etc/freehold"

struct create_options {
    bool console, paused, foreground, adopt, dry, debug;
    uint32_t stop_timeout_s;
    int lock_fd;                    /* -1: none */
    const struct err *config_error; /* see supervise.h */
};

#define REPORT_FD 3

/*
 * Stdin and stdout to nowhere, stderr to the supervisor's log, reports to
 * REPORT_FD; nothing else of the caller's stays open, least of all a pipe that
 * somebody reads to its end.
 */
static void detach(const char *name, int report_fd)
{
    char path[PATH_MAX];
    int null = open("/dev/null", O_RDWR), log;

    setsid();
    if (chdir("/"))
        perror("freehold: chdir /");
    mkdir(LOG_BASE, 0750);
    snprintf(path, sizeof(path), LOG_BASE "/%s-supervisor.log", name);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(log >= 0 ? log : null, STDERR_FILENO);
    if (report_fd != REPORT_FD)
        dup3(report_fd, REPORT_FD, O_CLOEXEC);
    close_range(REPORT_FD + 1, UINT_MAX, 0);
}

/* Never returns in the child.  The pipe's end to read reports from. */
static int spawn(const struct vm_config *cfg, struct supervise_options *o,
                 struct err *e)
{
    int report[2];
    struct err own = { 0 };
    pid_t pid;

    if (pipe2(report, O_CLOEXEC))
        return fail(e, -errno, "create: pipe: %s", strerror(errno));
    fflush(NULL);
    pid = fork();
    if (pid < 0) {
        close(report[0]);
        close(report[1]);
        return fail(e, -errno, "create: fork: %s", strerror(errno));
    }
    if (pid == 0) {
        detach(cfg->name, report[1]);
        o->report_fd = REPORT_FD;
        _exit(supervise(cfg, o, &own) < 0);
    }
    close(report[1]);
    return report[0];
}

static struct json_object *read_report(FILE *from)
{
    char *line = NULL;
    size_t line_bytes = 0;
    struct json_object *o = NULL;

    if (getline(&line, &line_bytes, from) > 0)
        o = json_tokener_parse(line);
    free(line);
    return o;
}

/* The supervisor's last report: its info, or its error. */
static int outcome(struct json_object *o, const char *name, struct err *e)
{
    struct json_object *number, *text;

    if (!o)
        return fail(e, -EIO,
                    "guest %s: its supervisor died; freehold destroy %s "
                    "removes what is left",
                    name, name);
    if (!json_object_object_get_ex(o, "error", &text))
        return 0;
    json_object_object_get_ex(o, "errno", &number);
    return fail(e, -json_object_get_int(number), "%s",
                json_object_get_string(text));
}

static int follow(struct cmd_context *x, int report_fd, const char *name,
                  bool console, struct err *e)
{
    FILE *from = fdopen(report_fd, "r");
    struct json_object *o = read_report(from), *listening;
    int rc, fd = -1;

    if (o && json_object_object_get_ex(o, "listening", &listening)) {
        json_object_put(o);
        if (console)
            fd = client_connect(name, "console", e);
        o = read_report(from);
    }
    rc = outcome(o, name, e);
    if (rc == 0 && x->json) {
        cmd_print_json(json_object_get(o));
        fflush(stdout);
    }
    if (rc == 0 && fd >= 0)
        rc = attach(name, fd, false, ATTACH_DETACH_KEY, e);
    else if (fd >= 0)
        close(fd);
    json_object_put(o);
    fclose(from);
    return rc;
}

static int create(struct cmd_context *x, const struct create_options *c,
                  const struct vm_config *cfg, const char *config_text,
                  struct err *e)
{
    struct supervise_options o = {
        .paused = c->paused,
        .adopt = c->adopt,
        .lock_fd = c->lock_fd,
        .stop_timeout_s = c->stop_timeout_s,
        .config_text = config_text,
        .config_error = c->config_error,
        .report_fd = -1,
        .start_us = x->start_us,
    };
    int fd;

    if (c->foreground)
        return supervise(cfg, &o, e);
    fd = spawn(cfg, &o, e);
    if (fd < 0)
        return fd;
    return follow(x, fd, cfg->name, c->console, e);
}

enum { NO_MASKS = 256 };

static const struct option long_options[] = {
    { "dryrun", no_argument, NULL, 'n' },
    { "quiet", no_argument, NULL, 'q' },
    { "defconfig", required_argument, NULL, 'f' },
    { "vncviewer", no_argument, NULL, 'V' },
    { "vncviewer-autopass", no_argument, NULL, 'A' },
    { "ignore-global-affinity-masks", no_argument, NULL, NO_MASKS },
    { NULL, 0, NULL, 0 },
};

/* Returns 0, EXIT_USAGE or a negative errno; *file NULL: not by -f. */
static int parse(struct create_options *c, const char **file, int argc,
                 char **argv, struct err *e)
{
    int option;

    optind = 0;
    while ((option = getopt_long(argc, argv, "cpFndeqf:VA", long_options,
                                 NULL)) != -1) {
        switch (option) {
        case 'c':
            c->console = true;
            break;
        case 'p':
            c->paused = true;
            break;
        case 'F':
            c->foreground = true;
            break;
        case 'd':
            c->debug = true;
            break;
        case 'n':
            c->dry = true;
            break;
        case 'f':
            *file = optarg;
            break;
        case 'q':      /* it says nothing anyway */
        case 'e':      /* nobody waits for a guest but its supervisor */
        case NO_MASKS: /* there are no such masks here */
            break;
        case 'V':
        case 'A':
            return fail(e, -EOPNOTSUPP,
                        "create: -%c: not served: a protected guest has no "
                        "screen; -c shows its console",
                        option);
        default:
            return EXIT_USAGE;
        }
    }
    return 0;
}

/* As xl does it: where the configuration is in nobody's way. */
static void print_debug(const struct vm_config *cfg)
{
    struct json_object *o = dump_config(cfg);

    log_set_level(LOG_LEVEL_DEBUG);
    fprintf(stderr, "%s\n",
            json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY));
    json_object_put(o);
}

int cmd_create(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct create_options c = { .dry = x->dry, .lock_fd = -1 };
    struct vm_config cfg = { 0 };
    char *text = NULL;
    const char *file = NULL;
    int rc = parse(&c, &file, argc, argv, e);

    if (rc)
        return rc;
    if (!file && optind < argc)
        file = argv[optind++];
    if (!file || (c.console && c.foreground))
        return EXIT_USAGE;
    rc = cmd_load_config(x, file, argc - optind, argv + optind, &cfg, &text, e);
    if (rc == 0 && c.debug && !c.dry)
        print_debug(&cfg);
    if (rc == 0 && c.dry)
        cmd_print_json(dump_config(&cfg));
    else if (rc == 0)
        rc = create(x, &c, &cfg, text, e);
    free(text);
    vmcfg_free(&cfg);
    return rc;
}

static const struct option run_options[] = {
    { "stop-timeout", required_argument, NULL, 't' },
    { "lock-fd", required_argument, NULL, 'l' },
    { NULL, 0, NULL, 0 },
};

static bool is_file(const char *word)
{
    const char *dot = strrchr(word, '.');

    return strchr(word, '/') || (dot && strcmp(dot, ".cfg") == 0);
}

/*
 * A guest's own file.  A name's file must have that name in it.
 */
static int load_own(struct cmd_context *x, const char *word,
                    struct vm_config *cfg, char **text, struct err *e)
{
    char path[PATH_MAX];
    int rc;

    if (is_file(word))
        snprintf(path, sizeof(path), "%s", word);
    else
        snprintf(path, sizeof(path), CONFIG_BASE "/%s.cfg", word);
    rc = cmd_load_config(x, path, 0, NULL, cfg, text, e);
    if (rc < 0 || is_file(word) || strcmp(cfg->name, word) == 0)
        return rc;
    return fail(e, -EINVAL, "%s: name: got %s, want %s, as the file is called",
                path, cfg->name, word);
}

/*
 * What an earlier supervisor made the guest from: it may be from elsewhere, or
 * its file may have changed since.  -ENOENT: nothing is known.
 */
static int load_left(struct cmd_context *x, const char *word,
                     struct vm_config *cfg, char **text)
{
    char path[PATH_MAX];
    int rc;

    rundir_config_path(RUNDIR_BASE, word, path);
    if (is_file(word) || access(path, F_OK))
        return -ENOENT;
    rc = cmd_load_config(x, path, 0, NULL, cfg, text, NULL);
    if (rc == 0) /* it may have been renamed since */
        snprintf(cfg->name, sizeof(cfg->name), "%s", word);
    return rc;
}

static int run(struct cmd_context *x, struct create_options *c,
               const char *word, struct err *e)
{
    struct vm_config cfg = { 0 };
    struct err own = { 0 };
    char *text = NULL;
    int rc = -ENOENT;

    if (c->lock_fd >= 0) /* the guest runs: as it was made */
        rc = load_left(x, word, &cfg, &text);
    if (rc < 0) {
        vmcfg_free(&cfg);
        rc = load_own(x, word, &cfg, &text, &own);
    }
    if (rc < 0) { /* good enough to take a guest over, not to make one */
        vmcfg_free(&cfg);
        free(text);
        text = NULL;
        c->config_error = &own;
        rc = load_left(x, word, &cfg, &text);
        if (rc < 0)
            rc = fail(e, own.rc, "%s", own.text);
    }
    if (rc == 0)
        rc = create(x, c, &cfg, text, e);
    free(text);
    vmcfg_free(&cfg);
    return rc;
}

int cmd_run(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct create_options c = { .foreground = true,
                                .adopt = true,
                                .lock_fd = -1 };
    int option;

    optind = 0;
    while ((option = getopt_long(argc, argv, "+", run_options, NULL)) != -1) {
        uint32_t n;
        int rc;

        if (option == '?')
            return EXIT_USAGE;
        rc = units_number(option == 't' ? "--stop-timeout" : "--lock-fd",
                          optarg, INT_MAX, &n, e);
        if (rc < 0)
            return rc;
        if (option == 't')
            c.stop_timeout_s = n;
        else
            c.lock_fd = (int)n;
    }
    if (argc - optind != 1)
        return EXIT_USAGE;
    return run(x, &c, argv[optind], e);
}
