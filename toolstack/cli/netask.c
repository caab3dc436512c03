/* SPDX-License-Identifier: MIT */
/*
 * netask.c - what is asked of a supervisor about a card
 */
#include "toolstack/cli/netask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/devask.h"

static const struct devask_kind cards = {
    .noun = "vif",
    .event = "network",
    .attach = "network_attach",
    .detach = "network_detach",
    .id = "vif",
    .name = "devid",
    .unready = "it was not made",
    .list = "network-list",
};

char *net_spec(int nr, char **words)
{
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);

    if (!f)
        return NULL;
    for (int i = 0; i < nr; i++)
        fprintf(f, "%s%s", i ? "," : "", words[i]);
    if (fclose(f) == 0)
        return text;
    free(text);
    return NULL;
}

int net_attach(struct client *c, const char *spec, bool any_mac, int timeout_ms,
               struct json_object **out, struct err *e)
{
    struct json_object *params = json_object_new_object();

    json_object_object_add(params, "vif", json_object_new_string(spec));
    json_object_object_add(params, "any_mac", json_object_new_boolean(any_mac));
    return devask_attach(c, &cards, params, timeout_ms, out, e);
}

int net_detach(struct client *c, const char *word, bool force, int timeout_ms,
               struct err *e)
{
    return devask_detach(c, &cards, word, NULL, force, timeout_ms, e);
}

int net_rate(struct client *c, const char *word, const char *rate,
             struct err *e)
{
    struct json_object *params = json_object_new_object();

    if (strcmp(rate, "0") == 0 || strcmp(rate, "none") == 0)
        rate = "";
    json_object_object_add(params, "vif", json_object_new_string(word));
    json_object_object_add(params, "rate", json_object_new_string(rate));
    return client_call(c, "network_rate", params, NULL, e);
}
