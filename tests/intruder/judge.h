/* SPDX-License-Identifier: MIT */
/*
 * judge.h - what the two outcomes of a row prove
 *
 *   control          protected                         verdict
 *   open             refused with the errno wanted     pass
 *   open             anything else                     fail
 *   open             open, and the row allows it       pass
 *   not open         open, and the row denies it       fail
 *   not open         refused with the errno wanted     moot
 *   refused          alike, and the row's note says why moot
 *   not open         anything else                     open: no control
 *   refused: not built, on a row for code that is to be left out: absent
 *
 * A row whose arguments are nonsense (ROW_PAST) has a control that is open
 * when it was refused for them, and not for who asked.
 *
 * Only "pass" proves something.  "moot": nothing is there to shut, since this
 * host lets no guest be reached that way; default deny met it all the same.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "row.h"

enum verdict { V_PASS, V_FAIL, V_OPEN, V_MOOT, V_ABSENT, V_ERROR, V_VERDICTS };

/* why is filled with a few words unless the verdict is a pass. */
enum verdict judge(const struct row *row, const struct outcome *control,
                   const struct outcome *target, char *why, size_t len_bytes);
const char *verdict_name(enum verdict v);

#endif
