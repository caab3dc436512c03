/* SPDX-License-Identifier: MIT */
/*
 * supervise.h - the process that owns one guest
 */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct moveproc;
struct vm_config;

#define LOG_BASE "/var/log/freehold"

struct supervise_options {
    bool paused;
    bool adopt;  /* take over a guest that runs without a supervisor */
    int lock_fd; /* the name's lock, held since before exec(); -1: take it */
    uint32_t stop_timeout_s; /* destroy a guest that did not stop; 0: wait */
    const char *config_text; /* what cfg was read from, for the next one */
    /* cfg is what a guest that runs was made from, for its file is bad: why. */
    const struct err *config_error; /* NULL: cfg is its file */
    /*
     * Who started us reads lines of JSON here: {"listening":true} once the
     * sockets are there, then one of {"ok":true, ...info...} and
     * {"errno":N,"error":"..."}.  -1: nobody.
     */
    int report_fd;
    /* It comes from another host: by this process, which waits for an answer
       and is told one in any case; ours to close.  NULL: it is made. */
    struct moveproc *receive;
    bool receive_check; /* and it will not stay */
    uint64_t start_us;  /* when the command began, CLOCK_MONOTONIC */
};

/*
 * Run the guest until it is gone: create it, or (adopt) take it over when it
 * runs without a supervisor, with the configuration that it was made from; one
 * that an earlier supervisor left half made is removed and made anew.
 *
 * SIGTERM and SIGINT ask its kernel to power off; a second one, or the end of
 * stop_timeout_s, destroys it.  SIGHUP and the API's `reload` replace this
 * process by the program as it is installed now, under the running guest.
 *
 * Returns 0 after an ordinary end; nothing is left of the guest then, nor
 * after an error, unless the error says so.
 *
 *   -EEXIST     a guest of this name is there
 *   -EAGAIN     one that runs could not be taken over, and runs on
 */
int supervise(const struct vm_config *cfg, const struct supervise_options *o,
              struct err *e);

#endif
