/* SPDX-License-Identifier: MIT */
/*
 * vmvif.h - one member of vif=[...], checked
 *
 * The language is that of xl-network-configuration(5).  Two things that xl
 * only prints to its terminal are errors here: a MAC address or a number that
 * is none.  A parameter that nobody knows is a mistake (vmget.h).
 *
 * Source: Xen 4.20, tools/xl/xl_parse.c, parse_nic_config();
 * tools/libs/util/libxlu_vif.c.
 */
#ifndef VMVIF_H
#define VMVIF_H

#include <stdbool.h>
#include <stdint.h>

#include "toolstack/supervisor/vmdisk.h"

struct vmget;
struct cfg_place;
struct err;

struct vm_vif {
    uint32_t devid; /* its place in the list, unless devid= was given */
    bool has_mac;   /* else one is to be drawn */
    uint8_t mac[6];
    char *bridge, *name, *ip, *script, *gateway, *backend_domain, *vlan;
    char *model;            /* of an emulated card: no effect */
    uint32_t mtu;           /* bytes; 0: not given */
    uint64_t rate_bytes;    /* in each interval; 0: no limit */
    uint32_t rate_usecs;    /* the interval */
    enum vm_choice trusted; /* what the guest's driver is told */
    bool any_mac;           /* frames of other source addresses go through */
};

/*
 * Read one member, the devid-th.  vmvif_free(out) also after an error.
 *
 *   -EINVAL  with its place
 *   -ENOMEM
 */
int vmvif_parse(const struct vmget *g, const struct cfg_place *at,
                const char *text, uint32_t devid, struct vm_vif *out);
void vmvif_free(struct vm_vif *v); /* leaves it empty */

/*
 * `10MB/s@20ms`: bytes in each interval, and the interval.
 *
 *   -EINVAL     not of that shape
 *   -EOVERFLOW  0, or too much
 */
int vmvif_rate(const char *text, uint64_t *bytes, uint32_t *usecs);

/* `10`, `10p/20`, `10p/100+10x4`, `5-9u`: true if it is a list of VLANs. */
bool vmvif_vlan_good(const char *text);

#endif
