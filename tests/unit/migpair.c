/* SPDX-License-Identifier: MIT */
/*
 * migpair.c - two stewards and the dom0s between them
 */
#include "tests/unit/migpair.h"

#include <stdlib.h>
#include <string.h>

#define LOW_BLOCKS 3u
#define HIGH_BLOCKS 4u

void pair_open(struct pair *p, uint16_t nr_streams)
{
    pair_open_sized(p, nr_streams, LOW_BLOCKS, HIGH_BLOCKS);
}

void pair_open_sized(struct pair *p, uint16_t nr_streams, uint32_t low,
                     uint32_t high)
{
    memset(p, 0, sizeof(*p));
    fake_mig_open(&p->s, FAKE_MIG_RUN, low, high, 1000);
    fake_mig_open(&p->d, FAKE_MIG_RECEIVING, low, high, 2000);
    p->nr_streams = nr_streams;
    p->x.world = &p->s.world;
    p->x.me = &p->s.me;
    p->x.window = p->s.window;
    p->x.window_blocks = FAKE_MIG_WINDOW_BLOCKS;
    p->x.context = p->s.context_buffer;
    p->x.context_room = FAKE_MIG_CONTEXT_MAX;
    p->x.drbg = &p->s.drbg;
    p->x.soft = !gcm_fast();
    p->m.world = &p->d.world;
    p->m.me = &p->d.me;
    p->m.holed = p->d.holed;
    p->m.holed_blocks = sizeof(p->d.holed) * 8;
    p->m.context = p->d.context_buffer;
    p->m.context_room = FAKE_MIG_CONTEXT_MAX;
    p->m.drbg = &p->d.drbg;
    p->m.soft = !gcm_fast();
}

void pair_close(struct pair *p)
{
    fake_mig_close(&p->s);
    fake_mig_close(&p->d);
}

int pair_handshake(struct pair *p, bool check)
{
    struct fh_mig_finished h4, h5;
    struct fh_mig_side h1;
    struct fh_mig_h2 h2;
    struct fh_mig_h3 h3;
    int rc = export_begin(&p->x, p->nr_streams, check, &h1);

    if (rc == 0)
        rc = import_h1(&p->m, &h1, &h2);
    if (rc == 0)
        rc = export_h2(&p->x, &h2, &h3);
    if (rc == 0)
        rc = import_h3(&p->m, &h3, &h4);
    if (rc == 0)
        rc = export_h4(&p->x, &h4, &h5);
    return rc ? rc : import_h5(&p->m, &h5);
}

static int deliver(struct pair *p, uint16_t stream,
                   const struct fh_mig_long *frame, bool is_long)
{
    static struct fh_mig_long copy;

    memcpy(&copy, frame, sizeof(copy));
    return is_long ? import_long(&p->m, stream, &copy)
                   : import_short(&p->m, (struct fh_mig_short *)&copy);
}

static int carry_one(struct pair *p, uint16_t stream, bool *any)
{
    static struct fh_mig_long frame;
    enum export_frame kind;
    unsigned times = 1;
    int rc = export_next(&p->x, stream, &frame, &kind);

    if (rc != 0 || kind == EXPORT_NONE)
        return rc < 0 ? rc : 0;
    *any = true;
    if (p->relay)
        times = p->relay(p, &stream, &frame, kind == EXPORT_LONG);
    if (kind == EXPORT_LONG)
        p->nr_long++;
    else
        p->nr_short++;
    while (rc == 0 && times-- > 0)
        rc = deliver(p, stream, &frame, kind == EXPORT_LONG);
    return rc;
}

int pair_carry(struct pair *p)
{
    bool any = true;
    int rc = 0;

    while (rc == 0 && any) {
        any = false;
        for (uint16_t i = 0; rc == 0 && i < p->nr_streams; i++)
            rc = carry_one(p, (uint16_t)(p->nr_streams - 1 - i), &any);
        if (rc == 0 && p->m.have_answer) {
            struct fh_mig_short answer = p->m.answer;

            p->m.have_answer = false;
            rc = export_short(&p->x, &answer);
        }
    }
    return rc;
}

int pair_round(struct pair *p)
{
    int rc = export_round(&p->x);

    return rc ? rc : pair_carry(p);
}

int pair_last(struct pair *p)
{
    int rc;

    p->s.suspension = ++p->s.resumes;
    rc = export_paused(&p->x);
    return rc ? rc : pair_carry(p);
}

static void random_page(uint8_t *page, uint32_t *seed)
{
    for (unsigned i = 0; i < 4096; i += 4) {
        *seed = *seed * 1664525 + 1013904223;
        memcpy(page + i, seed, 4);
    }
}

static void change(struct pair *p, uint64_t gfn, uint32_t *seed)
{
    uint8_t page[4096] = { 0 };
    uint32_t kind;

    *seed = *seed * 1664525 + 1013904223;
    kind = *seed >> 28;
    if (kind < 3) {
        fake_mig_balloon(&p->s, gfn, kind > 0);
        return;
    }
    fake_mig_balloon(&p->s, gfn, false);
    if (kind == 3)
        page[*seed % 4096] = 1;
    else if (kind < 9)
        random_page(page, seed);
    fake_mig_write(&p->s, gfn, page);
}

void pair_fill(struct pair *p, uint32_t seed)
{
    pair_mutate(p, 1, seed);
}

void pair_mutate(struct pair *p, uint32_t every, uint32_t seed)
{
    uint32_t n = seed;

    for (uint64_t gfn = 0; gfn != UINT64_MAX; gfn = fake_mig_next(&p->s, gfn))
        if (n++ % every == 0)
            change(p, gfn, &seed);
}
