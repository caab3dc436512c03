/* SPDX-License-Identifier: MIT */
/*
 * network.c - `freehold network-attach`, `network-detach` and `network-rate`
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/cards.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/devask.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/netask.h"

static int attach(const struct cmd_context *x, const char *word,
                  const char *spec, bool any_mac, struct err *e)
{
    struct json_object *card = NULL, *devid;
    struct client *c = NULL;
    struct target t;
    int rc = ask_open(word, &c, &t, e);

    if (rc == 0)
        rc = net_attach(c, spec, any_mac, DEVASK_ATTACH_MS, &card, e);
    client_close(c);
    if (rc < 0)
        return rc;
    if (x->json) {
        cmd_print_json(card);
        return 0;
    }
    if (json_object_object_get_ex(card, "devid", &devid))
        printf("%s\n", json_object_get_string(devid));
    json_object_put(card);
    return 0;
}

int cmd_network_attach(struct cmd_context *x, int argc, char **argv,
                       struct err *e)
{
    static const struct option options[] = {
        { "any-mac", no_argument, NULL, 'm' },
        { NULL, 0, NULL, 0 },
    };
    bool any_mac = false;
    int option, rc;
    char *spec;

    optind = 0;
    while ((option = getopt_long(argc, argv, "m", options, NULL)) != -1) {
        if (option != 'm')
            return EXIT_USAGE;
        any_mac = true;
    }
    if (argc - optind < 1)
        return EXIT_USAGE;
    spec = net_spec(argc - optind - 1, argv + optind + 1);
    if (!spec)
        return fail(e, -ENOMEM, "network-attach: no memory");
    rc = attach(x, argv[optind], spec, any_mac, e);
    free(spec);
    return rc;
}

int cmd_network_detach(struct cmd_context *x, int argc, char **argv,
                       struct err *e)
{
    (void)x;
    return devask_detach_all(argc, argv, net_detach, e);
}

/* ---- the rate ---- */

static int get_card(struct client *c, const char *guest, const char *word,
                    struct json_object **info, struct card *out, struct err *e)
{
    int rc = client_call(c, "info", NULL, info, e);

    if (rc < 0 || cards_find(*info, word, out))
        return rc;
    return fail(e, -ENOENT,
                "guest %s: it has no vif %.32s; see freehold network-list %s",
                guest, word, guest);
}

static void tell_rate(const struct cmd_context *x, const struct card *card)
{
    char rate[CARD_RATE_TEXT];
    struct json_object *o;

    if (!x->json) {
        cards_rate_text(card, rate);
        printf("rate=%s\n", rate);
        return;
    }
    o = json_object_new_object();
    json_object_object_add(o, "rate_bytes",
                           json_object_new_uint64(card->rate_bytes));
    json_object_object_add(o, "rate_usecs",
                           json_object_new_uint64(card->rate_usecs));
    cmd_print_json(o);
}

int cmd_network_rate(struct cmd_context *x, int argc, char **argv,
                     struct err *e)
{
    struct json_object *info = NULL;
    struct client *c = NULL;
    struct card card;
    struct target t;
    int rc;

    if (argc != 3 && argc != 4)
        return EXIT_USAGE;
    rc = ask_open(argv[1], &c, &t, e);
    if (rc == 0 && argc == 4)
        rc = net_rate(c, argv[2], argv[3], e);
    if (rc == 0 && (argc == 3 || x->json))
        rc = get_card(c, argv[1], argv[2], &info, &card, e);
    if (rc == 0 && info)
        tell_rate(x, &card);
    json_object_put(info);
    client_close(c);
    return rc;
}
