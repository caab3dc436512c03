/* SPDX-License-Identifier: MIT */
/*
 * vmcfg.h - what a guest's configuration means, checked
 *
 * Keys are xl.cfg's.  A key that nobody knows is warned about, with the
 * nearest known one; a key that xl knows and we do not serve yet is warned
 * about; one that would weaken a protected guest is refused.
 */
#ifndef VMCFG_H
#define VMCFG_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/steward_abi.h"

struct cfg;
struct err;

#define VM_NAME_MAX 63u   /* bytes */
#define VM_VCPUS_MAX 127u /* Xen's 128, one of them the steward's */
#define VM_UUID_TEXT 37u  /* bytes, NUL included */

enum vm_action {
    VM_DESTROY,  /* remove what is left */
    VM_RESTART,  /* and make the guest anew */
    VM_PRESERVE, /* keep it, stopped, until it is destroyed */
    VM_ACTIONS
};

struct vm_config { /* checked */
    char name[VM_NAME_MAX + 1];
    uint8_t uuid[16];
    char *kernel, *ramdisk; /* absolute paths; ramdisk may be NULL */
    char *cmdline;          /* never NULL; without our suffix */
    uint64_t ram_bytes;
    uint32_t nr_vcpus; /* the guest's own */
    enum vm_action on_poweroff, on_reboot, on_crash;
    bool trust_backends; /* trust_backends=1: no suffix on the cmdline */
};

typedef void vmcfg_warn(void *arg, const char *text);

/*
 * Check cfg and fill *out, which vmcfg_free() empties, also after an error.
 * Without a uuid in cfg a random one is drawn.
 *
 *   -EINVAL     `file:line:col: key: got ..., want ...`
 *   -EPERM      the key would weaken the guest's protection
 */
int vmcfg_load(const struct cfg *cfg, struct vm_config *out, vmcfg_warn *warn,
               void *arg, struct err *e);
void vmcfg_free(struct vm_config *c);

/* 0, or -EINVAL: a name is a path component and a word on command lines. */
int vmcfg_check_name(const char *name, struct err *e);

void vmcfg_uuid_text(const uint8_t uuid[16], char out[VM_UUID_TEXT]);
int vmcfg_uuid_parse(const char *text, uint8_t uuid[16]);

const char *vm_action_name(enum vm_action a);

#endif
