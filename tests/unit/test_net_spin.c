/* SPDX-License-Identifier: MIT */
/*
 * test_net_spin.c - when a queue looks for more, and when it sleeps
 */
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "backends/base/loop.h"
#include "common/checked.h"
#include "tests/fakes/fake.h"
#include "tests/unit/netcard.h"
#include "tests/unit/test.h"

#define LONG_NS 60000000000ull

static void up(void)
{
    card_up(&(struct fake_net_options){ 0 }, LONG_NS, NULL);
}

static uint64_t clock_ns(clockid_t c)
{
    struct timespec t;

    clock_gettime(c, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- a clock that stands unless it is looked at ---- */

#define LOOK_NS 1000u    /* goes by while somebody looks at it */
#define COPY_NS 2000000u /* ... while something is copied */
#define LOOK_REAL_US 20u /* so that the guest gets its turn meanwhile */
#define SOON_NR 20u

uint64_t __real_loop_now_ns(void);
uint64_t __wrap_loop_now_ns(void);
int __real_gnt_copy(struct gnt *g, uint16_t domid, struct gnt_piece *pieces,
                    uint32_t nr, void *scratch, struct err *e);
int __wrap_gnt_copy(struct gnt *g, uint16_t domid, struct gnt_piece *pieces,
                    uint32_t nr, void *scratch, struct err *e);

static atomic_bool is_slow; /* else it is the real one */
static _Atomic uint64_t slow_ns;

uint64_t __wrap_loop_now_ns(void)
{
    if (!is_slow)
        return __real_loop_now_ns();
    usleep(LOOK_REAL_US);
    return slow_ns += LOOK_NS;
}

int __wrap_gnt_copy(struct gnt *g, uint16_t domid, struct gnt_piece *pieces,
                    uint32_t nr, void *scratch, struct err *e)
{
    if (is_slow)
        slow_ns += COPY_NS;
    return __real_gnt_copy(g, domid, pieces, nr, scratch, e);
}

/* A packet, its answer, a moment, and the next.  Returns the events. */
static uint64_t send_soon_after_soon(void)
{
    uint64_t kicks = card_stats()->kicks;

    slow_ns = __real_loop_now_ns();
    is_slow = true;
    for (uint32_t i = 0; i < SOON_NR; i++) {
        card_emit(60, 0, i);
        while (fake_netfront_busy(card.front, 0) > 0) {
            CHECK(fake_netfront_reap(card.front, 0) >= 0);
            sched_yield(); /* one CPU may be all there is */
        }
        usleep(500); /* it asks for an event, if it does not look */
    }
    is_slow = false;
    for (uint32_t i = 0; i < SOON_NR; i++)
        card_expect(60, i);
    return card_stats()->kicks - kicks;
}

/* What comes soon is looked for: a few events until that is known. */
TEST(a_guest_that_sends_soon_again_rings_seldom)
{
    up();
    CHECK(send_soon_after_soon() <= SOON_NR / 4);
    card_down();
}

TEST(a_queue_with_nothing_to_do_sleeps)
{
    uint64_t cpu_ns;

    up();
    send_soon_after_soon();
    fake_netfront_post(card.front, 0, 10);
    card_arrive(60, 1);
    card_received(60, 1);
    usleep(20000); /* its look is over */
    cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    usleep(300000);
    CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns < 30000000);
    card_down();
}

/* Nor does it look for what it could not take. */
TEST(a_queue_that_waits_for_buffers_sleeps)
{
    uint64_t cpu_ns;

    up();
    send_soon_after_soon();
    card_arrive(60, 1);
    usleep(20000);
    cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    usleep(300000);
    CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns < 30000000);
    fake_netfront_post(card.front, 0, 10);
    card_received(60, 1);
    card_down();
}

RUN_TESTS(RULE(a_guest_that_sends_soon_again_rings_seldom),
          RULE(a_queue_with_nothing_to_do_sleeps),
          RULE(a_queue_that_waits_for_buffers_sleeps))
