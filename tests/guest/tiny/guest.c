/* SPDX-License-Identifier: MIT */
/*
 * guest.c - what tiny guests ask of Xen
 *
 * How this works: CPUID names the MSR, the MSR takes the address of a page
 * that Xen fills with code, and hypercall n is at 32 * n in it.  The console
 * ring's page and port are HVM parameters.
 */
#include "guest.h"

#include <stddef.h>

#include <xen/xen.h>

#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/io/console.h>
#include <xen/sched.h>

#define LEAF_FIRST 0x40000000u
#define LEAF_STEP 0x100u
#define LEAF_LAST 0x4000ff00u
#define XENV 0x566e6558u /* "XenV", the signature's first quarter */

static uint8_t calls[4096] __attribute__((aligned(4096)));

static struct {
    volatile struct xencons_interface *ring;
    evtchn_port_t port;
} console;

int guest_call(unsigned nr, uint32_t a, uint32_t b, uint32_t c)
{
    const uint8_t *entry = calls + 32 * nr;
    int rc;

    __asm__ volatile("call *%[entry]"
                     : "=a"(rc), "+b"(a), "+c"(b), "+d"(c)
                     : [entry] "r"(entry)
                     : "memory");
    return rc;
}

static int call(unsigned nr, unsigned op, void *arg)
{
    return guest_call(nr, op, (uint32_t)arg, 0);
}

/* ebx of a CPUID leaf: the signature in the first, the MSR in the third. */
static uint32_t leaf_b(uint32_t leaf)
{
    uint32_t a = leaf, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return b;
}

static uint64_t param(uint32_t index)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = index };

    return call(__HYPERVISOR_hvm_op, HVMOP_get_param, &p) ? 0 : p.value;
}

int guest_init(void)
{
    uint32_t leaf = LEAF_FIRST;

    while (leaf_b(leaf) != XENV) {
        if (leaf == LEAF_LAST)
            return 0;
        leaf += LEAF_STEP;
    }
    __asm__ volatile("wrmsr" ::"c"(leaf_b(leaf + 2)), "a"(calls), "d"(0)
                     : "memory");
    console.ring = (void *)((uint32_t)param(HVM_PARAM_CONSOLE_PFN) << 12);
    console.port = (evtchn_port_t)param(HVM_PARAM_CONSOLE_EVTCHN);
    return 1;
}

static void notify(void)
{
    struct evtchn_send send = { .port = console.port };

    call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send);
}

static void put(char c)
{
    uint32_t at = console.ring->out_prod;

    while (at - console.ring->out_cons == sizeof(console.ring->out)) {
        notify();
        call(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL);
    }
    console.ring->out[at % sizeof(console.ring->out)] = c;
    __asm__ volatile("" ::: "memory"); /* the byte first, then its index */
    console.ring->out_prod = at + 1;
}

void guest_print(const char *text)
{
    if (!console.ring)
        return;
    for (; *text; text++) {
        if (*text == '\n')
            put('\r');
        put(*text);
    }
    notify();
}

void guest_print_number(uint64_t n)
{
    char text[21], *p = text + sizeof(text) - 1;
    uint32_t hi = (uint32_t)(n >> 32), lo = (uint32_t)n;

    *p = '\0';
    do { /* long division by 10, in 32-bit steps: there is no libgcc */
        uint32_t rest = hi % 10, digit;

        hi /= 10;
        __asm__("divl %[ten]"
                : "+a"(lo), "=d"(digit)
                : "d"(rest), [ten] "r"(10u));
        *--p = (char)('0' + digit);
    } while (hi || lo);
    guest_print(p);
}

void guest_shutdown(unsigned reason)
{
    struct sched_shutdown s = { .reason = reason };

    for (;;)
        call(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &s);
}
