/* SPDX-License-Identifier: MIT */
/*
 * test_vifdev.c - a vif's tap: where it is put, who else may have its name, and
 * who finds it again
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/if_bridge.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>

#include "common/checked.h"
#include "tests/unit/vifnet.h"

/* ---- where it is put ---- */

TEST(a_vif_is_put_on_its_bridge)
{
    static const uint8_t mac[] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff };
    struct nl_link l;
    const int *fds;

    vifnet_fresh();
    vifnet_opened();
    CHECK_STR(vifdev_name(w.dev), "vif7.0");
    CHECK_STR(vifdev_bridge(w.dev), "xenbr0");
    CHECK_EQ(vifdev_mtu(w.dev), 9000);
    l = netns_link("vif7.0");
    CHECK_EQ(l.master, netns_link("xenbr0").index);
    CHECK_EQ(l.mtu, 9000);
    CHECK_EQ(netns_link("xenbr0").mtu, 9000);
    CHECK_EQ(memcmp(l.mac, mac, sizeof(mac)), 0);
    CHECK_STR(l.alias, "freehold web/vif-0 domain 7");
    CHECK(l.up && !l.carrier);
    CHECK_EQ(l.nr_queues, 2);
    CHECK_EQ(vifdev_queues(w.dev, &fds, &w.e), 0);
    CHECK(fds[0] >= 0 && fds[1] >= 0 && fds[0] != fds[1]);
    CHECK_EQ(netns_link("vif7.0").nr_queues, 2);
    vifnet_removed();
    CHECK(!netns_has("vif7.0"));
    CHECK(netns_has("xenbr0"));
    vifnet_finish();
}

TEST(mtu_is_the_bridges_unless_it_is_given)
{
    vifnet_fresh();
    w.vif.mtu = 1400;
    vifnet_opened();
    CHECK_EQ(vifdev_mtu(w.dev), 1400);
    CHECK_EQ(netns_link("vif7.0").mtu, 1400);
    vifnet_removed();
    w.vif.mtu = 65535;
    vifnet_refused(-EINVAL, "web/vif-0: mtu=65535: want at most 65521");
    vifnet_finish();
}

TEST(a_bridge_may_be_named)
{
    vifnet_fresh();
    netns_add_bridge("lan", 1500);
    w.vif.bridge = (char *)"lan";
    vifnet_opened();
    CHECK_STR(vifdev_bridge(w.dev), "lan");
    CHECK_EQ(netns_link("vif7.0").master, netns_link("lan").index);
    CHECK_EQ(vifdev_mtu(w.dev), 1500);
    vifnet_removed();
    netns_remove("lan");
    vifnet_finish();
}

TEST(a_bridge_that_is_missing_is_told_with_those_there_are)
{
    vifnet_fresh_alone();
    vifnet_refused(-ENODEV,
                   "web/vif-0: bridge xenbr0: there is none of that name");
    CHECK_HAS(w.e.text, "ip link add xenbr0 type bridge");
    CHECK_HAS(w.e.text, "there is none yet");
    netns_add_bridge("lan", 1500);
    netns_add_bridge("dmz", 1500);
    vifnet_refused(-ENODEV, "there is lan, dmz");
    w.vif.bridge = (char *)"wan";
    vifnet_refused(-ENODEV, "bridge wan: ");
    netns_remove("lan");
    netns_remove("dmz");
    vifnet_finish();
}

TEST(what_is_no_bridge_is_not_taken_for_one)
{
    int fd;

    vifnet_fresh();
    fd = netns_add_tap("lan");
    w.vif.bridge = (char *)"lan";
    vifnet_refused(-EINVAL, "bridge lan: it is no bridge but of the kind tun");
    close(fd);
    vifnet_finish();
}

/* As vif-bridge: dom0's card may have left its name to the bridge. */
TEST(xenbr0_is_eth0_where_that_is_a_bridge)
{
    vifnet_fresh_alone();
    netns_add_bridge("eth0", 1500);
    vifnet_opened();
    CHECK_STR(vifdev_bridge(w.dev), "eth0");
    vifnet_removed();
    w.vif.bridge = (char *)"xenbr1";
    vifnet_refused(-ENODEV, "bridge xenbr1");
    netns_remove("eth0");
    vifnet_finish();
}

