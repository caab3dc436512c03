/* SPDX-License-Identifier: MIT */
/*
 * rows_host.c - what dom0 may ask of Xen about the host as a whole (audit 2.6)
 *
 * Calls that would harm the host are made with arguments that are nonsense,
 * which stock Xen says; what is to be refused is refused before that.
 */
#include "row.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <xen/arch-x86/xen-mca.h>
#include <xen/kexec.h>
#include <xen/platform.h>

#define LOG_BYTES (64u * 1024)
#define KEY_TRIES 60
#define KEY_PAUSE_NS 100000000
#define SERIAL_LOOKS 150

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

/*
 * The same while somebody else presses them, at the serial line, where nobody
 * asks who it is.  arg: the key
 */
static struct outcome log_of_serial(const struct attack *a)
{
    struct timespec pause = { .tv_nsec = KEY_PAUSE_NS };
    char *log = hc_buf(a->h, LOG_BYTES + 1), pressed[16];
    int seen = 0, hits = 0, keys = 0;
    uint32_t index = 0;
    long rc;

    if (!log)
        return out_error("arena", ENOBUFS);
    snprintf(pressed, sizeof(pressed), "'%c' pressed", (char)a->row->arg);
    rc = look_in_log(a, log, &index, &seen, &hits);
    seen = hits = 0;
    for (int i = 0; rc == 0 && i < SERIAL_LOOKS && !seen; i++) {
        nanosleep(&pause, NULL);
        while ((rc = read_log(a, log, &index)) > 0) {
            keys += strstr(log, pressed) != NULL;
            seen |= canary_regs_in_text(&a->line, log);
        }
    }
    if (rc < 0)
        return out_of_rc(rc);
    if (seen)
        return out_canary();
    return keys ? out_silent("not in Xen's log") : out_na("nobody pressed it");
}

/* arg: the key */
static struct outcome key(const struct attack *a)
{
    const char keys[2] = { (char)a->row->arg, '\0' };

    return out_of_rc(debug_keys(a, keys));
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
    } else if (a->row->arg == XEN_SYSCTL_cpupool_op) {
        s.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_FREEINFO;
    } else if (a->row->arg == XEN_SYSCTL_scheduler_op) {
        s.u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_getinfo;
        s.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    }
    return out_of_rc(hc_sysctl(a->h, a->row->arg, &s));
}

/* arg: XENPF_*; what harms is given what no host has. */
static struct outcome platform(const struct attack *a)
{
    struct xen_platform_op op = {
        .cmd = a->row->arg,
        .interface_version = XENPF_INTERFACE_VERSION,
    };

    if (a->row->arg == XENPF_enter_acpi_sleep) {
        op.u.enter_acpi_sleep.sleep_state = 3;
        op.u.enter_acpi_sleep.flags = 2; /* there is no such flag */
    } else if (a->row->arg == XENPF_del_memtype) {
        op.u.del_memtype.handle = 1;
    }
    return out_of_rc(hc_platform(a->h, &op, sizeof(op)));
}

/* arg: XEN_MC_*, of no MSR, CPU or event */
static struct outcome mca(const struct attack *a)
{
    struct xen_mc *mc = hc_buf(a->h, sizeof(*mc));

    if (!mc)
        return out_error("arena", ENOBUFS);
    mc->cmd = a->row->arg;
    mc->interface_version = XEN_MCA_INTERFACE_VERSION;
    if (a->row->arg == XEN_MC_mceinject)
        mc->u.mc_mceinject.mceinj_cpunr = UINT32_MAX;
    return out_of_rc(hc_raw(a->h, __HYPERVISOR_mca, (uintptr_t)mc, 0, 0, 0, 0));
}

static struct outcome kexec_range(const struct attack *a)
{
    struct xen_kexec_range r = { .range = KEXEC_RANGE_MA_XEN };

    return out_of_rc(hc_op(a->h, __HYPERVISOR_kexec_op,
                           KEXEC_CMD_kexec_get_range, &r, sizeof(r)));
}

/* clang-format off */
#define HOST(id, way, choke, fn, arg, rule, want) \
    { id, "2.6", way, choke, fn, arg, STAGE_HOST, rule, want, ROW_PAST, NULL }
#define D(id, way, choke, fn, arg) HOST(id, way, choke, fn, arg, RULE_DENY, 0)
#define A(id, way, fn, arg) HOST(id, way, "K7", fn, arg, RULE_ALLOW, 0)

