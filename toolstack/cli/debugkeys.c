/* SPDX-License-Identifier: MIT */
/*
 * debugkeys.c - `freehold debug-keys`: press keys at Xen's console
 */
#include "common/err.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/supervisor/hyp_host.h"

int cmd_debug_keys(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct hyp *h;
    int rc;

    (void)x;
    if (argc != 2)
        return EXIT_USAGE;
    rc = hyp_open(&h, e);
    if (rc < 0)
        return rc;
    rc = hyp_debug_keys(h, argv[1], e);
    hyp_close(h);
    return rc;
}
