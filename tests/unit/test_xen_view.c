/* SPDX-License-Identifier: MIT */
/*
 * test_xen_view.c - tests of the Xen series' p2m-steward.c
 *
 * How this works: tables are in `frames`, as page tables and EPT have them
 * alike: present in bit 0, a large page in bit 7, the frame in bits 12 to 51,
 * and flags that differ around it.  The p2m is written to at random, one entry
 * at a time, and walked from both of its roots after each write.
 */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <xen/bug.h>
#include <xen/lib.h>

#include <asm/p2m.h>

#define FRAMES 512u
#define FIRST_PFN 0x1000ul
#define PRESENT 1ul
#define LARGE 0x80ul
#define FRAME (PADDR_MASK & PAGE_MASK)
#define SLOT_GFN PFN_DOWN(XEN_STEWARD_PRIVATE_GPA)
#define GIB_GFNS (1ul << PAGE_ORDER_1G)
#define WRITES 4000u

/* Flags of entries: of page tables, and of EPT, which are no less than 3 bits.
 */
static const uint64_t kinds[][2] = {
    { 0x067, 0x003 }, /* as they are; to recalculate */
    { 0x8000000000000107, 0x8000000000000837 }, /* the same, of EPT */
};

/* Around the slot, in it, and beyond the first table. */
static const uint64_t places[] = {
    0,
    0x1ff,
    0x40000,
    SLOT_GFN - 1,
    SLOT_GFN,
    SLOT_GFN + 0x1234,
    SLOT_GFN + GIB_GFNS - 1,
    SLOT_GFN + GIB_GFNS,
    0x100000,
    0x7ffffff,
    0x8000000,            /* 512 GiB */
    0x8000000 + SLOT_GFN, /* the slot's place in the next table */
    0xfffffffff,          /* the last */
};

static uint64_t frames[FRAMES][512] __attribute__((aligned(4096)));
static unsigned nr_used, nr_live, nr_to_give;
static struct steward steward;
static struct domain dom;
static struct vcpu guest = { &dom, 0 }, own = { &dom, 2 };

struct page_info {
    int unused;
};

struct page_info *mfn_to_page(mfn_t mfn)
{
    return (struct page_info *)frames[mfn.v - FIRST_PFN];
}

mfn_t p2m_alloc_ptp(struct p2m_domain *p2m, unsigned int level)
{
    (void)p2m;
    (void)level;
    if (nr_to_give == 0 || nr_used == FRAMES)
        return INVALID_MFN;
    nr_to_give--;
    nr_live++;
    return _mfn(FIRST_PFN + nr_used++);
}

void p2m_free_ptp(struct p2m_domain *p2m, struct page_info *pg)
{
    (void)p2m;
    (void)pg;
    nr_live--;
}

void *map_domain_page(mfn_t mfn)
{
    CHECK(mfn.v >= FIRST_PFN && mfn.v < FIRST_PFN + FRAMES);
    return frames[mfn.v - FIRST_PFN];
}

void unmap_domain_page(const void *p)
{
    (void)p;
}

mfn_t domain_page_map_to_mfn(const void *p)
{
    return _mfn(FIRST_PFN +
                (unsigned long)((const uint8_t *)p - (uint8_t *)frames) /
                    PAGE_SIZE);
}

/* A protected domain of 2 vCPUs and the steward's, which has a p2m. */
static void begin(unsigned options)
{
    memset(frames, 0, sizeof(frames));
    nr_used = nr_live = 0;
    nr_to_give = FRAMES;
    steward = (struct steward){ XEN_STEWARD_STATE_run };
    dom = (struct domain){ .options = options,
                           .max_vcpus = 3,
                           .steward = &steward };
    dom.p2m.domain = &dom;
    CHECK_EQ(p2m_alloc_guest_view(&dom.p2m), 0);
    dom.p2m.phys_table = pagetable_from_mfn(p2m_alloc_ptp(&dom.p2m, 4));
}

