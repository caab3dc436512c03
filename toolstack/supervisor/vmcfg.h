/* SPDX-License-Identifier: MIT */
/*
 * vmcfg.h - what a guest's configuration means, checked
 *
 * Keys are xl.cfg's; vmkeys.c says what becomes of each, vmget.h how values
 * of a wrong kind are taken.  The only configuration that the supervisor sees.
 */
#ifndef VMCFG_H
#define VMCFG_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/steward_abi.h"
#include "toolstack/supervisor/vmget.h"

struct cfg;
struct err;
struct vm_cpus;
struct vm_disk;
struct vm_p9;
struct vm_vif;

#define VM_NAME_MAX 63u     /* bytes */
#define VM_VCPUS_MAX 127u   /* Xen's 128, one of them the steward's */
#define VM_UUID_TEXT 37u    /* bytes, NUL included */
#define VM_DEVICES_MAX 256u /* of each kind */

/* Where firmware="pvgrub64" is looked for, as Debian's xl does. */
#define VM_FIRMWARE_BASE "/usr/lib/xen-4.20/boot"

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

    uint64_t ram_bytes;    /* what it is built with: maxmem= */
    uint64_t target_bytes; /* what it is asked to keep of it: memory= */
    uint32_t nr_vcpus;     /* the guest's own */
    uint32_t max_vcpus;    /* stored: at least nr_vcpus */

    enum vm_action on_poweroff, on_reboot, on_watchdog, on_crash, on_soft_reset;
    bool trust_backends; /* trust_backends=1: no suffix on the cmdline */
    uint32_t max_event_channels; /* 0: the default */
    bool has_maptrack_frames;
    uint32_t max_maptrack_frames; /* if has_; else Xen's default */

    /* vmkeys.c says which of these no part serves yet.  A card without an
       address gets one when the guest is made (guest_vifs.c). */
    struct vm_disk *disks;
    struct vm_vif *vifs;
    struct vm_p9 *p9s;
    uint32_t nr_disks, nr_vifs, nr_p9s;
    struct vm_cpus *hard, *soft; /* one a vCPU, or one for all */
    uint32_t nr_hard, nr_soft;
    char *pool;                       /* NULL: Xen's first */
    uint32_t cpu_weight, cap_percent; /* 0: the scheduler's default */
    bool no_migrate;
    char **cpuid; /* as written, each checked */
    uint32_t nr_cpuid;
    bool cpuid_is_list; /* of leaves; else it is one text */
};

struct vmcfg_options {
    vmget_warn *warn; /* NULL: nobody listens */
    void *arg;
    bool strict; /* unknown keys and values of a wrong kind are errors */
};

/*
 * Check cfg and fill *out, which vmcfg_free() empties, also after an error.
 * Without a uuid in cfg a random one is drawn.
 *
 *   -EINVAL     `file:line:col: key: got ..., want ...`
 *   -EPERM      the key would weaken the guest's protection
 *   -ENOMEM
 */
int vmcfg_load(const struct cfg *cfg, struct vm_config *out,
               const struct vmcfg_options *o, struct err *e);
void vmcfg_free(struct vm_config *c);

/* 0, or -EINVAL: a name is a path component and a word on command lines. */
int vmcfg_check_name(const char *name, struct err *e);

void vmcfg_uuid_text(const uint8_t uuid[16], char out[VM_UUID_TEXT]);
int vmcfg_uuid_parse(const char *text, uint8_t uuid[16]);

const char *vm_action_name(enum vm_action a);

#endif
