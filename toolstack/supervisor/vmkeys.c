/* SPDX-License-Identifier: MIT */
/*
 * vmkeys.c - which configuration keys exist, and what we do with each
 *
 * Source: Xen 4.20, tools/xl/xl_parse.c and docs/man/xl.cfg.5.pod.in.
 */
#include "toolstack/supervisor/vmkeys.h"

#include <stdlib.h>
#include <string.h>

#include "common/checked.h"

static const char hvm_only[] = "a PVH guest has no such device";
static const char firmware_only[] = "a PVH guest has no BIOS";
static const char device_model[] = "a PVH guest has no device model";
static const char arm_only[] = "it is for Arm";
static const char pv_only[] = "it is for PV guests";
static const char xen_fixes[] = "Xen's protection fixes it";
static const char without_pci[] = "it goes with pci=, which is refused";
static const char without_loader[] =
    "it goes with bootloader=, which is refused";
static const char without_shim[] = "it goes with pvshim=, which is refused";
static const char dma[] = "the device's DMA would reach the guest";
static const char in_dom0[] =
    "it would run in dom0 on the guest's data; use kernel= and ramdisk=, or "
    "firmware=";
static const char spied_on[] = "it shows the guest's control flow to dom0";
static const char no_labels[] = "this Xen has no security labels";
static const char p9_later[] = "no file system backend serves it yet";
static const char rtds_only[] = "only the scheduler rtds has it";
static const char cpuid_later[] = "every guest has Xen's default CPU policy";
static const char grown_later[] = "vCPUs are not added to a running guest yet";