static const struct row rows[] = {
    { "key-v-log", "2.6", "debug key v, then readconsole", "K7 K9",
      key_then_log, 'v', STAGE_RUNNING, RULE_SILENT, 0, ROW_STOCK, NULL },
    { "key-d-log", "2.6", "debug key d, then readconsole", "K7 K9",
      key_then_log, 'd', STAGE_RUNNING, RULE_SILENT, 0, ROW_STOCK, NULL },

    { "serial-key-v", "2.6", "key v at the serial line, then readconsole",
      "K9", log_of_serial, 'v', STAGE_SERIAL, RULE_SILENT, 0, 0, NULL },
    { "serial-key-d", "2.6", "key d at the serial line, then readconsole",
      "K9", log_of_serial, 'd', STAGE_SERIAL, RULE_SILENT, 0, 0, NULL },

    D("host-key-d", "debug key d", "K7", key, 'd'),
    D("host-key-v", "debug key v", "K7", key, 'v'),
    D("host-key-q", "debug key q", "K7", key, 'q'),
    D("host-key-all", "debug key *", "K7", key, '*'),
    D("host-tbuf", "sysctl tbuf_op", "K7", sysctl, XEN_SYSCTL_tbuf_op),
    D("host-page-offline", "sysctl page_offline_op", "K7", sysctl,
      XEN_SYSCTL_page_offline_op),
    D("host-livepatch", "sysctl livepatch_op", "K7", sysctl,
      XEN_SYSCTL_livepatch_op),
    D("host-coverage", "sysctl coverage_op", "K7", sysctl,
      XEN_SYSCTL_coverage_op),
    D("host-lockprof", "sysctl lockprof_op", "K7", sysctl,
      XEN_SYSCTL_lockprof_op),
    HOST("host-kexec", "kexec_op get_range", "K0", kexec_range, 0, RULE_DENY,
         ENOSYS),
    D("host-mca-msr", "mca msrinject", "K7", mca, XEN_MC_msrinject),
    D("host-mca-mce", "mca mceinject", "K7", mca, XEN_MC_mceinject),
    D("host-mca-v2", "mca inject_v2", "K7", mca, XEN_MC_inject_v2),
    D("host-add-memtype", "platform add_memtype", "K7", platform,
      XENPF_add_memtype),
    D("host-del-memtype", "platform del_memtype", "K7", platform,
      XENPF_del_memtype),
    D("host-microcode", "platform microcode_update", "K7", platform,
      XENPF_microcode_update),
    D("host-microcode-2", "platform microcode_update2", "K7", platform,
      XENPF_microcode_update2),
    D("host-quirk", "platform platform_quirk", "K7", platform,
      XENPF_platform_quirk),
    D("host-efi-call", "platform efi_runtime_call", "K7", platform,
      XENPF_efi_runtime_call),
    D("host-sleep", "platform enter_acpi_sleep, S3", "K7", platform,
      XENPF_enter_acpi_sleep),
    D("host-mem-hotadd", "platform mem_hotadd", "K7", platform,
      XENPF_mem_hotadd),
    D("host-cpu-hotadd", "platform cpu_hotadd", "K7", platform,
      XENPF_cpu_hotadd),
    D("host-symbols", "platform get_symbol", "K7", platform,
      XENPF_get_symbol),

    A("host-keeps-key-h", "debug key h", key, 'h'),
    A("host-keeps-key-g", "debug key g", key, 'g'),
    A("host-keeps-physinfo", "sysctl physinfo", sysctl, XEN_SYSCTL_physinfo),
    A("host-keeps-sched", "sysctl sched_id", sysctl, XEN_SYSCTL_sched_id),
    A("host-keeps-heap", "sysctl availheap", sysctl, XEN_SYSCTL_availheap),
    A("host-keeps-numa", "sysctl numainfo", sysctl, XEN_SYSCTL_numainfo),
    A("host-keeps-topology", "sysctl cputopoinfo", sysctl,
      XEN_SYSCTL_cputopoinfo),
    A("host-keeps-cpupool", "sysctl cpupool_op", sysctl,
      XEN_SYSCTL_cpupool_op),
    A("host-keeps-scheduler", "sysctl scheduler_op", sysctl,
      XEN_SYSCTL_scheduler_op),
    A("host-keeps-levelling", "sysctl get_cpu_levelling_caps", sysctl,
      XEN_SYSCTL_get_cpu_levelling_caps),
    A("host-keeps-cpuinfo", "platform get_cpuinfo", platform,
      XENPF_get_cpuinfo),
    A("host-keeps-version", "platform get_cpu_version", platform,
      XENPF_get_cpu_version),
    A("host-keeps-mtrr", "platform read_memtype", platform,
      XENPF_read_memtype),
    A("host-keeps-mca", "mca physcpuinfo", mca, XEN_MC_physcpuinfo),
};
/* clang-format on */

const struct row_set rows_host = { rows, sizeof(rows) / sizeof(rows[0]) };
