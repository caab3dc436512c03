/* SPDX-License-Identifier: MIT */
/* types.h - what Xen's own of this name has that the series needs */
#ifndef XEN_TYPES_H
#define XEN_TYPES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif
