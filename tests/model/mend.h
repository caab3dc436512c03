/* SPDX-License-Identifier: MIT */
/*
 * mend.h - can honest operators still bring the guest to RUN?
 *
 * With what living domains say again, and what is in files: nothing that only
 * an attacker has kept.
 */
#ifndef MEND_H
#define MEND_H

#include "rules.h"

/* The guest, not the stranger, who may do with himself as he likes. */
bool mend_possible(const struct world *w, uint32_t broken);

#endif
