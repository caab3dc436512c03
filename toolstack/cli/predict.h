/* SPDX-License-Identifier: MIT */
/*
 * predict.h - a guest's launch measurement, reckoned offline
 */
#ifndef PREDICT_H
#define PREDICT_H

#include <stddef.h>
#include <stdint.h>

#define PREDICT_BYTES 32u

struct predict_item {
    const void *va;
    uint64_t len_bytes;
};

struct predict_input {
    const char *cmdline; /* without the suffix */
    int trust_backends;  /* then no suffix is added */
    struct predict_item kernel, initrd;
    uint32_t nr_vcpus; /* the guest's own */
    uint64_t ram_bytes;
};

/*
 * What the steward will report, as steward_abi.h defines it.
 * -EINVAL: ram_bytes is out of range.
 */
int predict(const struct predict_input *in, uint8_t out[PREDICT_BYTES]);

#endif
