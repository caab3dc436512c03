/* SPDX-License-Identifier: MIT */
/*
 * proxied.c - a protected domain that makes the hypercalls a test asks for
 */
#include "proxied.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xencall.h>
#include <xenctrl.h>
#include <xenevtchn.h>

#include <xen/hvm/hvm_vcpu.h>
#include <xen/vcpu.h>

#include "common/err.h"
#include "common/gnt.h"
#include "toolstack/supervisor/hyp.h"
#include "xen/test/proxy.h"

#define PAGE_BYTES 4096u
#define WAIT_MS 60000
#define LOOK_MS 10u
#define ARG_OFF 0x100u /* behind struct proxy */
#define GUEST_RAM_BYTES (64ull << 20)

struct world {
    struct hyp *hyp;
    struct gnt *gnt;
    xenevtchn_handle *evt;
    xencall_handle *call;
};

static _Noreturn void die(const char *what, const struct err *e)
{
    fprintf(stderr, "passage: %s: %s\n", what, e ? e->text : strerror(errno));
    exit(2);
}

static volatile struct proxy *page(const struct proxied *p)
{
    return (volatile struct proxy *)p->window;
}

static void look_again(void)
{
    struct timespec t = { .tv_nsec = LOOK_MS * 1000000L };

    nanosleep(&t, NULL);
}

struct world *world_open(void)
{
    struct world *w = calloc(1, sizeof(*w));
    struct err e = { 0 };

    if (!w || hyp_open(&w->hyp, &e) < 0 || gnt_open(&w->gnt, &e) < 0)
        die("open", &e);
    w->evt = xenevtchn_open(NULL, 0);
    w->call = xencall_open(NULL, 0);
    if (!w->evt || !w->call)
        die("open", NULL);
    return w;
}

void world_close(struct world *w)
{
    xencall_close(w->call);
    xenevtchn_close(w->evt);
    hyp_close(w->hyp);
    free(w); /* the mappings end with this process */
}

/* Sleep until a doorbell rings, whosever it is. */
static void await_ring(struct proxied *p)
{
    struct pollfd fd = { .fd = xenevtchn_fd(p->world->evt), .events = POLLIN };
    xenevtchn_port_or_error_t port;

    if (poll(&fd, 1, WAIT_MS) != 1) {
        fprintf(stderr, "passage: domain %u: no answer within %u ms\n",
                p->domid, WAIT_MS);
        exit(2);
    }
    port = xenevtchn_pending(p->world->evt);
    if (port < 0 || xenevtchn_unmask(p->world->evt, (evtchn_port_t)port) < 0)
        die("event channel", NULL);
}

static void map_window(struct proxied *p)
{
    struct gnt_map map = { 0 };
    uint32_t refs[PROXY_PAGES];
    struct err e = { 0 };

    for (uint32_t i = 0; i < PROXY_PAGES; i++)
        refs[i] = PROXY_REF + i;
    /* Binding rings once, before the proxy has granted anything. */
    while (gnt_map_pages(p->world->gnt, p->domid, refs, PROXY_PAGES, &map, &e) <
           0)
        await_ring(p);
    p->window = map.va;
    while (__atomic_load_n(&page(p)->magic, __ATOMIC_ACQUIRE) != PROXY_MAGIC)
        await_ring(p);
}

void proxied_open(struct world *w, struct proxied *p)
{
    struct hyp_spec s = { .uuid = "passage",
                          .ram_bytes = GUEST_RAM_BYTES,
                          .nr_vcpus = 1 };
    struct hyp_ports ports;
    struct err e = { 0 };
    int port;

    *p = (struct proxied){ .world = w, .domid = HYP_DOMID_NONE };
    if (hyp_create(w->hyp, &s, &p->domid, &e) < 0 ||
        hyp_configure(w->hyp, p->domid, &s, &ports, &e) < 0)
        die("create", &e);
    port =
        xenevtchn_bind_interdomain(w->evt, p->domid, XEN_STEWARD_DOORBELL_PORT);
    if (port < 0)
        die("doorbell", NULL);
    p->port = (uint32_t)port;
    if (hyp_unpause(w->hyp, p->domid, &e) < 0)
        die("launch", &e);
    map_window(p);
}

void proxied_close(struct proxied *p)
{
    struct err e = { 0 };

    if (hyp_destroy(p->world->hyp, p->domid, &e) < 0)
        die("destroy", &e);
}

