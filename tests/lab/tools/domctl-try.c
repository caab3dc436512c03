/* SPDX-License-Identifier: MIT */
/*
 * domctl-try.c - what stock tools would ask of a domain that is to be moved
 *
 * usage: domctl-try DOMID logdirty|clean|context|resume|crash
 *
 * Prints "ok", or the error's name; exits 0 if Xen did it, 1 if not.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>

#include "common/err.h"
#include "toolstack/supervisor/hyp.h"

static int log_dirty(xc_interface *xc, uint32_t domid)
{
    return (int)xc_logdirty_control(
        xc, domid, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, NULL, 0, 0, NULL);
}

/* And ends the log, so that the domain is as it was. */
static int clean(xc_interface *xc, uint32_t domid)
{
    long long rc = xc_logdirty_control(xc, domid, XEN_DOMCTL_SHADOW_OP_CLEAN,
                                       NULL, 1024, 0, NULL);

    if (rc < 0)
        return -1;
    return (int)xc_logdirty_control(xc, domid, XEN_DOMCTL_SHADOW_OP_OFF, NULL,
                                    0, 0, NULL);
}

static int context(xc_interface *xc, uint32_t domid)
{
    return xc_domain_hvm_getcontext(xc, domid, NULL, 0) > 0 ? 0 : -1;
}

static int resume(xc_interface *xc, uint32_t domid)
{
    struct err e = { 0 };
    int rc = hyp_resume((uint16_t)domid, &e);

    (void)xc;
    errno = -rc;
    return rc;
}

static int crash(xc_interface *xc, uint32_t domid)
{
    return xc_domain_shutdown(xc, domid, SHUTDOWN_crash);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*call)(xc_interface *xc, uint32_t domid);
    } table[] = {
        { "logdirty", log_dirty }, { "clean", clean }, { "context", context },
        { "resume", resume },      { "crash", crash },
    };
    xc_interface *xc = xc_interface_open(NULL, NULL, 0);
    int rc = 2;

    if (!xc || argc != 3) {
        fprintf(stderr, "usage: domctl-try DOMID OPERATION, in dom0\n");
        return 2;
    }
    for (unsigned i = 0; i < sizeof(table) / sizeof(*table); i++) {
        if (strcmp(table[i].name, argv[2]))
            continue;
        rc = table[i].call(xc, (uint32_t)atoi(argv[1])) ? 1 : 0;
        printf("%s\n", rc ? strerrorname_np(errno) : "ok");
    }
    xc_interface_close(xc);
    return rc;
}
