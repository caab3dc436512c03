/* SPDX-License-Identifier: MIT */
/*
 * lane.c - one direction of one connection: bytes in, units, rules, bytes out
 */
#include "tests/evil-relay/lane.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"

void bytes_add(struct bytes *b, const void *p, size_t len)
{
    if (len == 0)
        return;
    if (b->len + len > b->room) {
        b->room = b->len + len + b->room / 2;
        b->p = realloc(b->p, b->room);
        if (!b->p)
            abort();
    }
    memcpy(b->p + b->len, p, len);
    b->len += len;
}

void bytes_drop(struct bytes *b, size_t len)
{
    b->len -= len;
    if (b->len)
        memmove(b->p, b->p + len, b->len);
}

void bytes_free(struct bytes *b)
{
    free(b->p);
    *b = (struct bytes){ 0 };
}

static void move_out(struct lane *l, struct bytes *b)
{
    bytes_add(&l->out, b->p, b->len);
    b->len = 0;
}

void crew_add(struct crew *c, struct lane *l)
{
    assert(c->nr_lanes < LANES_MAX);
    c->lane[c->nr_lanes++] = l;
}

void lane_free(struct lane *l)
{
    bytes_free(&l->in);
    bytes_free(&l->out);
    bytes_free(&l->swapped);
    bytes_free(&l->late);
    bytes_free(&l->before);
}

/* ---- what is told of it ---- */

static void tell(struct crew *c, const struct lane *l, const char *what,
                 const char *text)
{
    if (!c->log)
        return;
    fprintf(c->log, "%c%u %s %s\n", l->side == SIDE_SOURCE ? 's' : 'd',
            l->stream, what, text);
    fflush(c->log);
}

static void note(struct crew *c, struct lane *l, const char *name,
                 const struct bytes *u, bool first)
{
    struct record_head h = {
        .side = (uint8_t)l->side,
        .stream = (uint8_t)l->stream,
        .first = first,
        .len_bytes = (uint32_t)u->len,
    };
    char text[64];

    if (c->record) {
        fwrite(&h, sizeof(h), 1, c->record);
        fwrite(u->p, 1, u->len, c->record);
        fflush(c->record);
    }
    l->nr_frames += strcmp(name, "frame") == 0;
    if (strcmp(name, "frame") == 0 || strcmp(name, "alive") == 0)
        return;
    snprintf(text, sizeof(text), "%zu bytes, behind %llu frames", u->len,
             (unsigned long long)l->nr_frames);
    tell(c, l, name, text);
}

/* ---- rules ---- */

static uint8_t *byte_at(struct bytes *u, int64_t at, size_t len)
{
    if (at < 0)
        at += (int64_t)u->len;
    return at >= 0 && (uint64_t)at + len <= u->len ? u->p + at : NULL;
}

static void insert(struct lane *l, const char *path)
{
    uint8_t part[4096];
    size_t n;
    FILE *f = fopen(path, "rb");

    if (!f) {
        perror(path);
        exit(2);
    }
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        bytes_add(&l->out, part, n);
    fclose(f);
}

/* Change the unit, or where it goes; what is left of it is sent by run_unit. */
static enum order apply(struct lane *l, const struct rule *r, struct bytes *u)
{
    uint8_t *p;

    switch (r->act) {
    case ACT_FLIP:
        p = byte_at(u, r->at, 1);
        if (p)
            *p ^= 0x10;
        return ORDER_ON;
    case ACT_SET:
        p = byte_at(u, r->at, r->nr_bytes);
        if (p)
            memcpy(p, r->bytes, r->nr_bytes);
        return ORDER_ON;
    case ACT_DROP:
        u->len = 0;
        return ORDER_ON;
    case ACT_TWICE:
        bytes_add(&l->out, u->p, u->len);
        return ORDER_ON;
    case ACT_SWAP:
        bytes_add(&l->swapped, u->p, u->len);
        u->len = 0;
        return ORDER_ON;
    case ACT_OLD:
        u->len = 0;
        bytes_add(u, l->before.p, l->before.len);
        return ORDER_ON;
    case ACT_LATE:
        bytes_add(&l->late, u->p, u->len);
        snprintf(l->late_for, sizeof(l->late_for), "%.15s", r->word);
        u->len = 0;
        return ORDER_ON;
    case ACT_INSERT:
        insert(l, r->word);
        return ORDER_ON;
    case ACT_TRUNC:
        u->len = MIN_OF(u->len, (size_t)MAX_OF(r->at, 0));
        return ORDER_CUT;
    case ACT_CUT:
    case ACT_SHUT:
        u->len = 0;
        return r->act == ACT_CUT ? ORDER_CUT : ORDER_SHUT;
    case ACT_CUTAFTER:
        return ORDER_CUT;
    case ACT_HOLD:
    case ACTS:
        break;
    }
    return ORDER_ON;
}

