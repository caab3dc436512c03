/* SPDX-License-Identifier: MIT */
/*
 * gcm.c - AES-256-GCM over private memory: which code does it, and the tag
 */
#include "gcm.h"

#include <string.h>

#include "wipe.h"

bool gcm_fast(void)
{
    return gcm_ni_available();
}

#if __STDC_HOSTED__
static void run_soft(const struct gcm *g, const uint8_t nonce[GCM_NONCE_BYTES],
                     const void *aad, size_t aad_bytes, void *text,
                     size_t bytes, uint8_t tag[GCM_TAG_BYTES], bool encrypt)
{
    br_aes_ct64_ctr_keys key = g->ct; /* it takes no key that is const */
    br_gcm_context c;

    br_gcm_init(&c, &key.vtable, br_ghash_ctmul64);
    br_gcm_reset(&c, nonce, GCM_NONCE_BYTES);
    br_gcm_aad_inject(&c, aad, aad_bytes);
    br_gcm_flip(&c);
    br_gcm_run(&c, encrypt, text, bytes);
    br_gcm_get_tag(&c, tag);
    wipe(&c, sizeof(c));
    wipe(&key, sizeof(key));
}
#endif

void gcm_key(struct gcm *g, const uint8_t key[GCM_KEY_BYTES], bool soft)
{
    g->soft = soft;
#if __STDC_HOSTED__
    if (soft) {
        br_aes_ct64_ctr_init(&g->ct, key, GCM_KEY_BYTES);
        return;
    }
#endif
    gcm_ni_key(&g->ni, key);
}

void gcm_seal(const struct gcm *g, const uint8_t nonce[GCM_NONCE_BYTES],
              const void *aad, size_t aad_bytes, void *text, size_t bytes,
              uint8_t tag[GCM_TAG_BYTES])
{
#if __STDC_HOSTED__
    if (g->soft) {
        run_soft(g, nonce, aad, aad_bytes, text, bytes, tag, true);
        return;
    }
#endif
    gcm_ni_seal(&g->ni, nonce, aad, aad_bytes, text, bytes, tag);
}

/* As gcm_open() does, but for the tag, which it computes. */
static void run_open(const struct gcm *g, const uint8_t nonce[GCM_NONCE_BYTES],
                     const void *aad, size_t aad_bytes, void *text,
                     size_t bytes, uint8_t tag[GCM_TAG_BYTES])
{
#if __STDC_HOSTED__
    if (g->soft) {
        run_soft(g, nonce, aad, aad_bytes, text, bytes, tag, false);
        return;
    }
#endif
    gcm_ni_open(&g->ni, nonce, aad, aad_bytes, text, bytes, tag);
}

bool gcm_open(const struct gcm *g, const uint8_t nonce[GCM_NONCE_BYTES],
              const void *aad, size_t aad_bytes, void *text, size_t bytes,
              const uint8_t tag[GCM_TAG_BYTES])
{
    uint8_t want[GCM_TAG_BYTES], differs = 0;

    run_open(g, nonce, aad, aad_bytes, text, bytes, want);
    for (unsigned i = 0; i < GCM_TAG_BYTES; i++)
        differs |= want[i] ^ tag[i];
    if (differs)
        memset(text, 0, bytes);
    wipe(want, sizeof(want));
    return differs == 0;
}