TEST(vlans_are_those_that_are_named)
{
    static uint16_t of[4095];
    bool can;

    vifnet_fresh();
    w.vif.vlan = (char *)"10p/20-22/30u";
    vifnet_refused(-EOPNOTSUPP,
                   "vif7.0: vlan=10p/20-22/30u: bridge xenbr0 does not "
                   "look at VLANs: turn that on (ip link set xenbr0 "
                   "type bridge vlan_filtering 1)");
    can = netns_filter_vlans("xenbr0");
    if (can) {
        vifnet_opened();
        netns_read_vlans("vif7.0", of);
        for (uint32_t id = 0; id < ARRAY_SIZE(of); id++) {
            uint16_t want = id == 10 ? BRIDGE_VLAN_INFO_PVID |
                                           BRIDGE_VLAN_INFO_UNTAGGED | 0x8000
                            : id >= 20 && id <= 22 ? 0x8000
                            : id == 30 ? BRIDGE_VLAN_INFO_UNTAGGED | 0x8000
                                       : 0;

            CHECK_EQ(of[id], want);
        }
        vifnet_removed();
    } else {
        fprintf(stderr, "this kernel's bridges know no VLANs: only that it is "
                        "told was tested\n");
    }
    w.vif.vlan = (char *)"10p/9-5";
    vifnet_refused(-ERANGE, "vlan=10p/9-5: want numbers of 1..4094");
    vifnet_finish();
}

/* xl's script finds it as netback would have made it, and does the rest. */
TEST(a_bare_one_is_made_and_left_alone)
{
    struct nl_link l;

    vifnet_fresh();
    w.spec.bare = true;
    w.vif.mtu = 1400;
    w.vif.bridge = (char *)"nowhere";
    w.vif.script = (char *)"nothing"; /* xl runs it */
    w.vif.name = (char *)"web-lan";
    vifnet_opened();
    l = netns_link("vif7.0");
    CHECK_EQ(l.master, 0);
    CHECK_EQ(l.mtu, 1400);
    CHECK(!l.up && !l.carrier);
    CHECK_EQ(l.nr_queues, 2);
    CHECK_STR(l.alias, "freehold web/vif-0 domain 7");
    CHECK_STR(vifdev_bridge(w.dev), "");
    vifnet_removed();
    CHECK(!netns_has("vif7.0"));
    vifnet_finish();
}

/* What its script made of it is no hindrance. */
TEST(a_bare_one_is_found_and_removed_whatever_it_is_called)
{
    const int *fds;

    vifnet_fresh();
    w.spec.bare = true;
    vifnet_opened();
    netns_rename("vif7.0", "web-lan");
    vifdev_close(w.dev);
    CHECK_EQ(vifdev_adopt(&w.loop, &w.spec, &w.dev, &w.e), 0);
    CHECK_STR(vifdev_name(w.dev), "web-lan");
    CHECK_EQ(vifdev_queues(w.dev, &fds, &w.e), 0);
    vifnet_removed();
    CHECK(!netns_has("web-lan"));
    vifnet_finish();
}

/* ---- its name ---- */

TEST(a_device_of_somebody_elses_stays_his)
{
    int fd, index;

    vifnet_fresh();
    fd = netns_add_tap("vif7.0"); /* TUNSETIFF would have us share it */
    index = netns_link("vif7.0").index;
    vifnet_refused(-EEXIST,
                   "web/vif-0: vif7.0: there is a device of that name, and "
                   "it is no guest's");
    CHECK_EQ(netns_link("vif7.0").index, index);
    CHECK_EQ(netns_link("vif7.0").nr_queues, 1);
    CHECK_EQ(netns_link("vif7.0").master, 0);
    vifdev_remove_left(7);
    CHECK(netns_has("vif7.0"));
    close(fd);
    vifnet_finish();
}

