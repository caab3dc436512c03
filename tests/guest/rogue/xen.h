/* SPDX-License-Identifier: MIT */
/*
 * xen.h - what the rogue guest asks of Xen: hypercalls, console, time, event
 * channels, grants, a second vCPU
 *
 * 32-bit code, paging off: a pointer is a guest physical address.
 */
#ifndef ROGUE_XEN_H
#define ROGUE_XEN_H

#include <stdint.h>

#define PAGE 4096u
#define XEN_REFS 1024u    /* grant entries that there are */
#define XEN_REF_FIRST 16u /* lower ones are the toolstack's */
#define XEN_REF_END 1016u /* this and higher ones are never granted */

/* Find Xen, map the shared info and the grant table.  0, or -1: not there. */
int xen_init(void);

/* Print on the console ring, waiting for room. */
void xen_print(const char *s);
/* End the domain: SHUTDOWN_*. */
void xen_shutdown(uint32_t reason) __attribute__((noreturn));
/* Sleep for good; a halt with no interrupts would be a poweroff. */
void xen_idle(void) __attribute__((noreturn));

uint64_t xen_param(uint32_t index); /* HVM_PARAM_*; 0: cannot be had */

uint64_t xen_now_ns(void); /* since the host's start */
#define XEN_MS 1000000ull

/* Event channels to dom0.  All are for polling: no interrupt is set up. */
uint32_t xen_port_open(void); /* 0: there is none */
void xen_port_close(uint32_t port);
void xen_port_send(uint32_t port);
/*
 * Sleep until port was rung since the last wait, or until_ns is over.  Returns
 * 1 or 0.
 */
int xen_port_wait(uint32_t port, uint64_t until_ns);
/* Close all of this domain's ports, console and store with them. */
long xen_ports_reset(void);

/* Grant a page to a domain; 0: the table is full. */
uint32_t xen_grant(const void *page, uint16_t domid, int readonly);
/*
 * Take a grant back.  Returns 0, or -1: it is in use, and is never given out
 * again; its page stays granted as long as it is mapped.
 */
int xen_grant_end(uint32_t ref);

/*
 * Give a page of memory back to Xen; have an empty one in its place.  That
 * fails (-1) until nobody maps the old one any more.
 */
int xen_page_drop(const void *page);
int xen_page_renew(const void *page);

/* Start vCPU 1 in second_main().  0, or -1. */
int xen_second_start(void);

#endif
