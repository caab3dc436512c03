/* SPDX-License-Identifier: MIT */
/*
 * vmviftext.h - a card in xl's words again, and its address
 */
#ifndef VMVIFTEXT_H
#define VMVIFTEXT_H

#include <stdint.h>

#include "toolstack/supervisor/vmvif.h"

struct err;

#define VMVIF_MAC_TEXT 18u /* bytes, NUL included */

/*
 * What vmvif_read() reads back, to be freed; NULL: no memory.  Without the
 * rate, which it would round, and without what has no effect.
 */
char *vmvif_text(const struct vm_vif *v);

/*
 * vmvif_parse() of a text that stands in no file: what has no effect is an
 * error here, since nobody would hear the warning.  devid is
 * VMVIF_DEVID_UNSAID unless the text says it.
 */
#define VMVIF_DEVID_UNSAID UINT32_MAX
int vmvif_read(const char *text, struct vm_vif *out, struct err *e);

/* Another one; vmvif_free(out) also after an error, -ENOMEM. */
int vmvif_copy(const struct vm_vif *v, struct vm_vif *out, struct err *e);

/* 00:16:3e and three random bytes, as xl draws it. */
int vmvif_draw_mac(uint8_t mac[6], struct err *e);

/* Six bytes with ':' or '-' between them; -EINVAL. */
int vmvif_mac_parse(const char *text, uint8_t mac[6]);
void vmvif_mac_text(const uint8_t mac[6], char out[VMVIF_MAC_TEXT]);

#endif
