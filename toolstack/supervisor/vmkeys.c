/* SPDX-License-Identifier: MIT */
/*
 * vmkeys.c - which configuration keys exist, and what we do with each
 *
 * Source: Xen 4.20, tools/xl/xl_parse.c and docs/man/xl.cfg.5.pod.in.
 */
#include "toolstack/supervisor/vmkeys.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"

static const char device_model[] = "a PVH guest has no device model";
static const char hvm_only[] = "a PVH guest has no such device";
static const char pass_through[] = "the device's DMA would reach the guest";
static const char in_dom0[] = "it would run in dom0 on the guest's data; "
                              "use kernel= and ramdisk=, or PVH GRUB";
static const char xen_decides[] = "Xen's protection fixes it";

/* clang-format off */
static const struct vm_key keys[] = {
    { "name", VM_KEY_USED, NULL },
    { "uuid", VM_KEY_USED, NULL },
    { "type", VM_KEY_USED, NULL },
    { "kernel", VM_KEY_USED, NULL },
    { "ramdisk", VM_KEY_USED, NULL },
    { "cmdline", VM_KEY_USED, NULL },
    { "root", VM_KEY_USED, NULL },
    { "extra", VM_KEY_USED, NULL },
    { "memory", VM_KEY_USED, NULL },
    { "maxmem", VM_KEY_USED, NULL },
    { "vcpus", VM_KEY_USED, NULL },
    { "maxvcpus", VM_KEY_USED, NULL },
    { "on_poweroff", VM_KEY_USED, NULL },
    { "on_reboot", VM_KEY_USED, NULL },
    { "on_crash", VM_KEY_USED, NULL },
    { "trust_backends", VM_KEY_USED, NULL },

    { "disk", VM_KEY_LATER, NULL },
    { "vif", VM_KEY_LATER, NULL },
    { "p9", VM_KEY_LATER, NULL },
    { "channel", VM_KEY_LATER, NULL },
    { "pool", VM_KEY_LATER, NULL },
    { "cpus", VM_KEY_LATER, NULL },
    { "cpus_soft", VM_KEY_LATER, NULL },
    { "cpu_weight", VM_KEY_LATER, NULL },
    { "cap", VM_KEY_LATER, NULL },
    { "period", VM_KEY_LATER, NULL },
    { "slice", VM_KEY_LATER, NULL },
    { "latency", VM_KEY_LATER, NULL },
    { "extratime", VM_KEY_LATER, NULL },
    { "vnuma", VM_KEY_LATER, NULL },
    { "cpuid", VM_KEY_LATER, NULL },
    { "on_watchdog", VM_KEY_LATER, NULL },
    { "on_soft_reset", VM_KEY_LATER, NULL },
    { "firmware", VM_KEY_LATER, NULL },
    { "nomigrate", VM_KEY_LATER, NULL },
    { "max_event_channels", VM_KEY_LATER, NULL },
    { "max_maptrack_frames", VM_KEY_LATER, NULL },
    { "timer_mode", VM_KEY_LATER, NULL },
    { "localtime", VM_KEY_LATER, NULL },
    { "rtc_timeoffset", VM_KEY_LATER, NULL },
    { "pvcalls", VM_KEY_LATER, NULL },
    { "vtpm", VM_KEY_LATER, NULL },
    { "llc_colors", VM_KEY_LATER, NULL },

    { "builder", VM_KEY_NEVER, "deprecated; use type=\"pvh\"" },
    { "tsc_mode", VM_KEY_NEVER, "a protected guest has the native TSC" },
    { "hap", VM_KEY_NEVER, xen_decides },
    { "oos", VM_KEY_NEVER, xen_decides },
    { "shadow_memory", VM_KEY_NEVER, xen_decides },
    { "max_grant_frames", VM_KEY_NEVER, "it is part of the measurement" },
    { "max_grant_version", VM_KEY_NEVER, "a protected guest has version 1" },
    { "acpi", VM_KEY_NEVER, "the steward builds the guest's ACPI tables" },
    { "apic", VM_KEY_NEVER, "a PVH guest always has one" },
    { "pae", VM_KEY_NEVER, "a PVH guest always has it" },
    { "boot", VM_KEY_NEVER, hvm_only },
    { "serial", VM_KEY_NEVER, hvm_only },
    { "parallel", VM_KEY_NEVER, hvm_only },
    { "vga", VM_KEY_NEVER, hvm_only },
    { "videoram", VM_KEY_NEVER, hvm_only },
    { "vnc", VM_KEY_NEVER, hvm_only },
    { "vnclisten", VM_KEY_NEVER, hvm_only },
    { "vncdisplay", VM_KEY_NEVER, hvm_only },
    { "vncpasswd", VM_KEY_NEVER, hvm_only },
    { "sdl", VM_KEY_NEVER, hvm_only },
    { "spice", VM_KEY_NEVER, hvm_only },
    { "nographic", VM_KEY_NEVER, hvm_only },
    { "usb", VM_KEY_NEVER, hvm_only },
    { "usbdevice", VM_KEY_NEVER, hvm_only },
    { "soundhw", VM_KEY_NEVER, hvm_only },
    { "hpet", VM_KEY_NEVER, hvm_only },
    { "viridian", VM_KEY_NEVER, hvm_only },
    { "xen_platform_pci", VM_KEY_NEVER, hvm_only },
    { "vfb", VM_KEY_NEVER, device_model },
    { "vkb", VM_KEY_NEVER, device_model },
    { "vsnd", VM_KEY_NEVER, device_model },
    { "vdispl", VM_KEY_NEVER, device_model },
    { "virtio", VM_KEY_NEVER, device_model },
    { "usbctrl", VM_KEY_NEVER, device_model },
    { "usbdev", VM_KEY_NEVER, device_model },
    { "device_model_version", VM_KEY_NEVER, device_model },
    { "device_model_args", VM_KEY_NEVER, device_model },
    { "device_model_user", VM_KEY_NEVER, device_model },

    { "pci", VM_KEY_REFUSED, pass_through },
    { "pci_msitranslate", VM_KEY_REFUSED, pass_through },
    { "pci_power_mgmt", VM_KEY_REFUSED, pass_through },
    { "pci_permissive", VM_KEY_REFUSED, pass_through },
    { "pci_seize", VM_KEY_REFUSED, pass_through },
    { "rdm", VM_KEY_REFUSED, pass_through },
    { "passthrough", VM_KEY_REFUSED, pass_through },
    { "dtdev", VM_KEY_REFUSED, pass_through },
    { "ioports", VM_KEY_REFUSED, pass_through },
    { "irqs", VM_KEY_REFUSED, pass_through },
    { "iomem", VM_KEY_REFUSED, pass_through },
    { "bootloader", VM_KEY_REFUSED, in_dom0 },
    { "bootloader_args", VM_KEY_REFUSED, in_dom0 },
    { "bootloader_restrict", VM_KEY_REFUSED, in_dom0 },
    { "bootloader_user", VM_KEY_REFUSED, in_dom0 },
    { "device_model_override", VM_KEY_REFUSED, device_model },
    { "pvshim", VM_KEY_REFUSED, "the shim would stand outside the measurement" },
    { "pvshim_path", VM_KEY_REFUSED, "the shim would stand outside the measurement" },
    { "pvshim_cmdline", VM_KEY_REFUSED, "the shim would stand outside the measurement" },
    { "pvshim_extra", VM_KEY_REFUSED, "the shim would stand outside the measurement" },
    { "nestedhvm", VM_KEY_REFUSED, "nested guests are not supported by the protection" },
    { "altp2m", VM_KEY_REFUSED, "it lets others remap the guest's memory" },
    { "vpmu", VM_KEY_REFUSED, "it shows the guest's control flow to dom0" },
    { "vmtrace_buf_kb", VM_KEY_REFUSED, "it shows the guest's control flow to dom0" },
    { "msr_relaxed", VM_KEY_REFUSED, "it lets the guest read the host's MSRs" },
    { "driver_domain", VM_KEY_REFUSED, "a protected guest cannot serve devices" },
    { "seclabel", VM_KEY_REFUSED, "Xen is built without XSM labels" },
    { "init_seclabel", VM_KEY_REFUSED, "Xen is built without XSM labels" },
};
/* clang-format on */

