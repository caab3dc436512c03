/* SPDX-License-Identifier: MIT */
/* errno.h - what Xen's own of this name has that the series needs */
#include <errno.h>
