/* SPDX-License-Identifier: MIT */
/* judge.c - compare a row's two outcomes with what it wants */
#include "judge.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
    [V_PASS] = "pass", [V_FAIL] = "FAIL",     [V_OPEN] = "open",
    [V_MOOT] = "moot", [V_ABSENT] = "absent", [V_ERROR] = "ERROR",
};
static_assert(sizeof(names) / sizeof(names[0]) == V_VERDICTS, "names");

const char *verdict_name(enum verdict v)
{
    return names[v];
}

static int is_refusal_wanted(const struct row *row, const struct outcome *o)
{
    int want = row->want ? row->want : EPERM;

    if (o->kind != OUT_REFUSED)
        return 0;
    return o->err == want || (o->err == 0 && (row->flags & ROW_NO_ERRNO));
}

static int is_unbuilt(const struct outcome *o)
{
    return o->kind == OUT_REFUSED &&
           (o->err == ENOSYS || o->err == EOPNOTSUPP || o->err == ENODEV);
}

/* Did the control show that the way in exists? */
static int is_controlled(const struct row *row, const struct outcome *control)
{
    return out_is_open(control) ||
           ((row->flags & ROW_PAST) && control->kind == OUT_REFUSED &&
            control->err != EPERM && !is_unbuilt(control));
}

static enum verdict judge_deny(const struct row *row,
                               const struct outcome *target, char *why,
                               size_t len_bytes)
{
    if (is_refusal_wanted(row, target))
        return V_PASS;
    if (out_is_open(target))
        snprintf(why, len_bytes, "the way in is open");
    else
        snprintf(why, len_bytes, "not refused by %s, want %s", row->choke,
                 strerrorname_np(row->want ? row->want : EPERM));
    return V_FAIL;
}

static enum verdict judge_allow(const struct outcome *control,
                                const struct outcome *target, char *why,
                                size_t len_bytes)
{
    if (out_is_open(control) && out_is_open(target))
        return V_PASS;
    if (!out_is_open(control)) {
        snprintf(why, len_bytes, "no control");
        return V_OPEN;
    }
    snprintf(why, len_bytes, "dom0 is to keep this");
    return V_FAIL;
}

static enum verdict judge_silent(const struct row *row,
                                 const struct outcome *control,
                                 const struct outcome *target, char *why,
                                 size_t len_bytes)
{
    if (target->kind == OUT_CANARY) {
        snprintf(why, len_bytes, "the canary was seen");
        return V_FAIL;
    }
    if (control->kind == OUT_CANARY)
        return V_PASS;
    snprintf(why, len_bytes, "no control");
    return is_refusal_wanted(row, target) ? V_MOOT : V_OPEN;
}

enum verdict judge(const struct row *row, const struct outcome *control,
                   const struct outcome *target, char *why, size_t len_bytes)
{
    why[0] = '\0';
    if (target->kind == OUT_ERROR || control->kind == OUT_ERROR) {
        snprintf(why, len_bytes, "the attempt could not be made");
        return V_ERROR;
    }
    if (row->rule == RULE_ALLOW)
        return judge_allow(control, target, why, len_bytes);
    if (row->rule == RULE_SILENT)
        return judge_silent(row, control, target, why, len_bytes);
    if (is_controlled(row, control))
        return judge_deny(row, target, why, len_bytes);
    if (out_is_open(target)) {
        snprintf(why, len_bytes, "open on the protected guest only");
        return V_FAIL;
    }
    if ((row->flags & ROW_UNBUILT) && is_unbuilt(control)) {
        snprintf(why, len_bytes, "this Xen is built without it");
        return V_ABSENT;
    }
    snprintf(why, len_bytes, "%s",
             row->note ? row->note : "no guest here allows it");
    if (is_refusal_wanted(row, target) ||
        (row->note && control->kind == OUT_REFUSED &&
         target->kind == OUT_REFUSED && target->err == control->err))
        return V_MOOT;
    snprintf(why, len_bytes, "no control%s%s", row->note ? ": " : "",
             row->note ? row->note : "");
    return V_OPEN;
}
