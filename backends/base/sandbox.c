/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c - what a backend gives up before it looks at a guest's bytes
 */
#include "backends/base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xen/grant_table.h>
#include <xen/xen.h>

/* Linux's, which want the types above. */
#include <xen/evtchn.h>
#include <xen/gntdev.h>

#include "common/checked.h"
#include "common/err.h"

/* systemd's uids end below; nothing else hands these out. */
#define UID_BASE 0x70000000u

uint32_t sandbox_uid(enum sandbox_kind kind, uint16_t domid, uint32_t devid)
{
    uint32_t of_guest = UID_BASE | (uint32_t)(domid & 0x7fff) << 13;

    if (kind == SANDBOX_TRANSFER) /* of domain ids that no guest has */
        return UID_BASE | 0x7ff0u << 13 | (devid & 0x1fff);
    if (kind == SANDBOX_CARD)
        return of_guest | 1u << 12 | (devid & 0xfff);
    /* Disks of one guest differ in these bits, but for partitions. */
    return of_guest | ((devid >> 4 ^ devid >> 20) & 0xfff);
}

static int lost(struct err *e, const char *what)
{
    return fail(e, -errno, "sandbox: %s: %s", what, strerror(errno));
}

static int leave_files(struct err *e)
{
    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS))
        return lost(e, "namespaces of its own");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", "/tmp", "tmpfs",
              MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "size=4k,mode=555"))
        return lost(e, "an empty root");
    if (chroot("/tmp") || chdir("/"))
        return lost(e, "chroot");
    return 0;
}

int sandbox_leave_host(uint32_t uid, struct err *e)
{
    const struct rlimit none = { 0, 0 };
    int rc = leave_files(e);

    if (rc < 0)
        return rc;
    if (setrlimit(RLIMIT_CORE, &none))
        return lost(e, "no core files");
    if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
        setresuid(uid, uid, uid)) /* with the uid go all capabilities */
        return lost(e, "a uid of its own");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return lost(e, "no new privileges");
    return 0;
}

int sandbox_limit_files(uint64_t bytes, struct err *e)
{
    const struct rlimit limit = { bytes, bytes };
    struct stat log;

    if (fstat(STDERR_FILENO, &log) == 0 && S_ISREG(log.st_mode))
        return 0;
    return setrlimit(RLIMIT_FSIZE, &limit) ? lost(e, "no files that grow") : 0;
}

/* Of any descriptor that it has. */
static const int calls[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(accept4),
    SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt),
    SCMP_SYS(close),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(futex),
    SCMP_SYS(fallocate),
    SCMP_SYS(fstat),
    SCMP_SYS(lseek),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(sched_yield),
    SCMP_SYS(restart_syscall),
};

static const unsigned long xen_ioctls[] = {
    IOCTL_GNTDEV_MAP_GRANT_REF,
    IOCTL_GNTDEV_UNMAP_GRANT_REF,
    IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR,
    IOCTL_GNTDEV_GRANT_COPY,
    IOCTL_EVTCHN_BIND_INTERDOMAIN,
    IOCTL_EVTCHN_UNBIND,
    IOCTL_EVTCHN_NOTIFY,
};

/* A call whose argument has want in the bits of mask. */
static int allow_if(scmp_filter_ctx ctx, int call, unsigned arg, uint64_t mask,
                    uint64_t want)
{
    const struct scmp_arg_cmp is = {
        .arg = arg,
        .op = SCMP_CMP_MASKED_EQ,
        .datum_a = mask,
        .datum_b = want,
    };

    return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, 1, &is);
}

/*
 * Itself alone, for abort(); and flags of its own descriptors, for those of
 * stdin to stderr are somebody else's, too.
 */
static int allow_own(scmp_filter_ctx ctx)
{
    const struct scmp_arg_cmp self = { 0, SCMP_CMP_EQ, (uint64_t)getpid(), 0 };
    const struct scmp_arg_cmp own = { 0, SCMP_CMP_GT, STDERR_FILENO, 0 };
    int r =
        seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &self);

    if (r == 0)
        r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                   &own);
    return r;
}

/* Memory, but none that runs. */
static int allow_memory(scmp_filter_ctx ctx)
{
    int r = allow_if(ctx, SCMP_SYS(mmap), 2, PROT_EXEC, 0);

    if (r == 0)
        r = allow_if(ctx, SCMP_SYS(mprotect), 2, PROT_EXEC, 0);
    /* newfstatat() of a descriptor is how libc spells fstat(). */
    if (r == 0)
        r = allow_if(ctx, SCMP_SYS(newfstatat), 3, AT_EMPTY_PATH,
                     AT_EMPTY_PATH);
    return r;
}

static int allow_ioctls(scmp_filter_ctx ctx, const unsigned long *ioctls,
                        uint32_t nr)
{
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < nr; i++)
        r = allow_if(ctx, SCMP_SYS(ioctl), 1, UINT32_MAX, ioctls[i]);
    return r;
}

int sandbox_seal(const unsigned long *ioctls, uint32_t nr, struct err *e)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int r = ctx ? 0 : -ENOMEM;

    for (uint32_t i = 0; r == 0 && i < ARRAY_SIZE(calls); i++)
        r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
    if (r == 0)
        r = allow_ioctls(ctx, xen_ioctls, ARRAY_SIZE(xen_ioctls));
    if (r == 0)
        r = allow_ioctls(ctx, ioctls, nr);
    if (r == 0)
        r = allow_own(ctx);
    if (r == 0)
        r = allow_memory(ctx);
    if (r == 0)
        r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
    if (r == 0)
        r = seccomp_load(ctx);
    if (ctx)
        seccomp_release(ctx);
    return r < 0 ? fail(e, r, "sandbox: seccomp: %s", strerror(-r)) : 0;
}
