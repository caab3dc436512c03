/* SPDX-License-Identifier: MIT */
/*
 * fake.c - the fake host's state, and what is left of it after a test
 */
#include "tests/fakes/fake.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "common/shm.h"
#include "tests/fakes/fake_alloc.h"
#include "tests/fakes/fake_io.h"
#include "tests/fakes/fake_xs.h"

struct fake fake;

/* By its name at run time, which --wrap leaves alone. */
void *fake_calloc(size_t nr, size_t size)
{
    void *(*real)(size_t, size_t);

    *(void **)&real = dlsym(RTLD_DEFAULT, "calloc");
    return real(nr, size);
}

char *fake_strndup(const char *text, size_t nr)
{
    return memcpy(fake_calloc(1, nr + 1), text, strnlen(text, nr));
}

char *fake_strdup(const char *text)
{
    return fake_strndup(text, strlen(text));
}

static void domain_free(struct fake_domain *d)
{
    for (uint32_t i = 0; i < FAKE_PAGES; i++)
        free(d->page[i]);
    for (uint32_t i = 0; i < FH_BLOBS; i++)
        free(d->loaded[i]);
    fake_io_free(d);
    memset(d, 0, sizeof(*d));
}

void fake_reset(void)
{
    for (uint32_t i = 0; i < FAKE_DOMAINS; i++)
        domain_free(&fake.domain[i]);
    fake_xs_reset();
    fake_fail_copy_at(0);
    memset(&fake, 0, sizeof(fake));
    fake.free_pages = 1u << 20;
}

void fake_fail_at(uint32_t n)
{
    fake.nr_calls = 0;
    fake.fail_at = n;
}

bool fake_fails(void)
{
    return __atomic_add_fetch(&fake.nr_calls, 1, __ATOMIC_RELAXED) ==
           fake.fail_at;
}

uint32_t fake_left(void)
{
    uint32_t left = fake.nr_maps + fake.nr_handles + fake.nr_xs_nodes;

    for (uint32_t i = 0; i < FAKE_DOMAINS; i++)
        left += fake.domain[i].there;
    return left;
}

struct fake_domain *fake_find(uint32_t domid)
{
    for (uint32_t i = 0; i < FAKE_DOMAINS; i++)
        if (fake.domain[i].there && fake.domain[i].domid == domid)
            return &fake.domain[i];
    return NULL;
}

void fake_shutdown(struct fake_domain *d, uint32_t reason)
{
    d->shutdown = true;
    d->reason = reason;
    fake_release_event();
}

/*
 * Linked in by --wrap: what was fetched once is destroyed, so that whoever
 * looks a second time sees it.
 */
void __real_shm_fetch(void *out, const void *shared, size_t len_bytes);
void __wrap_shm_fetch(void *out, const void *shared, size_t len_bytes);

void __wrap_shm_fetch(void *out, const void *shared, size_t len_bytes)
{
    __real_shm_fetch(out, shared, len_bytes);
    memset((void *)shared, FAKE_POISON, len_bytes);
}
