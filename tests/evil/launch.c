/* SPDX-License-Identifier: MIT */
/*
 * launch.c - the honest loader that every case lies through
 *
 * How this works: one loop waits for the guest's event channels, looks at the
 * control page once per turn, and does what the steward asks for; each thing
 * it does goes through the case's hook, if there is one.
 */
#include "tests/evil/launch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/xen_steward.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/evt.h"
#include "common/shm.h"
#include "common/store.h"
#include "tests/evil/hold.h"
#include "tests/evil/image.h"
#include "tests/evil/mirror.h"
#include "tests/evil/probe.h"
#include "tests/evil/storm.h"
#include "toolstack/supervisor/xenbus.h"

#define SLICE_MS 1000u
#define GONE_MS 20000u
#define GONE_STEP_NS 10000000

struct fh_control *evil_control(const struct evil *v)
{
    return v->page.va;
}

uint64_t launch_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

void launch_ring(struct evil *v)
{
    if (v->evt)
        evt_notify(v->evt, v->doorbell);
}

void launch_answer(struct evil *v, uint32_t window, uint32_t seq)
{
    shm_wmb(); /* the bytes, then the word that they are there */
    shm_set_u32(&evil_control(v)->dom0.done[window], seq);
    launch_ring(v);
}

int launch_fill(struct evil *v, const struct evil_batch *b, struct err *e)
{
    const uint8_t *from = v->file[b->blob].bytes + b->off_bytes;
    int rc = gnt_fill(v->gnt, v->domid, b->first_ref, from, b->len_bytes, e);

    if (rc == 0)
        ledger_filled(&v->ledger, b->blob, b->off_bytes, from, b->len_bytes);
    return rc;
}

void launch_close_bell(struct evil *v)
{
    evt_close(v->evt);
    v->evt = NULL;
    v->doorbell = v->console_port = 0;
}

int launch_open_bell(struct evil *v, struct err *e)
{
    int rc = evt_open(v->domid, &v->evt, e);

    if (rc == 0)
        rc = evt_bind(v->evt, XEN_STEWARD_DOORBELL_PORT, &v->doorbell, e);
    if (rc == 0 && v->console.va)
        rc = evt_bind(v->evt, v->ports.console, &v->console_port, e);
    return rc;
}

static void take_console(struct evil *v)
{
    uint32_t room = EVIL_CONSOLE_BYTES - 1 - v->printed_bytes;

    if (!v->console.va || v->c->want.mute)
        return;
    v->printed_bytes +=
        consring_take(&v->ring, v->printed + v->printed_bytes, room);
    v->printed[v->printed_bytes] = 0;
    consring_release(&v->ring);
    evt_notify(v->evt, v->console_port);
}

void launch_wait(struct evil *v, uint32_t timeout_ms)
{
    struct pollfd p[] = {
        { .fd = v->evt ? evt_fd(v->evt) : -1, .events = POLLIN },
        { .fd = v->signal_fd, .events = POLLIN },
    };
    uint32_t port;
    bool console = false;

    poll(p, ARRAY_SIZE(p), (int)timeout_ms);
    v->is_stopped |= p[1].revents != 0;
    while (v->evt && evt_take(v->evt, &port))
        console |= port == v->console_port;
    if (console)
        take_console(v);
}

int launch_printed(struct evil *v, const char *words, uint32_t timeout_ms)
{
    uint64_t end_ms = launch_now_ms() + timeout_ms;

    take_console(v);
    while (!strstr(v->printed, words)) {
        uint64_t now_ms = launch_now_ms();

        if (now_ms >= end_ms || v->is_stopped)
            return 0;
        launch_wait(v, (uint32_t)(end_ms - now_ms));
    }
    return 1;
}

void launch_look(struct evil *v)
{
    if (v->mirror)
        mirror_fetch(v->mirror, &v->seen);
    else
        shm_fetch(&v->seen, &evil_control(v)->steward, sizeof(v->seen));
}

