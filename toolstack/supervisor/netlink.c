/* SPDX-License-Identifier: MIT */
/*
 * netlink.c - the kernel's network devices, asked and changed
 */
#include "toolstack/supervisor/netlink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "common/checked.h"
#include "common/err.h"

#define WAIT_S 5 /* that is a kernel that does not answer */
#define DUMPS_MAX 8u
#define LINKS_MAX 65536u

struct nl {
    struct mnl_socket *socket;
    uint32_t seq;
    char words[128]; /* the kernel's, of what it refused */
    _Alignas(struct nlmsghdr) char request[NL_BYTES];
    _Alignas(struct nlmsghdr) char answer[NL_BYTES];
};

/* ---- a request and its answer ---- */

int nl_open(struct nl **out, struct err *e)
{
    const struct timeval wait = { .tv_sec = WAIT_S };
    struct nl *n = calloc(1, sizeof(*n));
    int on = 1, rc = -ENOMEM;

    if (!n)
        return fail(e, rc, "netlink: no memory");
    n->seq = (uint32_t)time(NULL);
    n->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!n->socket || mnl_socket_bind(n->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
        setsockopt(mnl_socket_get_fd(n->socket), SOL_SOCKET, SO_RCVTIMEO, &wait,
                   sizeof(wait)) < 0) {
        rc = fail(e, -errno, "netlink: open it: %s", strerror(errno));
        nl_close(n);
        return rc;
    }
    /* Its words, and not our own message again; old kernels have neither. */
    mnl_socket_setsockopt(n->socket, NETLINK_EXT_ACK, &on, sizeof(on));
    mnl_socket_setsockopt(n->socket, NETLINK_CAP_ACK, &on, sizeof(on));
    *out = n;
    return 0;
}

void nl_close(struct nl *n)
{
    if (!n)
        return;
    if (n->socket)
        mnl_socket_close(n->socket);
    free(n);
}

static struct nlmsghdr *begin(struct nl *n, uint16_t type)
{
    struct nlmsghdr *m = mnl_nlmsg_put_header(n->request);

    m->nlmsg_type = type;
    m->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    m->nlmsg_seq = ++n->seq;
    return m;
}

struct nlmsghdr *nl_begin(struct nl *n, uint16_t type, uint8_t family,
                          int index)
{
    struct nlmsghdr *m = begin(n, type);
    struct ifinfomsg *i = mnl_nlmsg_put_extra_header(m, sizeof(*i));

    i->ifi_family = family;
    i->ifi_index = index;
    return m;
}

struct nlmsghdr *nl_begin_tc(struct nl *n, uint16_t type, int index)
{
    struct nlmsghdr *m = begin(n, type);
    struct tcmsg *t = mnl_nlmsg_put_extra_header(m, sizeof(*t));

    t->tcm_ifindex = index;
    return m;
}

static int on_words(const struct nlattr *a, void *arg)
{
    struct nl *n = arg;

    if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG)
        snprintf(n->words, sizeof(n->words), "%.*s",
                 (int)mnl_attr_get_payload_len(a), mnl_attr_get_str(a));
    return MNL_CB_OK;
}

/* An answer of its own making: errno, and perhaps words. */
static int on_verdict(const struct nlmsghdr *m, void *arg)
{
    const struct nlmsgerr *said = mnl_nlmsg_get_payload(m);
    size_t off = sizeof(*said);

    if (m->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(*said)) {
        errno = EBADMSG;
        return MNL_CB_ERROR;
    }
    if (said->error == 0)
        return MNL_CB_STOP;
    if (!(m->nlmsg_flags & NLM_F_CAPPED))
        off += mnl_nlmsg_get_payload_len(&said->msg);
    if ((m->nlmsg_flags & NLM_F_ACK_TLVS) && off < mnl_nlmsg_get_payload_len(m))
        mnl_attr_parse(m, (unsigned int)off, on_words, ((void **)arg)[0]);
    errno = said->error < 0 ? -said->error : said->error;
    return MNL_CB_ERROR;
}

