/* SPDX-License-Identifier: MIT */
/*
 * hyp.h - every hypercall of the toolstack
 *
 * hyp*.c are the only callers of libxenctrl.  Nothing here can reach a
 * protected guest's memory or registers: dom0 makes the shell of a domain, Xen
 * fills it.
 */
#ifndef HYP_H
#define HYP_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct hyp; /* owns one open /dev/xen/privcmd */

#define HYP_GRANT_FRAMES_MAX 32u /* measured: see steward_abi.h */
#define HYP_EVENT_CHANNELS 1023u /* as libxl */
#define HYP_DOMID_NONE 0x7ff4u   /* DOMID_INVALID */

struct hyp_spec { /* what a guest asks of Xen */
    uint8_t uuid[16];
    uint64_t ram_bytes;
    uint32_t nr_vcpus;            /* the guest's own; the steward's is added */
    uint32_t max_event_channels;  /* 0: HYP_EVENT_CHANNELS */
    bool has_maptrack_frames;     /* else Xen's default */
    uint32_t max_maptrack_frames; /* for what the guest maps of others */
    uint32_t pool;                /* of CPUs; 0: Xen's first */
};

struct hyp_ports { /* the guest's event channels for dom0 */
    uint32_t store, console;
};

enum hyp_shutdown { /* Xen's SHUTDOWN_*; sched.h */
                    HYP_POWEROFF,
                    HYP_REBOOT,
                    HYP_SUSPEND,
                    HYP_CRASH,
                    HYP_WATCHDOG,
                    HYP_SOFT_RESET,
                    HYP_SHUTDOWNS
};

struct hyp_info {
    uint16_t domid;
    uint8_t uuid[16];
    bool protected, running, blocked, paused, shutdown, dying;
    uint32_t reason;    /* enum hyp_shutdown, when shutdown; may be beyond */
    uint32_t nr_online; /* vCPUs, the steward's included */
    uint32_t nr_vcpus;  /* the same, all */
    uint64_t mem_pages; /* with what it may still populate */
    uint64_t cpu_ns;
    uint32_t pool; /* of CPUs; 0: Xen's first */
};

struct hyp_host {
    char xen_version[48];
    uint64_t free_bytes, total_bytes;
    uint32_t nr_cpus; /* that are on */
    bool hap;
};

int hyp_open(struct hyp **out, struct err *e);
void hyp_close(struct hyp *h); /* NULL: no-op */

/*
 * Create an empty protected domain and make sure that it is one.
 *
 * *domid is set as soon as a domain exists, also when the call fails later;
 * until then it is HYP_DOMID_NONE.  Errors carry the remedy:
 *
 *   -EINVAL     this Xen does not know protected domains
 *   -EOPNOTSUPP Xen was booted without protected=on
 *   -EPERM      the host's posture does not allow them
 *   -ENOENT     Xen got no steward as a boot module
 *   -ENOMEM
 */
int hyp_create(struct hyp *h, const struct hyp_spec *s, uint16_t *domid,
               struct err *e);

/* vCPUs, limits, claim, CPU policy, clock and ports: all before launch. */
int hyp_configure(struct hyp *h, uint16_t domid, const struct hyp_spec *s,
                  struct hyp_ports *out, struct err *e);

/* What the guest may have of RAM from now on; its overhead is added. */
int hyp_limit_memory(struct hyp *h, uint16_t domid, uint64_t ram_bytes,
                     struct err *e);

/* What the guest may never take any more goes back to the host. */
void hyp_drop_claim(struct hyp *h, uint16_t domid);

/* The first one lets Xen place the steward and start it. */
int hyp_unpause(struct hyp *h, uint16_t domid, struct err *e);
int hyp_pause(struct hyp *h, uint16_t domid, struct err *e);

/*
 * Let a domain that suspended itself go on, as if it had not: its kernel hears
 * that the suspend was cancelled, from Xen.  XS_RESUME is due then.
 *
 *   -EPERM      it has not suspended, or crashed since
 */
int hyp_resume(uint16_t domid, struct err *e);

/* Absent is as good as destroyed. */
int hyp_destroy(struct hyp *h, uint16_t domid, struct err *e);

/* -ESRCH, without words, when there is no such domain. */
int hyp_info(struct hyp *h, uint16_t domid, struct hyp_info *out,
             struct err *e);

/* Every domain, dom0 too.  Returns their number; *out is to be freed. */
int hyp_list(struct hyp *h, struct hyp_info **out, struct err *e);

/* The domain whose handle is uuid; dying ones do not count.  -ESRCH. */
int hyp_find(struct hyp *h, const uint8_t uuid[16], struct hyp_info *out,
             struct err *e);

int hyp_host(struct hyp *h, struct hyp_host *out, struct err *e);

#endif