static int build(struct evil *v, struct err *e)
{
    struct xenbus_spec x = { .name = v->c->name,
                             .ram_bytes = v->spec.ram_bytes,
                             .target_bytes = v->spec.ram_bytes,
                             .nr_vcpus = v->spec.nr_vcpus };
    int rc = hyp_create(v->hyp, &v->spec, &v->domid, e);

    if (rc == 0)
        rc = hyp_configure(v->hyp, v->domid, &v->spec, &v->ports, e);
    if (rc < 0)
        return rc;
    x.domid = v->domid;
    x.console_port = v->ports.console;
    memcpy(x.uuid, v->spec.uuid, sizeof(x.uuid));
    rc = xenbus_build(v->store, &x, e);
    if (rc == 0)
        rc = launch_open_bell(v, e);
    return rc;
}

static int introduce(struct evil *v, struct err *e)
{
    int rc = store_introduce(v->store, v->domid, XEN_STEWARD_STORE_GFN,
                             v->ports.store, e);

    if (rc == 0)
        rc = gnt_map(v->gnt, v->domid, XEN_STEWARD_CONSOLE_REF, &v->console, e);
    if (rc < 0)
        return rc;
    consring_attach(&v->ring, v->console.va);
    return evt_bind(v->evt, v->ports.console, &v->console_port, e);
}

static void offer(struct evil *v)
{
    struct fh_offer *out = &evil_control(v)->dom0.offer;

    shm_put(out, &v->offer[0], sizeof(*out));
    shm_wmb();
    shm_set_u32(&out->introduced, 1);
    v->is_offered = true;
    launch_ring(v);
}

/* The steward is ready for the guest that we offer. */
static int on_ready(struct evil *v, struct err *e)
{
    int rc = v->c->ready ? v->c->ready(v, e) : 0;

    if (rc == 0)
        rc = introduce(v, e);
    if (rc == 0 && v->c->storm)
        rc = storm_start(v, v->c->storm, &v->storm, e);
    if (rc < 0)
        return rc;
    offer(v);
    return v->c->offered ? v->c->offered(v, e) : 0;
}

/* The steward is no enemy here; but what it asks must be what we have. */
static int check_batch(const struct evil *v, const struct fh_batch *w,
                       struct err *e)
{
    if (w->blob >= FH_BLOBS || w->nr_refs == 0 || w->nr_refs > FH_BATCH_PAGES ||
        w->len_bytes == 0 || w->len_bytes > w->nr_refs * PAGE_BYTES ||
        !range_inside(w->off_bytes, w->len_bytes, v->file[w->blob].cap_bytes))
        return fail(e, -EPROTO,
                    "steward: batch %u: got blob %u, bytes %llu + %u, %u "
                    "grants: more than it was offered",
                    w->seq, w->blob, (unsigned long long)w->off_bytes,
                    w->len_bytes, w->nr_refs);
    return 0;
}

static int serve_window(struct evil *v, uint32_t window, struct err *e)
{
    const struct fh_batch *w = &v->seen.want[window];
    struct evil_batch b = { .window = window,
                            .seq = w->seq,
                            .blob = w->blob,
                            .off_bytes = w->off_bytes,
                            .len_bytes = w->len_bytes,
                            .nr_refs = w->nr_refs,
                            .first_ref = w->first_ref };
    int rc;

    rc = check_batch(v, w, e);
    if (rc < 0)
        return rc;
    b.index = v->nr_batches[b.blob]++;
    v->served[window] = b.seq;
    ledger_asked(&v->ledger, b.blob, b.off_bytes, b.len_bytes);
    rc = v->c->fill ? v->c->fill(v, &b, e) : launch_fill(v, &b, e);
    if (rc < 0)
        return rc;
    if (v->c->answer)
        return v->c->answer(v, &b, e);
    launch_answer(v, b.window, b.seq);
    return 0;
}

/* Oldest first, so that a case sees batches in the order they are asked. */
static int serve(struct evil *v, struct err *e)
{
    for (;;) {
        uint32_t oldest = FH_WINDOWS;
        int rc;

        for (uint32_t i = 0; i < FH_WINDOWS; i++)
            if (v->seen.want[i].seq != v->served[i] &&
                (oldest == FH_WINDOWS ||
                 v->seen.want[i].seq < v->seen.want[oldest].seq))
                oldest = i;
        if (oldest == FH_WINDOWS)
            return 0;
        rc = serve_window(v, oldest, e);
        if (rc < 0)
            return rc;
    }
}

