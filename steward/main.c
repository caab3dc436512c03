/* SPDX-License-Identifier: MIT */
/*
 * main.c - the steward's life, as a straight list
 *
 * How this works: one vCPU, one stack, interrupts off.  It runs from top to
 * bottom; where it needs dom0 it sleeps until the doorbell rings and looks
 * again.  Any failure ends in words on the control page, and no vCPU of the
 * guest ever runs.  dom0's bytes come in by four ways only: the offer
 * (offer.c checks it), done[] (control.c), granted pages (load.c takes them
 * back and measures them; then plan.c, cmdline.c and elf.c check them), and
 * commands, once the guest runs or is to come (serve.c).
 */
#include <stdint.h>
#include <string.h>
#include <xen/xen.h>

#include <xen/hvm/hvm_vcpu.h>
#include <xen/io/xs_wire.h>

#include "acpi.h"
#include "boot.h"
#include "cmdline.h"
#include "control.h"
#include "fault.h"
#include "grant.h"
#include "hyper.h"
#include "load.h"
#include "measure.h"
#include "offer.h"
#include "pages.h"
#include "place.h"
#include "plan.h"
#include "serve.h"

#define SHARED_PAGES 3u
#define LOW_ZERO_BYTES MIB_BYTES

struct steward {
    struct xen_steward_info info;
    struct control control;
    struct grant grant;
    struct measure measure;
    struct load load;
    struct offer offer;
    struct plan plan;
    struct gpa entry; /* the kernel's first instruction */
    struct machine_shape shape;
    struct serve serve;
};

void steward_main(void) __attribute__((noreturn));

static uint32_t guest_vcpus(const struct steward *s)
{
    return s->info.nr_vcpus - 1;
}

/* Meet Xen and make the pages that dom0 is to see. */
static int open_shared(struct steward *s, struct st_err *e)
{
    int rc;

    if (hyper_info(&s->info) < 0)
        hyper_crash();
    rc = pages_populate_shared(e);
    if (rc < 0)
        hyper_crash(); /* no page to say it on */
    control_open(&s->control, s->info.guest_id);
    rc = grant_open(&s->grant, s->info.visible_grant_frames, e);
    if (rc < 0)
        hyper_crash();
    grant_give(&s->grant, XEN_STEWARD_CONSOLE_REF, XEN_STEWARD_CONSOLE_GFN);
    grant_give(&s->grant, XEN_STEWARD_STORE_REF, XEN_STEWARD_STORE_GFN);
    grant_give(&s->grant, XEN_STEWARD_CONTROL_REF, XEN_STEWARD_CONTROL_GFN);
    return 0;
}

static int check_info(const struct steward *s, struct st_err *e)
{
    if (s->info.abi != XEN_STEWARD_ABI)
        return st_fail(e, FH_ERR_XEN,
                       "steward: Xen speaks version %u, this image %u: boot "
                       "the image that belongs to this Xen",
                       s->info.abi, XEN_STEWARD_ABI);
    if (s->info.state != XEN_STEWARD_STATE_launching)
        return st_fail(e, FH_ERR_XEN, "steward: started in state %u, want %u",
                       s->info.state, XEN_STEWARD_STATE_launching);
    if (s->info.nr_vcpus < 2 || guest_vcpus(s) > ACPI_VCPUS_MAX)
        return st_fail(e, FH_ERR_XEN,
                       "vcpus: %u with the steward's, want 2 to %u",
                       s->info.nr_vcpus, ACPI_VCPUS_MAX + 1);
    return 0;
}

/*
 * XS_INTRODUCE zeroes the ring's indices.  A kernel that finds this mark
 * waits until xenstored has taken it away.
 */
static void mark_xenstore(void)
{
    volatile struct xenstore_domain_interface *ring =
        pages_at(gpa((uint64_t)XEN_STEWARD_STORE_GFN * PAGE_BYTES));

    ring->connection = XENSTORE_RECONNECT;
}

static int take_offer(struct steward *s, struct st_err *e)
{
    struct fh_offer wire;

    while (!control_introduced(&s->control)) {
        if (control_aborted(&s->control))
            return st_fail(e, FH_ERR_PROTOCOL,
                           "dom0 gave up before it offered a guest");
        hyper_wait();
    }
    control_fetch_offer(&s->control, &wire);
    return offer_check(&wire, s->info.max_pages,
                       s->info.region_pages + SHARED_PAGES, &s->offer, e);
}

