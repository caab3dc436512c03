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
#include <string.h>
#include <xen/xen.h>

#include <xen/grant_table.h>

#include "steward/hyper.h"

#define GRANT_GPA (XEN_STEWARD_PRIVATE_GPA + 0x800000u)
#define SHARED_GFN (XEN_STEWARD_SHARED_GPA / PAGE_BYTES)

/* Behind the window, where a guest's vCPU can see them: what it runs, and by.
 */
#define GUEST_GFN (SHARED_GFN + PROXY_PAGES)
#define GUEST_PAGES 4u
#define GUEST_CODE_GPA ((uint64_t)GUEST_GFN * PAGE_BYTES)
#define GUEST_PML4_GPA (GUEST_CODE_GPA + PAGE_BYTES)
#define GUEST_PDPT_GPA (GUEST_PML4_GPA + PAGE_BYTES)
#define GUEST_PD_GPA (GUEST_PDPT_GPA + PAGE_BYTES)
#define PTE_TABLE 3u    /* present, writable */
#define PTE_LARGE 0x83u /* and 2 MiB */

void steward_main(void) __attribute__((noreturn));
void fault_report(const void *frame) __attribute__((noreturn));
void __stack_chk_fail(void) __attribute__((noreturn));
extern const uint8_t guest_loop[], guest_loop_end[];

/* Needs neither memory of its own nor a stack: its registers alone move it. */
__asm__(".text\n"
        ".globl guest_loop, guest_loop_end\n"
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
        ".balign 4\n"
        "suspend_reason: .long 2\n"
        "guest_loop_end:\n");
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
    uint64_t gfn[PROXY_PAGES + GUEST_PAGES];
    const uint32_t nr = PROXY_PAGES + GUEST_PAGES;

    for (uint32_t i = 0; i < nr; i++)
        gfn[i] = SHARED_GFN + i;
    if (hyper_populate(gfn, nr, 0) != nr ||
        hyper_map_grant_frame(0, GRANT_GPA / PAGE_BYTES) < 0)
        hyper_crash();
    for (uint32_t i = 0; i < PROXY_PAGES; i++) {
        table[PROXY_REF + i].frame = SHARED_GFN + i;
        table[PROXY_REF + i].domid = 0;
        __atomic_store_n(&table[PROXY_REF + i].flags, GTF_permit_access,
                         __ATOMIC_RELEASE);
    }
}

/* The GiB of the shared range alone, one to one. */
static void place_guest(void)
{
    uint64_t *pml4 = (void *)(uintptr_t)GUEST_PML4_GPA;
    uint64_t *pdpt = (void *)(uintptr_t)GUEST_PDPT_GPA;
    uint64_t *pd = (void *)(uintptr_t)GUEST_PD_GPA;

    memcpy((void *)(uintptr_t)GUEST_CODE_GPA, guest_loop,
           (size_t)(guest_loop_end - guest_loop));
    pml4[0] = GUEST_PDPT_GPA | PTE_TABLE;
    pdpt[XEN_STEWARD_SHARED_GPA >> 30] = GUEST_PD_GPA | PTE_TABLE;
    for (uint32_t i = 0; i < PAGE_BYTES / sizeof(*pd); i++)
        pd[i] = (XEN_STEWARD_SHARED_GPA + i * 0x200000ull) | PTE_LARGE;
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
    place_guest();
    p->guest_entry = GUEST_CODE_GPA;
    p->guest_cr3 = GUEST_PML4_GPA;
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