/* Did the domain end by itself? */
static int check_alive(struct evil *v, struct err *e)
{
    struct hyp_info info;
    int rc = hyp_info(v->hyp, v->domid, &info, e);

    if (rc == -ESRCH)
        return fail(e, rc, "domain %u: it is gone", v->domid);
    if (rc == 0 && (info.shutdown || info.dying))
        v->end = EVIL_CRASHED;
    return rc;
}

static int step(struct evil *v, struct err *e)
{
    if (!v->page.va &&
        gnt_map(v->gnt, v->domid, XEN_STEWARD_CONTROL_REF, &v->page, NULL) < 0)
        return check_alive(v, e); /* not granted yet */
    launch_look(v);
    switch (v->seen.state) {
    case FH_STATE_NONE:
        return check_alive(v, e);
    case FH_STATE_READY:
        return v->is_offered ? check_alive(v, e) : on_ready(v, e);
    case FH_STATE_LOADING:
        return serve(v, e);
    case FH_STATE_STARTING:
        if (!v->is_noted) {
            v->is_noted = true;
            shm_set_u32(&evil_control(v)->dom0.noted, 1);
            launch_ring(v);
        }
        return 0;
    case FH_STATE_RUNNING:
        v->end = EVIL_RUNNING;
        return 0;
    case FH_STATE_FAILED:
        v->end = EVIL_FAILED;
        return 0;
    default:
        return fail(e, -EPROTO, "steward: state: got %u, want 0..%u",
                    v->seen.state, FH_STATES - 1);
    }
}

int launch_run(struct evil *v, struct err *e)
{
    uint32_t patience_ms =
        v->c->want.end == EVIL_NEVER ? LAUNCH_QUIET_MS : LAUNCH_END_MS;
    uint64_t end_ms;
    int rc = build(v, e);

    if (rc == 0)
        rc = v->c->unpause ? v->c->unpause(v, e)
                           : hyp_unpause(v->hyp, v->domid, e);
    end_ms = launch_now_ms() + patience_ms;
    while (rc == 0 && v->end == EVIL_PENDING) {
        launch_wait(v, SLICE_MS);
        rc = v->is_stopped ? fail(e, -EINTR, "interrupted by a signal")
                           : step(v, e);
        if (launch_now_ms() >= end_ms && v->end == EVIL_PENDING)
            v->end = EVIL_NEVER;
    }
    if (rc == 0 && v->c->ended &&
        (v->end == EVIL_RUNNING || v->end == EVIL_FAILED))
        rc = v->c->ended(v, e);
    return rc;
}

/*
 * Nothing tells a process of the end of a domain that xenstored never knew,
 * so this is the one place that looks again and again.
 */
static int wait_gone(struct evil *v, struct err *e)
{
    uint64_t end_ms = launch_now_ms() + GONE_MS;
    struct timespec step = { .tv_nsec = GONE_STEP_NS };
    struct hyp_info info;

    while (hyp_info(v->hyp, v->domid, &info, NULL) != -ESRCH) {
        if (launch_now_ms() >= end_ms)
            return fail(e, -EBUSY,
                        "domain %u: destroy: it is still there "
                        "after %u ms",
                        v->domid, GONE_MS);
        nanosleep(&step, NULL);
    }
    return 0;
}

static int check_no_nodes(struct evil *v, struct err *e)
{
    char path[64];
    char *value;

    snprintf(path, sizeof(path), "/local/domain/%u", v->domid);
    value = store_read(v->store, path);
    if (!value)
        return 0;
    free(value);
    return fail(e, -EEXIST, "%s: remove: it is still there", path);
}

int launch_end(struct evil *v, struct err *e)
{
    int rc;

    storm_stop(v->storm);
    v->storm = NULL;
    if (v->domid == HYP_DOMID_NONE)
        return 0;
    hold_drop(v->hold);
    gnt_unmap(v->gnt, &v->console);
    gnt_unmap(v->gnt, &v->page);
    launch_close_bell(v);
    rc = hyp_destroy(v->hyp, v->domid, e);
    if (rc == 0)
        rc = xenbus_remove(v->store, v->domid, v->spec.uuid, e);
    if (rc == 0)
        rc = wait_gone(v, e);
    if (rc == 0)
        rc = check_no_nodes(v, e);
    v->domid = HYP_DOMID_NONE;
    return rc;
}
