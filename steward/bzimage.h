/* SPDX-License-Identifier: MIT */
/*
 * bzimage.h - read the header of a Linux bzImage
 *
 * Source: Linux, Documentation/arch/x86/boot.rst.
 */
#ifndef STEWARD_BZIMAGE_H
#define STEWARD_BZIMAGE_H

#include <stdbool.h>

#include "err.h"
#include "layout.h"

/* Offsets into the file; the same in struct boot_params. */
#define BZ_SETUP_SECTS 0x1f1
#define BZ_SYSSIZE 0x1f4
#define BZ_BOOT_FLAG 0x1fe
#define BZ_JUMP_LEN 0x201
#define BZ_MAGIC 0x202
#define BZ_VERSION 0x206
#define BZ_TYPE_OF_LOADER 0x210
#define BZ_LOADFLAGS 0x211
#define BZ_CODE32_START 0x214
#define BZ_RAMDISK_IMAGE 0x218
#define BZ_RAMDISK_BYTES 0x21c
#define BZ_CMD_LINE_PTR 0x228
#define BZ_INITRD_ADDR_MAX 0x22c
#define BZ_CMDLINE_BYTES 0x238
#define BZ_SETUP_DATA 0x250
#define BZ_PREF_ADDRESS 0x258
#define BZ_INIT_BYTES 0x260
#define BZ_HEADER_MAX 0x290 /* what boot_params has room for */

struct bzimage {            /* checked */
    uint32_t setup_bytes;   /* before the 32-bit code */
    uint32_t header_end;    /* the header is BZ_SETUP_SECTS .. here */
    uint64_t code_bytes;    /* the 32-bit code */
    struct gpa pref;        /* where that wants to lie */
    uint64_t init_bytes;    /* memory it needs from there on */
    uint64_t initrd_limit;  /* the initrd ends at or below */
    uint32_t cmdline_limit; /* bytes, no NUL */
};

/* Whether a file that starts with head calls itself a bzImage. */
bool bzimage_is(const uint8_t *head, uint64_t head_bytes);

/*
 * Read the header of a file of file_bytes whose first page is head (with
 * NULs behind a shorter file).  Returns 0 or FH_ERR_KERNEL.
 */
int bzimage_parse(const uint8_t head[PAGE_BYTES], uint64_t file_bytes,
                  struct bzimage *out, struct st_err *e);

#endif
