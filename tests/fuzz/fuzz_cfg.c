/* SPDX-License-Identifier: MIT */
/*
 * fuzz_cfg.c - configuration files: the grammar, then the meaning
 */
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "toolstack/supervisor/cfg.h"
#include "toolstack/supervisor/cfgparse.h"
#include "toolstack/supervisor/vmcfg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes);

static void drop_warning(void *arg, const char *text)
{
    (void)arg, (void)text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes)
{
    const struct vmcfg_options o = { drop_warning, NULL, false };
    struct cfg cfg = { 0 };
    struct vm_config vm = { 0 };
    struct err e;

    /* Also after an error: what was parsed before it must hold together. */
    cfgparse_text(&cfg, "fuzz", (const char *)data, data_bytes, &e);
    vmcfg_load(&cfg, &vm, &o, &e);
    vmcfg_free(&vm);
    cfg_free(&cfg);
    return 0;
}
