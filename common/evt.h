/* SPDX-License-Identifier: MIT */
/*
 * evt.h - event channels to one guest
 *
 * The only caller of libxenevtchn.  A handle is bound to one guest: the kernel
 * refuses to bind it to any other (IOCTL_EVTCHN_RESTRICT_DOMID), so whoever
 * inherits it can ring that guest and nobody else.
 */
#ifndef EVT_H
#define EVT_H

#include <stdint.h>

struct err;
struct evt;

int evt_open(uint16_t domid, struct evt **out, struct err *e);
/* The same in two, for who cannot open anything when he hears whose it is. */
int evt_open_any(struct evt **out, struct err *e);
int evt_restrict(struct evt *v, uint16_t domid, struct err *e);
void evt_close(struct evt *v); /* NULL: no-op; unbinds every port */

int evt_fd(const struct evt *v); /* readable when a port is pending */

/*
 * Bind our end of the guest's port.  Returns 0 and our own port number.
 * Such a port is pending at once, by Xen's design.
 *
 *   -ENOENT     the guest has no such port open for us
 */
int evt_bind(struct evt *v, uint32_t remote_port, uint32_t *local_port,
             struct err *e);

void evt_notify(struct evt *v, uint32_t local_port);

/*
 * Take the next pending port and unmask it, so that what comes later is seen.
 * Returns 1 and the port, 0 when none is pending.
 */
int evt_take(struct evt *v, uint32_t *local_port);

/*
 * The same in two: a port that was taken stays masked, and costs nobody
 * anything however often the guest rings it, until it is unmasked.
 */
int evt_take_masked(struct evt *v, uint32_t *local_port);
void evt_unmask(struct evt *v, uint32_t local_port);
/* Drop one binding; the guest's port can be bound again. */
void evt_unbind(struct evt *v, uint32_t local_port);

#endif