static void write_entry(uint64_t *p, uint64_t entry)
{
    *p = entry;
    p2m_mirror_entry(&dom.p2m, p, entry);
}

static uint64_t *entry_of(unsigned long pfn, uint64_t gfn, unsigned level)
{
    return &frames[pfn - FIRST_PFN][gfn >> (9 * level) & 511];
}

/* What hardware finds for gfn: the last entry on its way, and how far down. */
static uint64_t walk(pagetable_t root, uint64_t gfn, unsigned *level)
{
    unsigned long pfn = root.pfn;
    uint64_t e = 0;

    for (*level = 4; (*level)-- > 0; pfn = (e & FRAME) >> PAGE_SHIFT) {
        e = *entry_of(pfn, gfn, *level);
        if (!(e & PRESENT) || (e & LARGE) || *level == 0)
            break;
    }
    return e;
}

/* Flags on the way down are the same, too: those to recalculate fault. */
static void check_alike(uint64_t gfn)
{
    unsigned long a = dom.p2m.phys_table.pfn, b = dom.p2m.guest_view.root.pfn;

    for (unsigned level = 3; level >= 2; level--) {
        uint64_t ea = *entry_of(a, gfn, level), eb = *entry_of(b, gfn, level);

        CHECK_EQ(ea & ~FRAME, eb & ~FRAME);
        if (!(ea & PRESENT) || (ea & LARGE))
            return;
        a = (ea & FRAME) >> PAGE_SHIFT;
        b = (eb & FRAME) >> PAGE_SHIFT;
    }
    CHECK_EQ(a, b); /* from here on it is the same table */
}

static bool in_slot(uint64_t gfn)
{
    return gfn >= SLOT_GFN && gfn < SLOT_GFN + GIB_GFNS;
}

static void check_all(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        unsigned level, view_level;
        uint64_t e = walk(dom.p2m.phys_table, places[i], &level);
        uint64_t seen = walk(dom.p2m.guest_view.root, places[i], &view_level);

        if (in_slot(places[i])) {
            CHECK_EQ(seen & PRESENT, 0);
            continue;
        }
        CHECK_EQ(seen, e);
        CHECK_EQ(view_level, level);
        check_alike(places[i]);
    }
}

/* Make or change one entry on the way to gfn, `down` levels below the root. */
static void change(uint64_t gfn, unsigned down, const uint64_t flags[2])
{
    unsigned long pfn = dom.p2m.phys_table.pfn;
    unsigned level = 3;
    uint64_t *p = entry_of(pfn, gfn, level), e;

    while (level > 0 && down-- > 0) {
        e = *p;
        if (!(e & PRESENT) || (e & LARGE)) { /* a table, in its place */
            unsigned long table = p2m_alloc_ptp(&dom.p2m, level).v;

            if (table == INVALID_MFN.v)
                return;
            if (e & LARGE) /* split: full before it is there */
                for (unsigned i = 0; i < 512; i++)
                    frames[table - FIRST_PFN][i] =
                        e + ((uint64_t)i << (PAGE_SHIFT + 9 * (level - 1)));
            write_entry(p, (uint64_t)table << PAGE_SHIFT | flags[0]);
            e = *p;
        }
        pfn = (e & FRAME) >> PAGE_SHIFT;
        p = entry_of(pfn, gfn, --level);
    }
    e = *p;
    if ((e & PRESENT) && !(e & LARGE) && level > 0) /* a table: flags alone */
        write_entry(p, (e & FRAME) | flags[rand() % 2]);
    else if (level == 3)
        return; /* nothing is as large as that */
    else if (rand() % 3)
        write_entry(p, ((uint64_t)rand() << PAGE_SHIFT & 0xfffffc0000000) |
                           flags[rand() % 2] | (level ? LARGE : 0));
    else
        write_entry(p, 0);
}

