/* SPDX-License-Identifier: MIT */
/*
 * hyp_priv.h - the open hypervisor, for hyp*.c alone
 */
#ifndef HYP_PRIV_H
#define HYP_PRIV_H

#include <xenctrl.h> /* before the other headers of Xen */

struct hyp {
    xc_interface *xc;
};

#endif
