/* SPDX-License-Identifier: MIT */
/*
 * vmvif.c - one member of vif=[...], checked
 */
#include "toolstack/supervisor/vmvif.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/supervisor/vmget.h"
#include "toolstack/supervisor/vmviftext.h"

#define RATE_USECS 50000u /* xl's default interval */
#define MTU_MIN 68u       /* of IPv4 */
#define MTU_MAX 65535u

/*
 * Digits.  xl reads 010 as 8 and 09 as 0, which nobody can have meant: no
 * nought in front of others here.
 */
static int number(const char **s, uint64_t *out)
{
    char *end;

    if (!isdigit((unsigned char)**s) ||
        (**s == '0' && isdigit((unsigned char)(*s)[1])))
        return -EINVAL;
    errno = 0;
    *out = strtoull(*s, &end, 10);
    *s = end;
    return errno || *out == 0 || *out > UINT32_MAX ? -EOVERFLOW : 0;
}

/* [0-9]+[GMK]?[Bb]/s */
static int rate_bytes(const char *s, const char *end, uint64_t *out)
{
    static const char units[] = "KMG";
    const char *unit;
    int rc = number(&s, out);

    if (rc == -EINVAL)
        return rc;
    unit = *s ? strchr(units, *s) : NULL;
    s += unit != NULL;
    if (end - s != 3 || (*s != 'B' && *s != 'b') || strncmp(s + 1, "/s", 2))
        return -EINVAL;
    if (rc < 0)
        return rc;
    for (const char *u = units; unit && u <= unit; u++)
        *out *= 1000;
    if (*s == 'b')
        *out /= 8;
    return 0;
}

/* [0-9]+[mu]?s? */
static int rate_usecs(const char *s, uint32_t *out)
{
    uint64_t usecs;
    int rc = number(&s, &usecs);
    char unit = *s;

    if (rc == -EINVAL)
        return rc;
    if (*s == 'm' || *s == 'u')
        s++;
    if (*s == 's')
        s++;
    if (*s)
        return -EINVAL;
    if (rc < 0)
        return rc;
    if (unit == 's' || unit == 0)
        usecs *= 1000000;
    else if (unit == 'm')
        usecs *= 1000;
    if (usecs > UINT32_MAX)
        return -EOVERFLOW;
    *out = (uint32_t)usecs;
    return 0;
}

int vmvif_rate(const char *text, uint64_t *bytes, uint32_t *usecs)
{
    const char *at = strchr(text, '@');
    uint64_t each_second, all;
    int rc = rate_bytes(text, at ? at : text + strlen(text), &each_second);

    *usecs = RATE_USECS;
    if (rc == 0 && at)
        rc = rate_usecs(at + 1, usecs);
    if (rc < 0)
        return rc;
    if (mul_overflow(each_second, (uint64_t)*usecs, &all))
        return -EOVERFLOW;
    *bytes = all / 1000000;
    return 0;
}

static bool vlan_number(const char **s, unsigned long max)
{
    char *end;
    unsigned long n;

    if (!isdigit((unsigned char)**s))
        return false;
    n = strtoul(*s, &end, 10);
    *s = end;
    return n >= 1 && n <= max;
}

bool vmvif_vlan_good(const char *text)
{
    uint32_t nr_terms = 0, nr_pvids = 0;
    const char *s = text;

    for (;; s++) {
        bool one = true;

        if (!vlan_number(&s, 4094))
            return false;
        if (*s == '-' || *s == '+') {
            one = false;
            if (*s++ == '+') {
                if (!vlan_number(&s, 4094) || *s++ != 'x')
                    return false;
            }
            if (!vlan_number(&s, 4094))
                return false;
        }
        nr_terms++;
        if (*s == 'p' && one) {
            nr_pvids++;
            s++;
        } else if (*s == 'u') {
            s++;
        }
        if (*s != '/')
            break;
    }
    if (nr_terms == 1 && nr_pvids == 0 && isdigit((unsigned char)s[-1]))
        nr_pvids = 1; /* a single one needs no mark */
    return *s == 0 && nr_pvids == 1;
}

struct reader {
    const struct vmget *g;
    const struct cfg_place *at;
    struct vm_vif *out;
};

static int bad(const struct reader *r, const char *what, const char *got,
               const char *want)
{
    return vmget_bad(r->g, r->at, -EINVAL, "vif: %s: got \"%.80s\", want %s",
                     what, got, want);
}

static int set_mac(const struct reader *r, const char *value)
{
    if (vmvif_mac_parse(value, r->out->mac) < 0)
        return bad(r, "mac", value, "six bytes as 00:16:3e:xx:xx:xx");
    if (r->out->mac[0] & 1)
        return bad(r, "mac", value, "the address of one card, not of a group");
    r->out->has_mac = true;
    return 0;
}

