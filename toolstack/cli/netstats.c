/* SPDX-License-Identifier: MIT */
/*
 * netstats.c - what cards did: since they are there, or between two looks
 *
 * Dropped is what did not reach its end, whatever the reason: no room, a
 * source that is not the guest's, a packet that was none.
 */
#include "toolstack/cli/netstats.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/cli/cards.h"
#include "toolstack/cli/statslook.h"
#include "toolstack/cli/table.h"

#define MB 1e6

static const char *const total_head[] = {
    "Guest",   "Vif",     "State",      "Sent",      "Received",
    "MB sent", "MB rcvd", "Lost (out)", "Lost (in)", "Queues",
};
static const char *const rate_head[] = {
    "Guest",     "Vif",       "State",        "Sent/s",      "Received/s",
    "MB/s sent", "MB/s rcvd", "Lost/s (out)", "Lost/s (in)", "Queues",
};
_Static_assert(ARRAY_SIZE(total_head) == ARRAY_SIZE(rate_head), "heads");
#define LEFT 3u /* of them are words */

/* The same card in an earlier look; false: not there, or it began anew. */
static bool find_before(const struct stats_look *before, const char *name,
                        const struct card *now, struct card *out)
{
    for (uint32_t i = 0; i < before->nr; i++) {
        const struct stats_guest *g = &before->guests[i];

        if (strcmp(g->name, name))
            continue;
        for (uint32_t k = 0; k < cards_count(g->info); k++) {
            bool grew = true;

            cards_get(g->info, k, out);
            for (uint32_t f = 0; f < CARD_FIGURES; f++)
                grew &= out->figure[f] <= now->figure[f];
            if (out->devid == now->devid)
                return grew;
        }
    }
    return false;
}

static uint64_t lost_out(const uint64_t *figure)
{
    return figure[CARD_TX_DROPPED] + figure[CARD_TX_ERRORS] +
           figure[CARD_TX_SPOOFED];
}

static void add_totals(struct table *t, const struct card *c)
{
    table_add(t, "%" PRIu64, c->figure[CARD_TX_PACKETS]);
    table_add(t, "%" PRIu64, c->figure[CARD_RX_PACKETS]);
    table_add(t, "%.1f", (double)c->figure[CARD_TX_BYTES] / MB);
    table_add(t, "%.1f", (double)c->figure[CARD_RX_BYTES] / MB);
    table_add(t, "%" PRIu64, lost_out(c->figure));
    table_add(t, "%" PRIu64, c->figure[CARD_RX_DROPPED]);
}

static void add_rates(struct table *t, const struct card *c,
                      const struct card *b, double s)
{
    uint64_t grown[CARD_FIGURES];

    for (uint32_t f = 0; f < CARD_FIGURES; f++)
        grown[f] = c->figure[f] - b->figure[f];
    table_add(t, "%.1f", (double)grown[CARD_TX_PACKETS] / s);
    table_add(t, "%.1f", (double)grown[CARD_RX_PACKETS] / s);
    table_add(t, "%.1f", (double)grown[CARD_TX_BYTES] / MB / s);
    table_add(t, "%.1f", (double)grown[CARD_RX_BYTES] / MB / s);
    table_add(t, "%.1f", (double)lost_out(grown) / s);
    table_add(t, "%.1f", (double)grown[CARD_RX_DROPPED] / s);
}

static void add_card(struct table *t, const char *name, const struct card *c,
                     const struct stats_look *now,
                     const struct stats_look *before)
{
    struct card b;

    table_add(t, "%s", name);
    table_add(t, "%u", c->devid);
    table_add(t, "%s", c->stalled ? "stalled" : c->state ? c->state : "-");
    if (!before)
        add_totals(t, c);
    else if (now->at_ns > before->at_ns && find_before(before, name, c, &b))
        add_rates(t, c, &b, (double)(now->at_ns - before->at_ns) / 1e9);
    else
        for (uint32_t i = LEFT; i < ARRAY_SIZE(rate_head) - 1; i++)
            table_add(t, "-");
    table_add(t, "%u", c->queues);
}

static uint32_t count(const struct stats_look *now)
{
    uint32_t nr = 0;

    for (uint32_t i = 0; i < now->nr; i++)
        nr += cards_count(now->guests[i].info);
    return nr;
}

int netstats_print(FILE *to, const struct stats_look *now,
                   const struct stats_look *before, struct err *e)
{
    struct table *t;
    struct card c;

    if (count(now) == 0)
        return 0;
    t = table_new(ARRAY_SIZE(rate_head), LEFT);
    if (!t)
        return fail(e, -ENOMEM, "stats: no memory");
    for (uint32_t i = 0; i < ARRAY_SIZE(rate_head); i++)
        table_add(t, "%s", before ? rate_head[i] : total_head[i]);
    for (uint32_t i = 0; i < now->nr; i++)
        for (uint32_t k = 0; k < cards_count(now->guests[i].info); k++) {
            cards_get(now->guests[i].info, k, &c);
            add_card(t, now->guests[i].name, &c, now, before);
        }
    fputc('\n', to);
    table_print(to, t);
    table_free(t);
    return 0;
}
