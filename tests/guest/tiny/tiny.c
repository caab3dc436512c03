/* SPDX-License-Identifier: MIT */
/*
 * tiny.c - the smallest guest that can say what it was given
 *
 * It prints one line, `TINY vcpus=N memory_mib=N initrd_bytes=N cmdline=...`,
 * then does what a word of its command line asks:
 *
 *   halt     power off, by SCHEDOP_shutdown
 *   down     power off as Linux does: interrupts off and HLT
 *   reboot   reboot
 *   crash    crash
 *   spin     run for ever
 *   (none)   idle for ever, at no cost
 *
 * vCPUs are counted in the ACPI tables, memory in the PVH memory map.
 */
#include "guest.h"

#include <stddef.h>

#include <xen/xen.h>

#include <xen/arch-x86/hvm/start_info.h>
#include <xen/sched.h>

#define XSDT_OFF 24u    /* in the RSDP */
#define TABLES_OFF 36u  /* in the XSDT: pointers of 8 bytes */
#define LEN_OFF 4u      /* in every table */
#define ENTRIES_OFF 44u /* in the MADT */
#define MADT_LAPIC 0u
#define MADT_ENABLED 1u

/* Tables are packed and little endian, so is this CPU. */
static uint32_t read32(uint32_t gpa)
{
    return *(const uint32_t *)gpa;
}

static uint32_t count_in_madt(uint32_t madt)
{
    uint32_t end = madt + read32(madt + LEN_OFF), at = madt + ENTRIES_OFF;
    uint32_t count = 0;

    while (at + 2 <= end) {
        const uint8_t *entry = (const uint8_t *)at;

        if (entry[1] < 2)
            break;
        if (entry[0] == MADT_LAPIC && read32(at + 4) & MADT_ENABLED)
            count++;
        at += entry[1];
    }
    return count;
}

static uint32_t count_vcpus(const struct hvm_start_info *si)
{
    uint32_t xsdt, end;

    if (!si->rsdp_paddr)
        return 0;
    xsdt = read32((uint32_t)si->rsdp_paddr + XSDT_OFF);
    end = xsdt + read32(xsdt + LEN_OFF);
    for (uint32_t at = xsdt + TABLES_OFF; at + 8 <= end; at += 8) {
        uint32_t table = read32(at);

        if (read32(table) == 0x43495041) /* "APIC" */
            return count_in_madt(table);
    }
    return 0;
}

/* All that is the guest's: its ACPI tables lie in RAM, too. */
static uint64_t count_memory_mib(const struct hvm_start_info *si)
{
    const struct hvm_memmap_table_entry *map =
        (const void *)(uint32_t)si->memmap_paddr;
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < si->memmap_entries; i++)
        if (map[i].type == XEN_HVM_MEMMAP_TYPE_RAM ||
            map[i].type == XEN_HVM_MEMMAP_TYPE_ACPI)
            bytes += map[i].size;
    return bytes >> 20;
}

static uint64_t initrd_bytes(const struct hvm_start_info *si)
{
    const struct hvm_modlist_entry *list =
        (const void *)(uint32_t)si->modlist_paddr;

    return si->nr_modules ? list[0].size : 0;
}

static int has_word(const char *line, const char *word)
{
    for (; *line; line++) {
        uint32_t n = 0;

        while (word[n] && line[n] == word[n])
            n++;
        if (!word[n] && (line[n] == ' ' || !line[n]))
            return 1;
        while (*line && *line != ' ')
            line++;
        if (!*line)
            break;
    }
    return 0;
}

static void obey(const char *cmdline) __attribute__((noreturn));
static void obey(const char *cmdline)
{
    if (has_word(cmdline, "halt"))
        guest_shutdown(SHUTDOWN_poweroff);
    if (has_word(cmdline, "reboot"))
        guest_shutdown(SHUTDOWN_reboot);
    if (has_word(cmdline, "crash"))
        guest_shutdown(SHUTDOWN_crash);
    if (has_word(cmdline, "down"))
        for (;;)
            __asm__ volatile("cli; hlt");
    if (has_word(cmdline, "spin"))
        for (;;)
            __asm__ volatile("pause");
    /* No interrupt is set up, so none comes. */
    for (;;)
        __asm__ volatile("sti; hlt");
}

void guest_main(const struct hvm_start_info *si)
{
    const char *cmdline = "";

    if (!guest_init() || si->magic != XEN_HVM_START_MAGIC_VALUE)
        for (;;)
            __asm__ volatile("cli; hlt");
    if (si->cmdline_paddr)
        cmdline = (const char *)(uint32_t)si->cmdline_paddr;
    guest_print("TINY vcpus=");
    guest_print_number(count_vcpus(si));
    guest_print(" memory_mib=");
    guest_print_number(count_memory_mib(si));
    guest_print(" initrd_bytes=");
    guest_print_number(initrd_bytes(si));
    guest_print(" cmdline=");
    guest_print(cmdline);
    guest_print("\n");
    obey(cmdline);
}
