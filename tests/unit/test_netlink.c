/* SPDX-License-Identifier: MIT */
/*
 * test_netlink.c - the kernel's devices, as it tells of them and lets us change
 * them; vlan= in words and in the kernel's bytes; whose a tap is
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/if_bridge.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/netns.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/bridgevlan.h"
#include "toolstack/supervisor/tapdev.h"

static struct nl *open_nl(void)
{
    struct nl *nl = NULL;

    CHECK_EQ(nl_open(&nl, NULL), 0);
    return nl;
}

/* ---- real devices ---- */

TEST(a_device_is_found_by_its_name_and_number)
{
    struct nl_link l, again;
    struct err e = { 0 };
    struct nl *nl;
    int fd;

    netns_fresh();
    fd = netns_add_tap("tap0");
    nl = open_nl();
    CHECK_EQ(nl_find(nl, "tap0", &l, &e), 0);
    CHECK_STR(l.name, "tap0");
    CHECK_STR(l.kind, NL_TUN);
    CHECK(l.tap && !l.up && l.index > 0 && l.master == 0);
    CHECK_EQ(l.nr_queues, 1);
    CHECK_EQ(l.mtu, 1500);
    CHECK_EQ(nl_get(nl, l.index, &again, &e), 0);
    CHECK_EQ(memcmp(&l, &again, sizeof(l)), 0);
    CHECK_EQ(nl_find(nl, "tap1", &l, &e), -ENODEV);
    CHECK_STR(e.text, "tap1: look for it: No such device");
    CHECK_EQ(nl_get(nl, 12345, &l, &e), -ENODEV);
    CHECK_EQ(nl_find(nl, "a-name-of-16-char", &l, &e), -ENODEV);
    CHECK_HAS(e.text, "at most 15");
    close(fd);
    nl_close(nl);
    netns_check_clean();
}

/* More than one message of the kernel's holds. */
TEST(all_devices_are_listed)
{
    struct nl_link *all;
    struct err e = { 0 };
    struct nl *nl;
    int fd[100], nr, nr_taps = 0;
    char name[16];

    netns_fresh();
    for (uint32_t i = 0; i < ARRAY_SIZE(fd); i++) {
        snprintf(name, sizeof(name), "tap%u", i);
        fd[i] = netns_add_tap(name);
    }
    nl = open_nl();
    nr = nl_list(nl, &all, &e);
    for (int i = 0; i < nr; i++)
        nr_taps += all[i].tap;
    CHECK_EQ(nr_taps, 100);
    free(all);
    for (uint32_t i = 0; i < ARRAY_SIZE(fd); i++)
        close(fd[i]);
    nl_close(nl);
    netns_check_clean();
}

TEST(what_is_changed_is_so)
{
    const uint8_t mac[ETH_ALEN] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff };
    struct nl_link l, bridge, was;
    struct err e = { 0 };
    struct nl *nl;
    int fd;

    netns_fresh();
    netns_add_bridge("br0", 1500);
    fd = netns_add_tap("tap0");
    was = netns_link("tap0");
    bridge = netns_link("br0");
    CHECK_STR(bridge.kind, NL_BRIDGE);
    CHECK(bridge.up);
    nl = open_nl();
    CHECK_EQ(nl_set_mtu(nl, &was, 9000, &e), 0);
    CHECK_EQ(nl_set_mac(nl, &was, mac, &e), 0);
    CHECK_EQ(nl_set_alias(nl, &was, "whose it is", &e), 0);
    CHECK_EQ(nl_no_addresses(nl, &was, &e), 0);
    CHECK_EQ(nl_set_master(nl, &was, &bridge, &e), 0);
    CHECK_EQ(nl_set_up(nl, &was, true, &e), 0);
    l = netns_link("tap0");
    CHECK_EQ(l.mtu, 9000);
    CHECK_EQ(memcmp(l.mac, mac, ETH_ALEN), 0);
    CHECK_STR(l.alias, "whose it is");
    CHECK_EQ(l.master, bridge.index);
    CHECK(l.up);
    CHECK_EQ(nl_set_up(nl, &was, false, &e), 0);
    CHECK_EQ(nl_set_master(nl, &was, NULL, &e), 0);
    l = netns_link("tap0");
    CHECK(!l.up && l.master == 0);
    CHECK_EQ(nl_delete(nl, &was, &e), 0);
    CHECK(!netns_has("tap0"));
    CHECK_EQ(nl_delete(nl, &was, &e), 0); /* absent is as good */
    close(fd);
    netns_remove("br0");
    nl_close(nl);
    netns_check_clean();
}

