/* SPDX-License-Identifier: MIT */
/*
 * fake_io.c - pages that a fake guest grants to dom0 for I/O
 */
#include "tests/fakes/fake_io.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fakes/fake.h"
#include "tests/fakes/fake_alloc.h"

#define PAGE 4096u
#define MAPS 128u /* at a time */

struct fake_io {
    int memfd;
    uint8_t *view;
    uint32_t nr;
    struct {
        uint8_t access;
        uint16_t pins;
    } grant[FAKE_IO_PAGES];
};

static struct {
    void *va;
    uint32_t nr, domid;
    uint32_t refs[64];
} maps[MAPS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t nr_copied, fail_copy_at;

/* What cannot fail in a test's world ends it. */
static void *map(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
    void *va = mmap(at, len, prot, flags, fd, off);

    if (va == MAP_FAILED)
        abort();
    return va;
}

static struct fake_io *io_of(struct fake_domain *d)
{
    struct fake_io *io = d->io;

    if (io)
        return io;
    io = d->io = fake_calloc(1, sizeof(*io));
    io->memfd = memfd_create("guest", MFD_CLOEXEC);
    if (io->memfd < 0 || ftruncate(io->memfd, (off_t)FAKE_IO_PAGES * PAGE))
        abort();
    io->view = map(NULL, (size_t)FAKE_IO_PAGES * PAGE, PROT_READ | PROT_WRITE,
                   MAP_SHARED, io->memfd, 0);
    return io;
}

void fake_io_free(struct fake_domain *d)
{
    if (!d->io)
        return;
    munmap(d->io->view, (size_t)FAKE_IO_PAGES * PAGE);
    close(d->io->memfd);
    free(d->io);
    d->io = NULL;
}

uint32_t fake_grant(uint32_t domid, enum fake_access access)
{
    struct fake_domain *d = fake_find(domid);
    struct fake_io *io = d ? io_of(d) : NULL;

    if (!io || io->nr == FAKE_IO_PAGES)
        abort();
    io->grant[io->nr].access = access;
    return FAKE_IO_FIRST_REF + io->nr++;
}

/* The number of the page behind a reference; FAKE_IO_PAGES: there is none. */
static uint32_t page_of(const struct fake_domain *d, uint32_t ref)
{
    if (!d || !d->io || ref < FAKE_IO_FIRST_REF ||
        ref - FAKE_IO_FIRST_REF >= d->io->nr)
        return FAKE_IO_PAGES;
    return ref - FAKE_IO_FIRST_REF;
}

void *fake_grant_page(uint32_t domid, uint32_t ref)
{
    struct fake_domain *d = fake_find(domid);
    uint32_t page = page_of(d, ref);

    return page == FAKE_IO_PAGES ? NULL : d->io->view + (size_t)page * PAGE;
}

void fake_grant_set(uint32_t domid, uint32_t ref, enum fake_access access)
{
    struct fake_domain *d = fake_find(domid);
    uint32_t page = page_of(d, ref);

    if (page == FAKE_IO_PAGES)
        abort();
    d->io->grant[page].access = access;
}

uint32_t fake_grant_pins(uint32_t domid, uint32_t ref)
{
    struct fake_domain *d = fake_find(domid);
    uint32_t page = page_of(d, ref);

    return page == FAKE_IO_PAGES ? 0 : d->io->grant[page].pins;
}

void *fake_io_page(struct fake_domain *d, uint32_t ref, bool write)
{
    uint32_t page = page_of(d, ref);

    if (page == FAKE_IO_PAGES ||
        d->io->grant[page].access < (write ? FAKE_RW : FAKE_RO))
        return NULL;
    return d->io->view + (size_t)page * PAGE;
}

static bool may_map(struct fake_domain *d, const uint32_t *refs, uint32_t nr,
                    int prot)
{
    for (uint32_t i = 0; i < nr; i++)
        if (!fake_io_page(d, refs[i], prot & PROT_WRITE))
            return false;
    return nr > 0 && nr <= 64;
}

/* The domain may be gone, or its number be another's: then nothing counts. */
static void pin(uint32_t domid, const uint32_t *refs, uint32_t nr, int by)
{
    struct fake_domain *d = fake_find(domid);

    for (uint32_t i = 0; i < nr; i++)
        if (page_of(d, refs[i]) != FAKE_IO_PAGES)
            d->io->grant[page_of(d, refs[i])].pins += by;
}

static void note(void *va, uint32_t domid, const uint32_t *refs, uint32_t nr)
{
    uint32_t at = 0;

    while (at < MAPS && maps[at].va)
        at++;
    if (at == MAPS)
        abort();
    maps[at].va = va;
    maps[at].nr = nr;
    maps[at].domid = domid;
    for (uint32_t i = 0; i < nr; i++)
        maps[at].refs[i] = refs[i];
    pin(domid, refs, nr, 1);
}

void *fake_io_map(uint32_t domid, const uint32_t *refs, uint32_t nr, int prot)
{
    struct fake_domain *d = fake_find(domid);
    uint8_t *va = NULL;

    pthread_mutex_lock(&lock);
    if (d && may_map(d, refs, nr, prot)) {
        va = map(NULL, (size_t)nr * PAGE, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (uint32_t i = 0; i < nr; i++)
            map(va + (size_t)i * PAGE, PAGE, prot, MAP_SHARED | MAP_FIXED,
                d->io->memfd, (off_t)page_of(d, refs[i]) * PAGE);
        note(va, domid, refs, nr);
    }
    pthread_mutex_unlock(&lock);
    return va;
}

bool fake_io_unmap(void *va, uint32_t nr)
{
    uint32_t at = 0;

    pthread_mutex_lock(&lock);
    while (at < MAPS && maps[at].va != va)
        at++;
    if (at < MAPS) {
        if (maps[at].nr != nr)
            abort(); /* half a mapping */
        pin(maps[at].domid, maps[at].refs, nr, -1);
        munmap(va, (size_t)nr * PAGE);
        maps[at].va = NULL;
    }
    pthread_mutex_unlock(&lock);
    return at < MAPS;
}

void fake_fail_copy_at(uint32_t n)
{
    nr_copied = 0;
    fail_copy_at = n;
}

bool fake_io_copy_fails(void)
{
    return __atomic_add_fetch(&nr_copied, 1, __ATOMIC_RELAXED) == fail_copy_at;
}