static int set_rate(const struct reader *r, const char *value)
{
    int rc = vmvif_rate(value, &r->out->rate_bytes, &r->out->rate_usecs);

    if (rc < 0)
        return bad(r, "rate", value,
                   rc == -EOVERFLOW ? "one that is neither 0 nor too much"
                                    : "N[G|M|K](B|b)/s[@N[m|u]s]");
    return 0;
}

static int set_vlan(const struct reader *r, const char *value)
{
    if (!vmvif_vlan_good(value))
        return bad(r, "vlan", value,
                   "VLANs as 10 or 10p/20 or 10p/100+10x4, one of them with "
                   "a p");
    return 1; /* go on and keep the words */
}

static int set_number(const struct reader *r, const char *what,
                      const char *value, unsigned long min, unsigned long max,
                      uint32_t *out)
{
    char *end, want[48];
    unsigned long n;

    errno = 0;
    n = strtoul(value, &end, 10);
    if (errno || !isdigit((unsigned char)*value) || *end || n < min ||
        n > max) {
        snprintf(want, sizeof(want), "%lu..%lu", min, max);
        return bad(r, what, value, want);
    }
    *out = (uint32_t)n;
    return 0;
}

/* clang-format off */
static const struct {
    const char *key;
    size_t member;
} texts[] = {
    { "bridge=", offsetof(struct vm_vif, bridge) },
    { "vifname=", offsetof(struct vm_vif, name) },
    { "ip=", offsetof(struct vm_vif, ip) },
    { "script=", offsetof(struct vm_vif, script) },
    { "gatewaydev=", offsetof(struct vm_vif, gateway) },
    { "netdev=", offsetof(struct vm_vif, gateway) }, /* its old name */
    { "backend=", offsetof(struct vm_vif, backend_domain) },
    { "vlan=", offsetof(struct vm_vif, vlan) },
    { "model=", offsetof(struct vm_vif, model) },
};
/* clang-format on */

static const char *behind(const char *token, const char *key)
{
    size_t len = strlen(key);

    return strncmp(token, key, len) ? NULL : token + len;
}

/* 1: one of these, and kept. */
static int set_text(const struct reader *r, const char *token)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(texts); i++) {
        char **to = (char **)((char *)r->out + texts[i].member);
        const char *value = behind(token, texts[i].key);

        if (!value)
            continue;
        free(*to);
        *to = strdup(value);
        return *to ? 1 : fail(r->g->e, -ENOMEM, "vif: no memory");
    }
    return 0;
}

static int set_one(const struct reader *r, const char *token)
{
    struct vm_vif *v = r->out;
    const char *value;
    int rc;

    if ((value = behind(token, "mac=")))
        return set_mac(r, value);
    if ((value = behind(token, "rate=")))
        return set_rate(r, value);
    if ((value = behind(token, "mtu=")))
        return set_number(r, "mtu", value, MTU_MIN, MTU_MAX, &v->mtu);
    if ((value = behind(token, "devid=")))
        return set_number(r, "devid", value, 0, UINT16_MAX, &v->devid);
    if ((value = behind(token, "type=")))
        return strcmp(value, "vif") ? bad(r, "type", value,
                                          "vif: a PVH guest has no emulated "
                                          "card")
                                    : 0;
    if (strcmp(token, "trusted") == 0 || strcmp(token, "untrusted") == 0) {
        v->trusted = token[0] == 't' ? VM_YES : VM_NO;
        return 0;
    }
    if ((value = behind(token, "vlan="))) {
        rc = set_vlan(r, value);
        if (rc < 0)
            return rc;
    }
    rc = set_text(r, token);
    if (rc)
        return rc < 0 ? rc : 0;
    if (behind(token, "colo_") || behind(token, "forwarddev="))
        return bad(r, "COLO", token, "no COLO: it copies a guest's memory");
    if (behind(token, "accel="))
        return 0; /* xl has no use for it either */
    return vmget_mistake(r->g, r->at,
                         "vif: %.80s: no effect: no such parameter", token);
}

int vmvif_parse(const struct vmget *g, const struct cfg_place *at,
                const char *text, uint32_t devid, struct vm_vif *out)
{
    const struct reader r = { g, at, out };
    char *words = strdup(text), *left = NULL;
    int rc = 0;

    *out = (struct vm_vif){ .devid = devid };
    if (!words)
        return fail(g->e, -ENOMEM, "vif: no memory");
    for (char *w = strtok_r(words, ",", &left); w && rc == 0;
         w = strtok_r(NULL, ",", &left)) {
        w += strspn(w, " ");
        rc = set_one(&r, w);
    }
    free(words);
    return rc;
}

void vmvif_free(struct vm_vif *v)
{
    free(v->bridge);
    free(v->name);
    free(v->ip);
    free(v->script);
    free(v->gateway);
    free(v->backend_domain);
    free(v->vlan);
    free(v->model);
    *v = (struct vm_vif){ 0 };
}
