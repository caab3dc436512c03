/* SPDX-License-Identifier: MIT */
/*
 * exitcode.c - what a command's exit code says
 *
 * Source: Xen 4.20, tools/libs/light/libxl_types.idl, libxl_error.
 */
#include "toolstack/cli/exitcode.h"

#include <errno.h>
#include <stdint.h>

#include "common/checked.h"

static const struct {
    int rc;
    struct exit_code exit;
} table[] = {
    { 0, { 0, "OK" } },
    { -EPERM, { 3, "FAIL" } },
    { -EIO, { 3, "FAIL" } },
    { -ECANCELED, { 3, "FAIL" } },
    { -EOPNOTSUPP, { 4, "NI" } },
    { -ENOSYS, { 4, "NI" } },
    { -EPROTONOSUPPORT, { 4, "NI" } },
    { -ENOMEM, { 5, "NOMEM" } },
    { -EINVAL, { 6, "INVAL" } },
    { -EFBIG, { 6, "INVAL" } },
    { -ENAMETOOLONG, { 6, "INVAL" } },
    { -ETIMEDOUT, { 9, "TIMEDOUT" } },
    { -EBUSY, { 13, "NOT_READY" } },
    { -EEXIST, { 15, "LOCK_FAIL" } },
    { -ESRCH, { 21, "DOMAIN_NOTFOUND" } },
    { -ENOENT, { 23, "NOTFOUND" } },
};

const struct exit_code *exit_code_for(int rc)
{
    static const struct exit_code other = { 3, "FAIL" };

    for (uint32_t i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].rc == rc)
            return &table[i].exit;
    return &other;
}
