/* SPDX-License-Identifier: MIT */
/*
 * hyp_host.h - the hypercalls about the host itself
 */
#ifndef HYP_HOST_H
#define HYP_HOST_H

#include "toolstack/supervisor/hyp.h"

/* What lasts until it returns. */
typedef void hyp_tell(void *arg, const char *key, const char *value);

/*
 * What `xl info` says between the kernel's names and its own last line: its
 * keys and values, in its order.
 *
 * Source: Xen 4.20, tools/xl/xl_info.c, output_physinfo(), output_xeninfo().
 */
int hyp_tell_host(struct hyp *h, hyp_tell *tell, void *arg, struct err *e);

/* Press keys at Xen's console. */
int hyp_debug_keys(struct hyp *h, const char *keys, struct err *e);

#endif
