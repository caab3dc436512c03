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
 * Guest physical addresses.  The private range has a 1 GiB slot to itself, in
 * which nobody but the steward's vCPU finds anything.  Both are reserved in the
 * guest's memory map and never migrated.
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
#define XEN_STEWARD_STATE_fenced 4
#define XEN_STEWARD_STATE_poisoned 5
#define XEN_STEWARD_STATE_retired 6

/*
 * Leave LAUNCHING, exactly once.  No guest vCPU can be initialised or started
 * before this call.
 *
 *   -EBUSY      the state is not LAUNCHING
 *   -EINVAL     unknown role or flags
 */
#define XEN_STEWARD_set_role 1
struct xen_steward_set_role { /* IN */
    uint32_t role;            /* XEN_STEWARD_STATE_run or _receiving */
    uint32_t flags;           /* XEN_STEWARD_ROLE_*; 0 when receiving */
    uint8_t measurement[32];  /* SHA-256; all zero when receiving */
};

#define XEN_STEWARD_ROLE_pinned (1U << 0) /* never to be fenced */

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

/*
 * Has the guest suspended itself, so that all its vCPUs stand still?  Returns
 * 0 when not, else the number of this suspend: from 1 on, no two are alike.
 * Both its beginning and its end ring the steward.  arg is not used.
 */
#define XEN_STEWARD_suspended 4

/*
 * The log of the pages of the guest that change: it starts empty.  Only where
 * the guest runs, or has run.
 *
 *   -EBUSY      there is a log already; or the state is not RUN
 *   -EINVAL     enable is not 0 or 1, or pad is not 0
 */
#define XEN_STEWARD_log_dirty 5
struct xen_steward_log_dirty { /* IN */
    uint32_t enable;           /* 0: end it, if there is one, and forget it */
    uint32_t pad;
};

/*
 * Take from the log the pages that were written, added or removed since they
 * were last taken, while the guest runs.  What is read of a page afterwards is
 * at least as new as the log.  Never in it: the ranges above, and pages that
 * Xen shares with the guest (XEN_STEWARD_PAGES_special).
 *
 * Xen may do less than it was asked for, but never nothing: nr says how much.
 *
 *   -EINVAL     there is no log; gfn or nr is no multiple of 512, nr is 0, or
 *               pad is not 0
 *   -ENOMEM     Xen could not note all of it: it is of no use any more
 */
#define XEN_STEWARD_take_dirty 6
#define XEN_STEWARD_TAKE_STEP 512
struct xen_steward_take_dirty {
    uint64_t gfn;      /* IN */
    uint64_t bitmap;   /* IN: address of nr / 8 bytes; bit 0: gfn */
    uint32_t nr;       /* IN: pages; OUT: how many of them are in bitmap */
    uint32_t nr_dirty; /* OUT: bits set in it */
    uint64_t pad;
};

/*
 * Put into the log what may be written to behind its back: pages that others
 * have mapped to write to, and those that Xen does.  In a suspended guest, so
 * that what is taken then is the rest.
 *
 *   -EAGAIN     it is not in that suspend
 *   -EINVAL     there is no log, or pad is not 0
 */
#define XEN_STEWARD_mark_mapped 7
struct xen_steward_mark_mapped { /* IN */
    uint32_t suspension;         /* as XEN_STEWARD_suspended says */
    uint32_t pad;
};

/*
 * What is there from gfn on: runs of pages of one kind, in ascending order and
 * without gaps.  Xen may stop before nr pages or nr_runs runs are reached, but
 * never before the first run; gfn then says where to go on.
 *
 *   -EINVAL     nr or nr_runs is 0, or beyond what can be
 */
#define XEN_STEWARD_query_range 8
#define XEN_STEWARD_PAGES_hole 0    /* nothing */
#define XEN_STEWARD_PAGES_ram 1     /* the guest's memory */
#define XEN_STEWARD_PAGES_special 2 /* the ranges above, and Xen's pages */
struct xen_steward_run {
    uint64_t gfn;
    uint64_t nr;
    uint32_t kind;  /* XEN_STEWARD_PAGES_* */
    uint32_t order; /* 9: of whole, aligned 2 MiB pages; else 0 */
};
struct xen_steward_query_range {
    uint64_t gfn;     /* IN; OUT: the first one not looked at */
    uint64_t nr;      /* IN: pages; OUT: what is left of them */
    uint64_t runs;    /* IN: address of nr_runs struct xen_steward_run */
    uint32_t nr_runs; /* IN: room; OUT: how many there are */
    uint32_t pad;     /* 0 */
};

