/* SPDX-License-Identifier: MIT */
/*
 * touch.c - the steward's memory by loads and stores, the guest's own and Xen's
 *
 * Xen emulates what the CPU finds no page for, reads what hypercalls are
 * given, and fills a hypercall page.  A write that Xen ought to refuse goes to
 * the end of the header, which says what the steward no longer needs.
 */
#include "burglar.h"

#include <xen/xen.h>

#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/version.h>

#define LEAF_FIRST 0x40000000u
#define LEAF_STEP 0x100u
#define XENV 0x566e6558u
#define HEADER_GPA (STEWARD_GPA + 8) /* what follows the magic */
#define GP_VECTOR 13
#define CODE_SEL 8
#define DATA_SEL 16
#define CR0_PG (1u << 31)

struct gate {
    uint16_t offset_low, selector, type, offset_high;
};

struct table { /* what LGDT and LIDT take */
    uint16_t limit;
    uint32_t base;
} __attribute__((packed));

extern const char gp_entry[];
extern volatile uint32_t nr_gp;
static struct gate idt[GP_VECTOR + 1] __attribute__((aligned(16)));

/* Count it, and go on behind the instruction, a WRMSR of two bytes. */
__asm__(".text\n"
        "gp_entry:\n"
        "   incl nr_gp\n"
        "   addl $4, %esp\n"
        "   addl $2, (%esp)\n"
        "   iretl\n"
        ".bss\n"
        ".balign 4\n"
        ".globl nr_gp\n"
        "nr_gp: .long 0\n"
        ".text\n");

static volatile uint32_t *at(uint32_t gpa)
{
    return (volatile uint32_t *)gpa;
}

static void by_the_cpu(void)
{
    uint32_t value, copied[2] = { 0, 0 };
    const void *from = (const void *)STEWARD_GPA;
    void *to = copied;
    uint32_t n = 2;

    judge("a load finds nothing", *at(STEWARD_GPA), NOTHING);
    *at(HEADER_GPA) = 0x5a5a5a5a;
    judge("a store leaves nothing", *at(HEADER_GPA), NOTHING);
    value = 0;
    __asm__ volatile("lock xaddl %0, %1" : "+r"(value), "+m"(*at(HEADER_GPA)));
    judge("a locked instruction finds nothing", value, NOTHING);
    __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(n)::"memory");
    judge("a string instruction finds nothing", copied[0] & copied[1], NOTHING);
    judge("nor is anything behind the steward's pages",
          *at(VACANT_GFN * PAGE_BYTES), NOTHING);
}

static void by_hypercalls(void)
{
    judge("Xen reads no argument there",
          guest_call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, STEWARD_GPA,
                     0),
          -XEN_EFAULT);
    judge("Xen writes no answer there",
          guest_call(__HYPERVISOR_xen_version, XENVER_extraversion, HEADER_GPA,
                     0),
          -XEN_EFAULT);
}

static uint32_t hypercall_msr(void)
{
    uint32_t leaf = LEAF_FIRST, a, b, c, d;

    for (;;) {
        a = leaf;
        c = 0;
        __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        if (b == XENV)
            break;
        leaf += LEAF_STEP;
    }
    a = leaf + 2;
    c = 0;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return b;
}

/* Selectors of our own, as whoever starts a kernel leaves none to return to. */
static void load_segments(void)
{
    static const uint64_t gdt[] = {
        0, 0x00cf9b000000ffff, /* CODE_SEL: flat code */
        0x00cf93000000ffff,    /* DATA_SEL: flat data */
    };
    const struct table gdtr = { sizeof(gdt) - 1, (uint32_t)gdt };

    __asm__ volatile("lgdt %0\n\t"
                     "ljmp %1, $1f\n"
                     "1: movl %2, %%eax\n\t"
                     "movl %%eax, %%ds\n\t"
                     "movl %%eax, %%es\n\t"
                     "movl %%eax, %%ss" ::"m"(gdtr),
                     "i"(CODE_SEL), "i"(DATA_SEL)
                     : "eax", "memory");
}

static void by_the_hypercall_page(void)
{
    const struct table idtr = { sizeof(idt) - 1, (uint32_t)idt };
    uint32_t entry = (uint32_t)gp_entry;

    load_segments();
    idt[GP_VECTOR] = (struct gate){ .offset_low = (uint16_t)entry,
                                    .selector = CODE_SEL,
                                    .type = 0x8e00, /* interrupt gate */
                                    .offset_high = (uint16_t)(entry >> 16) };
    __asm__ volatile("lidt %0" ::"m"(idtr));
    __asm__ volatile("wrmsr" ::"c"(hypercall_msr()), "a"(STEWARD_GPA), "d"(0)
                     : "memory");
    judge("no hypercall page is made there", nr_gp, 1);
}

void try_to_touch(void)
{
    by_the_cpu();
    by_hypercalls();
    by_the_hypercall_page();
}

void jump_there(void)
{
    __asm__ volatile("jmp *%0" ::"r"(STEWARD_GPA));
    __builtin_unreachable();
}

void page_by_it(void)
{
    uint32_t cr0;

    __asm__ volatile("movl %1, %%cr3\n\t"
                     "movl %%cr0, %0\n\t"
                     "orl %2, %0\n\t"
                     "movl %0, %%cr0\n\t"
                     "movl (%%esp), %0"
                     : "=&r"(cr0)
                     : "r"(STEWARD_GPA), "r"(CR0_PG)
                     : "memory");
    for (;;)
        __asm__ volatile("cli; hlt");
}
