/* SPDX-License-Identifier: MIT */
/*
 * guest_net.c - what a guest's API tells and does about its cards
 *
 *   network_attach {"vif": SPEC, "any_mac": BOOL}  -> {"devid", "mac"}
 *                       a card more, in the language of vif=; it is accepted,
 *                       and events say what becomes of it
 *   network_detach {"vif", "force"}  -> {"devid"}
 *                       ask the guest to let go of it; or take it.  vif: its
 *                       number or its address
 *   network_rate {"vif", "rate"}     "10Mb/s@20ms", as vif='s rate=; "": none
 *
 * Event: network {"devid", "state", "why"} whenever one moves.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_json.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/vmviftext.h"

static struct json_object *devid_of(const struct guest_dev *d)
{
    struct json_object *o = json_object_new_object();

    guest_json_number(o, "devid", d->devid);
    return o;
}

static void add_mac(struct json_object *o, const struct guest_dev *d)
{
    char mac[VMVIF_MAC_TEXT];

    vmvif_mac_text(d->card.mac, mac);
    guest_json_text(o, "mac", mac);
}

/* ---- what it tells ---- */

static void add_figures(struct json_object *o, const struct net_stats *s)
{
    const struct {
        const char *key;
        uint64_t value;
    } row[] = {
        { "tx_packets", s->tx_packets }, { "tx_bytes", s->tx_bytes },
        { "tx_dropped", s->tx_dropped }, { "tx_errors", s->tx_errors },
        { "tx_spoofed", s->tx_spoofed }, { "rx_packets", s->rx_packets },
        { "rx_bytes", s->rx_bytes },     { "rx_dropped", s->rx_dropped },
        { "tx_gso", s->tx_gso },         { "rx_gso", s->rx_gso },
        { "passes", s->passes },         { "copies", s->copies },
        { "kicks", s->kicks },           { "idle_kicks", s->idle_kicks },
        { "notifies", s->notifies },     { "waits", s->waits },
        { "stalls", s->stalls },
    };

    _Static_assert(sizeof(*s) == ARRAY_SIZE(row) * sizeof(uint64_t), "all");
    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++)
        guest_json_number(o, row[i].key, row[i].value);
}

static struct json_object *card_info(struct guest_dev *d)
{
    struct json_object *o = devid_of(d);
    struct vif_figures f = { 0 };

    add_mac(o, d);
    guest_json_text(o, "tap", d->vif ? vif_tap(d->vif) : "");
    /* What was not asked for is as it turned out. */
    guest_json_text(o, "bridge", d->vif ? vif_bridge(d->vif) : d->card.bridge);
    guest_json_number(o, "mtu", d->vif ? vif_mtu(d->vif) : d->card.mtu);
    guest_json_text(o, "state", guest_dev_state_name(d));
    guest_json_text(o, "why", guest_dev_why(d));
    if (d->vif) {
        guest_json_number(o, "pid", (uint64_t)vif_process(d->vif).pid);
        vif_figures(d->vif, &f);
    }
    guest_json_number(o, "queues", f.nr_queues);
    guest_json_bool(o, "sg", f.wiring.sg);
    guest_json_bool(o, "gso_v4", f.wiring.gso_v4);
    guest_json_bool(o, "gso_v6", f.wiring.gso_v6);
    guest_json_bool(o, "stalled", d->vif && vif_stalled(d->vif));
    guest_json_bool(o, "any_mac", d->card.any_mac);
    guest_json_number(o, "restarts", f.nr_restarts);
    guest_json_number(o, "rate_bytes", d->card.rate_bytes);
    guest_json_number(o, "rate_usecs", d->card.rate_usecs);
    add_figures(o, &f.sum);
    return o;
}

struct json_object *guest_net_info(struct guest *g)
{
    struct json_object *list = json_object_new_array();
    struct guest_dev *d = NULL;

    while ((d = guest_dev_next(g, DEVFILE_VIF, d)))
        json_object_array_add(list, card_info(d));
    return list;
}

