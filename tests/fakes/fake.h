/* SPDX-License-Identifier: MIT */
/*
 * fake.h - one small Xen host inside a test program
 *
 * The fakes export the real names of libxenctrl, libxengnttab, libxenevtchn
 * and libxenstore, so production code is linked as it is.  They are hostile:
 * memory that was fetched is destroyed, mappings and handles are counted, and
 * the nth call can be made to fail.
 */
#ifndef FAKE_H
#define FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/steward_abi.h"
#include "abi/xen_steward.h"

#define FAKE_POISON 0xa5
#define FAKE_DOMAINS 8u
#define FAKE_PAGES 3u
#define FAKE_PORTS 32u
#define FAKE_CPUS 8u /* two nodes of four */

enum fake_steward_act { /* how the guest's steward behaves */
                        FAKE_STEWARD_GOOD,
                        FAKE_STEWARD_SILENT,  /* never rings */
                        FAKE_STEWARD_REFUSES, /* FAILED with words */
                        FAKE_STEWARD_LIES,    /* wants what bad_want says */
                        FAKE_STEWARD_CRASHES, /* the domain crashes before READY
                                               */
};

struct fake_domain {
    bool there, protected, paused, shutdown, dying;
    uint32_t domid, reason, nr_vcpus;
    uint8_t handle[16];
    uint32_t next_port;
    int max_evtchn_port, max_maptrack_frames; /* as createdomain had them */
    uint8_t *page[FAKE_PAGES];                /* console, xenstore, control */
    bool granted[FAKE_PAGES];
    bool launched, introduced;
    uint32_t nr_resumes, nr_xs_resumes;
    bool ends_at_once;    /* powers off as it is resumed, and nobody is told */
    uint32_t command_seq; /* the steward did it last */
    bool seen;            /* the test's own mark */
    struct fake_io *io;   /* what it grants for I/O: fake_io.h */
    /* dom0 rang one of its ports: how often each, and who is told at once, in
       the thread that rang. */
    uint32_t nr_rung[FAKE_PORTS];
    void (*on_rung)(struct fake_domain *d, uint32_t port, void *arg);
    void *on_rung_arg;
    uint64_t claim_pages, max_kib;
    struct {
        uint8_t hard, soft; /* of 8 CPUs; 0: never set */
    } affinity[16];
    uint32_t weight, cap, pool;

    /* The steward's own memory. */
    uint64_t asked_bytes;
    uint32_t blob, window, seq;
    uint8_t *loaded[FH_BLOBS];
    uint64_t loaded_bytes[FH_BLOBS];
    struct fh_offer offer;
    struct {
        uint32_t seq, blob, nr_refs, first_ref, len_bytes;
        uint64_t off_bytes;
    } batch[FH_WINDOWS];
};

struct fake {
    uint32_t nr_calls, fail_at; /* 0: none fails */
    uint32_t nr_maps, nr_handles, nr_xs_nodes;
    struct fake_domain domain[FAKE_DOMAINS];
    enum fake_steward_act act;
    struct fh_batch bad_want;
    int create_errno; /* createdomain fails with it; 0: not */
    uint64_t free_pages;
    bool storms;         /* a port that is unmasked rings at once */
    uint32_t nr_unmasks; /* of event channels */
    bool unprotected;    /* createdomain ignores our flag, as other Xens may */
    uint32_t scheduler;  /* 0: credit2 */
    /* What Xen's /protected says; mode NULL: there is no such directory. */
    struct {
        const char *mode;
        bool lab;
        uint32_t checked, missing;
        uint8_t encoding, uint_bytes; /* 0: plain, 4 */
    } posture;
};

extern struct fake fake;

void fake_reset(void); /* frees everything; an empty host */

/* The nth call from now on fails; 0: none. */
void fake_fail_at(uint32_t n);

/* True when this call is the one to fail: for the fakes themselves. */
bool fake_fails(void);

/* Domains, mappings, handles and xenstore nodes that are left. */
uint32_t fake_left(void);

struct fake_domain *fake_find(uint32_t domid); /* NULL: none */

/* The guest's kernel ends: SHUTDOWN_*. */
void fake_shutdown(struct fake_domain *d, uint32_t reason);

/*
 * The guest rings one of its ports; xenstored fires a watch.  A port that was
 * taken is masked until it is unmasked; what was rung meanwhile comes then.
 */
void fake_ring(uint32_t domid, uint32_t remote_port);
void fake_release_event(void);

/* The steward: dom0 unpaused its domain, or rang its doorbell. */
void fake_steward_launch(struct fake_domain *d);
void fake_steward_ring(struct fake_domain *d);
struct fh_control *fake_control(struct fake_domain *d);

/* Where the page behind a steward's load grant lies; NULL: none. */
void *fake_load_page(struct fake_domain *d, uint32_t ref);

/* xenstored ended, and all that it knew with it. */
void fake_xs_end(void);

/* A node's value in the fake xenstore; NULL: none. */
const char *fake_xs_value(const char *path);
/* Its permissions, "n0 r7": owner and others; NULL: no such node. */
const char *fake_xs_perms(const char *path);

/* Somebody else writes and removes, the guest perhaps; watches fire. */
void fake_xs_set(const char *path, const char *value);
void fake_xs_rm(const char *path);
uint32_t fake_xs_watches(void); /* of all connections */

#endif
