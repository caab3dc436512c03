/* SPDX-License-Identifier: MIT */
/*
 * config.c - a command's configuration: a file and settings on top of it
 */
#include <errno.h>
#include <stdio.h>

#include "common/err.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/supervisor/cfg.h"
#include "toolstack/supervisor/cfgparse.h"
#include "toolstack/supervisor/vmcfg.h"

static void print_warning(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "freehold: warning: %s\n", text);
}

int cmd_load_config(const struct cmd_context *x, const char *path,
                    int nr_settings, char **settings, struct vm_config *out,
                    struct err *e)
{
    const struct vmcfg_options o = { print_warning, NULL, x->strict };
    struct cfg cfg = { 0 };
    int rc = 0;

    *out = (struct vm_config){ 0 };
    if (path)
        rc = cfgparse_file(&cfg, path, e);
    if (rc == 0)
        rc = cfgparse_words(&cfg, nr_settings, settings, e);
    if (rc == 0)
        rc = vmcfg_load(&cfg, out, &o, e);
    cfg_free(&cfg);
    return rc;
}
