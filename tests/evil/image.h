/* SPDX-License-Identifier: MIT */
/*
 * image.h - the files that a lying supervisor offers
 *
 * Each call replaces v->file[blob] and tells its true length in v->offer[0];
 * a case that lies about the length does so afterwards.
 */
#ifndef EVIL_IMAGE_H
#define EVIL_IMAGE_H

#include <elf.h>

#include "tests/evil/evil.h"

#define IMAGE_INITRD_BYTES ((4u << 20) + 1000u) /* three batches */
#define IMAGE_INITRD_SEED 1u

/* What every case starts from: tiny.elf, a command line, an initrd. */
int image_defaults(struct evil *v, struct err *e);
void image_close(struct evil *v); /* twice: no-op */

int image_load(struct evil *v, uint32_t blob, const char *name, struct err *e);
int image_set(struct evil *v, uint32_t blob, const void *bytes,
              uint64_t len_bytes, struct err *e);
int image_text(struct evil *v, const char *cmdline, struct err *e);
/* Bytes that depend on seed and place, nothing compressible. */
int image_pattern(struct evil *v, uint32_t blob, uint64_t len_bytes,
                  uint32_t seed, struct err *e);
/* More room, zeroes; what was there stays. */
int image_grow(struct evil *v, uint32_t blob, uint64_t len_bytes,
               struct err *e);

/* tiny.elf's headers, to be bent: the loaded segment and its Xen note. */
struct image_elf {
    Elf32_Ehdr *head;
    Elf32_Phdr *load, *note;
};
int image_elf(struct evil *v, struct image_elf *out, struct err *e);

/* Add a program header to tiny.elf, a copy of its loaded segment's. */
int image_add_segment(struct evil *v, Elf32_Phdr **out, struct err *e);

/*
 * A bzImage of protocol 2.14 that would be accepted, though it does nothing
 * but halt; the fields of its header, for cases to bend.
 */
struct image_bz {
    uint8_t *setup_sects;
    uint16_t *version;
    uint32_t *syssize, *cmdline_bytes, *init_bytes;
    uint64_t *pref_address;
};
int image_bzimage(struct evil *v, struct image_bz *out, struct err *e);

#endif