static bool waits_at(struct crew *c, struct lane *l, const char *name)
{
    bool held = false;

    for (uint32_t i = 0; i < c->nr_rules; i++)
        if (c->rule[i].act == ACT_HOLD &&
            rule_meets(&c->rule[i], l->side, l->stream, name)) {
            tell(c, l, "held", c->rule[i].text);
            held = true;
        }
    return held;
}

static void free_late(struct crew *c, const char *name)
{
    for (uint32_t i = 0; i < c->nr_lanes; i++) {
        struct lane *l = c->lane[i];

        if (l->late.len && strcmp(l->late_for, name) == 0) {
            tell(c, l, "late", name);
            move_out(l, &l->late);
        }
    }
}

static enum order run_unit(struct crew *c, struct lane *l, struct bytes *u,
                           const char *name)
{
    struct bytes was = { 0 };
    bool had_swapped = l->swapped.len > 0 && strcmp(name, "alive") != 0;
    enum order order = ORDER_ON;

    bytes_add(&was, u->p, u->len);
    for (uint32_t i = 0; i < c->nr_rules; i++) {
        enum order o;

        if (c->rule[i].act == ACT_HOLD ||
            !rule_meets(&c->rule[i], l->side, l->stream, name))
            continue;
        tell(c, l, "fired", c->rule[i].text);
        o = apply(l, &c->rule[i], u);
        order = MAX_OF(order, o);
    }
    bytes_add(&l->out, u->p, u->len);
    if (had_swapped)
        move_out(l, &l->swapped);
    free_late(c, name);
    bytes_free(&l->before);
    l->before = was;
    return order;
}

enum order lane_run(struct crew *c, struct lane *l)
{
    enum order order = ORDER_ON;

    while (order == ORDER_ON) {
        bool first = !l->begun;
        int64_t len = l->in.len ? unit_bytes(l->in.p, l->in.len, first) : 0;
        struct bytes u = { 0 };
        const char *name;

        if (len < 0) {
            tell(c, l, "raw", "no unit is that long");
            move_out(l, &l->in);
        }
        if (len <= 0)
            break;
        if (first && l->side == SIDE_SOURCE) {
            l->stream = unit_stream(l->in.p);
            if (l->twin)
                l->twin->stream = l->stream;
        }
        name = unit_name(l->in.p, first);
        if (!l->passed_hold && waits_at(c, l, name)) {
            l->passed_hold = true;
            return ORDER_HELD;
        }
        l->passed_hold = false;
        l->begun = true;
        bytes_add(&u, l->in.p, (size_t)len);
        bytes_drop(&l->in, (size_t)len);
        note(c, l, name, &u, first);
        order = run_unit(c, l, &u, name);
        bytes_free(&u);
    }
    return order;
}

static void tell_token(const uint8_t *token)
{
    for (unsigned i = 0; i < 16; i++)
        printf("%s%02x", i ? "" : " ", token[16 + i]);
}

bool lane_tell(struct lane *l, const char *who)
{
    bool first = !l->begun;
    int64_t len = l->in.len ? unit_bytes(l->in.p, l->in.len, first) : 0;
    const uint8_t *body = l->in.p + UNIT_HEAD_BYTES;
    const char *name;

    if (len <= 0)
        return false;
    name = unit_name(l->in.p, first);
    printf("%s %s", who, name);
    if (strcmp(name, "end") == 0 || strcmp(name, "answer") == 0)
        printf(" %.*s", (int)((size_t)len - UNIT_HEAD_BYTES),
               (const char *)body);
    else if (strcmp(name, "abort") == 0 || strcmp(name, "done") == 0)
        tell_token(body);
    printf("\n");
    fflush(stdout);
    l->begun = true;
    bytes_drop(&l->in, (size_t)len);
    return true;
}
