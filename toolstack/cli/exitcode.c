/* SPDX-License-Identifier: MIT */
/*
 * exitcode.c - what a command's exit code says
 *
 * Source: Xen 4.20, tools/libs/light/libxl_types.idl, libxl_error.
 */
#include "toolstack/cli/exitcode.h"

#include <errno.h>
#include <stddef.h>

#include "common/checked.h"

/* clang-format off */
static const struct exit_code codes[] = {
    { 0, "OK", "it is done" },
    { 1, "NO", "check found something" },
    { EXIT_USAGE, "USAGE", "wrong usage; nothing was tried" },
    { 3, "FAIL", "it failed, or Xen refused it" },
    { 4, "NI", "this host, or this version, cannot do it" },
    { 5, "NOMEM", "no memory" },
    { 6, "INVAL", "something given is wrong" },
    { 7, "BADFAIL", "a transfer was cut, and is not decided: resolve" },
    { 9, "TIMEDOUT", "it took too long" },
    { 13, "NOT_READY", "the guest is not in the state for it" },
    { 15, "LOCK_FAIL", "the name is taken" },
    { 21, "DOMAIN_NOTFOUND", "there is no such guest" },
    { 23, "NOTFOUND", "a file, or a part of the host, is missing" },
    { 75, "AGAIN", "a guest that runs could not be taken over; try again" },
};

static const struct {
    int rc, code;
} errnos[] = {
    { 0, 0 },
    { -EOPNOTSUPP, 4 }, { -ENOSYS, 4 }, { -EPROTONOSUPPORT, 4 },
    { -ENOMEM, 5 },
    { -EINVAL, 6 }, { -ERANGE, 6 }, { -EFBIG, 6 }, { -ENAMETOOLONG, 6 },
    { -EINPROGRESS, 7 },
    { -ETIMEDOUT, 9 },
    { -EBUSY, 13 },
    { -EEXIST, 15 },
    { -ESRCH, 21 },
    { -ENOENT, 23 },
    { -EAGAIN, 75 },
};
/* clang-format on */

const struct exit_code *exit_code_at(uint32_t i)
{
    return i < ARRAY_SIZE(codes) ? &codes[i] : NULL;
}

static const struct exit_code *of_number(int code)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (codes[i].code == code)
            return &codes[i];
    return NULL;
}

const struct exit_code *exit_code_for(int rc)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(errnos); i++)
        if (errnos[i].rc == rc)
            return of_number(errnos[i].code);
    return of_number(3);
}
