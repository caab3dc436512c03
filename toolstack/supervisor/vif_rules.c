/* SPDX-License-Identifier: MIT */
/*
 * vif_rules.c - what a guest may send by a card, of the card's configuration
 */
#include "toolstack/supervisor/vif_rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "toolstack/supervisor/vmvif.h"

#define BLANKS " \t,"

/* `10.0.0.2`, `10.0.0.2/32`, `2001:db8::2`, `2001:db8::2/128`. */
static bool parse_address(const char *text, size_t nr, struct net_address *out)
{
    char word[INET6_ADDRSTRLEN + 4], *slash;

    *out = (struct net_address){ 0 };
    if (nr >= sizeof(word))
        return false;
    memcpy(word, text, nr);
    word[nr] = 0;
    slash = strchr(word, '/');
    if (slash)
        *slash++ = 0;
    if (inet_pton(AF_INET, word, out->bytes) == 1)
        return !slash || strcmp(slash, "32") == 0;
    out->is_v6 = 1;
    return inet_pton(AF_INET6, word, out->bytes) == 1 &&
           (!slash || strcmp(slash, "128") == 0);
}

static int read_addresses(const char *text, const char *name,
                          struct net_rules *out, struct err *e)
{
    for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
        size_t nr = strcspn(text, BLANKS);

        if (out->nr_addresses == NET_ADDRESSES_MAX)
            return fail(e, -E2BIG, "vif %s: ip: more than %u addresses", name,
                        NET_ADDRESSES_MAX);
        if (!parse_address(text, nr, &out->address[out->nr_addresses]))
            return fail(e, -EINVAL,
                        "vif %s: ip: got \"%.*s\", want an address of the "
                        "guest's",
                        name, nr > 60 ? 60 : (int)nr, text);
        out->nr_addresses++;
        text += nr;
    }
    return 0;
}

int vif_rules_of(const struct vm_vif *v, bool any_mac, const char *name,
                 struct net_rules *out, struct err *e)
{
    *out = (struct net_rules){
        .rate_bytes = v->rate_bytes,
        .rate_usecs = v->rate_usecs,
        .any_mac = any_mac,
    };
    memcpy(out->mac, v->mac, sizeof(out->mac));
    return v->ip ? read_addresses(v->ip, name, out, e) : 0;
}
