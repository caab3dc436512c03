/* SPDX-License-Identifier: MIT */
/*
 * rows_host.c - ways in through Xen itself, its devices and its console
 * (audit 0.1, 0.2, 2.6)
 *
 * What waits for the lockdown patches is tried with arguments that change
 * nothing, and stays open whatever comes of it.
 */
#include "accomplice.h"
#include "frames.h"
#include "row.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <xen/kexec.h>
#include <xen/platform.h>

#define ACC_KIB 1024u
#define ACC_GFN 0x800u
#define LOG_BYTES (64u * 1024)
#define FRAMES_MAX 16u
#define KEY_TRIES 60
#define KEY_PAUSE_NS 100000000

static long debug_keys(const struct attack *a, const char *keys)
{
    struct xen_sysctl s = { 0 };
    size_t nr = strlen(keys);
    char *buf = hc_buf(a->h, nr);

    if (!buf)
        return -ENOBUFS;
    memcpy(buf, keys, nr);
    set_xen_guest_handle_raw(s.u.debug_keys.keys, buf);
    s.u.debug_keys.nr_keys = (uint32_t)nr;
    return hc_sysctl(a->h, XEN_SYSCTL_debug_keys, &s);
}

/* Read Xen's log from *index on, and move *index to its end. */
static long read_log(const struct attack *a, char *log, uint32_t *index)
{
    struct xen_sysctl s = { 0 };
    long rc;

    set_xen_guest_handle_raw(s.u.readconsole.buffer, log);
    s.u.readconsole.count = LOG_BYTES;
    s.u.readconsole.incremental = 1;
    s.u.readconsole.index = *index;
    rc = hc_sysctl(a->h, XEN_SYSCTL_readconsole, &s);
    if (rc < 0)
        return rc;
    log[s.u.readconsole.count] = '\0';
    *index = s.u.readconsole.index;
    return s.u.readconsole.count;
}

/* Everything that Xen logged from *index on; *hits: lines of that vCPU. */
static long look_in_log(const struct attack *a, char *log, uint32_t *index,
                        int *seen, int *hits)
{
    char vcpu[24];
    long rc;

    snprintf(vcpu, sizeof(vcpu), "(d%uv0)", a->domid);
    while ((rc = read_log(a, log, index)) > 0) {
        *seen |= canary_regs_in_text(&a->line, log);
        *hits += strstr(log, vcpu) != NULL;
    }
    return rc;
}

/*
 * Have Xen print vCPU state, and read its log for the guest's registers.
 * Key d shows a vCPU only where it runs, which the canary does now and then.
 */
static struct outcome key_then_log(const struct attack *a)
{
    struct timespec pause = { .tv_nsec = KEY_PAUSE_NS };
    char keys[2] = { (char)a->row->arg, '\0' };
    char *log = hc_buf(a->h, LOG_BYTES + 1);
    int seen = 0, hits = 0, tries = keys[0] == 'd' ? KEY_TRIES : 1;
    uint32_t index = 0;
    long rc;

    if (!log)
        return out_error("arena", ENOBUFS);
    rc = look_in_log(a, log, &index, &seen, &hits);
    seen = hits = 0; /* what is there already does not count */
    for (int i = 0; rc == 0 && i < tries && !seen; i++) {
        rc = debug_keys(a, keys);
        if (rc == 0)
            rc = look_in_log(a, log, &index, &seen, &hits);
        if (i + 1 < tries && !seen)
            nanosleep(&pause, NULL);
    }
    if (rc < 0)
        return out_of_rc(rc);
    if (keys[0] == 'd' && !seen && !hits)
        return out_error("never met it running", ETIMEDOUT);
    return seen ? out_canary() : out_silent("not in Xen's log");
}

