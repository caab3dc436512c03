/* SPDX-License-Identifier: MIT */
/*
 * guest.h - what the tiny guest asks of Xen: a console and an end
 */
#ifndef TINY_GUEST_H
#define TINY_GUEST_H

#include <stdint.h>

/* Find Xen, the hypercall page and the console.  False: there is no Xen. */
int guest_init(void);

/* Print text on the PV console, waiting for room in its ring. */
void guest_print(const char *text);

/* End the domain: SHUTDOWN_poweroff, _reboot or _crash. */
void guest_shutdown(unsigned reason) __attribute__((noreturn));

#endif
