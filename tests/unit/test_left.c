/* SPDX-License-Identifier: MIT */
/*
 * test_left.c - what a dead supervisor left is found, and told from nothing
 */
#include "toolstack/supervisor/left.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"

static const struct run_state some = { .uuid = { 1, 2, 3 }, .domid = 5 };

static char base[] = "/tmp/fh-left-XXXXXX";
static struct rundir dir;
static struct left left;
static struct err err;

/* The name is taken; what of it is there, is the test's. */
static void fresh(void)
{
    fake_reset();
    CHECK_EQ(rundir_take(base, "web", &dir, &err), 0);
}

static void add_domain(void)
{
    struct fake_domain *d = &fake.domain[0];

    d->there = d->protected = true;
    d->domid = 9; /* another number than was written down */
    memcpy(d->handle, some.uuid, sizeof(d->handle));
}

static void finish(void)
{
    left_free(&left);
    rundir_remove(&dir);
    fake_reset();
}

TEST(a_new_name_has_nothing_left)
{
    fresh();
    CHECK_EQ(left_find(base, "web", &left, &err), 0);
    add_domain(); /* of nobody we know */
    CHECK_EQ(left_find(base, "web", &left, &err), 0);
    finish();
}

TEST(a_domain_that_is_gone_is_not_left)
{
    fresh();
    CHECK_EQ(rundir_write(&dir, &some, &err), 0);
    CHECK_EQ(left_find(base, "web", &left, &err), 0);
    finish();
}

TEST(a_domain_is_found_with_what_it_was_made_from)
{
    fresh();
    add_domain();
    CHECK_EQ(rundir_write(&dir, &some, &err), 0);
    CHECK_EQ(rundir_keep_config(&dir,
                                "name = \"old\"\nkernel = \"/vmlinuz\"\n"
                                "type = \"pvh\"\nmemory = 96\n",
                                &err),
             0);
    CHECK_EQ(left_find(base, "web", &left, &err), 1);
    CHECK_EQ(left.domain.domid, 9);
    CHECK_STR(left.cfg.name, "web"); /* as it is called by now */
    CHECK_EQ(left.cfg.ram_bytes, 96ull << 20);
    assert_memory_equal(left.cfg.uuid, some.uuid, 16);
    finish();
}

TEST(a_domain_without_a_good_configuration_is_found_all_the_same)
{
    static const char *const text[] = { NULL, "", "name = ", "type = \"hvm\"" };

    for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        fresh();
        add_domain();
        CHECK_EQ(rundir_write(&dir, &some, &err), 0);
        if (text[i])
            CHECK_EQ(rundir_keep_config(&dir, text[i], &err), 0);
        CHECK_EQ(left_find(base, "web", &left, &err), 1);
        CHECK_EQ(left.cfg.name[0], 0);
        finish();
    }
}

TEST(when_xen_cannot_be_asked_that_is_said)
{
    fresh();
    add_domain();
    CHECK_EQ(rundir_write(&dir, &some, &err), 0);
    fake_fail_at(1);
    CHECK(left_find(base, "web", &left, &err) < 0);
    finish();
}

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_NONE);
    return mkdtemp(base) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_new_name_has_nothing_left),
        RULE(a_domain_that_is_gone_is_not_left),
        RULE(a_domain_is_found_with_what_it_was_made_from),
        RULE(a_domain_without_a_good_configuration_is_found_all_the_same),
        RULE(when_xen_cannot_be_asked_that_is_said),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
