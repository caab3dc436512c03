/* SPDX-License-Identifier: MIT */
/*
 * fake_nbd.h - a small NBD server in threads of the test, which can misbehave
 *
 * Newstyle handshake, NBD_OPT_GO alone, simple replies.  Each connection is a
 * socket pair with a thread behind it; all share the data.  Settings may be
 * changed while no connection is being served.
 */
#ifndef FAKE_NBD_H
#define FAKE_NBD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define FAKE_NBD_BYTES (1u << 20) /* the most that it exports */

enum fake_nbd_lie {
    FAKE_NBD_HONEST,
    /* in the handshake */
    FAKE_NBD_BAD_MAGIC,
    FAKE_NBD_MUTE,   /* says nothing at all */
    FAKE_NBD_REFUSE, /* the export is unknown */
    FAKE_NBD_CUT,    /* ends in the midst of it */
    /* at request at_request and all behind it */
    FAKE_NBD_DROP,       /* hangs up, having done nothing */
    FAKE_NBD_DROP_LATE,  /* does it, and hangs up instead of an answer */
    FAKE_NBD_SILENT,     /* takes requests, answers none */
    FAKE_NBD_COOKIE,     /* answers something that was not asked */
    FAKE_NBD_SHORT,      /* half of the data, then it hangs up */
    FAKE_NBD_STRUCTURED, /* a structured reply, which nobody asked for */
    FAKE_NBD_NOISE,      /* no reply at all, but bytes */
    FAKE_NBD_ERROR,      /* `error` for each */
    FAKE_NBD_REVERSE,    /* in groups of `group`, last first */
};

struct fake_nbd {
    enum fake_nbd_lie lie;
    uint32_t at_request; /* from 1, of one connection */
    uint32_t error;      /* NBD's numbers are Linux's */
    uint32_t group;
    uint64_t size_bytes;
    uint16_t flags; /* NBD_FLAG_*, transmission flags */
    uint32_t min_bytes, preferred_bytes, max_bytes; /* all 0: not said */

    /* What it saw, under lock. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint8_t data[FAKE_NBD_BYTES];
    uint32_t nr_connections, nr_open, nr_requests, nr_flushes, nr_trims;
    uint32_t nr_goodbyes; /* NBD_CMD_DISC */
    uint32_t biggest_bytes;
    uint64_t offs[64]; /* of the first requests that it saw, in order */
};

void fake_nbd_open(struct fake_nbd *n); /* honest, 1 MiB, all flags */
/* A connected socket, the caller's. */
int fake_nbd_connect(struct fake_nbd *n);
/* Wait until each connection is closed by the client, or by itself. */
void fake_nbd_close(struct fake_nbd *n);
/* Wait until it has seen so many requests. */
void fake_nbd_await(struct fake_nbd *n, uint32_t nr_requests);

#endif