TEST(the_slot_is_all_that_the_views_differ_in)
{
    for (unsigned kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
        unsigned level;

        srand(kind + 1);
        begin(CDF_PROTECTED);
        check_all();
        for (unsigned i = 0; i < WRITES; i++) {
            change(places[rand() % ARRAY_SIZE(places)], rand() % 4,
                   kinds[kind]);
            check_all();
        }
        /* The steward's is there, or all this says little. */
        change(SLOT_GFN, 3, kinds[kind]);
        while (!(walk(dom.p2m.phys_table, SLOT_GFN, &level) & PRESENT))
            change(SLOT_GFN, 3, kinds[kind]);
        check_all();
    }
}

TEST(a_first_table_that_comes_filled_is_taken_over_but_for_the_slot)
{
    unsigned long table;
    unsigned level;

    begin(CDF_PROTECTED);
    table = p2m_alloc_ptp(&dom.p2m, 3).v;
    for (unsigned i = 0; i < 512; i++)
        frames[table - FIRST_PFN][i] = (uint64_t)i << 30 | LARGE | PRESENT;
    write_entry(entry_of(dom.p2m.phys_table.pfn, 0, 3),
                (uint64_t)table << PAGE_SHIFT | PRESENT);
    check_all();
    CHECK(walk(dom.p2m.guest_view.root, 0x100000, &level) & PRESENT);
    CHECK(walk(dom.p2m.phys_table, SLOT_GFN, &level) & PRESENT);
}

TEST(the_steward_runs_on_the_whole_and_all_others_do_not)
{
    struct vcpu second = { &dom, 1 };

    begin(CDF_PROTECTED);
    CHECK_EQ(p2m_get_vcpu_pagetable(&own).pfn, dom.p2m.phys_table.pfn);
    CHECK_EQ(p2m_get_vcpu_pagetable(&guest).pfn, dom.p2m.guest_view.root.pfn);
    CHECK_EQ(p2m_get_vcpu_pagetable(&second).pfn, dom.p2m.guest_view.root.pfn);
    CHECK(dom.p2m.phys_table.pfn != dom.p2m.guest_view.root.pfn);
}

TEST(an_ordinary_domain_has_one_root)
{
    begin(0);
    CHECK_EQ(nr_live, 1);
    for (unsigned i = 0; i < WRITES / 10; i++)
        change(places[rand() % ARRAY_SIZE(places)], rand() % 4, kinds[0]);
    CHECK(pagetable_is_null(dom.p2m.guest_view.root));
    CHECK_EQ(p2m_get_vcpu_pagetable(&guest).pfn, dom.p2m.phys_table.pfn);
    CHECK_EQ(p2m_get_vcpu_pagetable(&own).pfn, dom.p2m.phys_table.pfn);
}

TEST(no_memory_for_a_view_leaves_none_of_it)
{
    for (unsigned give = 0; give < 2; give++) {
        begin(CDF_PROTECTED);
        p2m_forget_guest_view(&dom.p2m);
        nr_live = 0;
        nr_to_give = give;
        CHECK_EQ(p2m_alloc_guest_view(&dom.p2m), -ENOMEM);
        CHECK_EQ(nr_live, 0);
        CHECK(pagetable_is_null(dom.p2m.guest_view.root));
    }
}

/* The p2m's root outlives its tables, and may be written to. */
TEST(a_view_that_is_forgotten_is_not_written_to)
{
    unsigned long root, first;

    begin(CDF_PROTECTED);
    change(0, 3, kinds[0]);
    root = dom.p2m.guest_view.root.pfn;
    first = dom.p2m.guest_view.first.pfn;
    p2m_forget_guest_view(&dom.p2m);
    memset(frames[root - FIRST_PFN], 0, PAGE_SIZE);
    memset(frames[first - FIRST_PFN], 0, PAGE_SIZE);
    dom.is_dying = true;
    for (unsigned i = 0; i < WRITES / 10; i++)
        change(places[rand() % ARRAY_SIZE(places)], rand() % 4, kinds[0]);
    for (unsigned i = 0; i < 512; i++) {
        CHECK_EQ(frames[root - FIRST_PFN][i], 0);
        CHECK_EQ(frames[first - FIRST_PFN][i], 0);
    }
    CHECK(pagetable_is_null(p2m_get_vcpu_pagetable(&guest)));
}

