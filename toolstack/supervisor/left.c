/* SPDX-License-Identifier: MIT */
/*
 * left.c - what an earlier supervisor left of a guest
 *
 * How this works: the run directory names the domain's handle; the domain is
 * asked for by it.  The configuration is the one that the guest was made from:
 * its file may have changed since, or be gone.
 */
#include "toolstack/supervisor/left.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/cfg.h"
#include "toolstack/supervisor/cfgparse.h"

static int find_domain(const char *name, const uint8_t uuid[16],
                       struct hyp_info *out, struct err *e)
{
    struct hyp *h;
    int rc = hyp_open(&h, e);

    if (rc < 0)
        return rc;
    rc = hyp_find(h, uuid, out, e);
    hyp_close(h);
    if (rc == 0)
        return 1;
    if (rc == -ESRCH)
        log_info("guest %s: an earlier supervisor died; nothing is left of "
                 "its domain",
                 name);
    return rc == -ESRCH ? 0 : rc;
}

static int load_config(const char *base, const char *name,
                       struct vm_config *out, struct err *e)
{
    const struct vmcfg_options o = { 0 };
    struct cfg cfg = { 0 };
    char path[PATH_MAX];
    int rc;

    rundir_config_path(base, name, path);
    rc = cfgparse_file(&cfg, path, e);
    if (rc == 0)
        rc = vmcfg_load(&cfg, out, &o, e);
    cfg_free(&cfg);
    if (rc < 0) {
        vmcfg_free(out);
        *out = (struct vm_config){ 0 };
    }
    return rc;
}

int left_find(const char *base, const char *name, struct left *out,
              struct err *e)
{
    static const uint8_t none[16];
    struct err why = { 0 };
    int rc;

    *out = (struct left){ .ended = rundir_has_ended(base, name) };
    rc = rundir_read(base, name, &out->state, e);
    if (rc < 0 || memcmp(out->state.uuid, none, sizeof(none)) == 0)
        return rc;
    rc = find_domain(name, out->state.uuid, &out->domain, e);
    if (rc != 1)
        return rc;
    if (load_config(base, name, &out->cfg, &why) < 0)
        log_warn("guest %s: what it was made from is not known: %s", name,
                 why.text);
    else
        memcpy(out->cfg.uuid, out->state.uuid, sizeof(out->cfg.uuid));
    if (out->cfg.name[0]) /* it may have been renamed */
        snprintf(out->cfg.name, sizeof(out->cfg.name), "%s", name);
    return 1;
}

void left_free(struct left *l)
{
    vmcfg_free(&l->cfg);
    *l = (struct left){ 0 };
}
