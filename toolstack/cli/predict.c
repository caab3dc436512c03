/* SPDX-License-Identifier: MIT */
/*
 * predict.c - a guest's launch measurement, reckoned offline
 */
#include "toolstack/cli/predict.h"

#include <errno.h>
#include <string.h>

#include <bearssl.h>

#include "abi/memory_map.h"
#include "toolstack/supervisor/hyp.h"

/* Every item stands behind its length in bytes, a little-endian u64. */
static void add_length(br_sha256_context *sha, uint64_t len_bytes)
{
    br_sha256_update(sha, &len_bytes, sizeof(len_bytes));
}

static void add_item(br_sha256_context *sha, const void *va, uint64_t len_bytes)
{
    add_length(sha, len_bytes);
    if (len_bytes)
        br_sha256_update(sha, va, len_bytes);
}

int predict(const struct predict_input *in, uint8_t out[PREDICT_BYTES])
{
    const char *suffix = in->trust_backends ? "" : FH_CMDLINE_SUFFIX;
    struct fh_measured_config config = {
        .abi_version = FH_ABI_VERSION,
        .nr_guest_vcpus = in->nr_vcpus,
        .visible_grant_frames =
            HYP_GRANT_FRAMES_MAX - XEN_STEWARD_HIDDEN_GRANT_FRAMES,
    };
    br_sha256_context sha;

    config.nr_map = fh_memory_map(in->ram_bytes, config.map);
    if (config.nr_map == 0)
        return -EINVAL;
    br_sha256_init(&sha);
    add_length(&sha, strlen(in->cmdline) + strlen(suffix));
    br_sha256_update(&sha, in->cmdline, strlen(in->cmdline));
    br_sha256_update(&sha, suffix, strlen(suffix));
    add_item(&sha, in->kernel.va, in->kernel.len_bytes);
    add_item(&sha, in->initrd.va, in->initrd.len_bytes);
    add_item(&sha, &config, sizeof(config));
    br_sha256_out(&sha, out);
    return 0;
}
