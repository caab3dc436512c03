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

/* The one network that may be given: what a host makes of it is its own. */
static bool is_all_link_local(const struct net_address *a, const char *bits)
{
    static const uint8_t fe80[16] = { 0xfe, 0x80 };

    return memcmp(a->bytes, fe80, sizeof(fe80)) == 0 &&
           (strcmp(bits, "10") == 0 || strcmp(bits, "64") == 0);
}

/* `10.0.0.2`, `10.0.0.2/32`, `2001:db8::2`, `2001:db8::2/128`, `fe80::/10`. */
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
    if (inet_pton(AF_INET6, word, out->bytes) != 1)
        return false;
    if (!slash || strcmp(slash, "128") == 0)
        return true;
    if (!is_all_link_local(out, slash))
        return false;
    *out = (struct net_address){ .is_v6 = 1, .any_link_local = 1 };
    return true;
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
