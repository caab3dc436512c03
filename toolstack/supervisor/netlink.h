/* SPDX-License-Identifier: MIT */
/*
 * netlink.h - the kernel's network devices, asked and changed
 *
 * The only caller of libmnl.  A request is answered before the call returns;
 * the kernel does so at once.  An error names the device, what was wanted and
 * what the kernel said.
 *
 * Source: Linux 6.12, Documentation/netlink/specs/rt_link.yaml.
 */
#ifndef NETLINK_H
#define NETLINK_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/if_ether.h>
#include <net/if.h>

struct err;
struct nl; /* owns one NETLINK_ROUTE socket */
struct nlmsghdr;

#define NL_BRIDGE "bridge"
#define NL_TUN "tun"    /* what the kernel calls taps, too */
#define NL_BYTES 40960u /* of a message: bridgevlan.h's may have 32788 */

struct nl_link { /* as it was when asked; strings are whole */
    int index;
    int master; /* index of its bridge; 0: none */
    char name[IFNAMSIZ];
    char kind[16];   /* "": a card of dom0's own */
    char alias[256]; /* "": none */
    uint8_t mac[ETH_ALEN];
    uint32_t mtu; /* bytes */
    bool up, carrier;
    bool tap;              /* of NL_TUN: it is no tun */
    uint32_t nr_queues;    /* of a tap: that somebody has open */
    bool vlan_filtering;   /* of a bridge */
    uint16_t default_vlan; /* of a bridge: each new port's; 0: none */
};

int nl_open(struct nl **out, struct err *e);
void nl_close(struct nl *n); /* NULL: no-op */

/* -ENODEV: there is none. */
int nl_find(struct nl *n, const char *name, struct nl_link *out, struct err *e);
int nl_get(struct nl *n, int index, struct nl_link *out, struct err *e);
/* All of them, one allocation, the caller's to free.  Returns their number. */
int nl_list(struct nl *n, struct nl_link **out, struct err *e);

/* Each names l in what it says, and goes by its index. */
int nl_set_mtu(struct nl *n, const struct nl_link *l, uint32_t mtu,
               struct err *e);
int nl_set_mac(struct nl *n, const struct nl_link *l,
               const uint8_t mac[ETH_ALEN], struct err *e);
int nl_set_alias(struct nl *n, const struct nl_link *l, const char *alias,
                 struct err *e);
int nl_set_up(struct nl *n, const struct nl_link *l, bool up, struct err *e);
/* bridge NULL: of none any more. */
int nl_set_master(struct nl *n, const struct nl_link *l,
                  const struct nl_link *bridge, struct err *e);
/* No link-local address of dom0's; where IPv6 is off, that is so anyhow. */
int nl_no_addresses(struct nl *n, const struct nl_link *l, struct err *e);
/* Absent is as good. */
int nl_delete(struct nl *n, const struct nl_link *l, struct err *e);

/*
 * A request of the caller's own about a device: begin it, put attributes, ask.
 * what: "set its mtu to 9000", as an error says it.
 */
struct nlmsghdr *nl_begin(struct nl *n, uint16_t type, uint8_t family,
                          int index);
/* The same with a struct tcmsg, all zero but for its device. */
struct nlmsghdr *nl_begin_tc(struct nl *n, uint16_t type, int index);
int nl_ask(struct nl *n, const char *device, const char *what, struct err *e);

/*
 * Read one RTM_NEWLINK.  Attributes of another size than they have are taken
 * for absent.
 *
 *   -EBADMSG    it is none, or has neither index nor name
 */
int nl_read_link(const struct nlmsghdr *m, struct nl_link *out);

#endif
