/* SPDX-License-Identifier: MIT */
/*
 * net_ctl.h - what a supervisor and its network backends say to each other
 *
 * One vif is one process, freehold-net.  As with disks (backends/blk/blk_ctl.h)
 * the supervisor makes a listening socket (SOCK_SEQPACKET), starts the process
 * with it, and connects; so does the next supervisor, when the first one died.
 * A new connection replaces the old.  Each message is one struct net_ctl,
 * whole, with at most one descriptor.
 *
 *   backend                                   supervisor
 *   HELLO  where it stands ───────────────▶
 *                          ◀─────────────── OPEN
 *                          ◀─────────────── TAP 0 .. nr_queues-1 (+ a queue of
 *                                           the tap each)
 *   OPENED ───────────────────────────────▶ ... the guest is told, and answers
 *                          ◀─────────────── CONNECT, the guest's wiring
 *   CONNECTED ────────────────────────────▶
 *   BROKEN  the guest ────────────────────▶
 *   STALLED  it takes no packets, or again ▶
 *                          ◀─────────────── DISCONNECT
 *   DISCONNECTED ─────────────────────────▶
 *                          ◀─────────────── QUIT
 *
 * A backend that dies leaves its journal (net_journal.h).  The next one is told
 * to OPEN with `resume`: it connects itself, by the wiring that is in the
 * journal, and says CONNECTED behind OPENED.
 *
 * The supervisor believes nothing of what a backend says but the descriptor it
 * has: a guest may have taken it over.  A backend believes its supervisor.
 */
#ifndef NET_CTL_H
#define NET_CTL_H

#include <stdbool.h>
#include <stdint.h>

#define NET_QUEUES_MAX 8u
#define NET_RING_SLOTS 256u /* of either ring: one page */
#define NET_MTU_MAX 65521u  /* bytes without the Ethernet header */

#define NET_CTL_VERSION 1u
#define NET_TEXT 256u /* bytes of words, NUL included */

/* The descriptors that freehold-net is started with. */
#define NET_FD_LISTEN 3
#define NET_FD_JOURNAL 4

enum net_ctl_type {
    NET_CTL_NONE,
    /* to the backend */
    NET_CTL_OPEN,       /* u.open */
    NET_CTL_TAP,        /* u.tap, descriptor: that queue of the tap, with
                           IFF_VNET_HDR and struct virtio_net_hdr (10 bytes) */
    NET_CTL_CONNECT,    /* u.wiring */
    NET_CTL_DISCONNECT, /* finish what was taken, answer it, unmap */
    NET_CTL_RULES,      /* u.rules */
    NET_CTL_HEADROOM,   /* u.headroom: of each packet from now on, and kept in
                           the journal's wiring; only while connected */
    NET_CTL_QUIT,       /* finish what was taken, and exit with 0 */
    /* from the backend */
    NET_CTL_HELLO,  /* u.hello: first on each connection */
    NET_CTL_OPENED, /* has all its descriptors */
    NET_CTL_CONNECTED,
    NET_CTL_DISCONNECTED,
    NET_CTL_STALLED, /* u.stalled: the guest takes no packets: carrier off */
    NET_CTL_BROKEN,  /* u.text: the guest broke the protocol, or cannot be
                        served; nothing is taken any more, and the backend waits
                        for DISCONNECT */
    NET_CTL_FAILED,  /* u.text: it cannot go on; it exits */
    NET_CTL_TYPES
};

#define NET_ADDRESSES_MAX 16u

struct net_address { /* of the guest: ip= */
    uint8_t is_v6;
    uint8_t any_link_local; /* none, but all of fe80::/10; bytes: 0 */
    uint8_t bytes[16];      /* v4: the first four */
};

struct net_rules {        /* what the guest may send; may change at any time */
    uint64_t rate_bytes;  /* in each interval; 0: no limit */
    uint32_t rate_usecs;  /* the interval */
    uint8_t mac[6];       /* the guest's */
    uint8_t any_mac;      /* frames of other source addresses go through */
    uint8_t nr_addresses; /* 0: any */
    struct net_address address[NET_ADDRESSES_MAX];
};

struct net_open {
    uint8_t resume;    /* go on by the journal */
    uint8_t nr_queues; /* that are offered, 1..NET_QUEUES_MAX */
    uint16_t domid;
    uint32_t devid;
    struct net_rules rules;
};

struct net_wiring { /* as the guest wrote it; numbers are checked by use */
    uint8_t nr_queues;
    uint8_t sg;               /* it takes packets of several slots */
    uint8_t gso_v4, gso_v6;   /* it takes TCP segments larger than the MTU */
    uint8_t csum_v4, csum_v6; /* it takes packets without a checksum */
    uint8_t rx_notify;        /* it tells when it has posted buffers */
    uint8_t split;            /* events of the two rings come by ports of their
                                 own */
    uint16_t headroom;        /* bytes before each packet it gets (XDP) */
    struct {
        uint32_t tx_ref, rx_ref;
        uint32_t tx_port, rx_port; /* the same unless split */
    } queue[NET_QUEUES_MAX];
};

struct net_hello {
    uint32_t version; /* NET_CTL_VERSION */
    uint32_t pid;
    uint8_t opened, connected, stalled;
    char build[64]; /* of the program: whoever differs is replaced */
};

struct net_ctl {
    uint32_t type; /* enum net_ctl_type */
    union {
        struct net_open open;
        struct net_wiring wiring;
        struct net_rules rules;
        struct net_hello hello;
        uint32_t tap;      /* number of the queue */
        uint16_t headroom; /* bytes, as in net_wiring */
        uint8_t stalled;
        char text[NET_TEXT];
    } u;
};

#endif
