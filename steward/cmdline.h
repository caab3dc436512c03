/* SPDX-License-Identifier: MIT */
/*
 * cmdline.h - check a guest's command line and finish it
 */
#ifndef STEWARD_CMDLINE_H
#define STEWARD_CMDLINE_H

#include <stdbool.h>

#include "err.h"
#include "layout.h"

/*
 * Without a bzImage's own limit: what Linux on x86 keeps of a command line
 * (COMMAND_LINE_SIZE, 2048 with the NUL).
 */
#define CMDLINE_LINUX_MAX 2047u

/*
 * line holds len_bytes from dom0, in a buffer of FH_CMDLINE_MAX that dom0 can
 * no longer reach.  Check it, append FH_CMDLINE_SUFFIX unless trust_backends,
 * and end it with NULs to the buffer's end.  Returns the length without NUL,
 * or FH_ERR_CMDLINE:
 *
 *   - a control character, a NUL included: what follows would be measured and
 *     not seen;
 *   - and, unless trust_backends, whatever could undo the suffix: the two
 *     parameters themselves, however quoted or spelt, a quote left open, and
 *     a `--`, behind which words go to init.
 */
int cmdline_finish(char *line, uint64_t len_bytes, bool trust_backends,
                   struct st_err *e);

/*
 * The line of len_bytes as cmdline_finish() returned it, against the most
 * that the kernel reads.  A longer line would lose its end, the suffix.
 */
int cmdline_check_limit(uint32_t len_bytes, uint32_t limit_bytes,
                        struct st_err *e);

#endif
