/* SPDX-License-Identifier: MIT */
/*
 * evil.h - one launch by a supervisor that lies
 *
 * How this works: launch.c is an honest loader.  A case puts hooks into it,
 * one for each thing that a supervisor says or does; a hook that is NULL
 * leaves the truth in place, so that the case without hooks is the control.
 * The ledger keeps what the guest was given, byte by byte; judge.c compares
 * the measurement that the steward reports with it, and what the guest itself
 * prints, and sees to it that a guest whose launch failed never ran.
 */
#ifndef EVIL_H
#define EVIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/steward_abi.h"
#include "common/gnt.h"
#include "tests/evil/ledger.h"
#include "toolstack/supervisor/consring.h"
#include "toolstack/supervisor/hyp.h"

#define EVIL_MEASUREMENT_BYTES 32u
#define EVIL_CONSOLE_BYTES 65536u
#define EVIL_CMDLINE_BYTES (2 * FH_CMDLINE_MAX)
#define EVIL_OFFERS 2u

struct err;
struct evil;
struct evt;
struct hold;
struct mirror;
struct probe;
struct storm;
struct store;

enum evil_end { /* how a launch is over */
                EVIL_PENDING,
                EVIL_RUNNING, /* the guest runs, measured as the ledger says */
                EVIL_FAILED,  /* the steward gave up, and no vCPU of the guest
                                 ran */
                EVIL_NEVER,   /* the steward waits; no vCPU of the guest ran */
                EVIL_EITHER,  /* RUNNING or FAILED, each as above */
                EVIL_CRASHED, /* the domain shut down before its kernel ran */
                EVIL_ENDS
};

enum evil_match { /* how a measurement relates to the one from the files */
                  EVIL_ANY,
                  EVIL_SAME,
                  EVIL_OTHER,
};

struct evil_want {
    enum evil_end end;
    enum evil_match match; /* of a guest that runs */
    enum fh_error error;   /* of a launch that failed; NONE: any */
    const char *words;     /* regex for its text; NULL: any */
    const char *prints;    /* the guest must print it; NULL: tiny's line */
    bool mute;             /* what the guest prints cannot be read */
};

struct evil_batch { /* what the steward wants now, fetched and checked */
    uint32_t window, seq, blob, index; /* index: the blob's n-th, from 0 */
    uint64_t off_bytes;
    uint32_t len_bytes, nr_refs, first_ref;
};

/*
 * Hooks return 0, or a negative errno with *e filled: the case could not be
 * played.  They run in the order they stand here.
 */
struct evil_case {
    const char *name;
    const char *lie; /* one line for `list` */
    struct evil_want want;
    int (*prepare)(struct evil *v, struct err *e); /* before createdomain */
    int (*unpause)(struct evil *v, struct err *e); /* instead of it */
    int (*ready)(struct evil *v, struct err *e);   /* before XS_INTRODUCE */
    void (*storm)(struct evil *v); /* from here on, over and over, a thread */
    int (*offered)(struct evil *v, struct err *e); /* introduced is 1 */
    int (*fill)(struct evil *v, const struct evil_batch *b, struct err *e);
    int (*answer)(struct evil *v, const struct evil_batch *b, struct err *e);
    int (*ended)(struct evil *v, struct err *e); /* RUNNING or FAILED */
};

struct evil_file { /* a blob as the supervisor has it; page aligned */
    uint8_t *bytes;
    uint64_t len_bytes;
    uint64_t cap_bytes; /* whole pages; 0 behind len_bytes */
};

struct evil {
    const struct evil_case *c;
    const char *guest_dir; /* kernels */

    struct hyp *hyp;
    struct store *store;
    struct gnt *gnt;
    struct evt *evt;
    struct hold *hold;   /* pages that a case keeps */
    struct probe *probe; /* hypercalls that hyp.h does not make */
    struct storm *storm;
    struct mirror *mirror; /* set: the page's first half is elsewhere */

    struct hyp_spec spec;
    struct hyp_ports ports;
    uint16_t domid;
    uint32_t doorbell, console_port;
    struct gnt_map page, console;
    struct consring ring;

    struct evil_file file[FH_BLOBS];
    struct fh_offer offer[EVIL_OFFERS]; /* [0] is told; a race tells both */
    uint32_t nr_offers;
    uint32_t served[FH_WINDOWS];   /* seq of what was answered last */
    uint32_t nr_batches[FH_BLOBS]; /* asked for so far */
    struct ledger ledger;

    int signal_fd;   /* SIGINT, SIGTERM; -1: none */
    bool is_stopped; /* one came: clean up and go */
    bool is_offered, is_noted;
    enum evil_end end;
    struct fh_steward_half seen; /* as last looked at */
    uint64_t scratch[8];         /* a case's own notes */
    char printed[EVIL_CONSOLE_BYTES];
    uint32_t printed_bytes;
};

struct fh_control *evil_control(const struct evil *v);

#endif