const struct vm_key *vm_key_find(const char *name)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

#define KEY_BYTES_MAX 32u

/* Letters to insert, drop or change to turn a into b (Levenshtein). */
static uint32_t distance(const char *a, const char *b)
{
    uint32_t row[KEY_BYTES_MAX + 1];
    uint32_t len_a = strlen(a), len_b = strlen(b);

    for (uint32_t j = 0; j <= len_b; j++)
        row[j] = j;
    for (uint32_t i = 1; i <= len_a; i++) {
        uint32_t diagonal = row[0];

        row[0] = i;
        for (uint32_t j = 1; j <= len_b; j++) {
            uint32_t change = diagonal + (a[i - 1] != b[j - 1]);
            uint32_t other = MIN_OF(row[j], row[j - 1]) + 1;

            diagonal = row[j];
            row[j] = MIN_OF(change, other);
        }
    }
    return row[len_b];
}

const char *vm_key_nearest(const char *name)
{
    const char *best = NULL;
    uint32_t best_distance = 3;

    if (strlen(name) > KEY_BYTES_MAX)
        return NULL;
    for (uint32_t i = 0; i < ARRAY_SIZE(keys); i++) {
        uint32_t d = distance(name, keys[i].name);

        if (d < best_distance && d < strlen(name)) {
            best = keys[i].name;
            best_distance = d;
        }
    }
    return best;
}
