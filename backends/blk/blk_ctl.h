/* SPDX-License-Identifier: MIT */
/*
 * blk_ctl.h - what a supervisor and its block backends say to each other
 *
 * One disk is one process, freehold-blk.  The supervisor makes a listening
 * socket (SOCK_SEQPACKET), starts the process with it, and connects; so does
 * the next supervisor, when the first one died.  A backend has one connection
 * at a time: a new one replaces the old.  Each message is one struct blk_ctl,
 * whole, with at most one descriptor.
 *
 *   backend                                   supervisor
 *   HELLO  where it stands ───────────────▶
 *                          ◀─────────────── OPEN (+ the store's descriptor)
 *   WANT_SOCKET n ────────────────────────▶ ┐ a store behind NBD alone, also
 *                          ◀─────────────── SOCKET n (+ it) ┘ when it broke
 *   OPENED  what the store is ────────────▶ ... the guest is told, and answers
 *                          ◀─────────────── CONNECT, the guest's wiring
 *   CONNECTED ────────────────────────────▶
 *   BROKEN  the guest, or the store ──────▶
 *                          ◀─────────────── DISCONNECT
 *   DISCONNECTED ─────────────────────────▶
 *                          ◀─────────────── QUIT
 *
 * A backend that dies leaves its journal (blk_journal.h).  The next one is
 * told to OPEN with `resume`: it connects itself, by the wiring that is in the
 * journal, and says CONNECTED behind OPENED.
 *
 * The supervisor believes nothing of what a backend says but the descriptor it
 * has: a guest may have taken it over.  A backend believes its supervisor.
 */
#ifndef BLK_CTL_H
#define BLK_CTL_H

#include <stdbool.h>
#include <stdint.h>

#define BLK_QUEUES_MAX 16u
#define BLK_RING_ORDER_MAX 4u
#define BLK_RING_PAGES_MAX 16u
#define BLK_INDIRECT_SEGS_MAX 256u
#define BLK_SECTOR 512u /* bytes: the protocol's unit, whatever the store's */

#define BLK_CTL_VERSION 1u
#define BLK_TEXT 256u /* bytes of words, NUL included */

/* The descriptors that freehold-blk is started with. */
#define BLK_FD_LISTEN 3
#define BLK_FD_JOURNAL 4

enum blk_ctl_type {
    BLK_CTL_NONE,
    /* to the backend */
    BLK_CTL_OPEN,       /* u.open, descriptor if BLK_STORE_RAW */
    BLK_CTL_SOCKET,     /* u.socket, descriptor: a connected NBD socket */
    BLK_CTL_CONNECT,    /* u.wiring */
    BLK_CTL_DISCONNECT, /* finish what was taken, answer it, unmap */
    BLK_CTL_RESIZE,     /* look at the store's size again; answered by SIZE */
    BLK_CTL_LIMITS,     /* u.limits */
    BLK_CTL_QUIT,       /* finish what was taken, and exit with 0 */
    /* from the backend */
    BLK_CTL_HELLO,       /* u.hello: first on each connection */
    BLK_CTL_WANT_SOCKET, /* u.socket */
    BLK_CTL_OPENED,      /* u.store */
    BLK_CTL_CONNECTED,
    BLK_CTL_DISCONNECTED,
    BLK_CTL_SIZE,   /* u.store */
    BLK_CTL_BROKEN, /* u.text: the guest broke the protocol, or cannot be
                       served (bad wiring); nothing is taken any more, and the
                       backend waits for DISCONNECT */
    BLK_CTL_FAILED, /* u.text: it cannot go on (the store does not open); it
                       exits */
    BLK_CTL_TYPES
};

enum blk_store_kind { BLK_STORE_RAW, BLK_STORE_NBD, BLK_STORE_KINDS };

struct blk_limits { /* 0: none */
    uint64_t iops;  /* requests a second, of all queues */
    uint64_t bps;   /* bytes a second */
};

struct blk_open {
    uint8_t kind; /* enum blk_store_kind */
    uint8_t readonly;
    uint8_t direct;    /* RAW: O_DIRECT where the store allows it */
    uint8_t discard;   /* offer it if the store has it */
    uint8_t resume;    /* go on by the journal */
    uint8_t nr_queues; /* the most that are offered, 1..BLK_QUEUES_MAX */
    uint16_t domid;
    uint32_t devid;
    struct blk_limits limits;
    uint32_t offline_ms;   /* NBD: requests wait so long for a server that went
                              away; then they fail */
    char export[BLK_TEXT]; /* NBD */
};

struct blk_store_info {
    uint64_t size_bytes;     /* a multiple of BLK_SECTOR */
    uint32_t physical_bytes; /* the true sector size, a power of 2, >= 512 */
    uint32_t discard_bytes;  /* granularity; 0: no discard */
    uint32_t discard_align_bytes;
    uint8_t readonly; /* the store, whatever was asked */
    uint8_t flush, secure_discard, rotational;
    uint8_t nr_queues; /* that can be offered */
};

enum blk_abi { BLK_ABI_NATIVE, BLK_ABI_X86_32, BLK_ABI_X86_64, BLK_ABIS };

struct blk_wiring { /* as the guest wrote it; numbers are checked by use */
    uint8_t abi;    /* enum blk_abi */
    uint8_t nr_queues;
    uint16_t ring_pages; /* 1, 2, 4, 8 or 16 */
    struct {
        uint32_t port;
        uint32_t ref[BLK_RING_PAGES_MAX];
    } queue[BLK_QUEUES_MAX];
};

struct blk_hello {
    uint32_t version; /* BLK_CTL_VERSION */
    uint32_t pid;
    uint8_t opened, connected;
    char build[64]; /* of the program: whoever differs is replaced */
    struct blk_store_info store; /* if opened */
};

struct blk_ctl {
    uint32_t type; /* enum blk_ctl_type */
    union {
        struct blk_open open;
        struct blk_wiring wiring;
        struct blk_limits limits;
        struct blk_hello hello;
        struct blk_store_info store;
        uint32_t socket; /* number of the connection */
        char text[BLK_TEXT];
    } u;
};

#endif
