/* SPDX-License-Identifier: MIT */
/*
 * frame.c - sealed frames
 */
#include "frame.h"

#include <string.h>

static uint8_t *text_of(struct fh_mig_head *head)
{
    return (uint8_t *)head + sizeof(*head);
}

static void make_nonce(uint64_t seq, uint16_t stream,
                       uint8_t nonce[GCM_NONCE_BYTES])
{
    memset(nonce, 0, GCM_NONCE_BYTES);
    memcpy(nonce, &seq, sizeof(seq));
    memcpy(nonce + sizeof(seq), &stream, sizeof(stream));
}

const uint8_t *frame_tag(const struct fh_mig_head *head, uint32_t text_bytes)
{
    return (const uint8_t *)head + sizeof(*head) + text_bytes;
}

void frame_seal(struct frame_key *k, struct frame_kind kind,
                struct fh_mig_head *head, uint32_t text_bytes)
{
    uint64_t seq = ++k->seq; /* before use: a nonce never comes twice */
    uint8_t nonce[GCM_NONCE_BYTES];

    *head = (struct fh_mig_head){
        .version = FH_MIG_VERSION,
        .type = (uint8_t)kind.type,
        .stream = k->stream,
        .epoch = kind.epoch,
        .len_bytes = text_bytes,
        .seq = seq,
    };
    memcpy(head->magic, FH_MIG_FRAME_MAGIC, sizeof(head->magic));
    memcpy(head->tag_of, k->tag_of, sizeof(head->tag_of));
    make_nonce(seq, k->stream, nonce);
    gcm_seal(&k->gcm, nonce, head, sizeof(*head), text_of(head), text_bytes,
             text_of(head) + text_bytes);
}

const char *frame_open(struct frame_key *k, struct frame_kind want,
                       struct fh_mig_head *head, uint32_t text_bytes)
{
    uint64_t seq = ++k->seq;
    uint8_t nonce[GCM_NONCE_BYTES];

    if (memcmp(head->magic, FH_MIG_FRAME_MAGIC, sizeof(head->magic)) ||
        head->version != FH_MIG_VERSION)
        return "no frame of this version";
    if (memcmp(head->tag_of, k->tag_of, sizeof(head->tag_of)))
        return "of another session";
    if (head->stream != k->stream)
        return "of another stream";
    if (head->type != want.type || head->len_bytes != text_bytes)
        return "of a type that cannot be here";
    if (head->epoch != want.epoch)
        return "of another epoch";
    if (head->seq != seq)
        return "out of sequence";
    make_nonce(seq, k->stream, nonce);
    if (!gcm_open(&k->gcm, nonce, head, sizeof(*head), text_of(head),
                  text_bytes, frame_tag(head, text_bytes)))
        return "not as it was sealed";
    return NULL;
}