/* What is measured of the machine, and compared when the guest moves. */
static void shape(struct steward *s)
{
    s->shape.ram_bytes = s->offer.ram_bytes;
    s->shape.config.abi_version = FH_ABI_VERSION;
    s->shape.config.nr_guest_vcpus = guest_vcpus(s);
    s->shape.config.visible_grant_frames = s->info.visible_grant_frames;
    s->shape.config.nr_map = s->offer.nr_map;
    memcpy(s->shape.config.map, s->offer.map, sizeof(s->shape.config.map));
}

static int load_cmdline(struct steward *s, struct st_err *e)
{
    char *line = pages_at(gpa(LAYOUT_CMDLINE_GPA));
    uint64_t bytes = s->offer.cmdline_bytes, suffix_bytes = 0;
    struct load_range range = { .blob = FH_BLOB_CMDLINE,
                                .len_bytes = bytes,
                                .to = gpa(LAYOUT_CMDLINE_GPA) };
    int rc;

    if (!s->offer.trust_backends)
        suffix_bytes = sizeof(FH_CMDLINE_SUFFIX) - 1;
    measure_item(&s->measure, bytes + suffix_bytes);
    rc = load_range(&s->load, &range, e);
    if (rc < 0)
        return rc;
    rc = cmdline_finish(line, bytes, s->offer.trust_backends, e);
    if (rc < 0)
        return rc;
    measure_bytes(&s->measure, line + bytes, suffix_bytes);
    return 0;
}

/* The first page says where the rest goes. */
static int load_kernel(struct steward *s, struct st_err *e)
{
    uint64_t bytes = s->offer.kernel_bytes;
    uint64_t head_bytes = bytes < PAGE_BYTES ? bytes : PAGE_BYTES;
    struct load_range range = { .blob = FH_BLOB_KERNEL,
                                .len_bytes = head_bytes,
                                .to = gpa(LAYOUT_HEAD_GPA) };
    int rc;

    measure_item(&s->measure, bytes);
    rc = load_range(&s->load, &range, e);
    if (rc < 0)
        return rc;
    rc = plan_make(pages_at(gpa(LAYOUT_HEAD_GPA)), &s->offer, &s->plan, e);
    if (rc < 0)
        return rc;
    rc =
        cmdline_check_limit((uint32_t)strlen(pages_at(gpa(LAYOUT_CMDLINE_GPA))),
                            s->plan.cmdline_limit, e);
    if (rc < 0)
        return rc;
    memcpy(pages_at(s->plan.file), pages_at(gpa(LAYOUT_HEAD_GPA)), PAGE_BYTES);
    range.off_bytes = head_bytes;
    range.len_bytes = bytes - head_bytes;
    range.to = gpa(s->plan.file.v + PAGE_BYTES);
    return load_range(&s->load, &range, e);
}

static int load_initrd(struct steward *s, struct st_err *e)
{
    struct load_range range = { .blob = FH_BLOB_INITRD,
                                .len_bytes = s->offer.initrd_bytes,
                                .to = s->plan.initrd };

    measure_item(&s->measure, s->offer.initrd_bytes);
    return load_range(&s->load, &range, e);
}

static int load_images(struct steward *s, struct st_err *e)
{
    int rc;

    s->load = (struct load){
        .control = &s->control,
        .grant = &s->grant,
        .measure = &s->measure,
        .total_bytes = s->offer.cmdline_bytes + s->offer.kernel_bytes +
                       s->offer.initrd_bytes,
    };
    measure_begin(&s->measure);
    control_progress(&s->control, 0, s->load.total_bytes);
    control_move(&s->control, FH_STATE_LOADING);
    rc = load_cmdline(s, e);
    if (rc == 0)
        rc = load_kernel(s, e);
    if (rc == 0)
        rc = load_initrd(s, e);
    return rc;
}

/* Images to their places, tables and boot parameters below 1 MiB. */
static int prepare_boot(struct steward *s, struct st_err *e)
{
    uint8_t *head = pages_at(gpa(LAYOUT_HEAD_GPA));
    int rc = place_kernel(&s->plan, &s->offer, &s->entry, e);

    if (rc < 0)
        return rc;
    acpi_build(pages_at(gpa(LAYOUT_TABLES_GPA)), gpa(LAYOUT_TABLES_GPA),
               guest_vcpus(s));
    if (s->plan.kind == PLAN_BZIMAGE)
        boot_params_build(pages_at(gpa(LAYOUT_BOOT_PARAMS_GPA)), head,
                          &s->offer, &s->plan);
    else
        boot_start_info_build(pages_at(gpa(LAYOUT_START_INFO_GPA)), &s->offer,
                              &s->plan);
    memset(head, 0, PAGE_BYTES);
    return 0;
}

