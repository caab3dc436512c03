/* SPDX-License-Identifier: MIT */
/*
 * canary.c - a guest that does nothing but hold a secret
 *
 * It fills canary.bytes= of memory from canary.gpa= on with the line of
 * canary.seed=, says "CANARY READY", and idles with that line in its
 * registers, one second in SPIN_ONE_IN running, else halted.  A timer rewrites
 * a few pages per tick, so that the secret is live, not a leftover, and shows a
 * word or two of it to Xen.  With canary.mode=balloon it first gives the upper
 * half back to Xen as it is, and says "CANARY BALLOONED".
 *
 * It needs from its boot environment only what the PVH entry promises.
 */
#include "canary_pattern.h"
#include "xen.h"

#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>

#include <xen/arch-x86/hvm/start_info.h>

#define PAGE_BYTES 4096u
#define LAPIC_BASE 0xfee00000u
#define LAPIC_EOI 0xb0u
#define LAPIC_SVR 0xf0u
#define LAPIC_LVT_TIMER 0x320u
#define LAPIC_TIMER_INITIAL 0x380u
#define LAPIC_TIMER_DIVIDE 0x3e0u
#define LAPIC_DIVIDE_128 0xau
#define LAPIC_PERIODIC 0x20000u
#define LAPIC_ENABLE 0x100u
#define NMI_VECTOR 2u
#define PROBE_VECTOR 0x41u /* for an outsider who injects an interrupt */
#define TIMER_VECTOR 0x40u
#define SPURIOUS_VECTOR 0xffu
#define TIMER_COUNT 781250u /* 1 s: Xen's LAPIC counts at 100 MHz / 128 */
#define TICK_PAGES 16u
#define SPIN_ONE_IN 4u /* ticks */

struct gate {
    uint16_t offset_low, selector, type, offset_high;
};

extern void timer_entry(void);
extern void spurious_entry(void);
extern void probe_entry(void);
extern void idle_for_ever(const struct canary_line *line)
    __attribute__((noreturn));
void canary_main(const struct hvm_start_info *si);
extern volatile uint32_t is_spinning;
void timer_tick(void);
void probe_tick(void);

static struct canary_line line;
static struct gate idt[256] __attribute__((aligned(16)));
static uint32_t area_gpa = CANARY_GPA_DEFAULT;
static uint32_t area_bytes = CANARY_BYTES_DEFAULT;
static uint32_t next_page, ticks;
volatile uint32_t is_spinning; /* idle_for_ever() looks at it */

/* The text behind "key=" in a command line; NULL: not there. */
static const char *value_of(const char *cmdline, const char *key)
{
    for (const char *p = cmdline; *p; p++) {
        uint32_t i = 0;

        if (p != cmdline && p[-1] != ' ')
            continue;
        while (key[i] && p[i] == key[i])
            i++;
        if (!key[i] && p[i] == '=')
            return p + i + 1;
    }
    return NULL;
}

static uint32_t number_of(const char *cmdline, const char *key, uint32_t dflt)
{
    const char *s = value_of(cmdline, key);
    uint32_t n = 0;

    if (!s || *s < '0' || *s > '9')
        return dflt;
    while (*s >= '0' && *s <= '9')
        n = n * 10 + (uint32_t)(*s++ - '0');
    return n;
}

/* Print label, then value in hex. */
static void print_hex(const char *label, uint32_t value)
{
    char text[11] = "0x";

    for (int i = 0; i < 8; i++)
        text[2 + i] = "0123456789abcdef"[value >> (28 - 4 * i) & 15];
    text[10] = '\0';
    xen_print(label);
    xen_print(text);
}

static int area_is_ram(const struct hvm_start_info *si)
{
    const struct hvm_memmap_table_entry *map =
        (const void *)(uint32_t)si->memmap_paddr;

    if (si->magic != XEN_HVM_START_MAGIC_VALUE || si->version < 1)
        return 0;
    for (uint32_t i = 0; i < si->memmap_entries; i++)
        if (map[i].type == XEN_HVM_MEMMAP_TYPE_RAM && map[i].addr <= area_gpa &&
            map[i].addr + map[i].size >= (uint64_t)area_gpa + area_bytes)
            return 1;
    return 0;
}