uint64_t proxied_at(uint32_t off_bytes)
{
    return XEN_STEWARD_SHARED_GPA + off_bytes;
}

int64_t proxied_call(struct proxied *p, uint32_t nr, uint64_t a, uint64_t b,
                     uint64_t c)
{
    volatile struct proxy *x = page(p);
    uint32_t seq = x->seq + 1;

    x->nr = nr;
    x->arg[0] = a;
    x->arg[1] = b;
    x->arg[2] = c;
    __atomic_store_n(&x->seq, seq, __ATOMIC_RELEASE);
    if (xenevtchn_notify(p->world->evt, p->port) < 0)
        die("ring", NULL);
    while (__atomic_load_n(&x->done, __ATOMIC_ACQUIRE) != seq)
        await_ring(p);
    return x->rc;
}

void proxied_put(struct proxied *p, uint32_t off_bytes, const void *from,
                 uint32_t bytes)
{
    memcpy((void *)(p->window + off_bytes), from, bytes);
}

void proxied_get(struct proxied *p, uint32_t off_bytes, void *to,
                 uint32_t bytes)
{
    memcpy(to, (const void *)(p->window + off_bytes), bytes);
}

int64_t proxied_op(struct proxied *p, uint32_t cmd, void *arg, uint32_t bytes)
{
    int64_t rc;

    if (arg)
        proxied_put(p, ARG_OFF, arg, bytes);
    rc = proxied_call(p, __HYPERVISOR_steward_op, cmd, proxied_at(ARG_OFF), 0);
    if (arg)
        proxied_get(p, ARG_OFF, arg, bytes);
    return rc;
}

int64_t guest_initialise(struct proxied *p)
{
    struct vcpu_hvm_context c = { .mode = VCPU_HVM_MODE_64B };

    c.cpu_regs.x86_64.rbx = XEN_STEWARD_SHARED_GPA;
    c.cpu_regs.x86_64.rip = page(p)->guest_entry;
    c.cpu_regs.x86_64.rflags = 2;
    c.cpu_regs.x86_64.cr0 = 0x80000011; /* PG, ET, PE */
    c.cpu_regs.x86_64.cr3 = page(p)->guest_cr3;
    c.cpu_regs.x86_64.cr4 = 0x20;
    c.cpu_regs.x86_64.efer = 0x500;
    proxied_put(p, ARG_OFF, &c, sizeof(c));
    return proxied_call(p, __HYPERVISOR_vcpu_op, VCPUOP_initialise, 0,
                        proxied_at(ARG_OFF));
}

int64_t guest_up(struct proxied *p)
{
    return proxied_call(p, __HYPERVISOR_vcpu_op, VCPUOP_up, 0, 0);
}

int guest_runs(struct proxied *p)
{
    uint32_t before = page(p)->ticks;

    for (uint32_t ms = 0; ms < 1000; ms += LOOK_MS) {
        if (page(p)->ticks != before)
            return 1;
        look_again();
    }
    return 0;
}

void proxied_suspend(struct proxied *p)
{
    struct hyp_info info = { 0 };
    struct err e = { 0 };

    page(p)->suspend = 1;
    /* xenstored does not know these domains, so nothing announces it. */
    for (uint32_t ms = 0; ms < WAIT_MS; ms += LOOK_MS) {
        if (hyp_info(p->world->hyp, p->domid, &info, &e) < 0)
            die("info", &e);
        if (info.shutdown && info.reason == HYP_SUSPEND)
            return;
        look_again();
    }
    fprintf(stderr, "passage: domain %u: did not suspend\n", p->domid);
    exit(2);
}

uint64_t guest_resumed(struct proxied *p, uint32_t *times)
{
    *times = page(p)->resumes;
    return page(p)->resumed;
}

int dom0_resume(struct proxied *p)
{
    struct xen_domctl *d = xencall_alloc_buffer_pages(p->world->call, 1);
    int rc;

    if (!d)
        die("privcmd", NULL);
    *d = (struct xen_domctl){ .cmd = XEN_DOMCTL_resumedomain,
                              .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                              .domain = p->domid };
    rc = xencall1(p->world->call, __HYPERVISOR_domctl, (uintptr_t)d) ? -errno
                                                                     : 0;
    xencall_free_buffer_pages(p->world->call, d, 1);
    return rc;
}
