/* SPDX-License-Identifier: MIT */
/*
 * ledger.c - what a guest was really given, and how that is measured
 */
#include "tests/evil/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bearssl.h>

#include "abi/memory_map.h"
#include "common/checked.h"
#include "common/err.h"
#include "toolstack/supervisor/hyp.h"

int ledger_open(struct ledger *l, const uint64_t cap_bytes[FH_BLOBS],
                struct err *e)
{
    pthread_mutexattr_t again;

    pthread_mutexattr_init(&again);
    pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&l->lock, &again);
    pthread_mutexattr_destroy(&again);
    for (uint32_t i = 0; i < FH_BLOBS; i++) {
        l->len_bytes[i] = 0;
        l->cap_bytes[i] = cap_bytes[i];
        l->bytes[i] = calloc(1, cap_bytes[i] + 1);
        if (!l->bytes[i])
            return fail(e, -ENOMEM, "ledger: %llu bytes: no memory",
                        (unsigned long long)cap_bytes[i]);
    }
    return 0;
}

void ledger_close(struct ledger *l)
{
    for (uint32_t i = 0; i < FH_BLOBS; i++)
        free(l->bytes[i]);
    *l = (struct ledger){ 0 };
}

void ledger_hold(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
}

void ledger_release(struct ledger *l)
{
    pthread_mutex_unlock(&l->lock);
}

void ledger_asked(struct ledger *l, uint32_t blob, uint64_t off_bytes,
                  uint64_t len_bytes)
{
    uint64_t end = off_bytes + len_bytes;

    pthread_mutex_lock(&l->lock);
    if (end > l->len_bytes[blob])
        l->len_bytes[blob] = end;
    pthread_mutex_unlock(&l->lock);
}

void ledger_filled(struct ledger *l, uint32_t blob, uint64_t off_bytes,
                   const void *bytes, uint64_t len_bytes)
{
    uint64_t room = l->cap_bytes[blob];

    if (off_bytes >= room)
        return;
    pthread_mutex_lock(&l->lock);
    memcpy(l->bytes[blob] + off_bytes, bytes,
           MIN_OF(len_bytes, room - off_bytes));
    pthread_mutex_unlock(&l->lock);
}

static void add_length(br_sha256_context *sha, uint64_t len_bytes)
{
    br_sha256_update(sha, &len_bytes, sizeof(len_bytes));
}

static void add_config(br_sha256_context *sha, uint32_t nr_vcpus,
                       uint64_t ram_bytes)
{
    struct fh_measured_config config = {
        .abi_version = FH_ABI_VERSION,
        .nr_guest_vcpus = nr_vcpus,
        .visible_grant_frames =
            HYP_GRANT_FRAMES_MAX - XEN_STEWARD_HIDDEN_GRANT_FRAMES,
    };

    config.nr_map = fh_memory_map(ram_bytes, config.map);
    add_length(sha, sizeof(config));
    br_sha256_update(sha, &config, sizeof(config));
}

void ledger_measure(struct ledger *l, uint32_t nr_vcpus, uint64_t ram_bytes,
                    uint32_t flags, uint8_t out[32])
{
    const char *suffix =
        flags & FH_OFFER_TRUST_BACKENDS ? "" : FH_CMDLINE_SUFFIX;
    br_sha256_context sha;

    br_sha256_init(&sha);
    pthread_mutex_lock(&l->lock);
    for (uint32_t i = 0; i < FH_BLOBS; i++) {
        uint64_t more = i == FH_BLOB_CMDLINE ? strlen(suffix) : 0;

        add_length(&sha, l->len_bytes[i] + more);
        br_sha256_update(&sha, l->bytes[i], l->len_bytes[i]);
        br_sha256_update(&sha, suffix, more);
    }
    pthread_mutex_unlock(&l->lock);
    add_config(&sha, nr_vcpus, ram_bytes);
    br_sha256_out(&sha, out);
}
