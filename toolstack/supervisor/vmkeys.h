/* SPDX-License-Identifier: MIT */
/*
 * vmkeys.h - which configuration keys exist, and what we do with each
 */
#ifndef VMKEYS_H
#define VMKEYS_H

enum vm_key_use {
    VM_KEY_USED,    /* vmcfg.c reads it */
    VM_KEY_LATER,   /* xl's; no effect yet */
    VM_KEY_NEVER,   /* xl's; has no meaning for a protected PVH guest */
    VM_KEY_REFUSED, /* xl's; would weaken the guest, or needs what it denies */
};

struct vm_key {
    const char *name;
    enum vm_key_use use;
    const char *why; /* for VM_KEY_NEVER and VM_KEY_REFUSED */
};

const struct vm_key *vm_key_find(const char *name); /* NULL: unknown */

/* A known key that is at most two letters away, or NULL. */
const char *vm_key_nearest(const char *name);

#endif
