/* SPDX-License-Identifier: MIT */
/*
 * load.h - feed a guest's steward: the far side of steward/load.c
 *
 * The steward grants batches of pages and says which bytes of which file it
 * wants in them; Xen copies those from the page cache.  Every field of the
 * control page is the guest's to change at any moment: it is fetched once,
 * checked, and answered from private state.
 *
 *   WAIT ──READY──▶ OFFER ──load_offer()──▶ LOADING ──STARTING──▶ MEASURED
 *     │               │                        │                     │
 *     │               │                        │                load_noted()
 *     ▼               ▼                        ▼                     ▼
 *   DEAD ◀─────────────── FAILED, or a lie ─────────────────────  STARTING
 *                                                                    │
 *                                                      DONE ◀──RUNNING
 *
 * A guest that comes from another host (FH_OFFER_RECEIVE) has nothing to load:
 *
 *   OFFER ──load_offer()──▶ LOADING ──RECEIVING──▶ RECEIVED ──load_came()──▶
 * DONE
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/steward_abi.h"
#include "common/gnt.h"
#include "toolstack/supervisor/blob.h"

struct err;

enum load_state {
    LOAD_WAIT,     /* for the steward's READY */
    LOAD_OFFER,    /* the caller introduces the guest, then load_offer() */
    LOAD_LOADING,  /* batches are filled as they are wanted */
    LOAD_MEASURED, /* the caller takes down identity, then load_noted() */
    LOAD_STARTING,
    LOAD_RECEIVED, /* its steward waits for a migration */
    LOAD_DONE,     /* the guest runs */
    LOAD_DEAD,     /* it never will */
    LOAD_STATES
};

struct load_identity {
    uint8_t measurement[32];
    uint8_t guest_id[16];
};

struct load {
    enum load_state state;
    struct gnt *gnt;
    uint16_t domid;
    struct gnt_map page; /* the control page */
    struct blob blob[FH_BLOBS];
    uint64_t ram_bytes;
    uint32_t flags;                /* FH_OFFER_* */
    uint32_t done[FH_WINDOWS];     /* seq of what we filled last */
    uint64_t loaded_bytes;         /* by our own count */
    uint64_t loading_us, start_us; /* CLOCK_MONOTONIC; for the report */
    uint32_t steward_state;        /* as last seen, for `info` */
    struct load_identity identity; /* read before any guest vCPU ran */
    bool identified;               /* the same, of one that came */
};

/*
 * Look at the control page and do what it asks for; call it on every ring of
 * the doorbell.  Returns 1 when the steward must be rung, 0 when not.
 *
 *   -ECANCELED  the steward gave up; *e has its words
 *   -EPROTO     the steward broke the rules of steward_abi.h
 *   others      a page could not be mapped or filled
 *
 * After an error the state is LOAD_DEAD.
 */
int load_step(struct load *l, struct err *e);

/* In LOAD_OFFER, once the guest is introduced.  Ring the steward then. */
void load_offer(struct load *l);

/* In LOAD_MEASURED: let the guest be started.  Ring the steward then. */
void load_noted(struct load *l);

/* Tell the steward that we give up.  Ring it then. */
void load_abort(struct load *l);

/* The guest runs already: launched by an earlier supervisor, or too fast to
   have been seen to start. */
void load_adopt(struct load *l);

/* The same of one whose steward waits for a migration. */
void load_adopt_receiving(struct load *l);

/* In LOAD_RECEIVED: its steward has all of the guest: identity is read. */
void load_identify(struct load *l);

/* In LOAD_RECEIVED: the guest came, and runs. */
void load_came(struct load *l);

/* Drop the files; the control page stays until load_close(). */
void load_release_blobs(struct load *l);
void load_close(struct load *l); /* twice: no-op */

#endif