void guest_net_event(struct guest_dev *d)
{
    struct json_object *o = devid_of(d);

    guest_json_text(o, "state", guest_dev_state_name(d));
    guest_json_text(o, "why", guest_dev_why(d));
    guest_event(d->guest, "network", o);
}

/* ---- what it does ---- */

/* The card that is meant, and which there is now; by number also as one. */
static int want_card(struct guest *g, struct json_object *params,
                     struct guest_dev **out, struct err *e)
{
    struct json_object *value = NULL;
    const char *word;

    if (!params || !json_object_object_get_ex(params, "vif", &value) ||
        (!json_object_is_type(value, json_type_string) &&
         !json_object_is_type(value, json_type_int)))
        return fail(e, -EINVAL, "vif: want a number or an address");
    word = json_object_get_string(value);
    *out = guest_vif_find(g, word);
    if (!*out || !(*out)->vif)
        return fail(e, -ENOENT,
                    "guest %s: vif %.40s: it has none of that number or "
                    "address",
                    g->cfg->name, word);
    return 0;
}

static int call_attach(struct guest *g, struct json_object *params,
                       struct json_object **result, struct err *e)
{
    struct guest_dev *d = NULL;
    const char *text = NULL;
    int rc = guest_json_want_running(g, "network_attach", e);

    if (rc == 0)
        rc = guest_json_get_text(params, "vif", &text, e);
    if (rc == 0)
        return fail(e, -EINVAL, "vif: want a string");
    if (rc > 0)
        rc = guest_vif_attach(g, text, guest_json_is(params, "any_mac"), &d, e);
    if (rc < 0)
        return rc;
    *result = devid_of(d);
    add_mac(*result, d);
    return 0;
}

static int call_detach(struct guest *g, struct json_object *params,
                       struct json_object **result, struct err *e)
{
    bool force = guest_json_is(params, "force");
    struct guest_dev *d;
    int rc = want_card(g, params, &d, e);

    if (rc == 0 && !force)
        rc = guest_json_want_running(g, "network_detach", e);
    if (rc < 0)
        return rc;
    *result = devid_of(d);
    d->detached = true;
    vif_detach(d->vif, force);
    return 0;
}

/* vmvif_rate() in the words of an error; "" is none. */
static int read_rate(const char *text, uint64_t *bytes, uint32_t *usecs,
                     struct err *e)
{
    int rc;

    *bytes = *usecs = 0;
    if (!*text)
        return 0;
    rc = vmvif_rate(text, bytes, usecs);
    if (rc == 0 && *bytes == 0)
        rc = -EOVERFLOW; /* it would mean: no limit */
    if (rc < 0)
        return fail(e, -EINVAL, "rate: got \"%.40s\", want %s", text,
                    rc == -EOVERFLOW ? "one byte or more in each interval, and "
                                       "not too many"
                                     : "N[G|M|K](B|b)/s[@N[m|u]s]");
    return 0;
}

static int call_rate(struct guest *g, struct json_object *params, struct err *e)
{
    const char *text = NULL;
    struct guest_dev *d;
    uint64_t bytes;
    uint32_t usecs;
    int rc = want_card(g, params, &d, e);

    if (rc == 0)
        rc = guest_json_get_text(params, "rate", &text, e);
    if (rc == 0)
        return fail(e, -EINVAL, "rate: want a string");
    if (rc > 0)
        rc = read_rate(text, &bytes, &usecs, e);
    if (rc < 0)
        return rc;
    d->card.rate_bytes = bytes;
    d->card.rate_usecs = usecs;
    vif_set_rate(d->vif, bytes, usecs);
    return guest_dev_note(d, e);
}

int guest_net_call(struct guest *g, const char *method,
                   struct json_object *params, struct json_object **result,
                   struct err *e)
{
    if (strcmp(method, "network_attach") == 0)
        return call_attach(g, params, result, e);
    if (strcmp(method, "network_detach") == 0)
        return call_detach(g, params, result, e);
    if (strcmp(method, "network_rate") == 0)
        return call_rate(g, params, e);
    return -ENOSYS;
}