/*
 * The state of the guest's vCPUs, as xen/hvm/save.h describes it: records of
 * all vCPUs but the steward's.  It says "resumed in a new domain": the
 * suspending vCPU's rax is 0.
 *
 * get_context: of a suspended guest.
 *
 *   -EAGAIN     it is not in that suspend
 *   -ENOBUFS    bytes was too small, and says now how many there are
 *
 * set_context: in RECEIVING, and once, however it ends.  The vCPUs stay where
 * they are, and stand still until the state is RUN.
 *
 *   -EBUSY      the state is not RECEIVING, or it was called before
 *   -EINVAL     a record is unknown, damaged, missing or there twice, or of a
 *               vCPU that the guest does not have; or suspension is not 0
 *   -E2BIG      more bytes than any context of this domain has
 *   others      a record cannot be met on this host; Xen's log says which
 */
#define XEN_STEWARD_get_context 9
#define XEN_STEWARD_set_context 10
struct xen_steward_context {
    uint64_t buffer;     /* IN: its address */
    uint32_t bytes;      /* IN: of buffer; OUT, of get_context: that count */
    uint32_t suspension; /* IN: as XEN_STEWARD_suspended says */
};

/*
 * What dom0 chose of the guest's machine before it was launched.  A guest that
 * moves has to find the same, but for tsc_khz, which is the host's.
 *
 *   -ENOBUFS    too little room for leaves or MSRs
 */
#define XEN_STEWARD_get_platform 11
#define XEN_STEWARD_LEAVES_MAX 256
#define XEN_STEWARD_MSRS_MAX 16
struct xen_steward_platform {
    uint64_t leaves;    /* IN: address of nr_leaves xen_cpuid_leaf_t */
    uint64_t msrs;      /* IN: address of nr_msrs xen_msr_entry_t */
    uint32_t nr_leaves; /* IN: room; OUT: how many there are */
    uint32_t nr_msrs;   /* the same */
    uint32_t tsc_mode;  /* OUT: as of XEN_DOMCTL_settscinfo */
    uint32_t tsc_khz;   /* OUT */
    /* OUT: HVM parameters */
    uint64_t timer_mode, triple_fault_reason, x87_fip_width;
};

/*
 * Slow a guest that changes its memory faster than it can be sent: its vCPUs,
 * all at once, stand still for that share of the time.  The steward's does
 * not.  It lasts until it is said anew, the log ends or the guest shuts down;
 * in one that shuts down, or has, nothing begins.
 *
 *   -EINVAL     there is no log, percent is beyond XEN_STEWARD_SLOW_MAX, or
 *               pad is not 0
 *   -EBUSY      the state is not RUN
 */
#define XEN_STEWARD_slow 12
#define XEN_STEWARD_SLOW_MAX 80
struct xen_steward_slow { /* IN */
    uint32_t percent;     /* 0: it runs as it can */
    uint32_t pad;
};

/*
 * Evidence: what one Xen says of a domain, for another Xen of the same pool to
 * check.  Claims of a fixed size under an HMAC-SHA-256, whose key no domain
 * has.  It is no secret, and dom0 carries it.
 *
 *   key  = HKDF-SHA-256(ikm = the epoch's secret, salt = pool id | epoch,
 *                       info = XEN_STEWARD_EVIDENCE_LABEL | host flags, 32)
 *   mac  = HMAC-SHA-256(key, every byte of the evidence before it)
 *
 * As the host's flags are part of the key, a debug build and a lab understand
 * only their like, and what a host says of itself need not be believed.  Made
 * under the pool's current epoch, accepted under that and the one before.
 *
 * Evidence of other providers will start with the same three words, and be no
 * longer than XEN_STEWARD_EVIDENCE_MAX.
 */
#define XEN_STEWARD_EVIDENCE_MAX 16384                   /* bytes */
#define XEN_STEWARD_EVIDENCE_LABEL "freehold evidence 1" /* without NUL */

#define XEN_STEWARD_PROVIDER_pool 1 /* this form */

#define XEN_STEWARD_EVIDENCE_attest 1
#define XEN_STEWARD_EVIDENCE_fenced 2    /* it may run as @peer alone */
#define XEN_STEWARD_EVIDENCE_poisoned 3  /* nothing ever runs as @instance */
#define XEN_STEWARD_EVIDENCE_committed 4 /* the guest runs, or ran, here */

#define XEN_STEWARD_FLAG_lab (1U << 0)    /* host: allowed by "lab" alone */
#define XEN_STEWARD_FLAG_debug (1U << 1)  /* host: a debug build of Xen */
#define XEN_STEWARD_FLAG_module (1U << 2) /* host: secret from a module */
#define XEN_STEWARD_FLAGS_HOST 7U
#define XEN_STEWARD_FLAG_migratable (1U << 8) /* domain: not pinned */
#define XEN_STEWARD_FLAGS_MISSING_SHIFT 16 /* host: see XEN_STEWARD_HYPFS */