/* Finish the measurement and give it to Xen, which lets vCPUs run then. */
static int commit(struct steward *s, struct st_err *e)
{
    uint8_t measurement[MEASURE_BYTES];
    long rc;

    measure_config(&s->measure, &s->shape.config);
    measure_end(&s->measure, measurement);
    rc = hyper_set_role(XEN_STEWARD_STATE_run, measurement);
    if (rc < 0)
        return st_fail(e, FH_ERR_XEN,
                       "measurement: giving it to Xen: Xen says %ld", rc);
    control_measurement(&s->control, measurement);
    control_move(&s->control, FH_STATE_STARTING);
    return 0;
}

/*
 * The control page is the kernel's to write once it runs: before that, dom0's
 * honest operator gets to read what was measured.
 */
static int wait_noted(struct steward *s, struct st_err *e)
{
    while (!control_noted(&s->control)) {
        if (control_aborted(&s->control))
            return st_fail(e, FH_ERR_PROTOCOL,
                           "dom0 gave up before the guest was started");
        hyper_wait();
    }
    return 0;
}

static int start_guest(struct steward *s, struct st_err *e)
{
    struct vcpu_hvm_context ctx;
    long rc;

    boot_context(&ctx, s->plan.kind, s->entry);
    rc = hyper_vcpu_start(0, &ctx);
    if (rc < 0)
        return st_fail(e, FH_ERR_XEN, "vcpu 0: starting it: Xen says %ld", rc);
    control_move(&s->control, FH_STATE_RUNNING);
    return 0;
}

/* Memory stands, and none of it was ever anybody's. */
static int receive(struct steward *s, struct st_err *e)
{
    static const uint8_t none[MEASURE_BYTES];
    int rc = grant_close(&s->grant, e);
    long xen;

    if (rc < 0)
        return rc;
    xen = hyper_set_role(XEN_STEWARD_STATE_receiving, none);
    if (xen < 0)
        return st_fail(e, FH_ERR_XEN, "domain: having it receive: Xen says %ld",
                       xen);
    control_move(&s->control, FH_STATE_RECEIVING);
    return 0;
}

static int prepare(struct steward *s, struct st_err *e)
{
    int rc = check_info(s, e);

    if (rc < 0)
        return rc;
    mark_xenstore();
    control_move(&s->control, FH_STATE_READY);
    rc = take_offer(s, e);
    if (rc < 0)
        return rc;
    shape(s);
    return pages_populate_ram(&s->offer, e);
}

static int launch(struct steward *s, struct st_err *e)
{
    int rc;

    pages_clear(gpa(0), LOW_ZERO_BYTES);
    rc = load_images(s, e);
    if (rc == 0)
        rc = prepare_boot(s, e);
    if (rc == 0)
        rc = grant_close(&s->grant, e);
    if (rc == 0)
        rc = commit(s, e);
    if (rc == 0)
        rc = wait_noted(s, e);
    if (rc == 0)
        rc = start_guest(s, e);
    return rc;
}

static void serve(struct steward *s) __attribute__((noreturn));
static void serve(struct steward *s)
{
    bool more = false;

    serve_open(&s->serve, &s->control, &s->shape, s->offer.receives);
    for (;;) {
        if (!more)
            hyper_wait();
        more = serve_look(&s->serve);
    }
}

void steward_main(void)
{
    static struct steward s; /* larger than the stack */
    struct st_err e = { 0 };
    int rc;

    memset(&s, 0, sizeof(s));
    pages_protect();
    fault_init(&s.control);
    if (!hyper_init())
        __builtin_trap();
    rc = open_shared(&s, &e);
    if (rc == 0)
        rc = prepare(&s, &e);
    if (rc == 0)
        rc = s.offer.receives ? receive(&s, &e) : launch(&s, &e);
    if (rc == 0)
        serve(&s);
    control_fail(&s.control, &e);
    for (;;)
        hyper_wait();
}