/* One frame of RAM, as if it were a device's, in the accomplice at gfn. */
static long map_as_mmio(const struct attack *a, uint16_t acc, uint64_t mfn,
                        uint64_t gfn)
{
    struct xen_domctl d = { 0 };
    long rc;

    d.u.iomem_permission.first_mfn = mfn;
    d.u.iomem_permission.nr_mfns = 1;
    d.u.iomem_permission.allow_access = 1;
    rc = hc_domctl(a->h, XEN_DOMCTL_iomem_permission, acc, &d);
    if (rc < 0)
        return rc;
    d = (struct xen_domctl){ 0 };
    d.u.memory_mapping.first_gfn = gfn;
    d.u.memory_mapping.first_mfn = mfn;
    d.u.memory_mapping.nr_mfns = 1;
    d.u.memory_mapping.add_mapping = 1;
    return hc_domctl(a->h, XEN_DOMCTL_memory_mapping, acc, &d);
}

/* Map the frames, have the accomplice copy them into its RAM, and read it. */
static struct outcome copy_as_mmio(const struct attack *a, uint16_t acc,
                                   const uint64_t *mfn, uint32_t nr)
{
    struct outcome o = out_of_rc(0);
    long rc = acc_populate(a->h, acc, 0, nr + 1, 0);

    if (rc != (long)nr + 1)
        return out_error("accomplice's pages", rc < 0 ? (int)-rc : ENOMEM);
    for (uint32_t i = 0; i < nr; i++) {
        rc = map_as_mmio(a, acc, mfn[i], ACC_GFN + i);
        if (rc < 0)
            return out_of_rc(rc);
    }
    rc = acc_copy(a->h, acc, ACC_GFN, 1, nr);
    for (uint32_t i = 0; rc == 0 && i < nr; i++) {
        void *va = frames_map(a->h, acc, PROT_READ, 1 + i, &rc);

        if (va && canary_lines_in(&a->line, va, 4096) > 0)
            o = out_canary();
        frames_unmap(a->h, va);
    }
    return rc < 0 ? out_error("accomplice's copy", (int)-rc) : o;
}

static struct outcome ram_as_mmio(const struct attack *a)
{
    uint64_t mfn[FRAMES_MAX];
    int nr = frames_of_gfn(a->h, a->gfn, mfn, FRAMES_MAX);
    int acc;
    struct outcome o;

    if (nr <= 0)
        return out_error("M2P", -nr);
    acc = acc_create(a->h, ACC_HVM, ACC_KIB);
    if (acc < 0)
        return out_error("accomplice", -acc);
    o = copy_as_mmio(a, (uint16_t)acc, mfn, (uint32_t)nr);
    acc_destroy(a->h, acc);
    return o;
}

static struct outcome keys(const struct attack *a)
{
    return out_of_rc(debug_keys(a, "h"));
}

/* arg: XEN_SYSCTL_*, all zero but for what makes the call a look. */
static struct outcome sysctl(const struct attack *a)
{
    struct xen_sysctl s = { 0 };
    uint32_t *status = hc_buf(a->h, sizeof(*status));

    if (!status)
        return out_error("arena", ENOBUFS);
    if (a->row->arg == XEN_SYSCTL_page_offline_op) {
        s.u.page_offline.cmd = sysctl_query_page_offline;
        set_xen_guest_handle_raw(s.u.page_offline.status, status);
    } else if (a->row->arg == XEN_SYSCTL_livepatch_op) {
        s.u.livepatch.cmd = XEN_SYSCTL_LIVEPATCH_LIST;
    }
    return out_of_rc(hc_sysctl(a->h, a->row->arg, &s));
}

/* arg: XENPF_*; zeroes are out of range for each, after any permission. */
static struct outcome platform(const struct attack *a)
{
    struct xen_platform_op op = {
        .cmd = a->row->arg,
        .interface_version = XENPF_INTERFACE_VERSION,
    };

    if (a->row->arg == XENPF_enter_acpi_sleep)
        op.u.enter_acpi_sleep.sleep_state = 0xff;
    return out_of_rc(hc_platform(a->h, &op, sizeof(op)));
}