struct xen_steward_claims {
    uint32_t provider;       /* XEN_STEWARD_PROVIDER_* */
    uint32_t len_bytes;      /* of the evidence, its mac included */
    uint32_t epoch;          /* of the pool, that the key is of */
    uint32_t type;           /* XEN_STEWARD_EVIDENCE_* */
    uint32_t state;          /* XEN_STEWARD_STATE_* behind the step */
    uint32_t flags;          /* XEN_STEWARD_FLAG_* */
    uint64_t generation;     /* 0 at launch, one more at each commit */
    uint8_t instance[16];    /* names this domain; see below */
    uint8_t peer[16];        /* instance of the other one; attest: 0 */
    uint8_t session[16];     /* the stewards' name for it; attest: 0 */
    uint8_t guest_id[16];    /* moves with the guest; receiving: 0 */
    uint8_t digest[32];      /* the caller's, in attest its report data */
    uint8_t image[32];       /* SHA-256 of the steward as Xen placed it */
    uint8_t measurement[32]; /* set_role's, moves along; receiving: 0 */
    uint8_t config[32];      /* SHA-256 of struct xen_steward_config */
    uint8_t cpu_policy[32];  /* SHA-256, see there */
    uint8_t xen_build[32];   /* Xen's build id, zeroes behind it */
};

struct xen_steward_evidence {
    struct xen_steward_claims claims;
    uint8_t mac[32];
};

/*
 * What claims.config is the digest of.  claims.cpu_policy is that of the
 * domain's CPUID leaves (xen_cpuid_leaf_t) and then its MSRs (xen_msr_entry_t)
 * in the order in which XEN_STEWARD_get_platform gives them.
 */
struct xen_steward_config {
    uint32_t abi;      /* XEN_STEWARD_ABI */
    uint32_t nr_vcpus; /* the steward's included */
    uint32_t visible_grant_frames;
    uint32_t createdomain; /* XEN_DOMCTL_CDF_* */
    uint32_t emulation_flags;
    uint32_t tsc_mode;
    uint64_t timer_mode, triple_fault_reason; /* HVM parameters */
};

/*
 * Attest: evidence of the caller's domain as it is now, over report_data.  In
 * RECEIVING it is worth as much as the image: no other code ever ran there.
 * In RUN a guest's kernel has fed it, and speaks in its name if that found a
 * mistake in it.
 *
 *   -ENOENT     Xen has no pool secret; the same with all commands below
 *   -EINVAL     pad is not 0
 *   -ENOBUFS    evidence_bytes was too small, and says now how many there are
 */
#define XEN_STEWARD_attest 16
struct xen_steward_attest {
    uint64_t evidence;       /* IN: address to write it to */
    uint32_t evidence_bytes; /* IN: room there; OUT: bytes of it */
    uint32_t pad;
    uint8_t report_data[32]; /* IN */
};

/*
 * Verify: did a Xen of this pool make this evidence, by attest and over this
 * report_data?  Then claims are true, or were when it was made.
 *
 *   -EINVAL     pad is not 0, or it has not the form of evidence
 *   -EOPNOTSUPP of another provider
 *   -ETIME      of an epoch that Xen has no key of
 *   -EBADMSG    forged, damaged, of another pool or a host with other flags
 *   -EXDEV      genuine, but of another type, or over other report data
 */
#define XEN_STEWARD_verify 17
struct xen_steward_verify {
    uint64_t evidence;       /* IN: its address */
    uint32_t evidence_bytes; /* IN */
    uint32_t pad;
    uint8_t report_data[32];          /* IN */
    struct xen_steward_claims claims; /* OUT */
};

