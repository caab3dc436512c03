/* SPDX-License-Identifier: MIT */
/*
 * memory_hunt.h - take the host's free memory and look for the secret in it
 */
#ifndef MEMORY_HUNT_H
#define MEMORY_HUNT_H

#include "canary.h"
#include "hc.h"

/*
 * An accomplice takes what memory is free, all but a reserve, and looks at
 * it.  Returns how many pages begin with the secret, or a negative errno;
 * *nr_pages: how many it looked at.  The accomplice is gone again.
 */
long hunt_free_memory(struct hc *h, const struct canary_line *line,
                      uint64_t *nr_pages);

/* The same in Xen's trace buffers, which dom0 shares with Xen. */
long hunt_trace_buffers(struct hc *h, const struct canary_line *line,
                        uint64_t *nr_pages);

/*
 * Have Xen trace what guests do until domid has run a few times, and look for
 * the secret's register words in the trace.
 */
long hunt_trace_events(struct hc *h, const struct canary_line *line,
                       uint16_t domid, uint64_t *nr_pages);

#endif
