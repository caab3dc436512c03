/* SPDX-License-Identifier: MIT */
/*
 * pages.c - the steward's view of memory, and the guest's share of it
 *
 * How this works: start.S maps 0 .. 4 GiB one to one in pages of 2 MiB: images
 * lie below 2 GiB, the steward's own ranges below 4 GiB.  The tables of start.S
 * stay in use, but for the 2 MiB that hold the steward itself: they get a table
 * of 4 KiB pages.  Memory above 4 GiB is reached when the guest is moved, by a
 * few entries whose own addresses nobody has.
 */
#include "pages.h"

#include <errno.h>
#include <stdbool.h>

#include "cpu.h"
#include "hyper.h"

#define PTE_PRESENT 1ull
#define PTE_WRITE 2ull
#define PTE_ACCESSED 0x20ull
#define PTE_DIRTY 0x40ull
#define PTE_LARGE 0x80ull
#define PTE_NO_EXEC (1ull << 63)
#define EFER_NXE (1ull << 11)
#define CPUID_EXT_FEATURES 0x80000001u
#define CPUID_NX (1u << 20)

#define LARGE_ORDER 9u
#define LARGE_PAGES (1u << LARGE_ORDER)
#define LARGE_BYTES ((uint64_t)LARGE_PAGES * PAGE_BYTES)
#define PD_ENTRIES 2048u /* 4 GiB */
#define PT_ENTRIES 512u
#define OWN_PD_ENTRY (XEN_STEWARD_PRIVATE_GPA / LARGE_BYTES)
#define BATCH_EXTENTS 512u

/* Behind the steward's ranges, below 4 GiB. */
#define VIEW_FIRST_ENTRY (0xd0000000ull / LARGE_BYTES)
#define VIEW_ENTRIES 16u

extern uint64_t boot_pd[PD_ENTRIES]; /* start.S */
extern uint64_t boot_pml4[];

/* steward.lds */
extern const char text_start[], text_end[], data_start[], region_end[];
extern const char stack_guard[], fault_stack_guard[];

static uint64_t own_pt[PT_ENTRIES] __attribute__((aligned(4096)));
static uint64_t list[BATCH_EXTENTS];
static uint64_t view_flags = PTE_PRESENT | PTE_WRITE | PTE_LARGE;

static bool have_no_exec(void)
{
    return cpu_cpuid(CPUID_EXT_FEATURES, 0).d & CPUID_NX;
}

static bool in(uint64_t at, const char *start, const char *end)
{
    return at >= (uintptr_t)start && at < (uintptr_t)end;
}

/* The flags of one of the steward's own pages. */
static uint64_t own_flags(uint64_t at, uint64_t no_exec)
{
    if (in(at, stack_guard, stack_guard + PAGE_BYTES) ||
        in(at, fault_stack_guard, fault_stack_guard + PAGE_BYTES) ||
        at >= (uintptr_t)region_end)
        return 0;
    if (in(at, text_start, text_end))
        return PTE_PRESENT;
    if (in(at, text_end, data_start))
        return PTE_PRESENT | no_exec;
    return PTE_PRESENT | PTE_WRITE | no_exec;
}

void pages_protect(void)
{
    uint64_t no_exec = 0;

    if (have_no_exec()) {
        cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) | EFER_NXE);
        no_exec = PTE_NO_EXEC;
        view_flags |= no_exec;
    }
    for (uint32_t i = 0; i < PT_ENTRIES; i++) {
        uint64_t at = XEN_STEWARD_PRIVATE_GPA + (uint64_t)i * PAGE_BYTES;
        uint64_t flags = own_flags(at, no_exec);

        own_pt[i] = flags ? at | flags : 0;
    }
    /*
     * We run on these tables, and an exit may flush the TLB at any moment:
     * our own entry changes in one store, and never forbids execution.
     */
    *(volatile uint64_t *)&boot_pd[OWN_PD_ENTRY] =
        (uintptr_t)own_pt | PTE_PRESENT | PTE_WRITE;
    for (uint32_t i = 0; i < PD_ENTRIES; i++)
        if (i != OWN_PD_ENTRY)
            boot_pd[i] |= no_exec;
    cpu_set_cr3((uintptr_t)boot_pml4); /* flush */
}

void *pages_at(struct gpa at)
{
    return (void *)(uintptr_t)at.v;
}

uint8_t *pages_block(uint64_t block)
{
    uint64_t i = VIEW_FIRST_ENTRY + block % VIEW_ENTRIES;
    uint8_t *view = (uint8_t *)(uintptr_t)(i * LARGE_BYTES);
    uint64_t entry = block * LARGE_BYTES | view_flags;

    if (block < PD_ENTRIES)
        return pages_at(gpa(block * LARGE_BYTES));
    /* The CPU sets bits of its own in it: accessed, dirty. */
    if ((boot_pd[i] ^ entry) & ~(PTE_ACCESSED | PTE_DIRTY)) {
        *(volatile uint64_t *)&boot_pd[i] = entry;
        cpu_invlpg(view);
    }
    return view;
}

