/* SPDX-License-Identifier: MIT */
/*
 * calls.c - a guest that times hypercalls; bench/xen
 *
 * It prints `CALLS name COUNT NS` for each, where NS is the shortest time that
 * COUNT calls in a row took in any of BURSTS bursts: what else runs on the
 * machine can only lengthen one.  Then `CALLS end 0 0`, and it powers off.  A
 * call that fails is `CALLS name failed RC`.
 */
#include "guest.h"

#include <stddef.h>

#include <xen/xen.h>

#include <xen/arch-x86/hvm/start_info.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/version.h>

#define PAGE_BYTES 4096u
#define BURSTS 25u
#define TRIES 3u /* to find how many calls fill a burst */
#define BURST_NS 10000000u
#define COUNT_MAX (1u << 24)

struct job {
    const char *name;
    int (*once)(void); /* 0: it worked */
};

/* Xen puts its shared_info in the place of this page. */
static uint8_t shared_page[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
static uint8_t spare_page[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
static uint8_t from_page[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
static uint8_t to_page[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
static evtchn_port_t send_port, heard_port; /* ends of one channel */

static volatile struct shared_info *shared(void)
{
    return (volatile struct shared_info *)shared_page;
}

static uint32_t gfn(const void *page)
{
    return (uint32_t)page / PAGE_BYTES;
}

static int call(unsigned nr, unsigned op, void *arg, unsigned count)
{
    return guest_call(nr, op, (uint32_t)arg, count);
}

/* --- the calls ----------------------------------------------------------- */
static int once_version(void)
{
    return call(__HYPERVISOR_xen_version, XENVER_version, NULL, 0) <= 0;
}

static int once_yield(void)
{
    return call(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL, 0);
}

/* To itself.  What is pending already is not sent: so it is taken. */
static int once_send(void)
{
    struct evtchn_send send = { .port = send_port };
    int rc = call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send, 0);
    uint32_t word = heard_port / 32, bit = 1u << heard_port % 32;

    if (!(shared()->evtchn_pending[word] & bit))
        return -1;
    shared()->evtchn_pending[word] &= ~bit;
    shared()->vcpu_info[0].evtchn_pending_sel = 0;
    shared()->vcpu_info[0].evtchn_upcall_pending = 0;
    return rc;
}

static int once_copy(void)
{
    struct gnttab_copy c = {
        .source = { .u.gmfn = gfn(from_page), .domid = DOMID_SELF },
        .dest = { .u.gmfn = gfn(to_page), .domid = DOMID_SELF },
        .len = PAGE_BYTES,
    };
    int rc = call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, &c, 1);

    return rc ? rc : c.status;
}

static int once_reservation(void)
{
    domid_t self = DOMID_SELF;

    return call(__HYPERVISOR_memory_op, XENMEM_current_reservation, &self, 0) <=
           0;
}

/* As a balloon driver does it: a page back to Xen, another in its place. */
static int once_balloon(void)
{
    xen_pfn_t list = gfn(spare_page);
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };
    int rc;

    set_xen_guest_handle(r.extent_start, &list);
    rc = call(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &r, 0);
    if (rc != 1)
        return -1;
    rc = call(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &r, 0);
    return rc != 1;
}

/* --- the stopwatch ---------------------------------------------------------
 */
static uint64_t ticks(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return (uint64_t)hi << 32 | lo;
}

/* A burst is far shorter than 2^32 ticks. */
static uint32_t to_ns(uint64_t delta)
{
    uint32_t mul = shared()->vcpu_info[0].time.tsc_to_system_mul;
    int8_t shift = shared()->vcpu_info[0].time.tsc_shift;

    delta = shift < 0 ? delta >> -shift : delta << shift;
    return (uint32_t)((uint64_t)(uint32_t)delta * mul >> 32);
}

/* ns that count calls take, at least 1; 0: one failed, with *rc. */
static uint32_t burst(const struct job *j, uint32_t count, int *rc)
{
    uint64_t t0 = ticks();
    uint32_t ns;

    for (uint32_t i = 0; i < count; i++) {
        *rc = j->once();
        if (*rc)
            return 0;
    }
    ns = to_ns(ticks() - t0);
    return ns ? ns : 1;
}

/* The shortest of so many bursts; 0: as burst(). */
static uint32_t shortest(const struct job *j, uint32_t count, uint32_t bursts,
                         int *rc)
{
    uint32_t best = UINT32_MAX;

    while (bursts--) {
        uint32_t ns = burst(j, count, rc);

        if (!ns)
            return 0;
        if (ns < best)
            best = ns;
    }
    return best;
}

static void measure(const struct job *j)
{
    uint32_t count = 16, best;
    int rc = 0;

    while ((best = shortest(j, count, TRIES, &rc)) && best < BURST_NS &&
           count < COUNT_MAX)
        count *= 2;
    if (best)
        best = shortest(j, count, BURSTS, &rc);
    guest_print("CALLS ");
    guest_print(j->name);
    if (best) {
        guest_print(" ");
        guest_print_number(count);
        guest_print(" ");
        guest_print_number(best);
    } else {
        guest_print(" failed ");
        guest_print_number((uint32_t)rc);
    }
    guest_print("\n");
}

/* Where the time's scale and what is pending stand; and a port to itself. */
static int prepare(void)
{
    struct xen_add_to_physmap map = { .domid = DOMID_SELF,
                                      .space = XENMAPSPACE_shared_info,
                                      .gpfn = gfn(shared_page) };
    struct evtchn_alloc_unbound alloc = { .dom = DOMID_SELF,
                                          .remote_dom = DOMID_SELF };
    struct evtchn_bind_interdomain bind = { .remote_dom = DOMID_SELF };

    if (call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &map, 0) ||
        call(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &alloc, 0))
        return 0;
    bind.remote_port = alloc.port;
    if (call(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, &bind,
             0))
        return 0;
    heard_port = alloc.port;
    send_port = bind.local_port;
    for (uint32_t i = 0; !shared()->vcpu_info[0].time.tsc_to_system_mul; i++)
        if (i == COUNT_MAX || once_yield())
            return 0;
    return 1;
}

void guest_main(const struct hvm_start_info *si)
{
    static const struct job jobs[] = {
        { "version", once_version },    { "yield", once_yield },
        { "send", once_send },          { "copy", once_copy },
        { "memory", once_reservation }, { "balloon", once_balloon },
    };

    (void)si;
    if (guest_init()) {
        if (!prepare())
            guest_print("CALLS prepare failed 0\n");
        else
            for (uint32_t i = 0; i < sizeof(jobs) / sizeof(*jobs); i++)
                measure(&jobs[i]);
        guest_print("CALLS end 0 0\n");
    }
    guest_shutdown(SHUTDOWN_poweroff);
}
