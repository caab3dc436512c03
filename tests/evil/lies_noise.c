/* SPDX-License-Identifier: MIT */
/*
 * lies_noise.c - noise on everything that dom0 can reach
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/xen_steward.h"
#include "common/checked.h"
#include "tests/evil/cases.h"
#include "tests/evil/hold.h"
#include "tests/evil/launch.h"
#include "tests/evil/mirror.h"

#define RINGS_AT_ONCE 8u

static void ring_storm(struct evil *v)
{
    for (uint32_t i = 0; i < RINGS_AT_ONCE; i++)
        launch_ring(v);
}

static int mirror_ready(struct evil *v, struct err *e)
{
    return mirror_open(&evil_control(v)->steward, &v->mirror, e);
}

static void mirror_storm(struct evil *v)
{
    mirror_sweep(v->mirror);
}

/* The rest of the control page, which is nobody's. */
static int fill_gaps(struct evil *v, struct err *e)
{
    struct fh_control *c = evil_control(v);
    char *end = (char *)c + PAGE_BYTES;

    (void)e;
    memset(c->pad, 0xe7, sizeof(c->pad));
    memset(&c->dom0 + 1, 0xe7, (size_t)(end - (char *)(&c->dom0 + 1)));
    return 0;
}

/* scratch[0] and [1]: the two rings' pages. */
static int rings_ready(struct evil *v, struct err *e)
{
    static const uint32_t ref[] = { XEN_STEWARD_CONSOLE_REF,
                                    XEN_STEWARD_STORE_REF };

    for (uint32_t i = 0; i < ARRAY_SIZE(ref); i++) {
        void *va;
        int rc = hold_map(v->hold, v->domid, ref[i], 1, PROT_READ | PROT_WRITE,
                          &va, e);

        if (rc < 0)
            return rc;
        v->scratch[i] = (uintptr_t)va;
    }
    return 0;
}

static void rings_storm(struct evil *v)
{
    for (uint32_t i = 0; i < 2; i++) {
        volatile uint32_t *page = (uint32_t *)(uintptr_t)v->scratch[i];

        page[(uint32_t)random() % (PAGE_BYTES / sizeof(*page))] =
            (uint32_t)random();
    }
}

#define RUNS { .end = EVIL_RUNNING, .match = EVIL_SAME }
#define RUNS_MUTE { .end = EVIL_RUNNING, .match = EVIL_SAME, .mute = true }

const struct evil_case lies_noise[] = {
    /* clang-format off */
    { .name = "noise-doorbell", .lie = "rings the doorbell all the time",
      .want = RUNS, .storm = ring_storm },
    { .name = "noise-steward-half", .lie = "overwrites what the steward wrote "
                                           "on the control page all the time",
      .want = RUNS, .ready = mirror_ready, .storm = mirror_storm },
    { .name = "noise-gaps", .lie = "fills the control page's gaps",
      .want = RUNS, .ready = fill_gaps },
    { .name = "noise-rings", .lie = "overwrites xenstore and console rings "
                                    "all the time",
      .want = RUNS_MUTE, .ready = rings_ready, .storm = rings_storm },
    { 0 },
    /* clang-format on */
};
