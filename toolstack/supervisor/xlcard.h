/* SPDX-License-Identifier: MIT */
/*
 * xlcard.h - a network card as xl describes it in xenstore
 *
 * backend/vif/DOMID/DEVID, the one kind that xl has.  Its bridge, VLANs and
 * name are xl's script's to see to, which runs when the card is offered.
 *
 * Source: Xen 4.20, tools/libs/light/libxl_nic.c, libxl__set_xenstore_nic().
 */
#ifndef XLCARD_H
#define XLCARD_H

#include <stdint.h>

#include "toolstack/supervisor/vmvif.h"

struct err;
struct store;

#define XLCARD_DIR "/local/domain/0/backend/vif"

void xlcard_dirs(uint16_t domid, uint32_t devid, char front[64], char back[64]);

/*
 * `BYTES,USECS`: so much in each interval.  NULL, or an interval of 0: no
 * limit, and both are 0.
 *
 *   -EINVAL     `rate: got ..., want ...`; the numbers stay as they are
 */
int xlcard_rate(const char *text, uint64_t *bytes, uint32_t *usecs,
                struct err *e);

/*
 * Read what a card of ours is made from: mac, ip, mtu, rate.
 * vmvif_free(out) also after an error.
 *
 *   -ENOENT     there is no such device
 *   -EINVAL     `card 7/0: KEY: got ..., want ...`
 */
int xlcard_read(struct store *s, uint16_t domid, uint32_t devid,
                struct vm_vif *out, struct err *e);

#endif
