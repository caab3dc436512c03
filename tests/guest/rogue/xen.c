/* SPDX-License-Identifier: MIT */
/*
 * xen.c - the rogue guest's hypercalls, by Xen's own hypercall page
 *
 * How this works: CPUID names the MSR, the MSR takes the address of a page
 * that Xen fills with code, and call number n is at 32 * n in it.  Shared info
 * and grant table take the places of pages of this program.
 */
#include "xen.h"

#include <stddef.h>

#include <xen/xen.h>

#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/hvm/params.h>
#include <xen/io/console.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

#include "text.h"

#define CPUID_BASE_FIRST 0x40000000u
#define CPUID_BASE_LAST 0x40010000u
#define CPUID_BASE_STEP 0x100u
#define SIGNATURE_XENV 0x566e6558u /* "XenV" */
#define GRANT_FRAMES (XEN_REFS * sizeof(grant_entry_v1_t) / PAGE)

extern void second_entry(void);

static uint8_t hypercall_page[PAGE] __attribute__((aligned(4096)));
static uint8_t shared_page[PAGE] __attribute__((aligned(4096)));
static uint8_t grant_pages[GRANT_FRAMES][PAGE] __attribute__((aligned(4096)));
static uint8_t ref_is_spent[XEN_REFS];
static struct xencons_interface *console;
static evtchn_port_t console_port;

static volatile shared_info_t *shared_info(void)
{
    return (volatile shared_info_t *)shared_page;
}

static long hypercall(unsigned nr, uint32_t a, const void *arg, uint32_t c)
{
    uint32_t entry = (uint32_t)hypercall_page + nr * 32;
    uint32_t b = (uint32_t)arg;
    long rc;

    __asm__ volatile("call *%[entry]"
                     : "=a"(rc), "+b"(a), "+c"(b), "+d"(c)
                     : [entry] "S"(entry)
                     : "memory");
    return rc;
}

uint64_t xen_param(uint32_t index)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = index };

    if (hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param, &p, 0) != 0)
        return 0;
    return p.value;
}

static void cpuid(uint32_t leaf, uint32_t *b)
{
    uint32_t c = 0, d;

    __asm__ volatile("cpuid" : "+a"(leaf), "=b"(*b), "+c"(c), "=d"(d));
}

/* Have a frame of Xen's appear at a page of ours. */
static int map_here(uint32_t space, uint32_t idx, void *page)
{
    struct xen_add_to_physmap a = { .domid = DOMID_SELF,
                                    .space = space,
                                    .idx = idx,
                                    .gpfn = (uint32_t)page / PAGE };

    return hypercall(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &a, 0) ? -1
                                                                           : 0;
}

int xen_init(void)
{
    uint32_t b, base;

    for (base = CPUID_BASE_FIRST; base < CPUID_BASE_LAST;
         base += CPUID_BASE_STEP) {
        cpuid(base, &b);
        if (b == SIGNATURE_XENV)
            break;
    }
    if (base >= CPUID_BASE_LAST)
        return -1;
    cpuid(base + 2, &b); /* the MSR */
    __asm__ volatile("wrmsr" ::"c"(b), "a"(hypercall_page), "d"(0) : "memory");

    console = (void *)((uint32_t)xen_param(HVM_PARAM_CONSOLE_PFN) * PAGE);
    console_port = (evtchn_port_t)xen_param(HVM_PARAM_CONSOLE_EVTCHN);
    if (map_here(XENMAPSPACE_shared_info, 0, shared_page) != 0)
        return -1;
    for (uint32_t i = 0; i < GRANT_FRAMES; i++)
        if (map_here(XENMAPSPACE_grant_table, i, grant_pages[i]) != 0)
            return -1;
    return 0;
}

static void console_put(char c)
{
    volatile XENCONS_RING_IDX *prod = &console->out_prod;
    volatile XENCONS_RING_IDX *cons = &console->out_cons;

    while (*prod - *cons >= sizeof(console->out)) {
        xen_port_send(console_port);
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL, 0);
    }
    console->out[MASK_XENCONS_IDX(*prod, console->out)] = c;
    __asm__ volatile("" ::: "memory"); /* the byte, then the index */
    (*prod)++;
}

void xen_print(const char *s)
{
    if (!console)
        return;
    for (; *s; s++) {
        if (*s == '\n')
            console_put('\r');
        console_put(*s);
    }
    xen_port_send(console_port);
}

void xen_shutdown(uint32_t reason)
{
    struct sched_shutdown s = { .reason = reason };

    for (;;)
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &s, 0);
}

void xen_idle(void)
{
    struct sched_poll never = { .nr_ports = 0 };

    for (;;)
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, &never, 0);
}

/* a * b / 2^32 */
static uint64_t scale(uint64_t a, uint32_t b)
{
    return ((a & 0xffffffffu) * b >> 32) + (a >> 32) * b;
}

