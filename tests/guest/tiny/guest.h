/* SPDX-License-Identifier: MIT */
/*
 * guest.h - what tiny guests ask of Xen: a console, an end, any hypercall
 */
#ifndef TINY_GUEST_H
#define TINY_GUEST_H

#include <stdint.h>

#include <xen/xen.h>

#include <xen/arch-x86/hvm/start_info.h>

/* Each program's own; start.S begins there. */
void guest_main(const struct hvm_start_info *si) __attribute__((noreturn));

/* Find Xen, the hypercall page and the console.  False: there is no Xen. */
int guest_init(void);

/* Hypercall nr, after guest_init().  Paging is off: pointers are addresses. */
int guest_call(unsigned nr, uint32_t a, uint32_t b, uint32_t c);

/* Print text on the PV console, waiting for room in its ring. */
void guest_print(const char *text);
void guest_print_number(uint64_t n);

/* End the domain: SHUTDOWN_poweroff, _reboot or _crash. */
void guest_shutdown(unsigned reason) __attribute__((noreturn));

#endif
