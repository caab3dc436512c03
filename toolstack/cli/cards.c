/* SPDX-License-Identifier: MIT */
/*
 * cards.c - a guest's cards, as its supervisor's `info` tells them
 */
#include "toolstack/cli/cards.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "toolstack/cli/devinfo.h"
#include "toolstack/supervisor/vmviftext.h"

uint32_t cards_count(struct json_object *info)
{
    return devinfo_count(info, "vifs");
}

struct json_object *cards_array(struct json_object *info)
{
    return devinfo_array(info, "vifs");
}

static bool flag(struct json_object *o, const char *key)
{
    struct json_object *v;

    return json_object_object_get_ex(o, key, &v) &&
           json_object_is_type(v, json_type_boolean) &&
           json_object_get_boolean(v);
}

void cards_get(struct json_object *info, uint32_t i, struct card *out)
{
    static const char *const key[] = {
        [CARD_TX_PACKETS] = "tx_packets", [CARD_TX_BYTES] = "tx_bytes",
        [CARD_TX_DROPPED] = "tx_dropped", [CARD_TX_ERRORS] = "tx_errors",
        [CARD_TX_SPOOFED] = "tx_spoofed", [CARD_RX_PACKETS] = "rx_packets",
        [CARD_RX_BYTES] = "rx_bytes",     [CARD_RX_DROPPED] = "rx_dropped",
        [CARD_TX_GSO] = "tx_gso",         [CARD_RX_GSO] = "rx_gso",
        [CARD_WAITS] = "waits",           [CARD_STALLS] = "stalls",
    };
    struct json_object *o = devinfo_at(info, "vifs", i);

    _Static_assert(ARRAY_SIZE(key) == CARD_FIGURES, "key");
    *out = (struct card){
        .mac = devinfo_text(o, "mac"),
        .tap = devinfo_text(o, "tap"),
        .bridge = devinfo_text(o, "bridge"),
        .state = devinfo_text(o, "state"),
        .why = devinfo_text(o, "why"),
        .devid = (uint32_t)devinfo_number(o, "devid"),
        .queues = (uint32_t)devinfo_number(o, "queues"),
        .mtu = (uint32_t)devinfo_number(o, "mtu"),
        .sg = flag(o, "sg"),
        .gso_v4 = flag(o, "gso_v4"),
        .gso_v6 = flag(o, "gso_v6"),
        .stalled = flag(o, "stalled"),
        .any_mac = flag(o, "any_mac"),
        .pid = (int)devinfo_number(o, "pid"),
        .restarts = devinfo_number(o, "restarts"),
        .rate_bytes = devinfo_number(o, "rate_bytes"),
        .rate_usecs = (uint32_t)devinfo_number(o, "rate_usecs"),
    };
    for (uint32_t k = 0; k < CARD_FIGURES; k++) {
        out->known[k] = json_object_object_get_ex(o, key[k], NULL);
        out->figure[k] = devinfo_number(o, key[k]);
    }
}

static bool is_word(const struct card *c, const char *word)
{
    uint8_t wanted[6], own[6];
    unsigned long long devid;
    char *end;

    if (vmvif_mac_parse(word, wanted) == 0)
        return c->mac && vmvif_mac_parse(c->mac, own) == 0 &&
               memcmp(wanted, own, 6) == 0;
    devid = strtoull(word, &end, 10);
    return isdigit((unsigned char)*word) && !*end && devid == c->devid;
}

bool cards_find(struct json_object *info, const char *word, struct card *out)
{
    for (uint32_t i = 0; i < cards_count(info); i++) {
        cards_get(info, i, out);
        if (is_word(out, word))
            return true;
    }
    return false;
}

void cards_rate_text(const struct card *c, char out[CARD_RATE_TEXT])
{
    uint64_t each_second = 0;

    /* Up, because rate= is rounded down to whole bytes in an interval. */
    if (c->rate_usecs)
        each_second =
            (c->rate_bytes * 1000000 + c->rate_usecs - 1) / c->rate_usecs;
    if (c->rate_bytes)
        snprintf(out, CARD_RATE_TEXT, "%" PRIu64 "B/s@%uus", each_second,
                 c->rate_usecs);
    else
        snprintf(out, CARD_RATE_TEXT, "0");
}

static const char *or_dash(const char *s)
{
    return s && *s ? s : "-";
}

/* What its guest takes: "sg, gso v4 v6". */
static void print_offloads(FILE *to, const struct card *c)
{
    if (c->sg)
        fputs(", sg", to);
    if (c->gso_v4 || c->gso_v6)
        fprintf(to, ", gso%s%s", c->gso_v4 ? " v4" : "",
                c->gso_v6 ? " v6" : "");
}

static void print_card(FILE *to, const struct card *c)
{
    char name[24], rate[CARD_RATE_TEXT];

    snprintf(name, sizeof(name), "vif.%u", c->devid);
    fprintf(to, "%-23s: %s", name, or_dash(c->state));
    if (c->why && *c->why)
        fprintf(to, " (%s)", c->why);
    if (c->stalled)
        fputs(", it takes no packets", to);
    fprintf(to, ", %s, %s on %s", or_dash(c->mac), or_dash(c->tap),
            or_dash(c->bridge));
    if (c->mtu)
        fprintf(to, ", mtu %u", c->mtu);
    if (c->queues)
        fprintf(to, ", %u queue%s", c->queues, c->queues > 1 ? "s" : "");
    print_offloads(to, c);
    if (c->any_mac)
        fputs(", any mac", to);
    cards_rate_text(c, rate);
    if (c->rate_bytes)
        fprintf(to, ", at most %s", rate);
    if (c->pid)
        fprintf(to, ", pid %d", c->pid);
    if (c->restarts)
        fprintf(to, ", restarted %" PRIu64 " time%s", c->restarts,
                c->restarts > 1 ? "s" : "");
    fputc('\n', to);
}

void cards_print(FILE *to, struct json_object *info)
{
    struct card c;

    for (uint32_t i = 0; i < cards_count(info); i++) {
        cards_get(info, i, &c);
        print_card(to, &c);
    }
}
