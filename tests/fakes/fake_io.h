/* SPDX-License-Identifier: MIT */
/*
 * fake_io.h - pages that a fake guest grants to dom0 for I/O
 *
 * A guest's pages are one memfd, so what dom0 maps and what the guest sees is
 * the same memory, and stays while dom0 maps it, whatever becomes of the guest.
 * The pages of consecutive grants are side by side in the guest's view.
 *
 * Copies and mappings may run in several threads; grants are made by one.
 */
#ifndef FAKE_IO_H
#define FAKE_IO_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_IO_PAGES 16384u
#define FAKE_IO_FIRST_REF 64u

enum fake_access { FAKE_NONE, FAKE_RO, FAKE_RW };

/* Grant the next page, all zero.  Returns its reference. */
uint32_t fake_grant(uint32_t domid, enum fake_access access);

/* The guest's view of it; NULL: it was never granted. */
void *fake_grant_page(uint32_t domid, uint32_t ref);

/* From now on; FAKE_NONE revokes.  What is mapped stays mapped. */
void fake_grant_set(uint32_t domid, uint32_t ref, enum fake_access access);

/* How often dom0 maps it: a guest may reuse the page when that is 0. */
uint32_t fake_grant_pins(uint32_t domid, uint32_t ref);

/* The nth piece that is copied from now on fails alone; 0: none. */
void fake_fail_copy_at(uint32_t n);

/* For the fakes themselves. */
struct fake_domain;
void fake_io_free(struct fake_domain *d);
void *fake_io_map(uint32_t domid, const uint32_t *refs, uint32_t nr, int prot);
bool fake_io_unmap(void *va, uint32_t nr); /* false: not one of these */
/* Where a copy may go to or come from; NULL: it may not. */
void *fake_io_page(struct fake_domain *d, uint32_t ref, bool write);
bool fake_io_copy_fails(void);

#endif
