/* SPDX-License-Identifier: MIT */
/*
 * judge.c - was the outcome exactly the expected one?
 *
 * Three rules hold for every case, whatever it expects:
 *
 *   - a guest that runs is measured as what the ledger says it was given, for
 *     one of the offers it was told;
 *   - it prints what that ledger says it should find;
 *   - of a guest that was not started, no vCPU ever ran, and nothing that
 *     dom0 does afterwards changes that.
 */
#include "tests/evil/judge.h"

#include <errno.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/memory_map.h"
#include "common/checked.h"
#include "common/err.h"
#include "tests/evil/hold.h"
#include "tests/evil/launch.h"
#include "tests/evil/probe.h"
#include "toolstack/cli/predict.h"

#define PRINT_MS 300000u /* a stock kernel on an emulated host */
#define SECOND_LOOK_MS 200u

const char *const judge_end_name[EVIL_ENDS] = {
    [EVIL_PENDING] = "pending", [EVIL_RUNNING] = "running",
    [EVIL_FAILED] = "failed",   [EVIL_NEVER] = "never",
    [EVIL_EITHER] = "either",   [EVIL_CRASHED] = "crashed",
};

const char *judge_error_name(uint32_t error)
{
    static const char *const name[FH_ERRORS] = {
        [FH_ERR_NONE] = "none",         [FH_ERR_OFFER] = "offer",
        [FH_ERR_CMDLINE] = "cmdline",   [FH_ERR_KERNEL] = "kernel",
        [FH_ERR_MEMORY] = "memory",     [FH_ERR_POPULATE] = "populate",
        [FH_ERR_PROTOCOL] = "protocol", [FH_ERR_GRANT] = "grant",
        [FH_ERR_XEN] = "xen",           [FH_ERR_FAULT] = "fault",
        [FH_ERR_STATE] = "state",
    };

    return error < FH_ERRORS ? name[error] : "unknown";
}

static int __attribute__((format(printf, 2, 3))) wrong(struct verdict *out,
                                                       const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(out->why, sizeof(out->why), fmt, ap);
    va_end(ap);
    out->ok = false;
    return 0;
}

static void predict_from_files(struct evil *v, struct verdict *out)
{
    const struct evil_file *f = v->file;
    struct predict_input in = {
        .cmdline = (const char *)f[FH_BLOB_CMDLINE].bytes,
        .trust_backends = v->offer[0].flags & FH_OFFER_TRUST_BACKENDS,
        .kernel = { f[FH_BLOB_KERNEL].bytes, f[FH_BLOB_KERNEL].len_bytes },
        .initrd = { f[FH_BLOB_INITRD].bytes, f[FH_BLOB_INITRD].len_bytes },
        .nr_vcpus = v->spec.nr_vcpus,
        .ram_bytes = v->offer[0].ram_bytes,
    };

    predict(&in, out->predicted);
}

/* The offer that explains the measurement: its fields are taken one by one. */
static bool find_offer(struct evil *v, struct verdict *out, struct fh_offer *o)
{
    for (uint32_t i = 0; i < v->nr_offers * v->nr_offers; i++) {
        o->ram_bytes = v->offer[i % v->nr_offers].ram_bytes;
        o->flags = v->offer[i / v->nr_offers].flags;
        ledger_measure(&v->ledger, v->spec.nr_vcpus, o->ram_bytes, o->flags,
                       out->granted);
        if (memcmp(out->granted, v->seen.measurement, 32) == 0)
            return true;
    }
    return false;
}

/* The line that tiny.elf prints of a guest like that. */
static void tiny_line(const struct evil *v, const struct fh_offer *o, char *out,
                      size_t out_bytes)
{
    snprintf(out, out_bytes,
             "TINY vcpus=%u memory_mib=%llu initrd_bytes=%llu "
             "cmdline=%.*s%s\r\n",
             v->spec.nr_vcpus, (unsigned long long)(o->ram_bytes >> 20),
             (unsigned long long)v->ledger.len_bytes[FH_BLOB_INITRD],
             (int)v->ledger.len_bytes[FH_BLOB_CMDLINE],
             (const char *)v->ledger.bytes[FH_BLOB_CMDLINE],
             o->flags & FH_OFFER_TRUST_BACKENDS ? "" : FH_CMDLINE_SUFFIX);
}

static int judge_printed(struct evil *v, const struct fh_offer *o,
                         struct verdict *out)
{
    char line[EVIL_CMDLINE_BYTES];