TEST(what_the_kernel_refuses_is_said_in_its_words)
{
    struct err e = { 0 };
    struct nl_link l;
    struct nl *nl;
    int fd;

    netns_fresh();
    fd = netns_add_tap("tap0");
    l = netns_link("tap0");
    nl = open_nl();
    CHECK_EQ(nl_set_mtu(nl, &l, 70000, &e), -EINVAL);
    CHECK_HAS(e.text, "tap0: set its mtu to 70000: Invalid argument: ");
    CHECK_HAS(e.text, "maximum");
    CHECK_EQ(nl_set_master(nl, &l, &l, &e), -EOPNOTSUPP);
    CHECK_HAS(e.text, "tap0: put it on bridge tap0: ");
    /* And the next answer is of the next request. */
    CHECK_EQ(nl_set_mtu(nl, &l, 1400, &e), 0);
    CHECK_EQ(netns_link("tap0").mtu, 1400);
    close(fd);
    nl_close(nl);
    netns_check_clean();
}

/* ---- messages that are not as they should be ---- */

static _Alignas(struct nlmsghdr) char raw[1024];

static struct nlmsghdr *begin_link(int index)
{
    struct nlmsghdr *m = mnl_nlmsg_put_header(raw);
    struct ifinfomsg *i;

    m->nlmsg_type = RTM_NEWLINK;
    i = mnl_nlmsg_put_extra_header(m, sizeof(*i));
    i->ifi_index = index;
    return m;
}

TEST(odd_attributes_count_as_absent)
{
    static const char lengthy[300] = { [0 ... 298] = 'a' };
    struct nlmsghdr *m = begin_link(3);
    struct nl_link l;
    struct nlattr *info, *data;

    mnl_attr_put(m, IFLA_IFNAME, 4, "tap7"); /* without its end */
    mnl_attr_put_u8(m, IFLA_MTU, 9);
    mnl_attr_put(m, IFLA_ADDRESS, 3, "abc");
    mnl_attr_put_strz(m, IFLA_IFALIAS, lengthy);
    info = mnl_attr_nest_start(m, IFLA_LINKINFO);
    mnl_attr_put_strz(m, IFLA_INFO_KIND, NL_BRIDGE);
    data = mnl_attr_nest_start(m, IFLA_INFO_DATA);
    mnl_attr_put_u8(m, IFLA_BR_VLAN_DEFAULT_PVID, 1);
    mnl_attr_put_u32(m, IFLA_BR_VLAN_FILTERING, 1);
    mnl_attr_nest_end(m, data);
    mnl_attr_nest_end(m, info);
    CHECK_EQ(nl_read_link(m, &l), 0);
    CHECK_STR(l.name, "tap7");
    CHECK_STR(l.alias, "");
    CHECK_STR(l.kind, NL_BRIDGE);
    CHECK(l.mtu == 0 && l.default_vlan == 0 && !l.vlan_filtering);
}

TEST(a_message_that_is_no_link_is_refused)
{
    struct nlmsghdr *m = begin_link(3);
    struct nl_link l;

    CHECK_EQ(nl_read_link(m, &l), -EBADMSG); /* no name */
    mnl_attr_put_strz(m, IFLA_IFNAME, "tap7");
    CHECK_EQ(nl_read_link(m, &l), 0);
    m->nlmsg_type = RTM_DELLINK;
    CHECK_EQ(nl_read_link(m, &l), -EBADMSG);
    m = begin_link(0);
    mnl_attr_put_strz(m, IFLA_IFNAME, "tap7");
    CHECK_EQ(nl_read_link(m, &l), -EBADMSG);
    m = begin_link(3);
    m->nlmsg_len -= 1; /* not even its head */
    CHECK_EQ(nl_read_link(m, &l), -EBADMSG);
}

