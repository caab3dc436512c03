/* SPDX-License-Identifier: MIT */
/*
 * vmkeys.h - which configuration keys exist, and what we do with each
 *
 * The one table: vmcfg.c warns and refuses by it, the manual page is tested
 * against it, completion can be made from it.
 */
#ifndef VMKEYS_H
#define VMKEYS_H

#include <stdint.h>

enum vm_key_type {
    VM_TEXT,
    VM_NUMBER,
    VM_BOOL,         /* a number: 0 is no, any other yes */
    VM_LIST,         /* of words */
    VM_TEXT_OR_LIST, /* one for all, or one each */
    VM_NAME,         /* a word of a set; xl takes its number as well */
    VM_KEY_TYPES
};

enum vm_key_verdict {
    VM_KEY_USED,    /* takes effect */
    VM_KEY_STORED,  /* checked and kept; why says what it waits for */
    VM_KEY_UNUSED,  /* accepted, no effect on a protected PVH guest: why */
    VM_KEY_REFUSED, /* if it asks for something: why */
    VM_KEY_VERDICTS
};

struct vm_key {
    const char *name;
    enum vm_key_type type;
    enum vm_key_verdict verdict;
    const char *why; /* NULL: for VM_KEY_USED */
};

const struct vm_key *vm_key_find(const char *name); /* NULL: unknown */
const struct vm_key *vm_key_at(uint32_t i);         /* NULL: no more */

const char *vm_key_type_name(enum vm_key_type t);
const char *vm_key_verdict_name(enum vm_key_verdict v);

/* A known key that is at most two letters away, or NULL. */
const char *vm_key_nearest(const char *name);

#endif