uint64_t xen_now_ns(void)
{
    volatile struct vcpu_time_info *t = &shared_info()->vcpu_info[0].time;
    uint64_t tsc, now;
    uint32_t version;

    do {
        version = t->version;
        __asm__ volatile("rdtsc" : "=A"(tsc)::"memory");
        tsc -= t->tsc_timestamp;
        if (t->tsc_shift < 0)
            tsc >>= -t->tsc_shift;
        else
            tsc <<= t->tsc_shift;
        now = t->system_time + scale(tsc, t->tsc_to_system_mul);
    } while (version & 1 || version != t->version);
    return now;
}

uint32_t xen_port_open(void)
{
    struct evtchn_alloc_unbound a = { .dom = DOMID_SELF, .remote_dom = 0 };

    if (hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &a,
                  0) != 0)
        return 0;
    return a.port;
}

void xen_port_close(uint32_t port)
{
    struct evtchn_close c = { .port = port };

    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_close, &c, 0);
}

void xen_port_send(uint32_t port)
{
    struct evtchn_send s = { .port = port };

    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &s, 0);
}

/*
 * The pending bits of the first 1024 ports lie alike for Xen's 32-bit and
 * 64-bit shared info.
 */
static int take_pending(uint32_t port)
{
    volatile uint32_t *word =
        (volatile uint32_t *)shared_info()->evtchn_pending + port / 32;
    uint8_t was;

    __asm__ volatile("lock btrl %[bit], %[word]; setc %[was]"
                     : [was] "=q"(was), [word] "+m"(*word)
                     : [bit] "r"(port % 32)
                     : "memory", "cc");
    return was;
}

int xen_port_wait(uint32_t port, uint64_t until_ns)
{
    evtchn_port_t ports = port;
    struct sched_poll p = { .nr_ports = 1, .timeout = until_ns };

    set_xen_guest_handle(p.ports, &ports);
    while (!take_pending(port)) {
        if (xen_now_ns() >= until_ns)
            return 0;
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, &p, 0);
    }
    return 1;
}

long xen_ports_reset(void)
{
    struct evtchn_reset r = { .dom = DOMID_SELF };

    return hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_reset, &r, 0);
}

uint32_t xen_grant(const void *page, uint16_t domid, int readonly)
{
    volatile grant_entry_v1_t *table = (void *)grant_pages;
    static uint32_t next = XEN_REF_FIRST;

    for (uint32_t i = 0; i < XEN_REF_END; i++) {
        uint32_t ref = next;

        next = next + 1 < XEN_REF_END ? next + 1 : XEN_REF_FIRST;
        if (table[ref].flags || ref_is_spent[ref])
            continue;
        table[ref].domid = domid;
        table[ref].frame = (uint32_t)page / PAGE;
        __asm__ volatile("" ::: "memory"); /* what, then that */
        table[ref].flags = GTF_permit_access | (readonly ? GTF_readonly : 0);
        return ref;
    }
    return 0;
}

int xen_grant_end(uint32_t ref)
{
    volatile grant_entry_v1_t *table = (void *)grant_pages;
    uint16_t was = table[ref].flags, now;

    for (;;) {
        if (was & (GTF_reading | GTF_writing)) {
            ref_is_spent[ref] = 1;
            return -1;
        }
        now = was;
        __asm__ volatile("lock cmpxchgw %w[zero], %[flags]"
                         : "+a"(now), [flags] "+m"(table[ref].flags)
                         : [zero] "r"(0)
                         : "memory", "cc");
        if (now == was)
            return 0;
        was = now;
    }
}

static int change_page(uint32_t op, const void *page)
{
    xen_pfn_t gfn = (uint32_t)page / PAGE;
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

    set_xen_guest_handle(r.extent_start, &gfn);
    return hypercall(__HYPERVISOR_memory_op, op, &r, 0) == 1 ? 0 : -1;
}

int xen_page_drop(const void *page)
{
    return change_page(XENMEM_decrease_reservation, page);
}

int xen_page_renew(const void *page)
{
    return change_page(XENMEM_populate_physmap, page);
}

int xen_second_start(void)
{
    struct vcpu_hvm_context c = {
        .mode = VCPU_HVM_MODE_32B,
        .cpu_regs.x86_32 = {
            .eip = (uint32_t)second_entry,
            .cr0 = 0x11, /* PE, ET */
            .cs_limit = ~0u, .ds_limit = ~0u, .ss_limit = ~0u, .es_limit = ~0u,
            .tr_limit = 0x67,
            .cs_ar = 0xc9b, .ds_ar = 0xc93, .ss_ar = 0xc93, .es_ar = 0xc93,
            .tr_ar = 0x8b,
        },
    };

    /* The call's arguments: command, vCPU, pointer. */
    if (hypercall(__HYPERVISOR_vcpu_op, VCPUOP_initialise, (void *)1,
                  (uint32_t)&c) != 0 ||
        hypercall(__HYPERVISOR_vcpu_op, VCPUOP_up, (void *)1, 0) != 0)
        return -1;
    return 0;
}
