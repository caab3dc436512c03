/* SPDX-License-Identifier: MIT */
/* save.h - Xen's own, as it is installed */
#include <xen/hvm/save.h>