void pages_clear(struct gpa at, uint64_t bytes)
{
    __asm__ volatile("rep stosb" : "+D"(at.v), "+c"(bytes) : "a"(0) : "memory");
}

int pages_populate_shared(struct st_err *e)
{
    uint64_t gfn[] = { XEN_STEWARD_CONSOLE_GFN, XEN_STEWARD_STORE_GFN,
                       XEN_STEWARD_CONTROL_GFN };
    uint32_t nr = sizeof(gfn) / sizeof(*gfn);
    long rc = hyper_populate(gfn, nr, 0);

    if (rc != (long)nr)
        return st_fail(e, FH_ERR_POPULATE, "shared pages: Xen gave %ld of %u",
                       rc, nr);
    return 0;
}

/*
 * Populate nr pages from gfn on, in extents of 2^order.  Returns how many
 * pages are there now, 0 when the first hypercall is refused.
 */
static uint64_t populate_run(uint64_t gfn, uint64_t nr, uint32_t order)
{
    uint64_t done = 0;

    while (done < nr) {
        uint64_t left = (nr - done) >> order;
        uint32_t batch =
            (uint32_t)(left < BATCH_EXTENTS ? left : BATCH_EXTENTS);
        long rc;

        for (uint32_t i = 0; i < batch; i++)
            list[i] = gfn + done + ((uint64_t)i << order);
        rc = hyper_populate(list, batch, order);
        if (rc > 0)
            done += (uint64_t)rc << order;
        if (rc != (long)batch)
            break;
    }
    return done;
}

/* Populate [gfn, end): large pages first, small ones where those run out. */
static uint64_t populate_span(uint64_t gfn, uint64_t end)
{
    uint64_t at = gfn;

    while (at < end) {
        uint64_t run = 0, want = (end - at) & ~(uint64_t)(LARGE_PAGES - 1);

        if (at % LARGE_PAGES == 0 && want > 0)
            run = populate_run(at, want, LARGE_ORDER);
        if (run == 0) {
            uint64_t edge = (at + LARGE_PAGES) & ~(uint64_t)(LARGE_PAGES - 1);

            want = (edge < end ? edge : end) - at;
            run = populate_run(at, want, 0);
            at += run;
            if (run != want)
                break;
            continue;
        }
        at += run;
    }
    return at - gfn;
}

long pages_depopulate(uint64_t gfn, uint64_t nr)
{
    while (nr > 0) {
        uint32_t batch = (uint32_t)(nr < BATCH_EXTENTS ? nr : BATCH_EXTENTS);
        long rc;

        for (uint32_t i = 0; i < batch; i++)
            list[i] = gfn + i;
        rc = hyper_depopulate(list, batch);
        if (rc != (long)batch)
            return rc < 0 ? rc : -EBUSY;
        gfn += batch;
        nr -= batch;
    }
    return 0;
}

int pages_populate(uint64_t gfn, uint64_t nr, struct st_err *e)
{
    uint64_t done = populate_run(gfn, nr, 0);

    if (done == nr)
        return 0;
    pages_depopulate(gfn, done);
    return st_fail(e, FH_ERR_POPULATE,
                   "the steward's pages: Xen gave %lu of %lu: raise maxmem=, "
                   "or free memory of the host",
                   (unsigned long)done, (unsigned long)nr);
}

int pages_populate_ram(const struct offer *o, struct st_err *e)
{
    uint64_t low_pages = o->low_ram_bytes / PAGE_BYTES;
    uint64_t high_pages = o->ram_bytes / PAGE_BYTES - low_pages;
    uint64_t high_gfn = FH_HIGH_RAM_GPA / PAGE_BYTES;
    uint64_t done = populate_span(0, low_pages);
    long rc;

    if (done == low_pages)
        done += populate_span(high_gfn, high_gfn + high_pages);
    if (done != low_pages + high_pages)
        return st_fail(e, FH_ERR_POPULATE,
                       "memory: Xen gave %lu of %lu MiB: free some, or give "
                       "the guest less",
                       (unsigned long)(done * PAGE_BYTES >> 20),
                       st_mib(o->ram_bytes));
    rc = hyper_set_memory_map(o->map, o->nr_map);
    if (rc < 0)
        return st_fail(e, FH_ERR_XEN, "memory map: setting it: Xen says %ld",
                       rc);
    return 0;
}