static void fill_page(uint32_t gpa)
{
    struct canary_line *to = (struct canary_line *)gpa;

    for (uint32_t i = 0; i < PAGE_BYTES / CANARY_LINE_BYTES; i++)
        to[i] = line;
}

static void lapic_write(uint32_t reg, uint32_t value)
{
    *(volatile uint32_t *)(LAPIC_BASE + reg) = value;
}

/* Hand Xen a word of the secret as a CPUID leaf: a trace would hold it. */
static void show(uint32_t leaf)
{
    uint32_t ebx, ecx = 0, edx;

    __asm__ volatile("cpuid" : "+a"(leaf), "=b"(ebx), "+c"(ecx), "=d"(edx));
}

void timer_tick(void)
{
    for (uint32_t i = 0; i < TICK_PAGES; i++) {
        fill_page(area_gpa + next_page * PAGE_BYTES);
        next_page = (next_page + 1) % (area_bytes / PAGE_BYTES);
    }
    show(canary_reg(&line, 0));
    show(canary_reg(&line, 1));
    is_spinning = ticks++ % SPIN_ONE_IN == 0;
    lapic_write(LAPIC_EOI, 0);
}

void probe_tick(void)
{
    lapic_write(LAPIC_EOI, 0);
}

static void set_gate(uint8_t vector, void (*entry)(void))
{
    uint32_t at = (uint32_t)entry;

    idt[vector] = (struct gate){ .offset_low = (uint16_t)at,
                                 .selector = 8,
                                 .type = 0x8e00, /* interrupt gate */
                                 .offset_high = (uint16_t)(at >> 16) };
}

static void start_timer(void)
{
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) idtr = { sizeof(idt) - 1, (uint32_t)idt };

    set_gate(TIMER_VECTOR, timer_entry);
    set_gate(SPURIOUS_VECTOR, spurious_entry);
    set_gate(NMI_VECTOR, spurious_entry);
    set_gate(PROBE_VECTOR, probe_entry);
    __asm__ volatile("lidt %0" ::"m"(idtr));
    lapic_write(LAPIC_SVR, LAPIC_ENABLE | SPURIOUS_VECTOR);
    lapic_write(LAPIC_TIMER_DIVIDE, LAPIC_DIVIDE_128);
    lapic_write(LAPIC_LVT_TIMER, LAPIC_PERIODIC | TIMER_VECTOR);
    lapic_write(LAPIC_TIMER_INITIAL, TIMER_COUNT);
}

static void give_upper_half(void)
{
    uint32_t half = area_bytes / 2;
    uint32_t given =
        xen_give_back((area_gpa + half) / PAGE_BYTES, half / PAGE_BYTES);

    area_bytes -= half;
    print_hex("CANARY BALLOONED pages=", given);
    xen_print("\n");
}

void canary_main(const struct hvm_start_info *si)
{
    const char *cmdline = "";
    const char *mode;

    if (si->cmdline_paddr)
        cmdline = (const char *)(uint32_t)si->cmdline_paddr;
    if (xen_init() != 0)
        return;
    canary_line_from_seed(number_of(cmdline, "canary.seed", 1), &line);
    area_gpa = number_of(cmdline, "canary.gpa", CANARY_GPA_DEFAULT);
    area_bytes = number_of(cmdline, "canary.bytes", CANARY_BYTES_DEFAULT);
    area_gpa -= area_gpa % PAGE_BYTES;
    area_bytes -= area_bytes % (2 * PAGE_BYTES);
    if (area_bytes == 0 || area_gpa < CANARY_GPA_DEFAULT || !area_is_ram(si)) {
        xen_print("CANARY FAILED: canary.gpa, canary.bytes: not in RAM\n");
        return;
    }

    for (uint32_t off = 0; off < area_bytes; off += PAGE_BYTES)
        fill_page(area_gpa + off);
    print_hex("CANARY READY gpa=", area_gpa);
    print_hex(" bytes=", area_bytes);
    xen_print("\n");
    mode = value_of(cmdline, "canary.mode");
    if (mode && mode[0] == 'b')
        give_upper_half();
    start_timer();
    idle_for_ever(&line);
}
