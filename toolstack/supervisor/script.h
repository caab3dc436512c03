/* SPDX-License-Identifier: MIT */
/*
 * script.h - run a hotplug script: its time, its words, its end
 *
 * What it prints goes to the log when it has ended; the last line of one that
 * failed is in the error too.
 *
 * Source: Xen 4.20, tools/libs/light/libxl_aoutils.c, libxl__async_exec_start;
 * libxl_internal.h, LIBXL_HOTPLUG_TIMEOUT.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <limits.h>

#include <uv.h>

struct err;
struct script;

#ifndef SCRIPT_DIR
#define SCRIPT_DIR "/etc/xen/scripts"
#endif

struct script_job {          /* not kept */
    const char *file;        /* to be executed */
    const char *const *args; /* argv[1] and on, NULL at the end */
    const char *const *env;  /* NAME=VALUE, NULL at the end; instead of what
                                we have under these names */
    const char *name;        /* in words: "/etc/xen/scripts/x online" */
};

/* Runs once, from the loop; failed NULL: it exited with 0. */
typedef void script_done(void *arg, const struct err *failed);

/* Start it; it is killed, and all it started, after 40 s. */
int script_start(uv_loop_t *loop, const struct script_job *job,
                 script_done *done, void *arg, struct script **out,
                 struct err *e);
/* Forget it: done() runs no more; the script goes on.  NULL: no-op. */
void script_close(struct script *s);

/* Where script= is: as written; relative: in SCRIPT_DIR. */
void script_path(const char *written, char out[PATH_MAX]);

#endif
