/* SPDX-License-Identifier: MIT */
/*
 * vmviftext.c - a card in xl's words again, and its address
 */
#include "toolstack/supervisor/vmviftext.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/err.h"
#include "toolstack/supervisor/vmget.h"

static void put_word(FILE *f, const char *key, const char *value)
{
    if (value)
        fprintf(f, ",%s=%s", key, value);
}

char *vmvif_text(const struct vm_vif *v)
{
    char *text = NULL, mac[VMVIF_MAC_TEXT];
    size_t nr;
    FILE *f = open_memstream(&text, &nr);

    if (!f)
        return NULL;
    fprintf(f, "devid=%u", v->devid);
    if (v->has_mac) {
        vmvif_mac_text(v->mac, mac);
        put_word(f, "mac", mac);
    }
    if (v->mtu)
        fprintf(f, ",mtu=%u", v->mtu);
    if (v->trusted != VM_UNSAID)
        fprintf(f, ",%s", v->trusted == VM_YES ? "trusted" : "untrusted");
    put_word(f, "bridge", v->bridge);
    put_word(f, "vifname", v->name);
    put_word(f, "ip", v->ip);
    put_word(f, "script", v->script);
    put_word(f, "gatewaydev", v->gateway);
    put_word(f, "backend", v->backend_domain);
    put_word(f, "vlan", v->vlan);
    if (fclose(f) == 0)
        return text;
    free(text);
    return NULL;
}

int vmvif_read(const char *text, struct vm_vif *out, struct err *e)
{
    const struct vmget g = { .strict = true, .e = e };

    return vmvif_parse(&g, NULL, text, VMVIF_DEVID_UNSAID, out);
}

int vmvif_copy(const struct vm_vif *v, struct vm_vif *out, struct err *e)
{
    char *text = vmvif_text(v);
    int rc;

    *out = (struct vm_vif){ 0 };
    if (!text)
        return fail(e, -ENOMEM, "vif: no memory");
    rc = vmvif_read(text, out, e);
    free(text);
    out->rate_bytes = v->rate_bytes;
    out->rate_usecs = v->rate_usecs;
    out->any_mac = v->any_mac;
    return rc;
}

int vmvif_draw_mac(uint8_t mac[6], struct err *e)
{
    static const uint8_t xens[] = { 0x00, 0x16, 0x3e };

    memcpy(mac, xens, sizeof(xens));
    if (getrandom(mac + 3, 3, 0) != 3)
        return fail(e, -EIO, "vif: mac: draw random bytes: %s",
                    strerror(errno));
    mac[3] &= 0x7f; /* the other half is Xen's own to give away */
    return 0;
}

int vmvif_mac_parse(const char *text, uint8_t mac[6])
{
    for (int i = 0; i < 6; i++) {
        size_t nr = strspn(text, "0123456789abcdefABCDEF");
        unsigned long byte = nr ? strtoul(text, NULL, 16) : 256;
        const char *end = text + nr; /* strtoul alone takes 0x3, and -3 */

        if (byte > 255 || (i < 5 ? *end != ':' && *end != '-' : *end != 0))
            return -EINVAL;
        mac[i] = (uint8_t)byte;
        text = end + 1;
    }
    return 0;
}

void vmvif_mac_text(const uint8_t mac[6], char out[VMVIF_MAC_TEXT])
{
    snprintf(out, VMVIF_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
             mac[1], mac[2], mac[3], mac[4], mac[5]);
}
