/* SPDX-License-Identifier: MIT */
/* steward.h - what Xen's own of this name has that the series needs */
#include "abi/xen_steward.h"