/*
 * One guest, one place.  The source's Xen fences the guest for one instance.
 * That instance's Xen alone can let the guest run (commit) or prove that it
 * never will (poison), and no way leads from one to the other:
 *
 *   source       RUN ──fence──▶ FENCED ──retire──▶ RETIRED
 *                 ▲               │
 *                 └────unfence────┘
 *   destination  RECEIVING ──commit──▶ RUN
 *                 └────────poison────▶ POISONED
 *
 *   fence     of a suspended guest, for the instance peer: "fenced"
 *   commit    checks the "fenced" of the source, which peer has to be; takes
 *             guest id, measurement and generation (and one more) from it:
 *             "committed".  Starts the vCPUs that set_context gave their state
 *   poison    "poisoned", with peer and session as the caller says
 *   unfence   checks the "poisoned" of the peer.  The guest is suspended, as
 *             before the fence: resumed by dom0, it sees "cancelled"
 *   retire    checks the "committed" of the peer
 *
 * The instance is a random number that Xen draws when it places the steward;
 * it names this domain, never another one, and is nobody else's to choose.
 * All of exclusivity hangs by it.  Session and digest are the stewards' own:
 * Xen passes them on and compares them, and the peer, so that an honest
 * destination goes on with the memory it got, and as the guest whose memory it
 * is; who lies about them cheats himself.
 *
 * A step is made as a whole, or not at all, and cannot be interrupted.  Called
 * again with the very same arguments, fence (until unfence), commit and poison
 * (for ever) give the very same evidence: to send it again, and where it could
 * not be written (-EFAULT, -ENOBUFS), which does not undo the step.
 *
 * No guest vCPU runs in any state but RUN, nor can it be started or resumed.
 *
 *   -EINVAL     a field that is not for this command is not 0; or session is
 *               (but poison's), or peer is 0 or the domain's own (fence)
 *   -EBUSY      not in this state, or it was made with other arguments; commit
 *               also: no context was set
 *   -EAGAIN     fence: the guest is not in that suspend, or crashed
 *   -EPERM      fence: the guest is pinned
 *   -EXDEV      genuine evidence, but of another type, or of or for another
 *               instance, session, digest, guest or generation
 *   and -EOPNOTSUPP, -ETIME, -EBADMSG of verify, -ENOBUFS of attest
 */
#define XEN_STEWARD_fence 18
#define XEN_STEWARD_commit 19
#define XEN_STEWARD_poison 20
#define XEN_STEWARD_unfence 21
#define XEN_STEWARD_retire 22
struct xen_steward_step {
    uint64_t given;       /* IN: address of evidence: commit, unfence, retire */
    uint64_t made;        /* IN: address to write to: fence, commit, poison */
    uint32_t given_bytes; /* IN */
    uint32_t made_bytes;  /* IN: room there; OUT: bytes of it */
    uint32_t suspension;  /* IN: fence: as XEN_STEWARD_suspended says */
    uint32_t pad;
    uint8_t session[16]; /* IN: fence, commit, poison */
    uint8_t peer[16];    /* IN: fence, commit, poison */
    uint8_t digest[32];  /* IN: fence, commit, poison */
};

/*
 * The host's posture: what it takes beside Xen to keep dom0 and its devices out
 * of protected domains.  Xen looks once, when it boots.  Where anything is
 * missing it makes protected domains only if its command line says "lab".
 *
 * dom0 reads it from Xen's file system (hypfs.h; by hand xenhypfs(1)).  There
 * every Xen that knows protected domains has a directory:
 *
 *   mode     string  what protected= says: "off", "on" or "strict"
 *   lab      bool    and whether with ",lab"
 *   checked  uint    what Xen looked for: 1U << XEN_STEWARD_POSTURE_*
 *   missing  uint    what of that it did not find
 *
 * Evidence has the latter at the top of claims.flags.
 */
#define XEN_STEWARD_HYPFS "/protected"

#define XEN_STEWARD_POSTURE_iommu 0       /* there is one, and it is used */
#define XEN_STEWARD_POSTURE_intremap 1    /* it remaps interrupts */
#define XEN_STEWARD_POSTURE_dom0_strict 2 /* dom0's devices reach dom0 alone */
#define XEN_STEWARD_POSTURE_quarantine 3  /* those of nobody reach nothing */
#define XEN_STEWARD_POSTURE_no_ats 4      /* none translates by itself */
#define XEN_STEWARD_POSTURE_bootscrub 5   /* memory is wiped at boot */
#define XEN_STEWARD_POSTURE_no_efi_rs 6   /* Xen calls no UEFI code */
#define XEN_STEWARD_POSTURE_no_vpmu 7     /* nobody counts others' events */
#define XEN_STEWARD_POSTURE_vmx_ug 8      /* VMX: unrestricted guest */
#define XEN_STEWARD_POSTURE_xpti 9        /* Meltdown shows dom0 nothing */
#define XEN_STEWARD_POSTURE_l1tf 10       /* nor L1TF, by dom0's page tables */

/*
 * The boot module that brings the pool's secret, at any place but the first:
 * for a lab, as dom0 can read the disk that it came from.  Xen wipes it.
 */
#define XEN_STEWARD_POOL_MAGIC "FHPOOLS\1" /* 8 bytes, no NUL behind them */

struct xen_steward_pool_epoch {
    uint32_t epoch;
    uint32_t pad; /* 0 */
    uint8_t secret[32];
};

struct xen_steward_pool {
    char magic[8];
    uint32_t nr_epochs; /* 1 or 2 */
    uint32_t pad;       /* 0 */
    uint8_t pool_id[16];
    struct xen_steward_pool_epoch epochs[2]; /* current, previous (or 0) */
};

#endif /* __XEN_PUBLIC_STEWARD_H__ */
