/* SPDX-License-Identifier: MIT */
/*
 * check.c - `freehold check`: can this host run protected guests, or would it
 * run this one?
 *
 * How this works: the surest way to learn what Xen allows is to ask it, so an
 * empty protected domain is made and removed at once; its error names what is
 * missing.  What Xen found of the hardware as it booted, it tells row by row.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "abi/memory_map.h"
#include "common/checked.h"
#include "common/err.h"
#include "toolstack/cli/checklist.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/posture.h"
#include "toolstack/supervisor/dump.h"
#include "toolstack/supervisor/hyp.h"
#include "toolstack/supervisor/hyp_posture.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/xenbus.h"

static void check_nodes(struct checklist *l)
{
    static const char *const node[] = { "/dev/xen/privcmd", "/dev/xen/evtchn",
                                        "/dev/xen/gntdev" };
    const char *why = "guests are made, rung and served by them";
    char text[160];

    for (uint32_t i = 0; i < ARRAY_SIZE(node); i++) {
        if (access(node[i], R_OK | W_OK) == 0)
            continue;
        snprintf(text, sizeof(text), "%s: %s", node[i], strerror(errno));
        checklist_add(l, CHECK_FAIL, "devices", text, why,
                      "run as root in dom0 and load xen-privcmd, xen-evtchn "
                      "and xen-gntdev");
        return;
    }
    checklist_add(l, CHECK_OK, "devices", "privcmd, evtchn, gntdev", why, "");
}

static void check_store(struct checklist *l)
{
    const char *why = "another maps pages that no guest granted it";
    struct err e = { 0 };

    if (xenbus_check_daemon(&e) < 0)
        checklist_add(l, CHECK_FAIL, "xenstored", "not the C xenstored", why,
                      e.text);
    else
        checklist_add(l, CHECK_OK, "xenstored", "the C xenstored", why, "");
}

static void check_host(struct checklist *l, struct hyp *h)
{
    const char *why = "Xen is what keeps guests apart";
    struct hyp_host host;
    struct err e = { 0 };
    char text[160];

    if (hyp_host(h, &host, &e) < 0) {
        checklist_add(l, CHECK_FAIL, "xen", "it does not answer", why, e.text);
        return;
    }
    snprintf(text, sizeof(text), "%s, %llu of %llu MiB free", host.xen_version,
             (unsigned long long)(host.free_bytes >> 20),
             (unsigned long long)(host.total_bytes >> 20));
    checklist_add(l, CHECK_OK, "xen", text, why, "");
    why = "a protected guest's pages are its own by nested paging";
    if (host.hap)
        checklist_add(l, CHECK_OK, "paging", "nested (HAP)", why, "");
    else
        checklist_add(l, CHECK_FAIL, "paging", "not nested (no HAP)", why,
                      "switch it on in the firmware, or use another CPU");
}

/* Row by row what keeps dom0 and its devices out, as Xen tells it. */
static void check_posture(struct checklist *l)
{
    struct hyp_posture p;
    struct err e = { 0 };

    if (hyp_posture(&p, &e) == 0)
        posture_check(l, &p);
    else
        checklist_add(l, CHECK_FAIL, "posture", "Xen does not tell it",
                      "what keeps dom0's devices out is not known", e.text);
}

static void check_create(struct checklist *l, struct hyp *h)
{
    const char *why = "the last word is Xen's: does it make one?";
    struct hyp_spec spec = { .ram_bytes = FH_RAM_MIN, .nr_vcpus = 1 };
    struct err e = { 0 };
    uint16_t domid = HYP_DOMID_NONE;

    if (getrandom(spec.uuid, sizeof(spec.uuid), 0) < 0)
        return;
    if (hyp_create(h, &spec, &domid, &e) == 0)
        checklist_add(l, CHECK_OK, "protection", "Xen makes protected domains",
                      why, "");
    else
        checklist_add(l, CHECK_FAIL, "protection", "Xen makes none", why,
                      e.text);
    if (domid != HYP_DOMID_NONE)
        hyp_destroy(h, domid, NULL);
}

/* A configuration alone: needs neither Xen nor root. */
static int check_file(struct cmd_context *x, int argc, char **argv,
                      struct err *e)
{
    struct vm_config cfg = { 0 };
    int rc = cmd_load_config(x, argv[0], argc - 1, argv + 1, &cfg, NULL, e);

    if (rc == 0 && x->json)
        cmd_print_json(dump_config(&cfg));
    else if (rc == 0)
        printf("ok    %s: guest %s, %u vCPUs, %llu MiB\n", argv[0], cfg.name,
               cfg.nr_vcpus, (unsigned long long)(cfg.target_bytes >> 20));
    vmcfg_free(&cfg);
    return rc;
}

int cmd_check(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct checklist *l;
    struct hyp *h;
    struct err why = { 0 };
    int rc;

    if (argc > 1)
        return check_file(x, argc - 1, argv + 1, e);
    l = checklist_new();
    if (!l)
        return fail(e, -ENOMEM, "check: no memory");
    check_nodes(l);
    if (hyp_open(&h, &why) < 0) {
        checklist_add(l, CHECK_FAIL, "xen", "not there",
                      "Xen is what keeps guests apart", why.text);
    } else {
        check_host(l, h);
        check_posture(l);
        check_create(l, h);
        hyp_close(h);
    }
    check_store(l);
    if (x->json)
        cmd_print_json(checklist_json(l));
    else
        checklist_print(stdout, l);
    rc = checklist_nr_failed(l) ? 1 : 0;
    checklist_free(l);
    return rc;
}
