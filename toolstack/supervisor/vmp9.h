/* SPDX-License-Identifier: MIT */
/*
 * vmp9.h - one member of p9=[...], checked: a folder of dom0 for the guest
 *
 * Source: Xen 4.20, tools/xl/xl_parse.c, parse_config_data(), "p9".
 */
#ifndef VMP9_H
#define VMP9_H

#include <stdbool.h>
#include <stdint.h>

struct err;

enum vm_p9_type { VM_P9_UNSAID, VM_P9_QEMU, VM_P9_XEN, VM_P9_TYPES };

struct vm_p9 {
    enum vm_p9_type type;
    char *tag, *path, *security_model, *backend_domain;
    uint32_t max_files, max_open_files, max_space_mib; /* 0: no limit */
    bool auto_delete;
};

/*
 * Read one member.  vmp9_free(out) also after an error.
 *
 *   -EINVAL  `what: got ..., want ...`
 *   -ENOMEM
 */
int vmp9_parse(const char *text, struct vm_p9 *out, struct err *e);
void vmp9_free(struct vm_p9 *p); /* leaves it empty */

const char *vmp9_type_name(enum vm_p9_type t);

#endif
