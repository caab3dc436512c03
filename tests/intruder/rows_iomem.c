/* SPDX-License-Identifier: MIT */
/*
 * rows_iomem.c - memory that dom0 maps as if it were a device's (audit 0.2,
 * 2.1, 2.6)
 */
#include "accomplice.h"
#include "frames.h"
#include "row.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ACC_KIB 1024u
#define ACC_GFN 0x800u
#define FRAMES_MAX 16u
#define LOW_FRAMES 0xa0u       /* of RAM below the hole for ISA */
#define TRAMPOLINE_FREE 0xff0u /* its first page ends with a stack */

#define FADT "/sys/firmware/acpi/tables/FACP"
#define FADT_FACS 36u /* u32, and u64 further on: where the FACS is */
#define FADT_X_FACS 132u
#define FACS_VECTOR 12u /* u32: where firmware goes on after S3 */
#define FACS_LOCK 16u   /* u32: the global lock */
#define FACS_BIT 30u    /* means nothing to firmware in either */

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

/* What each CPU runs first begins so, but for one word. */
static int is_trampoline(const uint8_t *page)
{
    static const uint8_t first[] = { 0x8c, 0xc8, 0x8e, 0xd8, 0xc6, 0x06 };
    static const uint8_t then[] = { 0xa5, 0xfc, 0xfa };

    return !memcmp(page, first, sizeof(first)) &&
           !memcmp(page + sizeof(first) + 2, then, sizeof(then));
}

/*
 * Have Xen answer into the page, which shows whether it is mapped to be
 * written to: a PV dom0's own programs are not told.
 */
static long answer_into(const struct attack *a, uint8_t *at)
{
    uint8_t keep[sizeof(xen_platform_parameters_t)];
    long rc;

    memcpy(keep, at, sizeof(keep));
    rc = hc_raw(a->h, __HYPERVISOR_xen_version, XENVER_platform_parameters,
                (uintptr_t)at, 0, 0, 0);
    if (rc >= 0)
        memcpy(at, keep, sizeof(keep));
    return rc;
}

/*
 * Low memory belongs to DOMID_IO: find there what Xen starts CPUs by, and have
 * something written behind its code.
 */
static struct outcome trampoline(const struct attack *a)
{
    struct outcome o = out_error("no trampoline below 640 KiB", 0);
    int found = 0;

    for (uint64_t mfn = 1; mfn < LOW_FRAMES && !found; mfn++) {
        long rc;
        uint8_t *va =
            frames_map(a->h, DOMID_IO, PROT_READ | PROT_WRITE, mfn, &rc);

        if (va && is_trampoline(va)) {
            found = 1;
            rc = answer_into(a, va + TRAMPOLINE_FREE);
        }
        if (!va || found)
            o = out_of_rc(rc);
        frames_unmap(a->h, va);
    }
    return o;
}

/* The FACS's address, or 0. */
static uint64_t facs_address(void)
{
    uint32_t low = 0;
    uint64_t wide = 0;
    int fd = open(FADT, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    if (pread(fd, &low, sizeof(low), FADT_FACS) != (ssize_t)sizeof(low))
        low = 0;
    if (pread(fd, &wide, sizeof(wide), FADT_X_FACS) != (ssize_t)sizeof(wide))
        wide = 0;
    close(fd);
    return low ? low : wide;
}

/*
 * Have dom0's kernel set or clear the bit by a locked CMPXCHG: it may write
 * where a PV dom0's programs may not, as Xen emulates that for a kernel alone.
 */
static int kernel_sets_bit(volatile uint32_t *word, int set)
{
    uint32_t nobody = 0;
    int op = (set ? FUTEX_OP_OR : FUTEX_OP_ANDN) | FUTEX_OP_OPARG_SHIFT;

    return syscall(SYS_futex, &nobody, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 0, 0,
                   word, FUTEX_OP(op, FACS_BIT, FUTEX_OP_CMP_EQ, 0)) < 0
               ? -errno
               : 0;
}

/* arg: offset in the FACS */
static struct outcome facs_write(const struct attack *a)
{
    uint64_t at = facs_address() + a->row->arg;
    volatile uint32_t *word;
    uint8_t *va;
    long rc;
    int stuck;

    if (at == a->row->arg)
        return out_na("no FACS on this host");
    va = frames_map(a->h, DOMID_IO, PROT_READ | PROT_WRITE, at >> 12, &rc);
    if (!va)
        return out_of_rc(rc);
    word = (volatile uint32_t *)(void *)(va + (at & 0xfff));
    rc = kernel_sets_bit(word, 1);
    stuck = *word >> FACS_BIT & 1;
    if (stuck)
        kernel_sets_bit(word, 0);
    frames_unmap(a->h, va);
    if (rc < 0)
        return out_of_rc(rc);
    return stuck ? out_of_rc(0) : out_of_rc(-EPERM);
}

/* clang-format off */
static const struct row rows[] = {
    { "ram-as-mmio", "0.2", "iomem_permission, memory_mapping elsewhere",
      "K5", ram_as_mmio, 0, STAGE_RUNNING, RULE_DENY, 0, ROW_STOCK, NULL },
    { "trampoline", "2.6", "write to what each CPU runs first", "K5",
      trampoline, 0, STAGE_HOST, RULE_DENY, EFAULT, 0, NULL },
    { "facs-vector", "2.6", "write where firmware goes on after S3", "K5",
      facs_write, FACS_VECTOR, STAGE_HOST, RULE_DENY, 0, 0, NULL },
    { "facs-lock", "2.6", "take ACPI's global lock beside it", "K5",
      facs_write, FACS_LOCK, STAGE_HOST, RULE_ALLOW, 0, 0, NULL },
};
/* clang-format on */

const struct row_set rows_iomem = { rows, sizeof(rows) / sizeof(rows[0]) };
