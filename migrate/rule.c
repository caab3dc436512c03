/* SPDX-License-Identifier: MIT */
/*
 * rule.c - when to stop copying a guest that runs, and suspend it
 */
#include "migrate/rule.h"

#include "common/checked.h"

#define PAGE_WIRE_BYTES 4128u /* a page and its share of a frame's rest */
/* Fewer bytes tell of a round trip, not of a rate. */
#define TELLING_BYTES (1u << 20)

void rule_begin(struct rule *r, uint64_t now_ms)
{
    r->begun_ms = now_ms;
    rule_epoch(r, now_ms);
}

void rule_epoch(struct rule *r, uint64_t now_ms)
{
    r->epoch_ms = now_ms;
}

bool rule_late(const struct rule *r, uint64_t now_ms)
{
    return r->timeout_ms && now_ms - r->begun_ms >= r->timeout_ms;
}

/* a * b / c of numbers that a steward made up: no more than UINT64_MAX. */
static uint64_t scaled(uint64_t a, uint64_t b, uint64_t c)
{
    unsigned __int128 all = (unsigned __int128)a * b / MAX_OF(c, 1u);

    return all > UINT64_MAX ? UINT64_MAX : (uint64_t)all;
}

static uint64_t left_pages(const struct rule *r, const struct rule_epoch *ep,
                           uint64_t took_ms)
{
    if (ep->dirty_pages != UINT64_MAX)
        return ep->dirty_pages;
    if (r->nr_epochs < 2) /* nothing changed yet that was counted */
        return ep->pages;
    /* ep->pages changed while the epoch before was sent. */
    return scaled(ep->pages, took_ms, MAX_OF(r->before_ms, 1u));
}

static void slow(struct rule *r, const struct rule_epoch *ep)
{
    uint64_t fewest = MIN_OF(r->pages[0], r->pages[1]);

    /* The first names all memory, and the second has none like it before. */
    if (r->nr_epochs < 4 || ep->pages < scaled(fewest, 9, 10))
        return;
    r->slowed = r->slowed ? r->slowed + RULE_SLOW_STEP : RULE_SLOW_FIRST;
    r->slowed = MIN_OF(r->slowed, RULE_SLOW_MAX);
}

/* It is slowed as far as it can be, and that did not help either. */
static bool in_vain(struct rule *r)
{
    const uint64_t fixed = RULE_SUSPEND_MS; /* in each downtime_ms */

    if (r->slowed < RULE_SLOW_MAX)
        return false;
    if (r->best_ms == 0 ||
        r->downtime_ms - fixed < scaled(r->best_ms - fixed, 9, 10)) {
        r->best_ms = r->downtime_ms;
        r->nr_vain = 0;
        return false;
    }
    return ++r->nr_vain >= RULE_VAIN_EPOCHS;
}

enum rule_verdict rule_judge(struct rule *r, const struct rule_epoch *ep,
                             uint64_t now_ms)
{
    uint64_t took_ms = MAX_OF(now_ms - r->epoch_ms, 1u);

    r->nr_epochs++;
    if (ep->bytes >= TELLING_BYTES)
        r->bytes_per_s = scaled(ep->bytes, 1000, took_ms);
    r->left_pages = left_pages(r, ep, took_ms);
    r->downtime_ms =
        r->bytes_per_s ? scaled(scaled(r->left_pages, PAGE_WIRE_BYTES, 1), 1000,
                                r->bytes_per_s)
                       : scaled(r->left_pages, took_ms, MAX_OF(ep->pages, 1u));
    if (add_overflow(r->downtime_ms, (uint64_t)RULE_SUSPEND_MS,
                     &r->downtime_ms))
        r->downtime_ms = UINT64_MAX;
    slow(r, ep);
    r->pages[1] = r->pages[0];
    r->pages[0] = ep->pages;
    r->before_ms = took_ms;

    if (r->downtime_ms <= r->max_downtime_ms)
        return RULE_PAUSE;
    if (rule_late(r, now_ms))
        return r->force ? RULE_PAUSE : RULE_LATE;
    if (in_vain(r) && r->timeout_ms == 0)
        return r->strict ? RULE_VAIN : RULE_PAUSE;
    return RULE_ROUND;
}
