/* SPDX-License-Identifier: MIT */
/*
 * probe.c - ask and attack a domain by hypercalls that hyp.h does not make
 */
#include "tests/evil/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>

#include <xen/hvm/params.h>
#include <xentoollog.h>

#include "common/checked.h"
#include "common/err.h"

struct probe {
    xc_interface *xc;
    xentoollog_logger_stdiostream *log; /* refusals are what we want */
};

int probe_open(struct probe **out, struct err *e)
{
    struct probe *p = calloc(1, sizeof(*p));

    if (!p)
        return fail(e, -ENOMEM, "probe: no memory");
    p->log = xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
    if (p->log)
        p->xc = xc_interface_open((void *)p->log, (void *)p->log, 0);
    if (!p->xc) {
        int rc = fail(e, -errno, "probe: open privcmd: %s", strerror(errno));

        probe_close(p);
        return rc;
    }
    *out = p;
    return 0;
}

void probe_close(struct probe *p)
{
    if (!p)
        return;
    if (p->xc)
        xc_interface_close(p->xc);
    if (p->log)
        xtl_logger_destroy((void *)p->log);
    free(p);
}

int probe_vcpus_ran(struct probe *p, uint16_t domid, uint32_t nr_vcpus,
                    struct err *e)
{
    int ran = 0;

    for (uint32_t i = 0; i < nr_vcpus; i++) {
        xc_vcpuinfo_t info;

        if (xc_vcpu_getinfo(p->xc, domid, i, &info))
            return fail(e, -errno, "domain %u: look at vcpu %u: %s", domid, i,
                        strerror(errno));
        ran += info.online || info.running || info.cpu_time != 0;
    }
    return ran;
}

static int set_store_page(struct probe *p, uint16_t domid)
{
    return xc_hvm_param_set(p->xc, domid, HVM_PARAM_STORE_PFN, 0x1000);
}

static int set_console_page(struct probe *p, uint16_t domid)
{
    return xc_hvm_param_set(p->xc, domid, HVM_PARAM_CONSOLE_PFN, 0x1000);
}

static int set_store_port(struct probe *p, uint16_t domid)
{
    return xc_hvm_param_set(p->xc, domid, HVM_PARAM_STORE_EVTCHN, 1);
}

/* Xen does not say why it did none: it says how many it did. */
static int populate(struct probe *p, uint16_t domid)
{
    xen_pfn_t gfn = 0x8000;
    int r = xc_domain_populate_physmap(p->xc, domid, 1, 0, 0, &gfn);

    if (r == 0)
        errno = EPERM;
    return r == 0 ? -1 : r;
}

static int set_memory_map(struct probe *p, uint16_t domid)
{
    struct e820entry map = { .addr = 0, .size = 64 * MIB_BYTES, .type = 1 };

    return xc_domain_set_memory_map(p->xc, domid, &map, 1);
}

static int open_port(struct probe *p, uint16_t domid)
{
    return xc_evtchn_alloc_unbound(p->xc, domid, 0) < 0 ? -1 : 0;
}

static int add_vcpus(struct probe *p, uint16_t domid)
{
    return xc_domain_max_vcpus(p->xc, domid, 2);
}

static int set_tsc(struct probe *p, uint16_t domid)
{
    return xc_domain_set_tsc_info(p->xc, domid, 1, 0, 0, 0);
}

static int set_registers(struct probe *p, uint16_t domid)
{
    vcpu_guest_context_any_t context;

    memset(&context, 0, sizeof(context));
    return xc_vcpu_setcontext(p->xc, domid, 0, &context);
}

int probe_late_calls(struct probe *p, uint16_t domid, struct err *e)
{
    static const struct {
        const char *what;
        int (*call)(struct probe *p, uint16_t domid);
    } row[] = {
        { "set the xenstore page", set_store_page },
        { "set the console page", set_console_page },
        { "set the xenstore port", set_store_port },
        { "populate a page", populate },
        { "set the memory map", set_memory_map },
        { "open an event channel", open_port },
        { "make vcpus", add_vcpus },
        { "set the TSC mode", set_tsc },
        { "set the registers of vcpu 0", set_registers },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        int r;

        errno = 0;
        r = row[i].call(p, domid);
        if (r >= 0 || errno != EPERM)
            return fail(e, -EIO,
                        "domain %u: %s after the launch: got %d (%s), want "
                        "it refused with EPERM",
                        domid, row[i].what, r, strerror(errno));
    }
    return 0;
}
