/* SPDX-License-Identifier: MIT */
/*
 * guest_domain.c - a guest's domain: what it takes of this host, and back
 *
 * How this works: whatever a domain needs is taken in guest_domain_build() and
 * _introduce() (or _adopt()), and given back in guest_domain_remove(), which
 * may be called at any point and any number of times.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/memory_map.h"
#include "common/checked.h"
#include "common/evt.h"
#include "common/log.h"
#include "common/store.h"
#include "toolstack/supervisor/console.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/xenbus.h"

static void on_bell(uv_poll_t *p, int status, int events);
static void on_bell_slice(uv_timer_t *timer);
static void on_bell_closed(uv_handle_t *h);

static void bell_close(struct guest *g)
{
    if (!g->bell)
        return;
    g->bell->guest = NULL;
    uv_close((uv_handle_t *)&g->bell->poll, on_bell_closed);
    uv_close((uv_handle_t *)&g->bell->slice, on_bell_closed);
    g->bell = NULL;
}

static void on_bell_closed(uv_handle_t *h)
{
    struct bell *b = h->data;

    if (--b->nr_handles == 0)
        free(b);
}

/* Give back our side of the current domain; a no-op without one. */
void guest_domain_let_go(struct guest *g)
{
    uv_timer_stop(&g->timer);
    uv_timer_stop(&g->unheard);
    guest_suspend_forget(g);
    if (g->move && g->move->proc)
        guest_move_cut(g->move);
    guest_move_drop(g);
    g->leaves = false; /* the next domain stays */
    g->command_op = g->command_seq = g->transfer = 0;
    console_detach(g->console);
    load_close(&g->load);
    bell_close(g);
    evt_close(g->evt);
    g->evt = NULL;
    g->doorbell = g->console_port = 0;
    g->domid = HYP_DOMID_NONE;
    g->stale = false;
    g->ports = (struct hyp_ports){ 0 };
}

/* Tell `freehold list` which domain is ours now. */
static int write_state(struct guest *g, struct err *e)
{
    struct run_state s = {
        .pid = getpid(),
        .console_port = g->ports.console,
        .receives = g->receives,
        .leaves = g->leaves,
    };
    char domid[8] = "";

    if (g->domid != HYP_DOMID_NONE) {
        s.domid = g->domid;
        snprintf(domid, sizeof(domid), "%u", s.domid);
    }
    memcpy(s.uuid, g->cfg->uuid, sizeof(s.uuid));
    s.identity = g->identity;
    log_set_guest(NULL, NULL, domid);
    return rundir_write(g->dir, &s, e);
}

/* And remove the domain; our mappings would keep it half alive. */
void guest_domain_remove(struct guest *g)
{
    struct err e = { 0 };
    uint16_t domid = g->domid;

    guest_domain_let_go(g);
    if (domid == HYP_DOMID_NONE)
        return;
    guest_devs_end(g, domid);
    if (hyp_destroy(g->hyp, domid, &e) < 0)
        log_err("guest %s: %s", g->cfg->name, e.text);
    if (xenbus_remove(g->store, domid, g->cfg->uuid, &e) < 0)
        log_err("guest %s: %s", g->cfg->name, e.text);
    if (write_state(g, &e) < 0)
        log_err("guest %s: %s", g->cfg->name, e.text);
}

static void on_bell(uv_poll_t *p, int status, int events)
{
    struct bell *b = p->data;
    uint32_t port;

    (void)status, (void)events;
    for (; b->guest && b->nr_rings < GUEST_RINGS_MAX; b->nr_rings++) {
        if (!evt_take(b->guest->evt, &port))
            return;
        if (!uv_is_active((uv_handle_t *)&b->slice))
            uv_timer_start(&b->slice, on_bell_slice, GUEST_RINGS_SLICE_MS, 0);
        guest_rang(b->guest, port);
    }
    if (b->guest)
        uv_poll_stop(p); /* what rings now stays pending */
}

