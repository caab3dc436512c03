/* SPDX-License-Identifier: MIT */
/*
 * cases.h - all cases of evil-dom0
 */
#ifndef EVIL_CASES_H
#define EVIL_CASES_H

#include "tests/evil/evil.h"

/* Each lies_*.c has one of these; a case without a name ends it. */
extern const struct evil_case lies_offer[], lies_elf[], lies_image[],
    lies_done[], lies_fill[], lies_grant[], lies_noise[], lies_life[];

const struct evil_case *cases_at(uint32_t index); /* NULL: no more */
const struct evil_case *cases_find(const char *name);

#endif
