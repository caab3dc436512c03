/* SPDX-License-Identifier: MIT */
/*
 * netns.c - a network of the test's own, with the kernel's real devices
 */
#include "tests/unit/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/if_bridge.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include "common/err.h"
#include "tests/unit/test.h"

static int nr_links, nr_fds;
static bool entered;

static int count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int nr = 0;

    CHECK(d != NULL);
    while (readdir(d))
        nr++;
    closedir(d);
    return nr;
}

/* Root already has what it takes. */
static void become_root(void)
{
    char line[64];
    uid_t uid = geteuid();
    int fd;

    if (uid == 0 || entered)
        return;
    CHECK_EQ(unshare(CLONE_NEWUSER), 0);
    fd = open("/proc/self/uid_map", O_WRONLY);
    snprintf(line, sizeof(line), "0 %u 1", uid);
    CHECK_EQ(write(fd, line, strlen(line)), (ssize_t)strlen(line));
    close(fd);
}

void netns_fresh(void)
{
    become_root();
    CHECK_EQ(unshare(CLONE_NEWNET), 0);
    entered = true;
    nr_links = netns_count();
    nr_fds = count_fds();
}

void netns_check_clean(void)
{
    CHECK_EQ(netns_count(), nr_links);
    CHECK_EQ(count_fds(), nr_fds);
}

static void ask(unsigned long what, void *arg)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    CHECK(fd >= 0);
    if (ioctl(fd, what, arg) < 0) {
        fprintf(stderr, "ioctl %#lx: %s\n", what, strerror(errno));
        CHECK(false);
    }
    close(fd);
}

static struct nl *talker(void)
{
    struct nl *nl = NULL;
    struct err e = { 0 };

    CHECK_EQ(nl_open(&nl, &e), 0);
    return nl;
}

void netns_add_bridge(const char *name, uint32_t mtu)
{
    struct ifreq r = { .ifr_mtu = (int)mtu };

    ask(SIOCBRADDBR, (void *)name);
    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    ask(SIOCSIFMTU, &r);
    r.ifr_flags = IFF_UP;
    ask(SIOCSIFFLAGS, &r);
}

bool netns_filter_vlans(const char *bridge)
{
    struct nl_link l = netns_link(bridge);
    struct nl *nl = talker();
    struct err e = { 0 };
    struct nlmsghdr *m = nl_begin(nl, RTM_NEWLINK, AF_UNSPEC, l.index);
    struct nlattr *info = mnl_attr_nest_start(m, IFLA_LINKINFO), *data;
    int rc;

    mnl_attr_put_strz(m, IFLA_INFO_KIND, NL_BRIDGE);
    data = mnl_attr_nest_start(m, IFLA_INFO_DATA);
    mnl_attr_put_u8(m, IFLA_BR_VLAN_FILTERING, 1);
    mnl_attr_nest_end(m, data);
    mnl_attr_nest_end(m, info);
    rc = nl_ask(nl, bridge, "turn VLANs on", &e);
    nl_close(nl);
    if (rc < 0)
        fprintf(stderr, "%s\n", e.text);
    CHECK(rc == 0 || rc == -EOPNOTSUPP);
    return netns_link(bridge).vlan_filtering;
}

static void read_port(const struct nlattr *spec, uint16_t of[4095])
{
    const struct nlattr *a;

    mnl_attr_for_each_nested(a, spec)
    {
        const struct bridge_vlan_info *v = mnl_attr_get_payload(a);

        if (mnl_attr_get_type(a) == IFLA_BRIDGE_VLAN_INFO && v->vid < 4095)
            of[v->vid] = v->flags | 0x8000;
    }
}

static int on_port(const struct nlmsghdr *m, void *arg)
{
    void **to = arg;
    const struct ifinfomsg *i = mnl_nlmsg_get_payload(m);
    const struct nlattr *a;

    if (i->ifi_index != *(int *)to[0])
        return MNL_CB_OK;
    mnl_attr_for_each(a, m, sizeof(*i)) if (mnl_attr_get_type(a) ==
                                            IFLA_AF_SPEC) read_port(a, to[1]);
    return MNL_CB_OK;
}

void netns_read_vlans(const char *port, uint16_t of[4095])
{
    static char buf[65536];
    int index = netns_link(port).index, r;
    void *to[] = { &index, of };
    struct mnl_socket *s = mnl_socket_open(NETLINK_ROUTE);
    struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
    struct ifinfomsg *i;

    memset(of, 0, 4095 * sizeof(of[0]));
    m->nlmsg_type = RTM_GETLINK;
    m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    m->nlmsg_seq = 1;
    i = mnl_nlmsg_put_extra_header(m, sizeof(*i));
    i->ifi_family = AF_BRIDGE;
    mnl_attr_put_u32(m, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN);
    CHECK(mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) == 0);
    CHECK(mnl_socket_sendto(s, m, m->nlmsg_len) > 0);
    do {
        ssize_t got = mnl_socket_recvfrom(s, buf, sizeof(buf));

        CHECK(got > 0);
        r = mnl_cb_run(buf, (size_t)got, 1, mnl_socket_get_portid(s), on_port,
                       to);
    } while (r > MNL_CB_STOP);
    CHECK_EQ(r, MNL_CB_STOP);
    mnl_socket_close(s);
}

int netns_add_tap(const char *name)
{
    struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
                                    IFF_MULTI_QUEUE };
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    CHECK(fd >= 0);
    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    CHECK_EQ(ioctl(fd, TUNSETIFF, &r), 0);
    return fd;
}

void netns_remove(const char *name)
{
    struct nl_link l = netns_link(name);
    struct nl *nl = talker();
    struct err e = { 0 };

    CHECK_EQ(nl_delete(nl, &l, &e), 0);
    nl_close(nl);
}

void netns_rename(const char *from, const char *to)
{
    struct ifreq r = { 0 };

    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", from);
    snprintf(r.ifr_newname, sizeof(r.ifr_newname), "%s", to);
    ask(SIOCSIFNAME, &r);
}

bool netns_has(const char *name)
{
    struct nl *nl = talker();
    struct nl_link l;
    int rc = nl_find(nl, name, &l, NULL);

    nl_close(nl);
    return rc == 0;
}

struct nl_link netns_link(const char *name)
{
    struct nl *nl = talker();
    struct err e = { 0 };
    struct nl_link l;
    int rc = nl_find(nl, name, &l, &e);

    nl_close(nl);
    if (rc < 0)
        fprintf(stderr, "%s\n", e.text);
    CHECK_EQ(rc, 0);
    return l;
}

int netns_count(void)
{
    struct nl *nl = talker();
    struct nl_link *all;
    struct err e = { 0 };
    int nr = nl_list(nl, &all, &e);

    nl_close(nl);
    CHECK(nr >= 0);
    free(all);
    return nr;
}
