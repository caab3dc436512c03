/* SPDX-License-Identifier: MIT */
/*
 * blkwords.h - what a block backend may say (backends/blk/blk_ctl.h)
 */
#ifndef BLKWORDS_H
#define BLKWORDS_H

#include "toolstack/supervisor/beproc.h"

extern const struct beproc_kind blkwords_kind;

#endif
