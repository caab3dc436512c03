/* SPDX-License-Identifier: MIT */
/* string.h - what Xen's own of this name has that the series needs */
#include <string.h>
