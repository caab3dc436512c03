/* SPDX-License-Identifier: MIT */
/*
 * xen_steward.h - what Xen and a protected domain's steward say to each other
 *
 * The Xen series installs this very file as xen/include/public/steward.h; a
 * test compares the two.  Everything here is little endian, fixed size, and
 * an ABI: change XEN_STEWARD_ABI when a meaning changes.
 *
 * The steward is a flat image that Xen itself places in every protected
 * domain at its first unpause.  It runs on the domain's last vCPU, which the
 * guest's kernel never sees.
 */
#ifndef __XEN_PUBLIC_STEWARD_H__
#define __XEN_PUBLIC_STEWARD_H__

#define XEN_STEWARD_ABI 1

/* xen_domctl_createdomain.flags and xen_domctl_getdomaininfo.flags. */
#define XEN_STEWARD_CDF_protected (1U << 31)
#define XEN_STEWARD_DOMINF_protected (1U << 15)

/*
 * Guest physical addresses.  The private range is a 1 GiB slot of its own.
 * Both are reserved in the guest's memory map and never migrated.
 */
#define XEN_STEWARD_PRIVATE_GPA 0x80000000U /* code, stack, tables, keys */
#define XEN_STEWARD_SHARED_GPA 0xc0000000U  /* rings, control page, buffers */
#define XEN_STEWARD_RANGE_BYTES 0x01000000U /* each of the two: 16 MiB */

/* HVM_PARAM_{CONSOLE,STORE}_PFN; Xen sets them at launch, nobody else may. */
#define XEN_STEWARD_CONSOLE_GFN (XEN_STEWARD_SHARED_GPA >> 12)
#define XEN_STEWARD_STORE_GFN ((XEN_STEWARD_SHARED_GPA >> 12) + 1)
#define XEN_STEWARD_CONTROL_GFN ((XEN_STEWARD_SHARED_GPA >> 12) + 2)

/* Grant entries (version 1) that the steward keeps for the guest's life. */
#define XEN_STEWARD_CONSOLE_REF 0
#define XEN_STEWARD_STORE_REF 1
#define XEN_STEWARD_CONTROL_REF 2

/* Frames at the top of the grant table that the guest's own vCPUs never see. */
#define XEN_STEWARD_HIDDEN_GRANT_FRAMES 1

/*
 * The doorbell: the domain's first event channel, opened by Xen together
 * with the domain and unbound for dom0.  dom0 binds it (bind_interdomain to
 * this remote port) and kicks the steward by EVTCHNOP_send; the steward
 * answers with XEN_STEWARD_notify.  The guest can neither close, send to nor
 * reset it.
 */
#define XEN_STEWARD_DOORBELL_PORT 1

/*
 * The image: a flat file that starts with this header.  Xen copies all of it
 * to XEN_STEWARD_PRIVATE_GPA, fills up with zeroes to region_pages, and starts
 * the last vCPU in 32-bit flat protected mode (paging off, IF clear, all
 * general registers 0) at XEN_STEWARD_PRIVATE_GPA + entry_bytes.
 */
#define XEN_STEWARD_MAGIC "FHSTWRD\1" /* 8 bytes, no NUL behind them */
#define XEN_STEWARD_REGION_PAGES_MAX 1024 /* 4 MiB */

struct xen_steward_image {
    char magic[8];
    uint32_t abi;          /* XEN_STEWARD_ABI */
    uint32_t image_bytes;  /* of the file, this header included */
    uint32_t region_pages; /* populated from PRIVATE_GPA on, bss included */
    uint32_t entry_bytes;  /* from the start of this header */
};

/*
 * rc = steward_op(cmd, &arg); rax = __HYPERVISOR_arch_7, rdi = cmd,
 * rsi = arg.  64-bit callers only.
 *
 *   -ENOSYS     the caller's domain is not protected, or cmd is unknown
 *   -EPERM      the caller is not the steward's vCPU
 *   -EFAULT     arg cannot be read or written
 */
#define __HYPERVISOR_steward_op 55 /* __HYPERVISOR_arch_7 */

#define XEN_STEWARD_info 0
struct xen_steward_info { /* OUT */
    uint32_t abi;
    uint32_t nr_vcpus; /* the steward's included */
    uint32_t state;    /* XEN_STEWARD_STATE_* */
    uint32_t visible_grant_frames;
    uint32_t max_grant_frames;
    uint32_t region_pages;
    uint64_t max_pages; /* the domain's limit, all its pages included */
    uint8_t guest_id[16];
};

#define XEN_STEWARD_STATE_building 0
#define XEN_STEWARD_STATE_launching 1
#define XEN_STEWARD_STATE_run 2
#define XEN_STEWARD_STATE_receiving 3

/*
 * Leave LAUNCHING, exactly once.  No guest vCPU can be initialised or started
 * before this call.
 *
 *   -EBUSY      the state is not LAUNCHING
 *   -EINVAL     unknown role, or pad is not 0
 */
#define XEN_STEWARD_set_role 1
struct xen_steward_set_role { /* IN */
    uint32_t role;            /* XEN_STEWARD_STATE_run or _receiving */
    uint32_t pad;
    uint8_t measurement[32]; /* SHA-256; all zero when receiving */
};

/*
 * Sleep until somebody rings the doorbell or the time is over; a ring since
 * the last wait returns at once.  Returns 0 after a ring, 1 after a time-out.
 */
#define XEN_STEWARD_wait 2
struct xen_steward_wait { /* IN */
    uint64_t timeout_ns;  /* from now; 0: for ever */
};

/* Ring dom0's end of the doorbell.  arg is not used. */
#define XEN_STEWARD_notify 3

#endif /* __XEN_PUBLIC_STEWARD_H__ */