static void on_bell_slice(uv_timer_t *timer)
{
    struct bell *b = timer->data;

    b->nr_rings = 0;
    uv_poll_start(&b->poll, UV_READABLE, on_bell);
}

static int watch_bell(struct guest *g, struct err *e)
{
    struct bell *b = calloc(1, sizeof(*b));
    int r;

    if (!b)
        return fail(e, -ENOMEM, "guest %s: no memory", g->cfg->name);
    r = uv_poll_init(g->loop, &b->poll, evt_fd(g->evt));
    if (r < 0) {
        free(b);
        return fail(e, r, "guest %s: watch its event channels: %s",
                    g->cfg->name, uv_strerror(r));
    }
    uv_timer_init(g->loop, &b->slice);
    b->guest = g;
    b->nr_handles = 2;
    b->poll.data = b->slice.data = b;
    g->bell = b;
    uv_poll_start(&b->poll, UV_READABLE, on_bell);
    return 0;
}

static int open_blobs(struct guest *g, struct err *e)
{
    const struct vm_config *c = g->cfg;
    int rc;

    if (g->receives)
        return 0; /* its kernel comes with its memory */
    rc = blob_from_text(&g->load.blob[FH_BLOB_CMDLINE], c->cmdline, e);

    if (rc == 0)
        rc = blob_open(&g->load.blob[FH_BLOB_KERNEL], "kernel", c->kernel,
                       FH_KERNEL_MAX, e);
    if (rc == 0 && c->ramdisk)
        rc = blob_open(&g->load.blob[FH_BLOB_INITRD], "ramdisk", c->ramdisk,
                       c->ram_bytes, e);
    if (rc == -EFBIG)
        return fail(e, rc,
                    "%s: does not fit memory=%llu MiB; raise memory= or use "
                    "a smaller file",
                    g->load.blob[FH_BLOB_KERNEL].va ? "ramdisk" : "kernel",
                    (unsigned long long)(c->ram_bytes >> 20));
    return rc;
}

static int build_domain(struct guest *g, struct err *e)
{
    const struct vm_config *c = g->cfg;
    struct hyp_spec spec = {
        .ram_bytes = c->ram_bytes,
        .nr_vcpus = c->nr_vcpus,
        .max_event_channels = c->max_event_channels,
        .has_maptrack_frames = c->has_maptrack_frames,
        .max_maptrack_frames = c->max_maptrack_frames,
    };
    uint64_t start_us = guest_now_us();
    int rc;

    memcpy(spec.uuid, c->uuid, sizeof(spec.uuid));
    rc = guest_find_pool(g, &spec.pool, e);
    if (rc == 0)
        rc = write_state(g, e); /* the handle, before a domain has it */
    if (rc == 0)
        rc = hyp_create(g->hyp, &spec, &g->domid, e);
    if (rc == 0)
        rc = hyp_configure(g->hyp, g->domid, &spec, &g->ports, e);
    if (rc == 0)
        rc = guest_place(g, e);
    if (rc == 0)
        rc = write_state(g, e);
    g->times.hypercalls = guest_now_us() - start_us;
    return rc;
}

static int build_tree(struct guest *g, struct err *e)
{
    const struct vm_config *c = g->cfg;
    struct xenbus_spec x = {
        .domid = g->domid,
        .name = c->name,
        .ram_bytes = c->ram_bytes,
        .target_bytes = c->target_bytes,
        .nr_vcpus = c->nr_vcpus,
        .console_port = g->ports.console,
    };
    uint64_t start_us = guest_now_us();
    int rc;

    memcpy(x.uuid, c->uuid, sizeof(x.uuid));
    rc = xenbus_build(g->store, &x, e);
    g->times.xenstore = guest_now_us() - start_us;
    return rc;
}

