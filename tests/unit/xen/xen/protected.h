/* SPDX-License-Identifier: MIT */
/* protected.h - for what needs no more of Xen than asm/p2m.h */
#include <asm/p2m.h>
