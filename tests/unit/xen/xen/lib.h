/* SPDX-License-Identifier: MIT */
/* lib.h - what Xen's own of this name has that the series needs */
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))
#endif