/* Attributes that say they are longer than the message are not followed. */
TEST(an_attribute_ends_with_its_message)
{
    struct nlmsghdr *m = begin_link(3);
    struct nlattr *mtu;
    struct nl_link l;

    mnl_attr_put_strz(m, IFLA_IFNAME, "tap7");
    mtu = mnl_nlmsg_get_payload_tail(m);
    mnl_attr_put_u32(m, IFLA_MTU, 9000);
    mtu->nla_len = 2000;
    CHECK_EQ(nl_read_link(m, &l), 0);
    CHECK_EQ(l.mtu, 0);
}

/* ---- vlan= ---- */

static const struct {
    const char *text;
    int rc;
    const char *want; /* in the order of their numbers */
} vlans[] = {
    { "10", 0, "10p" },
    { "4094", 0, "4094p" },
    { "10p/20", 0, "10p 20" },
    { "20/10p", 0, "10p 20" },
    { "10p/100+10x4", 0, "10p 100 110 120 130 140" },
    { "1p/5-7u/9u", 0, "1p 5u 6u 7u 9u" },
    { "10-12/11p", 0, "10 11p 12" },
    { "11p/10-12", 0, "10 11p 12" },
    { "7p/4094+1x0", 0, "7p 4094" },
    { "0", -ERANGE, NULL },
    { "4095", -ERANGE, NULL },
    { "99999999999999999999", -ERANGE, NULL },
    { "1p/9-5", -ERANGE, NULL },
    { "1p/4090+1x5", -ERANGE, NULL },
    { "1p/1+0x5", -ERANGE, NULL },
    { "1p/4+18446744073709551615x18446744073709551615", -ERANGE, NULL },
    { "", -EINVAL, NULL },
    { "10/20", -EINVAL, NULL },
    { "10p/20p", -EINVAL, NULL },
    { "10u", -EINVAL, NULL },
    { "10-12", -EINVAL, NULL },
    { "5-9p", -EINVAL, NULL },
    { "10p/", -EINVAL, NULL },
    { "10p 20", -EINVAL, NULL },
    { "10p/2+3", -EINVAL, NULL },
    { "-1", -EINVAL, NULL },
};

TEST(vlans_are_read)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(vlans); i++) {
        char got[256] = "";
        struct bridgevlans v;
        struct err e = { 0 };

        CHECK_EQ(bridgevlan_parse(vlans[i].text, &v, &e), vlans[i].rc);
        if (vlans[i].rc < 0) {
            CHECK_HAS(e.text, "vlan=");
            continue;
        }
        for (uint32_t id = 0; id <= BRIDGEVLAN_MAX; id++)
            if (v.of[id])
                sprintf(got + strlen(got), "%s%u%s", got[0] ? " " : "", id,
                        v.of[id] & BRIDGE_VLAN_INFO_PVID       ? "p"
                        : v.of[id] & BRIDGE_VLAN_INFO_UNTAGGED ? "u"
                                                               : "");
        CHECK_STR(got, vlans[i].want);
    }
}

/* Neighbours that are alike go as a range, of which a PVID is never one. */
TEST(vlans_are_told_as_the_kernel_reads_them)
{
    static const struct bridge_vlan_info want[] = {
        { BRIDGE_VLAN_INFO_UNTAGGED | BRIDGE_VLAN_INFO_PVID, 4 },
        { BRIDGE_VLAN_INFO_RANGE_BEGIN, 5 },
        { BRIDGE_VLAN_INFO_RANGE_END, 7 },
        { BRIDGE_VLAN_INFO_RANGE_BEGIN | BRIDGE_VLAN_INFO_UNTAGGED, 8 },
        { BRIDGE_VLAN_INFO_RANGE_END | BRIDGE_VLAN_INFO_UNTAGGED, 9 },
        { 0, 4094 },
    };
    struct nlmsghdr *m = begin_link(3);
    const struct nlattr *spec, *a;
    struct bridgevlans v;
    uint32_t nr = 0;

    CHECK_EQ(bridgevlan_parse("8-9u/4p/5-7/4094", &v, NULL), 0);
    bridgevlan_put(m, &v);
    spec = mnl_nlmsg_get_payload_offset(m, sizeof(struct ifinfomsg));
    CHECK_EQ(mnl_attr_get_type(spec), IFLA_AF_SPEC);
    mnl_attr_for_each_nested(a, spec)
    {
        CHECK(nr < ARRAY_SIZE(want));
        CHECK_EQ(mnl_attr_get_type(a), IFLA_BRIDGE_VLAN_INFO);
        CHECK_EQ(mnl_attr_get_payload_len(a), sizeof(want[0]));
        CHECK_EQ(memcmp(mnl_attr_get_payload(a), &want[nr], sizeof(want[0])),
                 0);
        nr++;
    }
    CHECK_EQ(nr, ARRAY_SIZE(want));
}

