/* SPDX-License-Identifier: MIT */
/*
 * main.c - evil-dom0: launch a protected guest as a lying supervisor would
 *
 *   evil-dom0 list
 *   evil-dom0 CASE [--json] [--guest-dir DIR]
 *
 * Exit status: 0 the outcome is exactly the expected one, and nothing of the
 * domain is left; 1 it is not; 2 the case could not be played.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"
#include "common/store.h"
#include "tests/evil/cases.h"
#include "tests/evil/evil.h"
#include "tests/evil/hold.h"
#include "tests/evil/image.h"
#include "tests/evil/judge.h"
#include "tests/evil/launch.h"
#include "tests/evil/mirror.h"
#include "tests/evil/probe.h"
#include "tests/evil/report.h"
#include "toolstack/supervisor/xenbus.h"

#define GUEST_DIR "/freehold/guest"
#define RC_WRONG 1
#define RC_ERROR 2

/* A signal ends the case, not its cleaning up. */
static int open_signals(struct evil *v, struct err *e)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    v->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return v->signal_fd < 0 ? fail(e, -errno, "signals: no signalfd") : 0;
}

static int open_host(struct evil *v, struct err *e)
{
    int rc = open_signals(v, e);

    if (rc == 0)
        rc = xenbus_check_daemon(e);
    if (rc == 0)
        rc = hyp_open(&v->hyp, e);
    if (rc == 0)
        rc = store_open(&v->store, e);
    if (rc == 0)
        rc = gnt_open(&v->gnt, e);
    if (rc == 0)
        rc = hold_open(&v->hold, e);
    if (rc == 0)
        rc = probe_open(&v->probe, e);
    return rc;
}

static int prepare(struct evil *v, struct err *e)
{
    uint64_t cap_bytes[FH_BLOBS];
    int rc = image_defaults(v, e);

    if (rc == 0 && v->c->prepare)
        rc = v->c->prepare(v, e);
    if (rc < 0)
        return rc;
    if (getrandom(v->spec.uuid, sizeof(v->spec.uuid), 0) !=
        (ssize_t)sizeof(v->spec.uuid))
        return fail(e, -EIO, "uuid: no random bytes");
    for (uint32_t i = 0; i < FH_BLOBS; i++)
        cap_bytes[i] = v->file[i].cap_bytes;
    return ledger_open(&v->ledger, cap_bytes, e);
}

static int play(struct evil *v, struct verdict *out, struct err *e)
{
    int rc = prepare(v, e);

    if (rc == 0)
        rc = open_host(v, e);
    if (rc == 0)
        rc = launch_run(v, e);
    if (rc == 0)
        rc = judge(v, out, e);
    return rc;
}

/* Returns the exit status. */
static int run(struct evil *v, bool json)
{
    struct verdict verdict = { 0 };
    struct err e = { 0 }, left = { 0 };
    int rc = play(v, &verdict, &e);

    if (v->hyp && launch_end(v, &left) < 0 && verdict.ok) {
        verdict.ok = false;
        snprintf(verdict.why, sizeof(verdict.why), "%s", left.text);
    }
    if (rc < 0)
        fprintf(stderr, "evil-dom0: %s: %s\n", v->c->name, e.text);
    else if (json)
        report_json(v, &verdict);
    else
        report_text(v, &verdict);

    if (v->signal_fd >= 0)
        close(v->signal_fd);
    probe_close(v->probe);
    hold_close(v->hold);
    gnt_close(v->gnt);
    store_close(v->store);
    hyp_close(v->hyp);
    mirror_close(v->mirror);
    ledger_close(&v->ledger);
    image_close(v);
    if (rc < 0)
        return RC_ERROR;
    return verdict.ok ? 0 : RC_WRONG;
}

static int usage(void)
{
    fprintf(stderr, "usage: evil-dom0 list | CASE [--json] [--guest-dir "
                    "DIR]\n");
    return RC_ERROR;
}

int main(int argc, char **argv)
{
    static struct evil v = { .guest_dir = GUEST_DIR,
                             .domid = HYP_DOMID_NONE,
                             .signal_fd = -1 };
    bool json = false;

    log_set_level(LOG_LEVEL_WARN);
    srandom((unsigned)getpid());
    if (argc < 2)
        return usage();
    if (strcmp(argv[1], "list") == 0) {
        report_list();
        return 0;
    }
    v.c = cases_find(argv[1]);
    if (!v.c) {
        fprintf(stderr,
                "evil-dom0: %s: no such case; evil-dom0 list shows "
                "them\n",
                argv[1]);
        return RC_ERROR;
    }
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--guest-dir") == 0 && i + 1 < argc)
            v.guest_dir = argv[++i];
        else
            return usage();
    }
    return run(&v, json);
}