TEST(vifname_is_its_name)
{
    static const char *const bad[] = { "a/b", "a b", "eth%d",
                                       "a:1", "..",  "sixteen-letters-" };

    vifnet_fresh();
    w.vif.name = (char *)"web-lan";
    vifnet_opened();
    CHECK_STR(vifdev_name(w.dev), "web-lan");
    CHECK(!netns_has("vif7.0"));
    CHECK_EQ(netns_link("web-lan").master, netns_link("xenbr0").index);
    vifnet_removed();
    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++) {
        w.vif.name = (char *)bad[i];
        vifnet_refused(-EINVAL, "want a device's name");
    }
    vifnet_finish();
}

TEST(of_two_guests_with_one_vifname_the_first_has_it)
{
    struct vifdev *first;
    int index;

    vifnet_fresh();
    w.vif.name = (char *)"lan0";
    vifnet_opened();
    first = w.dev;
    w.dev = NULL;
    index = netns_link("lan0").index;
    snprintf(w.spec.guest, sizeof(w.spec.guest), "mail");
    w.spec.domid = 8;
    vifnet_refused(-EEXIST,
                   "mail/vif-0: lan0: guest web has a device of that name "
                   "(its vif-0, domain 7): name another in vifname=");
    /* Renamed, so that a guest of its old name comes: not that one's either. */
    snprintf(w.spec.guest, sizeof(w.spec.guest), "web");
    vifnet_refused(-EEXIST, "guest web has a device");
    CHECK_EQ(netns_link("lan0").index, index);
    w.dev = first;
    vifnet_removed();
    vifnet_finish();
}

/* ---- who finds it again ---- */