static int on_nothing(const struct nlmsghdr *m, void *arg)
{
    (void)m, (void)arg;
    return MNL_CB_OK;
}

/* What else is on its way is of a request that was given up. */
static void drain(struct nl *n)
{
    int fd = mnl_socket_get_fd(n->socket);

    while (recv(fd, n->answer, sizeof(n->answer), MSG_DONTWAIT) > 0)
        ;
}

/* Send what was begun; each message of the answer to cb.  0 or -errno. */
static int talk(struct nl *n, mnl_cb_t cb, void *to)
{
    static const mnl_cb_t control[] = { [NLMSG_ERROR] = on_verdict };
    const struct nlmsghdr *m = (const void *)n->request;
    uint32_t port = mnl_socket_get_portid(n->socket);
    void *arg[] = { n, to };
    int r;

    n->words[0] = 0;
    drain(n);
    if (mnl_socket_sendto(n->socket, m, m->nlmsg_len) < 0)
        return -errno;
    do {
        ssize_t got =
            mnl_socket_recvfrom(n->socket, n->answer, sizeof(n->answer));

        if (got < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        r = mnl_cb_run2(n->answer, (size_t)got, m->nlmsg_seq, port, cb, arg,
                        control, ARRAY_SIZE(control));
    } while (r > MNL_CB_STOP);
    return r < 0 ? -errno : 0;
}

static int refused(struct nl *n, int rc, const char *device, const char *what,
                   struct err *e)
{
    return fail(e, rc, "%s: %s: %s%s%s", device, what, strerror(-rc),
                n->words[0] ? ": " : "", n->words);
}

int nl_ask(struct nl *n, const char *device, const char *what, struct err *e)
{
    int rc = talk(n, on_nothing, NULL);

    return rc < 0 ? refused(n, rc, device, what, e) : 0;
}

/* ---- look ---- */

static int on_link(const struct nlmsghdr *m, void *arg)
{
    struct nl_link *out = ((void **)arg)[1];

    if (nl_read_link(m, out) < 0) {
        errno = EBADMSG;
        return MNL_CB_ERROR;
    }
    return MNL_CB_OK;
}

static int look(struct nl *n, struct nlmsghdr *m, const char *name,
                struct nl_link *out, struct err *e)
{
    int rc;

    mnl_attr_put_u32(m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    *out = (struct nl_link){ 0 };
    rc = talk(n, on_link, out);
    if (rc == 0 && !out->index)
        rc = -ENODEV;
    return rc < 0 ? refused(n, rc, name, "look for it", e) : 0;
}

int nl_find(struct nl *n, const char *name, struct nl_link *out, struct err *e)
{
    struct nlmsghdr *m = nl_begin(n, RTM_GETLINK, AF_UNSPEC, 0);

    if (strlen(name) >= IFNAMSIZ)
        return fail(e, -ENODEV,
                    "%.40s: look for it: a device's name has at most %u "
                    "characters",
                    name, IFNAMSIZ - 1);
    mnl_attr_put_strz(m, IFLA_IFNAME, name);
    return look(n, m, name, out, e);
}

int nl_get(struct nl *n, int index, struct nl_link *out, struct err *e)
{
    char name[32];

    snprintf(name, sizeof(name), "device %d", index);
    return look(n, nl_begin(n, RTM_GETLINK, AF_UNSPEC, index), name, out, e);
}

struct list {
    struct nl_link *all;
    uint32_t nr, room;
};

static int on_listed(const struct nlmsghdr *m, void *arg)
{
    struct list *l = ((void **)arg)[1];
    struct nl_link *more;

    if (l->nr == l->room) {
        l->room = l->room ? l->room * 2 : 64;
        more = l->room > LINKS_MAX ? NULL
                                   : realloc(l->all, l->room * sizeof(*more));
        if (!more) {
            errno = ENOMEM;
            return MNL_CB_ERROR;
        }
        l->all = more;
    }
    if (nl_read_link(m, &l->all[l->nr]) == 0)
        l->nr++;
    return MNL_CB_OK;
}

int nl_list(struct nl *n, struct nl_link **out, struct err *e)
{
    int rc = -EINTR;

    /* -EINTR: they changed meanwhile. */
    for (uint32_t i = 0; rc == -EINTR && i < DUMPS_MAX; i++) {
        struct nlmsghdr *m = nl_begin(n, RTM_GETLINK, AF_UNSPEC, 0);
        struct list l = { 0 };

        m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        mnl_attr_put_u32(m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
        rc = talk(n, on_listed, &l);
        if (rc == 0) {
            *out = l.all;
            return (int)l.nr;
        }
        free(l.all);
    }
    *out = NULL;
    return refused(n, rc, "netlink", "list the devices", e);
}

/* ---- change ---- */

int nl_set_mtu(struct nl *n, const struct nl_link *l, uint32_t mtu,
               struct err *e)
{
    struct nlmsghdr *m = nl_begin(n, RTM_NEWLINK, AF_UNSPEC, l->index);
    char what[48];

    snprintf(what, sizeof(what), "set its mtu to %u", mtu);
    mnl_attr_put_u32(m, IFLA_MTU, mtu);
    return nl_ask(n, l->name, what, e);
}

int nl_set_mac(struct nl *n, const struct nl_link *l,
               const uint8_t mac[ETH_ALEN], struct err *e)
{
    struct nlmsghdr *m = nl_begin(n, RTM_NEWLINK, AF_UNSPEC, l->index);

    mnl_attr_put(m, IFLA_ADDRESS, ETH_ALEN, mac);
    return nl_ask(n, l->name, "set its address", e);
}

int nl_set_alias(struct nl *n, const struct nl_link *l, const char *alias,
                 struct err *e)
{
    struct nlmsghdr *m = nl_begin(n, RTM_NEWLINK, AF_UNSPEC, l->index);

    mnl_attr_put_str(m, IFLA_IFALIAS, alias);
    return nl_ask(n, l->name, "set its alias", e);
}

int nl_set_up(struct nl *n, const struct nl_link *l, bool up, struct err *e)
{
    struct nlmsghdr *m = nl_begin(n, RTM_NEWLINK, AF_UNSPEC, l->index);
    struct ifinfomsg *i = mnl_nlmsg_get_payload(m);

    i->ifi_change = IFF_UP;
    i->ifi_flags = up ? IFF_UP : 0;
    return nl_ask(n, l->name, up ? "bring it up" : "take it down", e);
}

int nl_set_master(struct nl *n, const struct nl_link *l,
                  const struct nl_link *bridge, struct err *e)
{
    struct nlmsghdr *m = nl_begin(n, RTM_NEWLINK, AF_UNSPEC, l->index);
    char what[48];

    snprintf(what, sizeof(what), "%s %s",
             bridge ? "put it on bridge" : "take it off its bridge",
             bridge ? bridge->name : "");
    mnl_attr_put_u32(m, IFLA_MASTER, bridge ? (uint32_t)bridge->index : 0);
    return nl_ask(n, l->name, what, e);
}

int nl_no_addresses(struct nl *n, const struct nl_link *l, struct err *e)
{
    struct nlmsghdr *m = nl_begin(n, RTM_NEWLINK, AF_UNSPEC, l->index);
    struct nlattr *spec = mnl_attr_nest_start(m, IFLA_AF_SPEC);
    struct nlattr *v6 = mnl_attr_nest_start(m, AF_INET6);
    int rc;

    mnl_attr_put_u8(m, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    mnl_attr_nest_end(m, v6);
    mnl_attr_nest_end(m, spec);
    rc = talk(n, on_nothing, NULL);
    if (rc == -EAFNOSUPPORT || rc == -EOPNOTSUPP)
        return 0;
    return rc < 0 ? refused(n, rc, l->name, "give it no address", e) : 0;
}

int nl_delete(struct nl *n, const struct nl_link *l, struct err *e)
{
    int rc;

    nl_begin(n, RTM_DELLINK, AF_UNSPEC, l->index);
    rc = talk(n, on_nothing, NULL);
    return rc < 0 && rc != -ENODEV ? refused(n, rc, l->name, "remove it", e)
                                   : 0;
}