/* clang-format off */
static const struct vm_key keys[] = {
    { "name", VM_TEXT, VM_KEY_USED, NULL },
    { "uuid", VM_TEXT, VM_KEY_USED, NULL },
    { "type", VM_TEXT, VM_KEY_USED, NULL },
    { "builder", VM_TEXT, VM_KEY_USED, NULL },
    { "kernel", VM_TEXT, VM_KEY_USED, NULL },
    { "ramdisk", VM_TEXT, VM_KEY_USED, NULL },
    { "firmware", VM_TEXT, VM_KEY_USED, NULL },
    { "cmdline", VM_TEXT, VM_KEY_USED, NULL },
    { "root", VM_TEXT, VM_KEY_USED, NULL },
    { "extra", VM_TEXT, VM_KEY_USED, NULL },
    { "memory", VM_NUMBER, VM_KEY_USED, NULL },
    { "maxmem", VM_NUMBER, VM_KEY_USED, NULL },
    { "vcpus", VM_NUMBER, VM_KEY_USED, NULL },
    { "on_poweroff", VM_TEXT, VM_KEY_USED, NULL },
    { "on_reboot", VM_TEXT, VM_KEY_USED, NULL },
    { "on_watchdog", VM_TEXT, VM_KEY_USED, NULL },
    { "on_crash", VM_TEXT, VM_KEY_USED, NULL },
    { "on_soft_reset", VM_TEXT, VM_KEY_USED, NULL },
    { "max_event_channels", VM_NUMBER, VM_KEY_USED, NULL },
    { "max_maptrack_frames", VM_NUMBER, VM_KEY_USED, NULL },
    { "trust_backends", VM_BOOL, VM_KEY_USED, NULL },
    { "pool", VM_TEXT, VM_KEY_USED, NULL },
    { "cpus", VM_TEXT_OR_LIST, VM_KEY_USED, NULL },
    { "cpus_soft", VM_TEXT_OR_LIST, VM_KEY_USED, NULL },
    { "cpu_weight", VM_NUMBER, VM_KEY_USED, NULL },
    { "cap", VM_NUMBER, VM_KEY_USED, NULL },
    { "disk", VM_LIST, VM_KEY_USED, NULL },
    { "freehold_disk_limits", VM_LIST, VM_KEY_USED, NULL },
    { "vif", VM_LIST, VM_KEY_USED, NULL },
    { "freehold_vif_any_mac", VM_LIST, VM_KEY_USED, NULL },
    { "nomigrate", VM_BOOL, VM_KEY_USED, NULL },

    { "p9", VM_LIST, VM_KEY_STORED, p9_later },
    { "maxvcpus", VM_NUMBER, VM_KEY_STORED, grown_later },
    { "cpuid", VM_TEXT_OR_LIST, VM_KEY_STORED, cpuid_later },

    { "period", VM_NUMBER, VM_KEY_UNUSED, rtds_only },
    { "slice", VM_NUMBER, VM_KEY_UNUSED, rtds_only },
    { "latency", VM_NUMBER, VM_KEY_UNUSED, rtds_only },
    { "extratime", VM_NUMBER, VM_KEY_UNUSED, rtds_only },
    { "vnuma", VM_LIST, VM_KEY_UNUSED, "a protected guest sees one node" },
    { "llc_colors", VM_LIST, VM_KEY_UNUSED, "Xen colours no HVM container" },
    { "channel", VM_LIST, VM_KEY_UNUSED, "there is one console; it needs no device model" },
    { "pvcalls", VM_LIST, VM_KEY_UNUSED, "nothing here serves it" },
    { "vtpm", VM_LIST, VM_KEY_UNUSED, "nothing here serves it" },
    { "tsc_mode", VM_NAME, VM_KEY_UNUSED, "a protected guest has the native TSC" },
    { "timer_mode", VM_NAME, VM_KEY_UNUSED, "a protected guest has no emulated timer but the LAPIC's" },
    { "localtime", VM_BOOL, VM_KEY_UNUSED, "the guest's clock is UTC" },
    { "rtc_timeoffset", VM_NUMBER, VM_KEY_UNUSED, "the guest's clock is UTC" },
    { "hap", VM_BOOL, VM_KEY_UNUSED, xen_fixes },
    { "oos", VM_BOOL, VM_KEY_UNUSED, xen_fixes },
    { "shadow_memory", VM_NUMBER, VM_KEY_UNUSED, xen_fixes },
    { "max_grant_frames", VM_NUMBER, VM_KEY_UNUSED, "it is part of the measurement" },
    { "max_grant_version", VM_NUMBER, VM_KEY_UNUSED, "a protected guest has version 1" },
    { "acpi", VM_BOOL, VM_KEY_UNUSED, "the steward builds the guest's ACPI tables" },
    { "apic", VM_BOOL, VM_KEY_UNUSED, "a PVH guest always has one" },
    { "pae", VM_BOOL, VM_KEY_UNUSED, "a PVH guest always has it" },
    { "nx", VM_BOOL, VM_KEY_UNUSED, "a PVH guest always has it" },
    { "xend_suspend_evtchn_compat", VM_BOOL, VM_KEY_UNUSED, "no guest that boots here is so old" },
    { "vif2", VM_LIST, VM_KEY_UNUSED, "no version of Xen serves it" },
    { "e820_host", VM_BOOL, VM_KEY_UNUSED, pv_only },
    { "device_tree", VM_TEXT, VM_KEY_UNUSED, arm_only },
    { "gic_version", VM_TEXT, VM_KEY_UNUSED, arm_only },
    { "tee", VM_TEXT, VM_KEY_UNUSED, arm_only },
    { "sve", VM_TEXT, VM_KEY_UNUSED, arm_only },
    { "vuart", VM_TEXT, VM_KEY_UNUSED, arm_only },
    { "nr_spis", VM_NUMBER, VM_KEY_UNUSED, arm_only },

    { "bios", VM_TEXT, VM_KEY_UNUSED, firmware_only },
    { "bios_path_override", VM_TEXT, VM_KEY_UNUSED, firmware_only },
    { "firmware_override", VM_TEXT, VM_KEY_UNUSED, firmware_only },
    { "acpi_firmware", VM_TEXT, VM_KEY_UNUSED, firmware_only },
    { "smbios_firmware", VM_TEXT, VM_KEY_UNUSED, firmware_only },
    { "smbios", VM_LIST, VM_KEY_UNUSED, firmware_only },
    { "acpi_s3", VM_BOOL, VM_KEY_UNUSED, firmware_only },
    { "acpi_s4", VM_BOOL, VM_KEY_UNUSED, firmware_only },
    { "acpi_laptop_slate", VM_BOOL, VM_KEY_UNUSED, firmware_only },
    { "ms_vm_genid", VM_TEXT, VM_KEY_UNUSED, firmware_only },
    { "mca_caps", VM_LIST, VM_KEY_UNUSED, firmware_only },
    { "mmio_hole", VM_NUMBER, VM_KEY_UNUSED, firmware_only },
    { "hvm_pirq", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "boot", VM_TEXT, VM_KEY_UNUSED, hvm_only },
    { "serial", VM_TEXT_OR_LIST, VM_KEY_UNUSED, hvm_only },
    { "parallel", VM_TEXT, VM_KEY_UNUSED, hvm_only },
    { "hdtype", VM_TEXT, VM_KEY_UNUSED, hvm_only },
    { "hpet", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "vpt_align", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "viridian", VM_TEXT_OR_LIST, VM_KEY_UNUSED, hvm_only },
    { "xen_platform_pci", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "vendor_device", VM_TEXT, VM_KEY_UNUSED, hvm_only },
    { "vga", VM_TEXT, VM_KEY_UNUSED, hvm_only },
    { "stdvga", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "videoram", VM_NUMBER, VM_KEY_UNUSED, hvm_only },
    { "gfx_passthru", VM_NAME, VM_KEY_UNUSED, hvm_only },
    { "nographic", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "vnc", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "vnclisten", VM_TEXT, VM_KEY_UNUSED, hvm_only },
    { "vncdisplay", VM_NUMBER, VM_KEY_UNUSED, hvm_only },
    { "vncpasswd", VM_TEXT, VM_KEY_UNUSED, hvm_only },
    { "vncunused", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "vncviewer", VM_NUMBER, VM_KEY_UNUSED, hvm_only },
    { "vncconsole", VM_NUMBER, VM_KEY_UNUSED, hvm_only },
    { "keymap", VM_TEXT, VM_KEY_UNUSED, hvm_only },
    { "sdl", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "opengl", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "display", VM_TEXT, VM_KEY_UNUSED, hvm_only },
    { "xauthority", VM_TEXT, VM_KEY_UNUSED, hvm_only },
    { "spice", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "spicehost", VM_TEXT, VM_KEY_UNUSED, hvm_only },
    { "spiceport", VM_NUMBER, VM_KEY_UNUSED, hvm_only },
    { "spicetls_port", VM_NUMBER, VM_KEY_UNUSED, hvm_only },
    { "spicepasswd", VM_TEXT, VM_KEY_UNUSED, hvm_only },
    { "spicedisable_ticketing", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "spiceagent_mouse", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "spicevdagent", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "spice_clipboard_sharing", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "spiceusbredirection", VM_NUMBER, VM_KEY_UNUSED, hvm_only },
    { "spice_image_compression", VM_TEXT, VM_KEY_UNUSED, hvm_only },
    { "spice_streaming_video", VM_TEXT, VM_KEY_UNUSED, hvm_only },
    { "soundhw", VM_TEXT, VM_KEY_UNUSED, hvm_only },
    { "usb", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "usbversion", VM_NUMBER, VM_KEY_UNUSED, hvm_only },
    { "usbdevice", VM_TEXT_OR_LIST, VM_KEY_UNUSED, hvm_only },
    { "vkb_device", VM_BOOL, VM_KEY_UNUSED, hvm_only },
    { "vfb", VM_LIST, VM_KEY_UNUSED, device_model },
    { "vkb", VM_LIST, VM_KEY_UNUSED, device_model },
    { "vsnd", VM_LIST, VM_KEY_UNUSED, device_model },
    { "vdispl", VM_LIST, VM_KEY_UNUSED, device_model },
    { "virtio", VM_LIST, VM_KEY_UNUSED, device_model },
    { "usbctrl", VM_LIST, VM_KEY_UNUSED, device_model },
    { "usbdev", VM_LIST, VM_KEY_UNUSED, device_model },
    { "device_model", VM_TEXT, VM_KEY_UNUSED, device_model },
    { "device_model_version", VM_TEXT, VM_KEY_UNUSED, device_model },
    { "device_model_args", VM_LIST, VM_KEY_UNUSED, device_model },
    { "device_model_args_pv", VM_LIST, VM_KEY_UNUSED, device_model },
    { "device_model_args_hvm", VM_LIST, VM_KEY_UNUSED, device_model },
    { "device_model_user", VM_TEXT, VM_KEY_UNUSED, device_model },
    { "device_model_stubdomain_override", VM_BOOL, VM_KEY_UNUSED, device_model },
    { "device_model_stubdomain_seclabel", VM_TEXT, VM_KEY_UNUSED, device_model },
    { "stubdomain_kernel", VM_TEXT, VM_KEY_UNUSED, device_model },
    { "stubdomain_ramdisk", VM_TEXT, VM_KEY_UNUSED, device_model },
    { "stubdomain_cmdline", VM_TEXT, VM_KEY_UNUSED, device_model },
    { "stubdomain_memory", VM_NUMBER, VM_KEY_UNUSED, device_model },
    { "dm_restrict", VM_BOOL, VM_KEY_UNUSED, device_model },
    { "pci_msitranslate", VM_NUMBER, VM_KEY_UNUSED, without_pci },
    { "pci_power_mgmt", VM_NUMBER, VM_KEY_UNUSED, without_pci },
    { "pci_permissive", VM_NUMBER, VM_KEY_UNUSED, without_pci },
    { "pci_seize", VM_NUMBER, VM_KEY_UNUSED, without_pci },
    { "rdm", VM_TEXT, VM_KEY_UNUSED, without_pci },
    { "rdm_mem_boundary", VM_NUMBER, VM_KEY_UNUSED, without_pci },
    { "bootloader_args", VM_TEXT_OR_LIST, VM_KEY_UNUSED, without_loader },
    { "bootloader_restrict", VM_BOOL, VM_KEY_UNUSED, without_loader },
    { "bootloader_user", VM_TEXT, VM_KEY_UNUSED, without_loader },
    { "pvshim_path", VM_TEXT, VM_KEY_UNUSED, without_shim },
    { "pvshim_cmdline", VM_TEXT, VM_KEY_UNUSED, without_shim },
    { "pvshim_extra", VM_TEXT, VM_KEY_UNUSED, without_shim },

    { "pci", VM_LIST, VM_KEY_REFUSED, dma },
    { "passthrough", VM_TEXT, VM_KEY_REFUSED, dma },
    { "dtdev", VM_LIST, VM_KEY_REFUSED, dma },
    { "ioports", VM_LIST, VM_KEY_REFUSED, dma },
    { "irqs", VM_LIST, VM_KEY_REFUSED, dma },
    { "iomem", VM_LIST, VM_KEY_REFUSED, dma },
    { "bootloader", VM_TEXT, VM_KEY_REFUSED, in_dom0 },
    { "device_model_override", VM_TEXT, VM_KEY_REFUSED, device_model },
    { "pvshim", VM_BOOL, VM_KEY_REFUSED, "the shim would stand outside the measurement" },
    { "nestedhvm", VM_BOOL, VM_KEY_REFUSED, "nested guests are not supported by the protection" },
    { "altp2m", VM_NAME, VM_KEY_REFUSED, "it lets others remap the guest's memory" },
    { "altp2mhvm", VM_BOOL, VM_KEY_REFUSED, "it lets others remap the guest's memory" },
    { "vpmu", VM_BOOL, VM_KEY_REFUSED, spied_on },
    { "vmtrace_buf_kb", VM_NUMBER, VM_KEY_REFUSED, spied_on },
    { "msr_relaxed", VM_BOOL, VM_KEY_REFUSED, "it lets the guest read the host's MSRs" },
    { "driver_domain", VM_BOOL, VM_KEY_REFUSED, "a protected guest cannot serve devices" },
    { "seclabel", VM_TEXT, VM_KEY_REFUSED, no_labels },
    { "init_seclabel", VM_TEXT, VM_KEY_REFUSED, no_labels },
};
/* clang-format on */