/* ---- whose a tap is ---- */

TEST(a_tap_says_whose_it_is)
{
    static const char *const others[] = {
        "",
        "freehold",
        "freehold web",
        "freehold web/vif-0",
        "freehold web/vif-0 domain",
        "freehold web/vif-0 domain 7x",
        "freehold web/vif-0 domain 70000",
        "freehold web/vif-x domain 7",
        "free hold web/vif-0 domain 7",
        "/vif-0 domain 7",
    };
    const struct tapdev_owner o = { "a /vif-9 domain 3", 2, 7 };
    struct nl_link l = { .tap = true };
    struct tapdev_owner got;

    tapdev_alias(&o, l.alias);
    CHECK(tapdev_owner(&l, &got));
    CHECK_STR(got.guest, o.guest);
    CHECK(got.devid == 2 && got.domid == 7);
    l.tap = false; /* anybody may call a bridge so */
    CHECK(!tapdev_owner(&l, &got));
    for (uint32_t i = 0; i < ARRAY_SIZE(others); i++) {
        l = (struct nl_link){ .tap = true };
        snprintf(l.alias, sizeof(l.alias), "%s", others[i]);
        CHECK(!tapdev_owner(&l, &got));
    }
}

TEST(a_tap_of_ours_is_made_as_a_backend_wants_it)
{
    struct ifreq r = { 0 };
    struct err e = { 0 };
    int fds[3], more[2], bytes = 0;

    netns_fresh();
    CHECK_EQ(tapdev_make("vif7.0", 3, fds, &e), 0);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(ioctl(fds[i], TUNGETIFF, &r), 0);
        CHECK_EQ(r.ifr_flags & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
                                IFF_MULTI_QUEUE | IFF_PERSIST),
                 IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE);
        CHECK_EQ(ioctl(fds[i], TUNGETVNETHDRSZ, &bytes), 0);
        CHECK_EQ(bytes, 10);
        CHECK_EQ(fcntl(fds[i], F_GETFL) & O_NONBLOCK, 0);
        CHECK_EQ(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
    }
    CHECK_EQ(netns_link("vif7.0").nr_queues, 3);
    CHECK_EQ(tapdev_make("vif7.0", 1, more, &e), -EBUSY);
    CHECK_HAS(e.text, "vif7.0: take a queue of it (TUNSETIFF): ");
    CHECK_EQ(netns_link("vif7.0").nr_queues, 3);
    tapdev_close(fds, 3);
    CHECK(!netns_has("vif7.0"));

    CHECK_EQ(tapdev_make("vif7.0", 1, fds, &e), 0);
    CHECK_EQ(tapdev_persist("vif7.0", fds[0], &e), 0);
    tapdev_close(fds, 1);
    CHECK_EQ(netns_link("vif7.0").nr_queues, 0);
    CHECK_EQ(tapdev_attach("vif7.0", 2, more, &e), 0);
    CHECK_EQ(netns_link("vif7.0").nr_queues, 2);
    tapdev_close(more, 2);
    netns_remove("vif7.0");
    netns_check_clean();
}

RUN_TESTS(RULE(a_device_is_found_by_its_name_and_number),
          RULE(all_devices_are_listed), RULE(what_is_changed_is_so),
          RULE(what_the_kernel_refuses_is_said_in_its_words),
          RULE(odd_attributes_count_as_absent),
          RULE(a_message_that_is_no_link_is_refused),
          RULE(an_attribute_ends_with_its_message), RULE(vlans_are_read),
          RULE(vlans_are_told_as_the_kernel_reads_them),
          RULE(a_tap_says_whose_it_is),
          RULE(a_tap_of_ours_is_made_as_a_backend_wants_it))
