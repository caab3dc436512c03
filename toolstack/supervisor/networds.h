/* SPDX-License-Identifier: MIT */
/*
 * networds.h - what a network backend may say (backends/net/net_ctl.h)
 */
#ifndef NETWORDS_H
#define NETWORDS_H

#include "toolstack/supervisor/beproc.h"

extern const struct beproc_kind networds_kind;

#endif