static const struct {
    uint64_t gfn;
    unsigned order;
    bool hidden;
} looks[] = {
    { 0, PAGE_ORDER_4K, false },
    { SLOT_GFN - 1, PAGE_ORDER_4K, false },
    { SLOT_GFN - 1, 1, true }, /* reaches into it */
    { SLOT_GFN - 512, PAGE_ORDER_2M, false },
    { SLOT_GFN - 511, PAGE_ORDER_2M, true },
    { SLOT_GFN, PAGE_ORDER_4K, true },
    { SLOT_GFN + 0x1000, PAGE_ORDER_4K, true }, /* behind its pages */
    { SLOT_GFN + GIB_GFNS - 1, PAGE_ORDER_1G, true },
    { SLOT_GFN + GIB_GFNS, PAGE_ORDER_1G, false },
    { 0, PAGE_ORDER_1G, false },
    { UINT64_MAX, PAGE_ORDER_1G, false },
    { UINT64_MAX - 1, PAGE_ORDER_4K, false },
};

TEST(nobody_but_the_steward_finds_anything_in_its_slot)
{
    struct steward theirs = { XEN_STEWARD_STATE_run };
    struct domain other = { .options = CDF_PROTECTED,
                            .max_vcpus = 3,
                            .steward = &theirs };
    struct domain dom0 = { .max_vcpus = 3 };
    const struct vcpu strangers[] = {
        { &dom, 0 },  { &dom, 1 },   { &dom0, 0 },
        { &dom0, 2 }, { &other, 0 }, { &other, 2 }
    };

    begin(CDF_PROTECTED);
    for (unsigned now = XEN_STEWARD_STATE_launching;
         now <= XEN_STEWARD_STATE_retired; now++)
        for (unsigned i = 0; i < ARRAY_SIZE(looks); i++) {
            gfn_t gfn = _gfn(looks[i].gfn);

            steward.state = now;
            CHECK_EQ(p2m_hides(&dom.p2m, gfn, looks[i].order, &own), false);
            for (unsigned s = 0; s < ARRAY_SIZE(strangers); s++)
                CHECK_EQ(
                    p2m_hides(&dom.p2m, gfn, looks[i].order, &strangers[s]),
                    looks[i].hidden);
        }
}

TEST(while_it_is_placed_it_is_found_and_elsewhere_ever)
{
    struct vcpu dom0_s = { NULL, 0 };
    struct domain dom0 = { .max_vcpus = 1 };

    dom0_s.domain = &dom0;
    begin(CDF_PROTECTED);
    steward.state = XEN_STEWARD_STATE_building;
    CHECK_EQ(p2m_hides(&dom.p2m, _gfn(SLOT_GFN), 0, &dom0_s), false);
    dom.steward = NULL; /* not so far yet */
    CHECK_EQ(p2m_hides(&dom.p2m, _gfn(SLOT_GFN), 0, &dom0_s), false);
    begin(0);
    CHECK_EQ(p2m_hides(&dom.p2m, _gfn(SLOT_GFN), 0, &guest), false);
    CHECK_EQ(p2m_hides(&dom.p2m, _gfn(SLOT_GFN), 0, &dom0_s), false);
}

RUN_TESTS(RULE(the_slot_is_all_that_the_views_differ_in),
          RULE(a_first_table_that_comes_filled_is_taken_over_but_for_the_slot),
          RULE(the_steward_runs_on_the_whole_and_all_others_do_not),
          RULE(an_ordinary_domain_has_one_root),
          RULE(no_memory_for_a_view_leaves_none_of_it),
          RULE(a_view_that_is_forgotten_is_not_written_to),
          RULE(nobody_but_the_steward_finds_anything_in_its_slot),
          RULE(while_it_is_placed_it_is_found_and_elsewhere_ever))