/* What a supervisor makes that dies then. */
static void open_elsewhere(void)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        uv_loop_t loop;

        uv_loop_init(&loop);
        if (vifdev_open(&loop, &w.spec, vifnet_done, &w, &w.dev, &w.e) < 0)
            _exit(1);
        while (w.nr_done == 0)
            uv_run(&loop, UV_RUN_ONCE);
        _exit(w.failed.rc ? 2 : 0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

TEST(a_tap_outlives_its_supervisor_and_is_taken_over)
{
    const int *fds;
    int index;

    vifnet_fresh();
    w.vif.mtu = 4000;
    open_elsewhere();
    index = netns_link("vif7.0").index;
    CHECK_EQ(netns_link("vif7.0").nr_queues, 0);
    /* It may be called otherwise now, and its guest too. */
    netns_rename("vif7.0", "other");
    snprintf(w.spec.guest, sizeof(w.spec.guest), "shop");
    CHECK_EQ(vifdev_adopt(&w.loop, &w.spec, &w.dev, &w.e), 0);
    CHECK_STR(vifdev_name(w.dev), "other");
    CHECK_STR(vifdev_bridge(w.dev), "xenbr0");
    CHECK_EQ(vifdev_mtu(w.dev), 4000);
    /* A backend may have its queues: nobody else takes any before it is due. */
    CHECK_EQ(netns_link("other").nr_queues, 0);
    CHECK_EQ(vifdev_queues(w.dev, &fds, &w.e), 0);
    CHECK_EQ(netns_link("other").nr_queues, 2);
    CHECK_EQ(netns_link("other").index, index);
    CHECK(!netns_link("other").carrier);
    CHECK_EQ(vifdev_queues(w.dev, &fds, &w.e), 0); /* these, not more */
    CHECK_EQ(netns_link("other").nr_queues, 2);
    vifnet_removed();
    CHECK(!netns_has("other"));
    vifnet_finish();
}

TEST(a_tap_that_is_gone_is_not_taken_over)
{
    const int *fds;

    vifnet_fresh();
    CHECK_EQ(vifdev_adopt(&w.loop, &w.spec, &w.dev, &w.e), -ENODEV);
    CHECK_HAS(w.e.text, "web/vif-0: its tap is gone");
    open_elsewhere();
    w.spec.devid = 1; /* that is another one */
    CHECK_EQ(vifdev_adopt(&w.loop, &w.spec, &w.dev, &w.e), -ENODEV);
    w.spec.devid = 0;
    CHECK_EQ(vifdev_adopt(&w.loop, &w.spec, &w.dev, &w.e), 0);
    netns_remove("vif7.0");
    CHECK_EQ(vifdev_queues(w.dev, &fds, &w.e), -ENODEV);
    CHECK(!netns_has("vif7.0"));
    vifnet_removed();
    vifnet_finish();
}

TEST(closing_leaves_it_there)
{
    vifnet_fresh();
    vifnet_opened();
    vifdev_close(w.dev);
    w.dev = NULL;
    UNTIL(!uv_loop_alive(&w.loop));
    CHECK_EQ(netns_link("vif7.0").nr_queues, 0);
    CHECK_EQ(netns_link("vif7.0").master, netns_link("xenbr0").index);
    netns_remove("vif7.0");
    vifnet_finish();
}

TEST(what_an_earlier_life_left_makes_room)
{
    int index;

    vifnet_fresh();
    w.vif.name = (char *)"lan0";
    open_elsewhere();
    index = netns_link("lan0").index;
    vifnet_opened(); /* the same domain */
    CHECK(netns_link("lan0").index != index);
    vifdev_close(w.dev);
    UNTIL(!uv_loop_alive(&w.loop));
    w.vif.name = (char *)"lan1"; /* however it and the guest were called */
    snprintf(w.spec.guest, sizeof(w.spec.guest), "shop");
    vifnet_opened();
    CHECK(!netns_has("lan0"));
    vifdev_close(w.dev);
    UNTIL(!uv_loop_alive(&w.loop));
    index = netns_link("lan1").index;
    w.spec.domid = 9; /* the guest's next one, and nobody serves the old */
    vifnet_opened();
    CHECK(netns_link("lan1").index != index);
    CHECK_STR(netns_link("lan1").alias, "freehold shop/vif-0 domain 9");
    vifnet_removed();
    vifnet_finish();
}

TEST(what_a_domain_left_is_removed)
{
    struct vifdev *other;
    int fd;

    vifnet_fresh();
    fd = netns_add_tap("vif7.5");
    open_elsewhere();
    w.spec.devid = 1;
    w.vif.name = (char *)"lan0";
    open_elsewhere();
    w.spec.devid = 0;
    w.spec.domid = 77;
    w.vif.name = NULL;
    vifnet_opened();
    other = w.dev;
    vifdev_remove_left_of(7, 0);
    CHECK(!netns_has("vif7.0"));
    CHECK(netns_has("lan0") && netns_has("vif77.0"));
    vifdev_remove_left(7);
    CHECK(!netns_has("lan0"));
    CHECK(netns_has("vif7.5") && netns_has("vif77.0"));
    close(fd);
    w.dev = other;
    vifnet_removed();
    vifnet_finish();
}

TEST(removing_what_somebody_removed_is_as_good)
{
    vifnet_fresh();
    vifnet_opened();
    netns_remove("vif7.0");
    vifnet_removed();
    vifnet_opened();
    vifdev_remove(w.dev, vifnet_done, &w);
    UNTIL(w.nr_done == 4);
    vifdev_remove(w.dev, vifnet_done, &w); /* twice: no-op */
    UNTIL(w.nr_done == 5);
    vifnet_finish();
}

/* Whoever gave it another alias has taken it. */
TEST(a_tap_that_is_ours_no_more_stays)
{
    struct nl *nl = NULL;
    struct nl_link l;
    const int *fds;

    vifnet_fresh();
    open_elsewhere();
    CHECK_EQ(vifdev_adopt(&w.loop, &w.spec, &w.dev, &w.e), 0);
    l = netns_link("vif7.0");
    CHECK_EQ(nl_open(&nl, NULL), 0);
    CHECK_EQ(nl_set_alias(nl, &l, "mine", NULL), 0);
    nl_close(nl);
    CHECK_EQ(vifdev_queues(w.dev, &fds, &w.e), -ENODEV);
    CHECK_HAS(w.e.text, "web/vif-0: vif7.0 is no tap of its any more");
    vifnet_removed();
    CHECK_EQ(netns_link("vif7.0").index, l.index);
    CHECK(netns_link("vif7.0").up);
    netns_remove("vif7.0");
    vifnet_finish();
}

/* While no backend reads, what comes stays in the tap. */
TEST(packets_wait_for_the_next_backend)
{
    struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
    struct pollfd ready = { .events = POLLIN };
    uint8_t frame[100] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 2,   0,
                           0,    0,    0,    1,    0x88, 0xb5, 0x42 };
    uint8_t got[256];
    unsigned int carrier = 1;
    const int *fds;
    int s, backend;

    vifnet_fresh();
    w.spec.nr_queues = 1;
    vifnet_opened();
    CHECK_EQ(vifdev_queues(w.dev, &fds, &w.e), 0);
    backend = dup(fds[0]);
    CHECK_EQ(ioctl(backend, TUNSETCARRIER, &carrier), 0);
    CHECK(netns_link("vif7.0").carrier);
    close(backend); /* it died */
    s = socket(AF_PACKET, SOCK_RAW, 0);
    to.sll_ifindex = netns_link("vif7.0").index;
    CHECK_EQ(sendto(s, frame, sizeof(frame), 0, (void *)&to, sizeof(to)),
             (ssize_t)sizeof(frame));
    close(s);
    ready.fd = dup(fds[0]); /* the next one's */
    do {
        CHECK_EQ(poll(&ready, 1, TURN_S_MAX * 1000), 1);
        CHECK(read(ready.fd, got, sizeof(got)) >= 14);
    } while (got[22] != 0x88 || got[23] != 0xb5); /* not the kernel's own */
    CHECK_EQ(memcmp(got + 10, frame, sizeof(frame)), 0);
    close(ready.fd);
    vifnet_removed();
    vifnet_finish();
}

