/* SPDX-License-Identifier: MIT */
/*
 * measure.c - `freehold measure`
 */
#include <errno.h>
#include <stdio.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/predict.h"
#include "toolstack/supervisor/blob.h"
#include "toolstack/supervisor/vmcfg.h"

static int measure(const struct vm_config *cfg, uint8_t out[PREDICT_BYTES],
                   struct err *e)
{
    struct blob kernel = { 0 }, initrd = { 0 };
    struct predict_input in = {
        .cmdline = cfg->cmdline,
        .trust_backends = cfg->trust_backends,
        .nr_vcpus = cfg->nr_vcpus,
        .ram_bytes = cfg->ram_bytes,
    };
    int rc = blob_open(&kernel, "kernel", cfg->kernel, FH_KERNEL_MAX, e);

    if (rc == 0 && cfg->ramdisk)
        rc = blob_open(&initrd, "ramdisk", cfg->ramdisk, cfg->ram_bytes, e);
    if (rc == 0) {
        in.kernel = (struct predict_item){ kernel.va, kernel.len_bytes };
        in.initrd = (struct predict_item){ initrd.va, initrd.len_bytes };
        if (predict(&in, out) < 0)
            rc = fail(e, -EINVAL, "memory: got %llu bytes, out of range",
                      (unsigned long long)cfg->ram_bytes);
    }
    blob_close(&initrd);
    blob_close(&kernel);
    return rc;
}

int cmd_measure(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct vm_config cfg = { 0 };
    uint8_t sum[PREDICT_BYTES];
    char text[2 * PREDICT_BYTES + 1];
    struct json_object *o;
    int rc;

    if (argc < 2)
        return EXIT_USAGE;
    rc = cmd_load_config(x, argv[1], argc - 2, argv + 2, &cfg, NULL, e);
    if (rc == 0)
        rc = measure(&cfg, sum, e);
    if (rc < 0)
        goto out;
    for (uint32_t i = 0; i < PREDICT_BYTES; i++)
        sprintf(text + 2 * i, "%02x", sum[i]);
    if (x->json) {
        o = json_object_new_object();
        json_object_object_add(o, "name", json_object_new_string(cfg.name));
        json_object_object_add(o, "measurement", json_object_new_string(text));
        cmd_print_json(o);
    } else {
        puts(text);
    }
out:
    vmcfg_free(&cfg);
    return rc;
}
