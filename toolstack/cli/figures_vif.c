/* SPDX-License-Identifier: MIT */
/*
 * figures_vif.c - what is measured of each card of a guest
 *
 * Its label is `vif`, its number; the guest's is `name`, as everywhere.
 * Directions are the guest's: it transmits, it receives.
 */
#include "toolstack/cli/figures_priv.h"

#include <string.h>

#include "common/checked.h"
#include "toolstack/cli/cards.h"
#include "toolstack/cli/devinfo.h"

#define LABELS_MAX 3u

struct vif_family {
    struct om_family om;
    const char *label; /* NULL: one sample a card */
    const char *(*label_at)(int i);
    /* False: not known. */
    bool (*get)(const struct card *c, const char *label, double *out);
};

static const char *direction_at(int i)
{
    static const char *const direction[] = { "transmit", "receive" };

    return i < (int)ARRAY_SIZE(direction) ? direction[i] : NULL;
}

static const char *reason_at(int i)
{
    static const char *const reason[] = { "dropped", "malformed", "spoofed",
                                          "no_room" };

    return i < (int)ARRAY_SIZE(reason) ? reason[i] : NULL;
}

static bool figure(const struct card *c, enum card_figure f, double *out)
{
    *out = (double)c->figure[f];
    return c->known[f];
}

static bool get_state(const struct card *c, const char *label, double *out)
{
    *out = c->state && strcmp(c->state, label) == 0;
    return c->state != NULL;
}

static bool get_packets(const struct card *c, const char *label, double *out)
{
    return figure(c, *label == 't' ? CARD_TX_PACKETS : CARD_RX_PACKETS, out);
}

static bool get_bytes(const struct card *c, const char *label, double *out)
{
    return figure(c, *label == 't' ? CARD_TX_BYTES : CARD_RX_BYTES, out);
}

static bool get_gso(const struct card *c, const char *label, double *out)
{
    return figure(c, *label == 't' ? CARD_TX_GSO : CARD_RX_GSO, out);
}

static bool get_lost(const struct card *c, const char *label, double *out)
{
    return figure(c,
                  *label == 'd'   ? CARD_TX_DROPPED
                  : *label == 'm' ? CARD_TX_ERRORS
                  : *label == 's' ? CARD_TX_SPOOFED
                                  : CARD_RX_DROPPED,
                  out);
}

static bool get_waits(const struct card *c, const char *label, double *out)
{
    (void)label;
    return figure(c, CARD_WAITS, out);
}

static bool get_stalls(const struct card *c, const char *label, double *out)
{
    (void)label;
    return figure(c, CARD_STALLS, out);
}

static bool get_stalled(const struct card *c, const char *label, double *out)
{
    (void)label;
    *out = c->stalled;
    return true;
}

static bool get_restarts(const struct card *c, const char *label, double *out)
{
    (void)label;
    *out = (double)c->restarts;
    return true;
}

static bool get_queues(const struct card *c, const char *label, double *out)
{
    (void)label;
    *out = c->queues;
    return true;
}

/* clang-format off */
#define GAUGE(name, unit, help) { "freehold_vif_" name, "gauge", unit, help }
#define COUNTER(name, unit, help) \
    { "freehold_vif_" name, "counter", unit, help }

static const struct vif_family families[] = {
    { GAUGE("state", NULL, "1 for the state that it is in."),
      "state", devinfo_state_at, get_state },
    { COUNTER("packets", NULL, "Packets that got through."),
      "direction", direction_at, get_packets },
    { COUNTER("bytes", "bytes", "Bytes of these."),
      "direction", direction_at, get_bytes },
    { COUNTER("gso_packets", NULL,
              "Of the packets, those larger than the MTU."),
      "direction", direction_at, get_gso },
    { COUNTER("lost_packets", NULL,
              "Packets that did not: the tap took none, the guest made it "
              "wrong, or sent it from another address, or had no room for it."),
      "reason", reason_at, get_lost },
    { COUNTER("waits", NULL, "Times that the rate limit held packets up."),
      NULL, NULL, get_waits },
    { GAUGE("stalled", NULL, "Whether its guest takes no packets."),
      NULL, NULL, get_stalled },
    { COUNTER("stalls", NULL, "How often its guest stopped taking packets."),
      NULL, NULL, get_stalls },
    { COUNTER("restarts", NULL, "How often its backend was started anew."),
      NULL, NULL, get_restarts },
    { GAUGE("queues", NULL, "Queues that its guest uses."),
      NULL, NULL, get_queues },
};
/* clang-format on */

static void put_card(const struct sink *s, const struct vif_family *f,
                     const char *name, const struct card *c)
{
    char number[16];
    struct om_label labels[LABELS_MAX] = { { "name", name },
                                           { "vif", number } };
    double value;

    snprintf(number, sizeof(number), "%u", c->devid);
    if (!f->label) {
        if (f->get(c, NULL, &value))
            figures_sample(s, &f->om, labels, 2, value);
        return;
    }
    labels[2].key = f->label;
    for (int i = 0; (labels[2].value = f->label_at(i)); i++)
        if (f->get(c, labels[2].value, &value))
            figures_sample(s, &f->om, labels, LABELS_MAX, value);
}

void figures_vifs(struct sink *s, struct json_object *all,
                  const struct figures *f)
{
    struct card c;

    for (uint32_t i = 0; i < ARRAY_SIZE(families); i++) {
        figures_begin(s, all, &families[i].om);
        for (int k = 0; k < f->nr_guests; k++)
            for (uint32_t n = 0; n < cards_count(f->guests[k].info); n++) {
                cards_get(f->guests[k].info, n, &c);
                put_card(s, &families[i], f->guests[k].target->name, &c);
            }
    }
}
