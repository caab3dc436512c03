/* SPDX-License-Identifier: MIT */
/*
 * test_net_tap.c - what a guest does not take, the kernel is told to do
 */
#include "backends/net/net_tap.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include <linux/if.h>
#include <linux/if_tun.h>

#include "common/checked.h"
#include "tests/unit/test.h"

#define FD 17

int __wrap_ioctl(int fd, unsigned long request, ...);

static struct {
    uint32_t nr;
    unsigned long request, value;
    short queue_flags;
    int carrier, fails_with;
} told;

/* What the kernel would be told. */
int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list args;

    CHECK_EQ(fd, FD);
    told.nr++;
    told.request = request;
    va_start(args, request);
    if (request == TUNSETOFFLOAD)
        told.value = va_arg(args, unsigned long);
    else if (request == TUNSETQUEUE)
        told.queue_flags = va_arg(args, struct ifreq *)->ifr_flags;
    else if (request == TUNSETCARRIER)
        told.carrier = *va_arg(args, int *);
    va_end(args);
    errno = told.fails_with;
    return told.fails_with ? -1 : 0;
}

#define C4 TUN_F_CSUM
#define T4 (C4 | TUN_F_TSO4 | TUN_F_TSO_ECN)
#define T6 (C4 | TUN_F_TSO6 | TUN_F_TSO_ECN)

/* Each bit that is missing is work that the kernel does: nothing comes that
   the guest would have to be refused. */
TEST(segments_and_sums_come_as_the_guest_takes_them)
{
    static const struct {
        uint8_t sg, gso_v4, gso_v6, csum_v4, csum_v6;
        unsigned long want;
    } row[] = {
        { 0, 0, 0, 0, 0, 0 },  { 0, 0, 0, 1, 0, C4 },
        { 1, 0, 0, 1, 1, C4 }, { 1, 1, 0, 1, 1, T4 },
        { 1, 0, 1, 1, 1, T6 }, { 1, 1, 1, 1, 1, T4 | T6 },
        { 0, 1, 1, 1, 1, C4 }, /* in one slot no segments have room */
        { 1, 1, 1, 1, 0, T4 }, /* who segments sums */
        { 1, 1, 1, 0, 1, 0 },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct net_wiring w = { .sg = row[i].sg,
                                .gso_v4 = row[i].gso_v4,
                                .gso_v6 = row[i].gso_v6,
                                .csum_v4 = row[i].csum_v4,
                                .csum_v6 = row[i].csum_v6 };

        told.nr = 0;
        net_tap_offload(FD, &w);
        CHECK_EQ(told.nr, 1);
        CHECK_EQ(told.request, TUNSETOFFLOAD);
        CHECK_EQ(told.value, row[i].want);
    }
}

TEST(a_queue_and_the_link_go_on_and_off)
{
    for (int on = 0; on < 2; on++) {
        net_tap_use(FD, on);
        CHECK_EQ(told.request, TUNSETQUEUE);
        CHECK_EQ(told.queue_flags, on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE);
        net_tap_carrier(FD, on);
        CHECK_EQ(told.request, TUNSETCARRIER);
        CHECK_EQ(told.carrier, on);
    }
}

/* An old kernel: it is served all the same. */
TEST(a_tap_that_refuses_is_used_as_it_is)
{
    told.nr = 0;
    told.fails_with = EINVAL;
    net_tap_use(FD, true);
    net_tap_carrier(FD, true);
    net_tap_offload(FD, &(struct net_wiring){ 0 });
    told.fails_with = 0;
    CHECK_EQ(told.nr, 3);
}

RUN_TESTS(RULE(segments_and_sums_come_as_the_guest_takes_them),
          RULE(a_queue_and_the_link_go_on_and_off),
          RULE(a_tap_that_refuses_is_used_as_it_is))