static int bind_doorbell(struct guest *g, struct err *e)
{
    int rc = evt_open(g->domid, &g->evt, e);

    if (rc == 0)
        rc = watch_bell(g, e);
    if (rc == 0) /* a transfer's process may have it still, and no other */
        rc = evt_bind(g->evt, XEN_STEWARD_DOORBELL_PORT, &g->doorbell, e);
    return rc;
}

int guest_domain_build(struct guest *g, struct err *e)
{
    int rc;

    g->times = (struct guest_times){ 0 };
    g->load = (struct load){
        .ram_bytes = g->cfg->ram_bytes,
        .flags = g->receives              ? FH_OFFER_RECEIVE
                 : g->cfg->trust_backends ? FH_OFFER_TRUST_BACKENDS
                                          : 0,
    };
    rc = open_blobs(g, e);
    if (rc == 0)
        rc = build_domain(g, e);
    if (rc == 0)
        rc = build_tree(g, e);
    if (rc == 0)
        rc = bind_doorbell(g, e);
    g->load.gnt = g->gnt;
    g->load.domid = g->domid;
    if (rc == 0)
        rc = guest_devs_build(g, e); /* they open while it is loaded */
    return rc;
}

/* The steward is ready: connect what the kernel will look for, then offer. */
int guest_domain_introduce(struct guest *g, struct err *e)
{
    uint64_t start_us = guest_now_us();
    int rc = guest_devs_ready(g, e);

    if (rc <= 0) /* 0: the last of them has this called again */
        return rc;
    rc = store_introduce(g->store, g->domid, XEN_STEWARD_STORE_GFN,
                         g->ports.store, e);
    if (rc == 0)
        rc = evt_bind(g->evt, g->ports.console, &g->console_port, e);
    if (rc == 0)
        rc = console_attach(g->console, g->gnt, g->evt, g->domid,
                            g->console_port, e);
    if (rc < 0)
        return rc;
    g->times.launch = start_us - g->unpaused_us;
    g->times.xenstore += guest_now_us() - start_us;
    load_offer(&g->load);
    evt_notify(g->evt, g->doorbell);
    return 0;
}

/* What was measured, where the next supervisor finds it: then it may run. */
int guest_domain_measured(struct guest *g, struct err *e)
{
    int rc;

    g->identity = g->load.identity;
    rc = write_state(g, e);
    if (rc < 0)
        return rc;
    load_noted(&g->load);
    evt_notify(g->evt, g->doorbell);
    return 0;
}

int guest_domain_came(struct guest *g, struct err *e)
{
    load_came(&g->load);
    g->identity = g->load.identity;
    g->receives = false;
    return write_state(g, e);
}

int guest_domain_leaves(struct guest *g, bool leaves, struct err *e)
{
    g->leaves = leaves;
    return write_state(g, e);
}

/* The guest may have closed or taken back whatever it gave: its own loss. */
static void lost(struct guest *g, const char *what, const struct err *e)
{
    log_warn("guest %s: it is taken over without its %s: %s", g->cfg->name,
             what, e->text);
}

void guest_domain_adopt(struct guest *g)
{
    struct err e = { 0 };

    if (bind_doorbell(g, &e) < 0)
        lost(g, "doorbell", &e);
    g->load.gnt = g->gnt;
    g->load.domid = g->domid;
    if (gnt_map(g->gnt, g->domid, XEN_STEWARD_CONTROL_REF, &g->load.page, &e) <
        0)
        lost(g, "control page", &e);
    if (g->receives)
        load_adopt_receiving(&g->load);
    else
        load_adopt(&g->load);
    guest_steward_adopt(g);
    guest_suspend_adopt(g);
    if (!g->evt ||
        evt_bind(g->evt, g->ports.console, &g->console_port, &e) < 0 ||
        console_attach(g->console, g->gnt, g->evt, g->domid, g->console_port,
                       &e) < 0)
        lost(g, "console", &e);
    guest_store_check(g);
    guest_devs_adopt(g);
    if (write_state(g, &e) < 0)
        log_err("guest %s: %s", g->cfg->name, e.text);
}
