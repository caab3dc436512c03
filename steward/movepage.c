/* SPDX-License-Identifier: MIT */
/*
 * movepage.c - the control page's migration part, from the steward's side
 */
#include "movepage.h"

#include "cpu.h"

/* Stores and loads on x86 are ordered; this orders the compiler. */
static void barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

static const volatile struct fh_move_dom0 *theirs(const struct control *c)
{
    return &c->page->dom0.move;
}

static volatile struct fh_move_steward *own(const struct control *c)
{
    return &c->page->steward.move;
}

/* Word by word, each once. */
static void fetch(void *to, const volatile void *from, uint32_t bytes)
{
    const volatile uint32_t *f = from;
    uint32_t *t = to;

    for (uint32_t i = 0; i < bytes / 4; i++)
        t[i] = f[i];
}

static void put(volatile void *to, const void *from, uint32_t bytes)
{
    const uint32_t *f = from;
    volatile uint32_t *t = to;

    for (uint32_t i = 0; i < bytes / 4; i++)
        t[i] = f[i];
}

void movepage_fetch_slots(const struct control *c, struct slots_wire *out)
{
    out->nr_streams = theirs(c)->nr_streams;
    out->nr_slots = theirs(c)->nr_slots;
    out->flags = theirs(c)->flags;
    fetch(out->ref, theirs(c)->ref, sizeof(out->ref));
}

void movepage_reset(const struct control *c)
{
    volatile struct fh_move_steward *o = own(c);

    for (unsigned i = 0; i < FH_MOVE_STREAMS; i++)
        o->moved[i] = 0;
    for (unsigned i = 0; i < FH_TOKEN_BYTES; i++)
        o->token[i] = 0;
    o->dirty_pages = UINT64_MAX; /* Xen says it only when they are taken */
}

void movepage_show(const struct control *c, const struct movepage_view *v,
                   const char *text)
{
    volatile struct fh_move_steward *o = own(c);
    unsigned i = 0;

    o->error = v->error;
    o->epoch = v->epoch;
    o->acked = v->acked;
    o->ram_pages = v->ram_pages;
    o->sent_pages = v->sent_pages;
    o->epoch_pages = v->epoch_pages;
    put(o->session, v->session, sizeof(v->session));
    for (; i + 1 < sizeof(o->text) && text[i]; i++)
        o->text[i] = text[i];
    o->text[i] = '\0';
    barrier();
    o->state = v->state;
}

void movepage_token(const struct control *c, const void *token)
{
    put(own(c)->token, token, FH_TOKEN_BYTES);
}

uint32_t movepage_mail_seq(const struct control *c)
{
    uint32_t seq = theirs(c)->mail.seq;

    barrier(); /* it was written last */
    return seq;
}

void movepage_fetch_mail(const struct control *c, struct fh_mail *out)
{
    fetch(out, &theirs(c)->mail, sizeof(*out));
}

void movepage_taken(const struct control *c, uint32_t seq)
{
    barrier();
    own(c)->mail_taken = seq;
}

bool movepage_was_taken(const struct control *c, uint32_t seq)
{
    return theirs(c)->mail_taken == seq;
}

void movepage_put_mail(const struct control *c, const struct fh_mail *m)
{
    volatile struct fh_mail *o = &own(c)->mail;

    o->kind = m->kind;
    o->arg = m->arg;
    o->len_bytes = m->len_bytes;
    put(o->bytes, m->bytes, sizeof(m->bytes));
    barrier();
    o->seq = m->seq;
}

uint32_t movepage_slow(const struct control *c)
{
    return theirs(c)->slow_percent;
}

uint32_t movepage_moved(const struct control *c, uint16_t stream)
{
    uint32_t n = theirs(c)->moved[stream];

    barrier(); /* slot and length were written before */
    return n;
}

uint32_t movepage_len(const struct control *c, uint32_t slot)
{
    return theirs(c)->len_bytes[slot];
}

void movepage_set_len(const struct control *c, uint32_t slot, uint32_t bytes)
{
    own(c)->len_bytes[slot] = bytes;
}

void movepage_set_moved(const struct control *c, uint16_t stream, uint32_t n)
{
    barrier();
    own(c)->moved[stream] = n;
    cpu_fence(); /* whoever sleeps now saw it, or is seen to sleep */
}
