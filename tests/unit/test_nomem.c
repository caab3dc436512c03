/* SPDX-License-Identifier: MIT */
/*
 * test_nomem.c - each allocation of ours fails once, and nothing is left
 *
 * The sanitizer finds what leaks.  Libraries' own allocations are theirs.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/unit/life.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/cfg.h"
#include "toolstack/supervisor/cfgparse.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t nr);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t nr);

static uint32_t nr_allocs, fail_at; /* 0: none fails */

static void nomem_at(uint32_t n)
{
    nr_allocs = 0;
    fail_at = n;
}

static bool fails(void)
{
    if (++nr_allocs != fail_at)
        return false;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t nr, size_t size)
{
    return fails() ? NULL : __real_calloc(nr, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t nr)
{
    return fails() ? NULL : __real_strndup(text, nr);
}

static const char config[] =
    "name = 'web'\n"
    "uuid = '21a00db1-6f9a-4c9e-8f6c-0f6e0b1f2b3c'\n"
    "type = \"pvh\"\n"
    "kernel = '/boot/vmlinuz'\n"
    "ramdisk = '/boot/initrd'\n"
    "root = '/dev/xvda1 ro'\n"
    "extra = 'quiet'\n"
    "extra += ' splash'\n"
    "memory = 512\n"
    "maxmem = 1024\n"
    "vcpus = 2\n"
    "cpus = ['0-1', '1']\n"
    "pool = 'Pool-0'\n"
    "on_crash = 'preserve'\n"
    "no_such_key = [ 1, [ 2, 'three' ], ]\n"
    "cpuid = 'host,tm=0'\n"
    "disk = [ 'phy:/dev/vg/web,xvda,w',\n"
    "         'format=qcow2, vdev=xvdb, access=ro, target=/srv/a,b.img' ]\n"
    "vif = [ 'mac=00:16:3e:00:00:01,bridge=br0,rate=10Mb/s', '' ]\n"
    "p9 = [ 'tag=share,path=/srv/share,security_model=none,type=xen_9pfsd' ]\n";

static int load(struct err *e)
{
    const struct vmcfg_options o = { 0 };
    struct vm_config out = { 0 };
    struct cfg cfg = { 0 };
    int rc = cfgparse_text(&cfg, "web.cfg", config, sizeof(config) - 1, e);

    if (rc == 0)
        rc = vmcfg_load(&cfg, &out, &o, e);
    vmcfg_free(&out);
    cfg_free(&cfg);
    return rc;
}

/* Not with a part of it missing, either. */
TEST(a_configuration_is_loaded_whole_or_not_at_all)
{
    struct err e = { 0 };
    uint32_t n = 0;
    int rc;

    nomem_at(0);
    rc = load(&e);
    if (rc)
        print_error("%s\n", e.text);
    CHECK_EQ(rc, 0);
    do {
        nomem_at(++n);
        rc = load(&e);
        if (nr_allocs >= n) {
            if (rc != -ENOMEM)
                print_error("allocation %u: %d: %s\n", n, rc, e.text);
            CHECK_EQ(rc, -ENOMEM);
        }
    } while (nr_allocs >= n);
    nomem_at(0);
    CHECK_EQ(rc, 0);
    CHECK(n > 50); /* it did sweep something */
}

TEST(no_allocation_that_fails_leaves_anything_of_a_guest)
{
    uint32_t n = 0, nr;

    log_set_level(LOG_LEVEL_NONE);
    do {
        life_fresh();
        nomem_at(++n);
        life.when_running = life_power_off;
        life_begin(NULL);
        uv_run(&life.loop, UV_RUN_DEFAULT);
        nr = nr_allocs;
        nomem_at(0);
        life_finish();
    } while (nr >= n);
    log_set_level(LOG_LEVEL_ERR);
    CHECK(n > 20); /* it did sweep something */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_configuration_is_loaded_whole_or_not_at_all),
        RULE(no_allocation_that_fails_leaves_anything_of_a_guest),
    };

    return cmocka_run_group_tests(tests, life_set_up, life_tear_down);
}
