/* SPDX-License-Identifier: MIT */
/*
 * xen.c - the canary guest's hypercalls, by Xen's own hypercall page
 *
 * How this works: CPUID names the MSR, the MSR takes the address of a page
 * that Xen fills with code, and call number n is at 32 * n in it.
 */
#include "xen.h"

#include <stddef.h>

#include <xen/xen.h>

#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/io/console.h>
#include <xen/memory.h>
#include <xen/sched.h>

#define CPUID_BASE_FIRST 0x40000000u
#define CPUID_BASE_LAST 0x40010000u
#define CPUID_BASE_STEP 0x100u
#define SIGNATURE_XENV 0x566e6558u /* "XenV" */
#define GIVE_BATCH 512u

static uint8_t hypercall_page[4096] __attribute__((aligned(4096)));
static struct xencons_interface *ring; /* NULL: no console ring */
static evtchn_port_t ring_port;

static long hypercall(unsigned nr, uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t entry = (uint32_t)hypercall_page + nr * 32;
    long rc;

    __asm__ volatile("call *%[entry]"
                     : "=a"(rc), "+b"(a), "+c"(b), "+d"(c)
                     : [entry] "S"(entry)
                     : "memory");
    return rc;
}

static uint64_t hvm_param(uint32_t index)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = index };

    if (hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param, (uint32_t)&p, 0) != 0)
        return 0;
    return p.value;
}

static void cpuid(uint32_t leaf, uint32_t *a, uint32_t *b)
{
    uint32_t c = 0, d;

    __asm__ volatile("cpuid"
                     : "=a"(*a), "=b"(*b), "+c"(c), "=d"(d)
                     : "a"(leaf));
}

int xen_init(void)
{
    uint32_t a, b, base;
    uint64_t pfn;

    for (base = CPUID_BASE_FIRST; base < CPUID_BASE_LAST;
         base += CPUID_BASE_STEP) {
        cpuid(base, &a, &b);
        if (b == SIGNATURE_XENV)
            break;
    }
    if (base >= CPUID_BASE_LAST)
        return -1;
    cpuid(base + 2, &a, &b); /* b: the MSR */
    __asm__ volatile("wrmsr" ::"c"(b), "a"(hypercall_page), "d"(0) : "memory");

    pfn = hvm_param(HVM_PARAM_CONSOLE_PFN);
    ring_port = (evtchn_port_t)hvm_param(HVM_PARAM_CONSOLE_EVTCHN);
    if (pfn != 0 && pfn < (1u << 20) && ring_port != 0)
        ring = (struct xencons_interface *)(uint32_t)(pfn << 12);
    return 0;
}

static void ring_notify(void)
{
    struct evtchn_send send = { .port = ring_port };

    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (uint32_t)&send, 0);
}

static void ring_put(char c)
{
    volatile XENCONS_RING_IDX *prod = &ring->out_prod, *cons = &ring->out_cons;

    while (*prod - *cons >= sizeof(ring->out)) {
        ring_notify();
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0);
    }
    ring->out[MASK_XENCONS_IDX(*prod, ring->out)] = c;
    __asm__ volatile("" ::: "memory"); /* the byte, then the index */
    (*prod)++;
}

void xen_print(const char *s)
{
    uint32_t len = 0;

    while (s[len])
        len++;
    if (!ring) {
        hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, len, (uint32_t)s);
        return;
    }
    for (; *s; s++) {
        if (*s == '\n')
            ring_put('\r');
        ring_put(*s);
    }
    ring_notify();
}

uint32_t xen_give_back(uint32_t gfn, uint32_t nr)
{
    static xen_pfn_t list[GIVE_BATCH];
    uint32_t given = 0;

    while (given < nr) {
        uint32_t batch = nr - given < GIVE_BATCH ? nr - given : GIVE_BATCH;
        struct xen_memory_reservation r = { .nr_extents = batch,
                                            .domid = DOMID_SELF };
        long rc;

        for (uint32_t i = 0; i < batch; i++)
            list[i] = gfn + given + i;
        set_xen_guest_handle(r.extent_start, list);
        rc = hypercall(__HYPERVISOR_memory_op, XENMEM_decrease_reservation,
                       (uint32_t)&r, 0);
        if (rc <= 0)
            break;
        given += (uint32_t)rc;
    }
    return given;
}
