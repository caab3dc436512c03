/* SPDX-License-Identifier: MIT */
/*
 * xlcard.c - a network card as xl describes it in xenstore
 */
#include "toolstack/supervisor/xlcard.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/net/net_ctl.h"
#include "common/err.h"
#include "toolstack/supervisor/vmviftext.h"
#include "toolstack/supervisor/xldev.h"

#define DIGITS "0123456789"

void xlcard_dirs(uint16_t domid, uint32_t devid, char front[64], char back[64])
{
    snprintf(front, 64, "/local/domain/%u/device/vif/%u", domid, devid);
    snprintf(back, 64, XLCARD_DIR "/%u/%u", domid, devid);
}

/* Digits alone, up to end; false: none, or more than max. */
static bool parse_number(const char *text, char end, uint64_t max,
                         uint64_t *out)
{
    size_t nr = strspn(text, DIGITS);

    errno = 0;
    *out = strtoull(text, NULL, 10);
    return nr > 0 && text[nr] == end && errno == 0 && *out <= max;
}

int xlcard_rate(const char *text, uint64_t *bytes, uint32_t *usecs,
                struct err *e)
{
    uint64_t amount = 0, interval_us = 0;

    if (text &&
        (!parse_number(text, ',', UINT64_MAX, &amount) ||
         !parse_number(strchr(text, ',') + 1, 0, UINT32_MAX, &interval_us)))
        return fail(e, -EINVAL,
                    "rate: got \"%.40s\", want BYTES,MICROSECONDS, as "
                    "2500000,20000",
                    text);
    if (amount == 0 || interval_us == 0)
        amount = interval_us = 0;
    *bytes = amount;
    *usecs = (uint32_t)interval_us;
    return 0;
}

static int read_mac(struct store *s, const char *back, struct vm_vif *v,
                    struct err *e)
{
    char *text = xldev_get(s, back, "mac");
    int rc = 0;

    v->has_mac = text && vmvif_mac_parse(text, v->mac) == 0;
    if (!v->has_mac)
        rc = fail(e, -EINVAL,
                  "mac: got \"%.40s\", want an address, as 00:16:3e:00:00:01",
                  text ? text : "");
    free(text);
    return rc;
}

/* A number that need not be there: 0 then. */
static int read_number(struct store *s, const char *back, const char *leaf,
                       uint32_t min, uint32_t max, uint32_t *out, struct err *e)
{
    char *text = xldev_get(s, back, leaf);
    uint64_t value = 0;
    int rc = 0;

    if (text && (!parse_number(text, 0, max, &value) || value < min))
        rc = fail(e, -EINVAL, "%s: got \"%.40s\", want %u..%u", leaf, text, min,
                  max);
    free(text);
    *out = (uint32_t)value;
    return rc;
}

static int read_rate(struct store *s, const char *back, struct vm_vif *v,
                     struct err *e)
{
    char *text = xldev_get(s, back, "rate");
    int rc = xlcard_rate(text, &v->rate_bytes, &v->rate_usecs, e);

    free(text);
    return rc;
}

int xlcard_read(struct store *s, uint16_t domid, uint32_t devid,
                struct vm_vif *out, struct err *e)
{
    char front[64], back[64];
    struct err why = { 0 };
    uint32_t handle;
    int rc;

    *out = (struct vm_vif){ .devid = devid };
    xlcard_dirs(domid, devid, front, back);
    if (!xldev_is_there(s, back))
        return fail(e, -ENOENT, "card %u/%u: %s: there is no such device",
                    domid, devid, back);
    rc = read_mac(s, back, out, &why);
    if (rc == 0)
        rc = read_number(s, back, "handle", devid, devid, &handle, &why);
    if (rc == 0)
        rc = read_number(s, back, "mtu", 0, NET_MTU_MAX, &out->mtu, &why);
    if (rc == 0)
        rc = read_rate(s, back, out, &why);
    if (rc < 0)
        return fail(e, rc, "card %u/%u: %s", domid, devid, why.text);
    out->ip = xldev_get(s, back, "ip"); /* what is in it, vif_rules.h says */
    return 0;
}