static struct outcome mca_inject(const struct attack *a)
{
    struct xen_mc *mc = hc_buf(a->h, sizeof(*mc));

    if (!mc)
        return out_error("arena", ENOBUFS);
    mc->cmd = XEN_MC_msrinject; /* of no MSR */
    mc->interface_version = XEN_MCA_INTERFACE_VERSION;
    return out_of_rc(hc_raw(a->h, __HYPERVISOR_mca, (uintptr_t)mc, 0, 0, 0, 0));
}

static struct outcome kexec_range(const struct attack *a)
{
    struct xen_kexec_range r = { .range = KEXEC_RANGE_MA_XEN };

    return out_of_rc(hc_op(a->h, __HYPERVISOR_kexec_op,
                           KEXEC_CMD_kexec_get_range, &r, sizeof(r)));
}

static struct outcome msix(const struct attack *a)
{
    (void)a;
    return out_na("no MSI-X device in the lab");
}

#define HOST STAGE_HOST
#define O(id, way, choke, fn, arg, stages)                                     \
    { id,                                                                      \
      "2.6",                                                                   \
      way,                                                                     \
      choke,                                                                   \
      fn,                                                                      \
      arg,                                                                     \
      stages,                                                                  \
      RULE_DENY,                                                               \
      0,                                                                       \
      ROW_OPEN,                                                                \
      "awaits the lockdown patches" }

/* clang-format off */
static const struct row rows[] = {
    { "key-v-log", "2.6", "debug key v, then readconsole", "K9",
      key_then_log, 'v', STAGE_RUNNING, RULE_SILENT, 0, 0, NULL },
    { "key-d-log", "2.6", "debug key d, then readconsole", "K9",
      key_then_log, 'd', STAGE_RUNNING, RULE_SILENT, 0, 0, NULL },
    O("ram-as-mmio", "iomem_permission, memory_mapping elsewhere", "K5",
      ram_as_mmio, 0, STAGE_RUNNING),
    O("host-debug-keys", "sysctl debug_keys", "K7", keys, 0, HOST),
    O("host-tbuf", "sysctl tbuf_op", "K7 K10", sysctl, XEN_SYSCTL_tbuf_op,
      HOST),
    O("host-page-offline", "sysctl page_offline_op", "K7", sysctl,
      XEN_SYSCTL_page_offline_op, HOST),
    O("host-livepatch", "sysctl livepatch_op", "K0", sysctl,
      XEN_SYSCTL_livepatch_op, HOST),
    O("host-coverage", "sysctl coverage_op", "K0", sysctl,
      XEN_SYSCTL_coverage_op, HOST),
    O("host-lockprof", "sysctl lockprof_op", "K7", sysctl,
      XEN_SYSCTL_lockprof_op, HOST),
    O("host-kexec", "kexec_op get_range", "K0", kexec_range, 0, HOST),
    O("host-mca", "mca msrinject", "K7", mca_inject, 0, HOST),
    O("host-add-memtype", "platform add_memtype", "K7", platform,
      XENPF_add_memtype, HOST),
    O("host-microcode", "platform microcode_update", "K7", platform,
      XENPF_microcode_update, HOST),
    O("host-efi-call", "platform efi_runtime_call", "K7 K0", platform,
      XENPF_efi_runtime_call, HOST),
    O("host-sleep", "platform enter_acpi_sleep", "K7", platform,
      XENPF_enter_acpi_sleep, HOST),
    O("host-mem-hotadd", "platform mem_hotadd", "K7", platform,
      XENPF_mem_hotadd, HOST),
    O("host-cpu-hotadd", "platform cpu_hotadd", "K7", platform,
      XENPF_cpu_hotadd, HOST),
    O("host-msix", "MSI-X table write primitive", "K6", msix, 0, HOST),
};
/* clang-format on */

const struct row_set rows_host = { rows, sizeof(rows) / sizeof(rows[0]) };