    if (v->c->want.mute)
        return 0;
    if (v->c->want.prints)
        snprintf(line, sizeof(line), "%s", v->c->want.prints);
    else
        tiny_line(v, o, line, sizeof(line));
    if (!launch_printed(v, line, PRINT_MS))
        return wrong(out, "the guest printed \"%.150s\", want \"%.250s\"",
                     v->printed, line);
    return 0;
}

static int judge_running(struct evil *v, struct verdict *out, struct err *e)
{
    struct fh_offer o = { 0 };
    bool same;
    int ran;

    predict_from_files(v, out);
    if (!find_offer(v, out, &o))
        return wrong(out, "the guest runs, and reports the measurement of "
                          "something that it was not given");
    same = memcmp(v->seen.measurement, out->predicted, 32) == 0;
    if (v->c->want.match == EVIL_SAME && !same)
        return wrong(out, "the guest has what the files say, and is "
                          "measured differently from the prediction");
    if (v->c->want.match == EVIL_OTHER && same)
        return wrong(out, "the guest has other bytes than the files, and is "
                          "measured as predicted from them");
    ran = probe_vcpus_ran(v->probe, v->domid, 1, e);
    if (ran < 0)
        return ran;
    if (ran != 1)
        return wrong(out, "state RUNNING, and vcpu 0 never ran");
    return judge_printed(v, &o, out);
}

static int judge_still(struct evil *v, struct verdict *out, struct err *e)
{
    int ran = probe_vcpus_ran(v->probe, v->domid, v->spec.nr_vcpus, e);

    if (ran > 0)
        return wrong(out, "the launch %s, and %d of the guest's vcpus ran",
                     judge_end_name[v->end], ran);
    return ran;
}

/* Make good all that was withheld: too late is too late. */
static void repent(struct evil *v)
{
    hold_drop(v->hold);
    for (uint32_t i = 0; i < FH_WINDOWS; i++)
        launch_answer(v, i, v->seen.want[i].seq);
    launch_wait(v, SECOND_LOOK_MS);
    launch_look(v);
}

static int judge_words(struct evil *v, struct verdict *out, struct err *e)
{
    const struct evil_want *w = &v->c->want;
    char text[sizeof(v->seen.text) + 1] = { 0 };
    regex_t re;
    int r;

    memcpy(text, v->seen.text, sizeof(v->seen.text));
    if (!w->words)
        return 0;
    if (regcomp(&re, w->words, REG_EXTENDED | REG_NOSUB))
        return fail(e, -EINVAL, "case %s: its regex does not compile",
                    v->c->name);
    r = regexec(&re, text, 0, NULL, 0);
    regfree(&re);
    if (r)
        return wrong(out, "it failed with \"%s\", want /%s/", text, w->words);
    return 0;
}

static int judge_failed(struct evil *v, struct verdict *out, struct err *e)
{
    const struct evil_want *w = &v->c->want;
    int rc;

    if (w->error != FH_ERR_NONE && v->seen.error != w->error)
        return wrong(out, "it failed with error %s: %.255s; want error %s",
                     judge_error_name(v->seen.error), v->seen.text,
                     judge_error_name(w->error));
    rc = judge_words(v, out, e);
    if (rc < 0 || !out->ok)
        return rc;
    rc = judge_still(v, out, e);
    if (rc < 0 || !out->ok)
        return rc;
    repent(v);
    if (v->seen.state != FH_STATE_FAILED)
        return wrong(out, "it had failed, and then went on to state %u",
                     v->seen.state);
    return judge_still(v, out, e);
}

int judge(struct evil *v, struct verdict *out, struct err *e)
{
    enum evil_end want = v->c->want.end;

    *out = (struct verdict){ .ok = true };
    if (v->end != want && !(want == EVIL_EITHER &&
                            (v->end == EVIL_RUNNING || v->end == EVIL_FAILED)))
        return wrong(out, "got %s%s%.255s, want %s", judge_end_name[v->end],
                     v->end == EVIL_FAILED ? ": " : "",
                     v->end == EVIL_FAILED ? v->seen.text : "",
                     judge_end_name[want]);
    switch (v->end) {
    case EVIL_RUNNING:
        return judge_running(v, out, e);
    case EVIL_FAILED:
        return judge_failed(v, out, e);
    default:
        return judge_still(v, out, e);
    }
}
