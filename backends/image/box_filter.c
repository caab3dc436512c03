/* SPDX-License-Identifier: MIT */
/*
 * box_filter.c - system calls that a server of images never makes
 *
 * A list of what is refused, for what QEMU makes changes with its versions:
 * the namespaces keep it from the host, and this keeps it from those parts of
 * the kernel that are attacked.  io_uring is among them: --aio=native is used.
 * execve() stays, for it starts the program; nothing else is there to be run.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <seccomp.h>

#include "backends/image/box.h"
#include "common/checked.h"
#include "common/err.h"

#define NO(name) SCMP_SYS(name)

static const int refused[] = {
    /* other processes */
    NO(ptrace),
    NO(process_vm_readv),
    NO(process_vm_writev),
    NO(kcmp),
    NO(pidfd_getfd),
    NO(perf_event_open),
    /* namespaces and mounts */
    NO(mount),
    NO(umount2),
    NO(pivot_root),
    NO(chroot),
    NO(setns),
    NO(unshare),
    NO(open_tree),
    NO(move_mount),
    NO(fsopen),
    NO(fsconfig),
    NO(fsmount),
    NO(fspick),
    NO(mount_setattr),
    NO(open_by_handle_at),
    /* the kernel itself */
    NO(bpf),
    NO(kexec_load),
    NO(kexec_file_load),
    NO(init_module),
    NO(finit_module),
    NO(delete_module),
    NO(reboot),
    NO(iopl),
    NO(ioperm),
    NO(swapon),
    NO(swapoff),
    NO(acct),
    NO(quotactl),
    NO(syslog),
    /* keys, time, names */
    NO(add_key),
    NO(request_key),
    NO(keyctl),
    NO(settimeofday),
    NO(clock_settime),
    NO(clock_adjtime),
    NO(adjtimex),
    NO(sethostname),
    NO(setdomainname),
    /* what has had the most holes */
    NO(userfaultfd),
    NO(io_uring_setup),
    NO(io_uring_enter),
    NO(io_uring_register),
    NO(vmsplice),
    NO(personality),
    NO(socket),
    NO(connect),
    NO(bind),
};

int box_filter(struct err *e)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    int r = ctx ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < ARRAY_SIZE(refused) && r == 0; i++)
        r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
    if (r == 0)
        r = seccomp_load(ctx);
    seccomp_release(ctx);
    return r < 0 ? fail(e, r, "sandbox: seccomp: %s", strerror(-r)) : 0;
}
