/* SPDX-License-Identifier: MIT */
/*
 * fault.c - what happens when the steward itself goes wrong
 *
 * How this works: every vector has a gate to its stub in start.S and a stack
 * of its own, so that a stack that ran into its guard page can be reported,
 * too.  A second fault, in here, crashes the domain.
 */
#include "fault.h"

#include <stdbool.h>
#include <stdint.h>

#include "control.h"
#include "cpu.h"
#include "hyper.h"

#define VECTORS 32u
#define STUB_BYTES 16u
#define NMI_VECTOR 2u
#define CODE_64 8u
#define TSS_SELECTOR 16u
#define TSS_AVAILABLE 0x89u
#define INTERRUPT_GATE 0x8eu
#define IST_FAULT 1u
#define IST_NMI 2u

struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_mid;
    uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "gate");

struct tss {
    uint32_t reserved;
    uint64_t rsp[3], reserved2, ist[7];
    uint64_t reserved3;
    uint16_t reserved4, io_map;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "tss");

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

struct fault_frame { /* start.S */
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

extern const uint8_t fault_stubs[VECTORS][STUB_BYTES]; /* start.S */
extern uint64_t gdt[];                                 /* start.S */
extern uint8_t fault_stack_top[];                      /* steward.lds */
void fault_load_tables(const struct table_pointer *idt, uint16_t tss);
void fault_report(const struct fault_frame *f) __attribute__((noreturn));
void __stack_chk_fail(void) __attribute__((noreturn));

static const char *const vector_names[VECTORS] = {
    [0] = "divide error",
    [1] = "debug",
    [3] = "breakpoint",
    [4] = "overflow",
    [5] = "bound",
    [6] = "invalid opcode",
    [7] = "no FPU",
    [8] = "double fault",
    [10] = "invalid TSS",
    [11] = "segment not present",
    [12] = "stack fault",
    [13] = "general protection",
    [14] = "page fault",
    [16] = "FPU error",
    [17] = "alignment check",
    [18] = "machine check",
    [19] = "SIMD error",
    [21] = "control protection",
};

/* The exceptions have no argument: this is where they find the page. */
static struct {
    struct control *control;
    bool active;
} fault;

static struct gate idt[VECTORS] __attribute__((aligned(16)));
static struct tss tss;
static uint8_t nmi_stack[256] __attribute__((aligned(16)));

static void set_gate(uint32_t vector)
{
    uint64_t at = (uintptr_t)fault_stubs[vector];

    idt[vector] = (struct gate){
        .offset_low = (uint16_t)at,
        .selector = CODE_64,
        .ist = vector == NMI_VECTOR ? IST_NMI : IST_FAULT,
        .type = INTERRUPT_GATE,
        .offset_mid = (uint16_t)(at >> 16),
        .offset_high = (uint32_t)(at >> 32),
    };
}

static void set_tss(void)
{
    uint64_t at = (uintptr_t)&tss;

    tss.ist[IST_FAULT - 1] = (uintptr_t)fault_stack_top;
    tss.ist[IST_NMI - 1] = (uintptr_t)(nmi_stack + sizeof(nmi_stack));
    tss.io_map = sizeof(tss);
    gdt[TSS_SELECTOR / 8] = (sizeof(tss) - 1) | (at & 0xffffff) << 16 |
                            (uint64_t)TSS_AVAILABLE << 40 |
                            (at >> 24 & 0xff) << 56;
    gdt[TSS_SELECTOR / 8 + 1] = at >> 32;
}

void fault_init(struct control *c)
{
    struct table_pointer p = { .limit = sizeof(idt) - 1,
                               .base = (uintptr_t)idt };

    fault.control = c;
    for (uint32_t i = 0; i < VECTORS; i++)
        set_gate(i);
    set_tss();
    fault_load_tables(&p, TSS_SELECTOR);
}

static void stop(const struct st_err *e) __attribute__((noreturn));
static void stop(const struct st_err *e)
{
    if (fault.active || !fault.control->page)
        hyper_crash();
    fault.active = true;
    control_fail(fault.control, e);
    for (;;)
        hyper_wait();
}

void fault_report(const struct fault_frame *f)
{
    const char *name = f->vector < VECTORS ? vector_names[f->vector] : NULL;
    struct st_err e = { 0 };

    st_fail(&e, FH_ERR_FAULT,
            "steward: %s (vector %lu) at 0x%lx, error 0x%lx, address 0x%lx, "
            "stack 0x%lx",
            name ? name : "exception", (unsigned long)f->vector,
            (unsigned long)f->rip, (unsigned long)f->error,
            (unsigned long)cpu_cr2(), (unsigned long)f->rsp);
    stop(&e);
}

/* The compiler's call when a function's stack frame was overwritten. */
void __stack_chk_fail(void)
{
    struct st_err e = { 0 };

    st_fail(&e, FH_ERR_FAULT, "steward: stack overwritten below 0x%lx",
            (unsigned long)(uintptr_t)__builtin_return_address(0));
    stop(&e);
}
