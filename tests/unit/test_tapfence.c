/* SPDX-License-Identifier: MIT */
/*
 * test_tapfence.c - of what a tap's owner writes, one address gets out
 *
 * Two of the kernel's taps on one of its bridges; what is written into the
 * first comes out of the second.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#include "common/err.h"
#include "tests/unit/netns.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/tapdev.h"
#include "toolstack/supervisor/tapfence.h"
#include "toolstack/supervisor/vifdev.h"
#include "toolstack/supervisor/vifplace.h"

#define WAIT_MS 10000
#define LEN 100u

static const uint8_t own[6] = { 0x80, 0x16, 0x3e, 0xfe, 0xff, 0x03 };

static struct {
    struct nl *nl;
    struct nl_link in, out;
    int in_fd, out_fd;
} w;

static void carrier_on(int fd)
{
    int on = 1;

    CHECK_EQ(ioctl(fd, TUNSETCARRIER, &on), 0);
}

static void put_on_bridge(const char *name, int *fd, struct nl_link *l)
{
    struct nl_link bridge = netns_link("br0");
    struct err e = { 0 };

    CHECK_EQ(tapdev_make(name, 1, fd, &e), 0);
    *l = netns_link(name);
    CHECK_EQ(nl_no_addresses(w.nl, l, &e), 0);
    CHECK_EQ(nl_set_master(w.nl, l, &bridge, &e), 0);
    CHECK_EQ(nl_set_up(w.nl, l, true, &e), 0);
    *l = netns_link(name);
}

static void write_frame(const uint8_t *source, uint8_t mark)
{
    struct virtio_net_hdr hdr = { 0 };
    uint8_t frame[LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    struct iovec iov[] = { { &hdr, sizeof(hdr) }, { frame, sizeof(frame) } };

    memcpy(frame + 6, source, 6);
    memcpy(frame + 12, "\x88\xb5", 2);
    frame[14] = mark;
    CHECK_EQ(writev(w.in_fd, iov, 2), (ssize_t)(sizeof(hdr) + LEN));
}

/* The mark of the next frame of ours that comes out; -1: none does in time. */
static int read_mark(int wait_ms)
{
    uint8_t got[2048];
    struct pollfd p = { .fd = w.out_fd, .events = POLLIN };

    while (poll(&p, 1, wait_ms) == 1) {
        ssize_t r = read(w.out_fd, got, sizeof(got));
        const uint8_t *frame = got + sizeof(struct virtio_net_hdr);

        CHECK(r >= (ssize_t)sizeof(struct virtio_net_hdr) + 14);
        if (memcmp(frame + 12, "\x88\xb5", 2) == 0)
            return frame[14];
    }
    return -1;
}

static void await_forwarding(void)
{
    carrier_on(w.in_fd);
    carrier_on(w.out_fd);
    do
        write_frame(own, 1);
    while (read_mark(50) != 1);
    while (read_mark(200) == 1)
        ;
}

static void up(void)
{
    netns_fresh();
    CHECK_EQ(nl_open(&w.nl, NULL), 0);
    netns_add_bridge("br0", 1500);
    put_on_bridge("in0", &w.in_fd, &w.in);
    put_on_bridge("out0", &w.out_fd, &w.out);
    await_forwarding();
}

static void down(void)
{
    tapdev_close(&w.in_fd, 1);
    tapdev_close(&w.out_fd, 1);
    netns_remove("br0");
    nl_close(w.nl);
    netns_check_clean();
}

TEST(frames_from_another_address_go_nowhere)
{
    struct err e = { 0 };
    uint8_t other[6];

    up();
    for (uint32_t i = 0; i < 6; i++) { /* before, they do */
        memcpy(other, own, 6);
        other[i] ^= i ? 1 : 2;
        write_frame(other, 9);
        CHECK_EQ(read_mark(WAIT_MS), 9);
    }
    if (tapfence_set(w.nl, &w.in, own, &e) < 0)
        CHECK_STR(e.text, "");
    for (uint32_t i = 0; i < 6; i++) {
        memcpy(other, own, 6);
        other[i] ^= i ? 1 : 2;
        write_frame(other, 9);
        write_frame(own, (uint8_t)(20 + i));
        CHECK_EQ(read_mark(WAIT_MS), 20 + (int)i);
    }
    down();
}

TEST(the_second_address_counts)
{
    static const uint8_t next[6] = { 0x02, 1, 2, 3, 4, 5 };
    struct err e = { 0 };

    up();
    CHECK_EQ(tapfence_set(w.nl, &w.in, own, &e), 0);
    if (tapfence_set(w.nl, &w.in, next, &e) < 0)
        CHECK_STR(e.text, "");
    write_frame(own, 9);
    write_frame(next, 8);
    CHECK_EQ(read_mark(WAIT_MS), 8);
    down();
}

TEST(a_tap_that_is_gone_is_named)
{
    struct err e = { 0 };

    up();
    w.in.index = 12345;
    CHECK(tapfence_set(w.nl, &w.in, own, &e) < 0);
    CHECK_HAS(e.text, "in0: ");
    down();
}

/* As the card's device is made. */
TEST(a_card_is_fenced_unless_any_may_be)
{
    for (uint32_t any = 0; any < 2; any++) {
        struct vm_vif vif = { .bridge = (char *)"br0", .name = (char *)"in0" };
        struct vifdev_spec s = { .vif = &vif,
                                 .domid = 7,
                                 .nr_queues = 1,
                                 .any_mac = any,
                                 .guest = "web" };
        static const uint8_t other[6] = { 0x02, 1, 2, 3, 4, 5 };
        struct vifplace place;
        struct err e = { 0 };

        memcpy(vif.mac, own, 6);
        netns_fresh();
        CHECK_EQ(nl_open(&w.nl, NULL), 0);
        netns_add_bridge("br0", 1500);
        put_on_bridge("out0", &w.out_fd, &w.out);
        if (vifplace_make(&s, &w.in_fd, &place, &e) < 0)
            CHECK_STR(e.text, "");
        await_forwarding();
        write_frame(other, 9);
        write_frame(own, 8);
        CHECK_EQ(read_mark(WAIT_MS), any ? 9 : 8);
        vifplace_remove(&s, &place);
        down();
    }
}

RUN_TESTS(RULE(frames_from_another_address_go_nowhere),
          RULE(the_second_address_counts), RULE(a_tap_that_is_gone_is_named),
          RULE(a_card_is_fenced_unless_any_may_be))