const struct vm_key *vm_key_at(uint32_t i)
{
    return i < ARRAY_SIZE(keys) ? &keys[i] : NULL;
}

const struct vm_key *vm_key_find(const char *name)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

const char *vm_key_type_name(enum vm_key_type t)
{
    static const char *const name[] = {
        [VM_TEXT] = "text",
        [VM_NUMBER] = "number",
        [VM_BOOL] = "0 or 1",
        [VM_LIST] = "list",
        [VM_TEXT_OR_LIST] = "text or list",
        [VM_NAME] = "text or number",
    };

    _Static_assert(ARRAY_SIZE(name) == VM_KEY_TYPES, "name");
    return name[t];
}

const char *vm_key_verdict_name(enum vm_key_verdict v)
{
    static const char *const name[] = {
        [VM_KEY_USED] = "used",
        [VM_KEY_STORED] = "stored",
        [VM_KEY_UNUSED] = "no effect",
        [VM_KEY_REFUSED] = "refused",
    };

    _Static_assert(ARRAY_SIZE(name) == VM_KEY_VERDICTS, "name");
    return name[v];
}

#define KEY_BYTES_MAX 40u

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

/* What other tools write for a key of xl's, too far away to be guessed. */
static const char *const foreign[][2] = {
    { "cpu_cap", "cap" },      { "bootargs", "bootloader_args" },
    { "maxcpus", "maxvcpus" }, { "vcpu_avail", "vcpus" },
    { "initrd", "ramdisk" },   { "disks", "disk" },
    { "nics", "vif" },         { "cmd_line", "cmdline" },
};

const char *vm_key_nearest(const char *name)
{
    const char *best = NULL;
    uint32_t best_distance = 3;

    if (strlen(name) > KEY_BYTES_MAX)
        return NULL;
    for (uint32_t i = 0; i < ARRAY_SIZE(foreign); i++)
        if (strcmp(foreign[i][0], name) == 0)
            return foreign[i][1];
    for (uint32_t i = 0; i < ARRAY_SIZE(keys); i++) {
        uint32_t d = distance(name, keys[i].name);

        if (d < best_distance && d < strlen(name)) {
            best = keys[i].name;
            best_distance = d;
        }
    }
    return best;
}
