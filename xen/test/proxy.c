/* SPDX-License-Identifier: MIT */
/*
 * proxy.c - a stand-in for the steward that makes any hypercall dom0 asks for
 *
 * With it the rules that Xen has for a steward are tried by a program in dom0
 * (tests/lab/tools/passage.c), in several domains at once.  proxy.h says how
 * they talk.  It is built of the steward's own way into 64-bit mode.
 */
#include "xen/test/proxy.h"

#include <stddef.h>
#include <xen/xen.h>

#include <xen/grant_table.h>

#include "steward/hyper.h"

#define GRANT_GPA (XEN_STEWARD_PRIVATE_GPA + 0x800000u)
#define SHARED_GFN (XEN_STEWARD_SHARED_GPA / PAGE_BYTES)

void steward_main(void) __attribute__((noreturn));
void fault_report(const void *frame) __attribute__((noreturn));
void __stack_chk_fail(void) __attribute__((noreturn));
extern uint8_t boot_pml4[], guest_loop[];

/* Needs neither memory of its own nor a stack: its registers alone move it. */
__asm__(".text\n"
        ".globl guest_loop\n"
        "guest_loop:\n"
        "   incl 64(%rbx)\n"     /* ticks */
        "   cmpl $0, 68(%rbx)\n" /* suspend */
        "   je guest_loop\n"
        "   movl $0, 68(%rbx)\n"
        "   movl $29, %eax\n" /* sched_op */
        "   movl $2, %edi\n"  /* SCHEDOP_shutdown */
        "   leaq suspend_reason(%rip), %rsi\n"
        "   vmmcall\n"
        "   movq %rax, 72(%rbx)\n" /* resumed */
        "   incl 80(%rbx)\n"       /* resumes */
        "   jmp guest_loop\n"
        ".section .rodata\n"
        ".balign 4\n"
        "suspend_reason: .long 2\n"
        ".text\n");
_Static_assert(offsetof(struct proxy, ticks) == 64, "guest_loop");
_Static_assert(offsetof(struct proxy, suspend) == 68, "guest_loop");
_Static_assert(offsetof(struct proxy, resumed) == 72, "guest_loop");
_Static_assert(offsetof(struct proxy, resumes) == 80, "guest_loop");

void fault_report(const void *frame)
{
    (void)frame;
    hyper_crash();
}

void __stack_chk_fail(void)
{
    hyper_crash();
}

static void share(void)
{
    struct grant_entry_v1 *table = (void *)(uintptr_t)GRANT_GPA;
    uint64_t gfn[PROXY_PAGES];

    for (uint32_t i = 0; i < PROXY_PAGES; i++)
        gfn[i] = SHARED_GFN + i;
    if (hyper_populate(gfn, PROXY_PAGES, 0) != PROXY_PAGES ||
        hyper_map_grant_frame(0, GRANT_GPA / PAGE_BYTES) < 0)
        hyper_crash();
    for (uint32_t i = 0; i < PROXY_PAGES; i++) {
        table[PROXY_REF + i].frame = SHARED_GFN + i;
        table[PROXY_REF + i].domid = 0;
        __atomic_store_n(&table[PROXY_REF + i].flags, GTF_permit_access,
                         __ATOMIC_RELEASE);
    }
}

static int64_t call(uint32_t nr, uint64_t a, uint64_t b, uint64_t c)
{
    int64_t rc;

    __asm__ volatile("vmmcall"
                     : "=a"(rc), "+D"(a), "+S"(b), "+d"(c)
                     : "a"((uint64_t)nr)
                     : "memory", "cc", "rcx", "r8", "r9", "r10", "r11");
    return rc;
}

void steward_main(void)
{
    volatile struct proxy *p = (void *)(uintptr_t)XEN_STEWARD_SHARED_GPA;

    if (!hyper_init())
        hyper_crash();
    share();
    p->guest_entry = (uintptr_t)guest_loop;
    p->guest_cr3 = (uintptr_t)boot_pml4;
    __atomic_store_n(&p->magic, PROXY_MAGIC, __ATOMIC_RELEASE);
    hyper_notify();
    for (;;) {
        uint32_t seq = __atomic_load_n(&p->seq, __ATOMIC_ACQUIRE);

        if (seq == p->done) {
            hyper_wait();
            continue;
        }
        p->rc = call(p->nr, p->arg[0], p->arg[1], p->arg[2]);
        __atomic_store_n(&p->done, seq, __ATOMIC_RELEASE);
        hyper_notify();
    }
}