/* No backend follows: nobody reads what came, and the bridge is told. */
TEST(at_rest_it_has_no_link)
{
    unsigned int carrier = 1;
    const int *fds;

    vifnet_fresh();
    vifnet_opened();
    CHECK_EQ(vifdev_queues(w.dev, &fds, &w.e), 0);
    CHECK_EQ(ioctl(fds[0], TUNSETCARRIER, &carrier), 0);
    CHECK(netns_link("vif7.0").carrier);
    vifdev_rest(w.dev);
    CHECK(!netns_link("vif7.0").carrier);
    CHECK_EQ(netns_link("vif7.0").nr_queues, 0);
    vifdev_rest(w.dev);
    vifnet_removed();
    CHECK(!netns_has("vif7.0"));
    vifnet_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_vif_is_put_on_its_bridge),
        RULE(mtu_is_the_bridges_unless_it_is_given),
        RULE(a_bridge_may_be_named),
        RULE(a_bridge_that_is_missing_is_told_with_those_there_are),
        RULE(what_is_no_bridge_is_not_taken_for_one),
        RULE(xenbr0_is_eth0_where_that_is_a_bridge),
        RULE(a_bare_one_is_made_and_left_alone),
        RULE(a_bare_one_is_found_and_removed_whatever_it_is_called),
        RULE(vlans_are_those_that_are_named),
        RULE(a_device_of_somebody_elses_stays_his),
        RULE(vifname_is_its_name),
        RULE(of_two_guests_with_one_vifname_the_first_has_it),
        RULE(a_tap_outlives_its_supervisor_and_is_taken_over),
        RULE(a_tap_that_is_gone_is_not_taken_over),
        RULE(closing_leaves_it_there),
        RULE(what_an_earlier_life_left_makes_room),
        RULE(what_a_domain_left_is_removed),
        RULE(removing_what_somebody_removed_is_as_good),
        RULE(a_tap_that_is_ours_no_more_stays),
        RULE(packets_wait_for_the_next_backend),
        RULE(at_rest_it_has_no_link),
    };

    return cmocka_run_group_tests(tests, vifnet_set_up, NULL);
}
