/* SPDX-License-Identifier: MIT */
/* bug.h - what Xen's own of this name has that the series needs */
#include <assert.h>
#define ASSERT(p) assert(p)
