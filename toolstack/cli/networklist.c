/* SPDX-License-Identifier: MIT */
/*
 * networklist.c - `freehold network-list`: the cards of guests, in xl's columns
 *
 * Which cards there are is the supervisor's answer; where the guest stands with
 * each is what it wrote into xenstore.
 */
#include <stdio.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/store.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/cards.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/columns.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/netlook.h"
#include "toolstack/supervisor/xenbus.h"

static void add_to(struct json_object *card, const struct columns_network *n)
{
    json_object_object_add(card, "frontend_state",
                           json_object_new_int(n->state));
    json_object_object_add(card, "event_channel", json_object_new_int(n->port));
    json_object_object_add(card, "tx_ring_ref",
                           json_object_new_int(n->tx_ring));
    json_object_object_add(card, "rx_ring_ref",
                           json_object_new_int(n->rx_ring));
    json_object_object_add(card, "backend", json_object_new_string(n->backend));
}

/* all: where JSON goes; NULL: print. */
static int list(struct store *s, const char *word, struct json_object *all,
                struct err *e)
{
    struct json_object *info = NULL, *cards, *o;
    struct target t;
    uint32_t nr;
    int rc = ask_info(word, &t, &info, e);

    if (rc < 0)
        return rc;
    cards = cards_array(info);
    nr = t.has_domain ? cards_count(info) : 0; /* or between two domains */
    for (uint32_t i = 0; i < nr; i++) {
        struct columns_network n;
        struct card c;

        cards_get(info, i, &c);
        n.devid = c.devid;
        n.mac = c.mac ? c.mac : "-";
        net_look(s, t.domain.domid, &n);
        if (all)
            add_to(json_object_array_get_idx(cards, i), &n);
        else
            columns_network(stdout, &n);
    }
    if (all) {
        o = json_object_new_object();
        json_object_object_add(o, "name", json_object_new_string(t.name));
        json_object_object_add(o, "vifs", json_object_get(cards));
        json_object_array_add(all, o);
    }
    json_object_put(cards);
    json_object_put(info);
    return 0;
}

int cmd_network_list(struct cmd_context *x, int argc, char **argv,
                     struct err *e)
{
    struct json_object *all;
    struct store *s = NULL;
    int rc;

    if (argc < 2 || argv[1][0] == '-')
        return EXIT_USAGE;
    rc = xenbus_connect(&s, e);
    if (rc < 0)
        return rc;
    all = x->json ? json_object_new_array() : NULL;
    if (!all)
        columns_network_head(stdout);
    for (int i = 1; rc == 0 && i < argc; i++)
        rc = list(s, argv[i], all, e);
    if (rc == 0 && all)
        cmd_print_json(json_object_get(all));
    json_object_put(all);
    store_close(s);
    return rc;
}
