/* SPDX-License-Identifier: MIT */
/*
 * test_target.c - which domain is whose: the supervisor's word before handles
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/cli/target.h"

int __wrap_rundir_list(const char *base, struct run_state **out, struct err *e);

static struct run_state states[2];
static uint32_t nr_states;
static struct hyp *hyp;
static struct err err;

/* Linked in by --wrap: what the run directories say. */
int __wrap_rundir_list(const char *base, struct run_state **out, struct err *e)
{
    (void)base, (void)e;
    *out = calloc(2, sizeof(**out));
    memcpy(*out, states, sizeof(states));
    return (int)nr_states;
}

static void fresh(void)
{
    fake_reset();
    nr_states = 0;
    CHECK_EQ(hyp_open(&hyp, &err), 0);
}

static void finish(void)
{
    hyp_close(hyp);
    CHECK_EQ(fake.nr_handles, 0);
    fake_reset();
}

static struct fake_domain *add_domain(uint32_t domid, uint8_t handle)
{
    struct fake_domain *d = fake.domain;

    while (d->there)
        d++;
    *d = (struct fake_domain){
        .there = true, .protected = true, .domid = domid, .nr_vcpus = 2
    };
    d->handle[0] = handle;
    return d;
}

static void add_state(const char *name, bool supervised, uint16_t domid,
                      uint8_t handle)
{
    struct run_state *s = &states[nr_states++];

    *s = (struct run_state){ .domid = domid, .supervised = supervised };
    s->uuid[0] = handle;
    snprintf(s->name, sizeof(s->name), "%s", name);
}

/* The rows of `list`, as text: NAME@DOMID, or NAME@- without a domain. */
static void check_rows(const char *want)
{
    char got[256] = "", row[96];
    struct target *list;
    int nr = target_list(hyp, NULL, &list, &err);

    for (int i = 0; i < nr; i++) {
        const struct target *t = &list[i];

        if (t->has_domain)
            snprintf(row, sizeof(row), "%s%s@%u", i ? " " : "", t->name,
                     t->domain.domid);
        else
            snprintf(row, sizeof(row), "%s%s@-", i ? " " : "", t->name);
        strcat(got, row);
    }
    free(list);
    CHECK_STR(got, want);
}

TEST(a_changed_handle_hides_no_guest_that_is_supervised)
{
    fresh();
    add_domain(7, 0xee);
    add_state("web", true, 7, 0xab);
    check_rows("web@7");
    finish();
}

TEST(a_stolen_handle_makes_no_guest_of_another_domain)
{
    fresh();
    add_domain(7, 0xab);
    add_domain(8, 0xab);
    add_state("web", true, 8, 0xab);
    check_rows("@7 web@8");
    finish();
}

TEST(a_live_supervisor_comes_before_the_remains_of_a_dead_one)
{
    fresh();
    add_domain(7, 0xcd);
    add_state("old", false, 5, 0xcd);
    add_state("web", true, 7, 0xab);
    check_rows("web@7 old@-");
    finish();
}

TEST(a_dying_domain_keeps_its_name_while_it_is_supervised)
{
    fresh();
    add_domain(7, 0xab)->dying = true;
    add_state("web", true, 7, 0xab);
    check_rows("web@7");
    states[0].supervised = false;
    check_rows("@7 web@-");
    finish();
}

/* Xen may have given the dead one's domain id to somebody else. */
TEST(the_remains_of_a_dead_supervisor_are_found_by_their_handle)
{
    fresh();
    add_domain(7, 0xee);
    add_domain(8, 0xab);
    add_state("web", false, 7, 0xab);
    check_rows("@7 web@8");
    finish();
}

TEST(a_domain_is_known_before_its_supervisor_knows_its_number)
{
    fresh();
    add_domain(7, 0xab);
    add_state("web", true, 0, 0xab);
    check_rows("web@7");
    finish();
}

TEST(a_guest_between_two_domains_has_none)
{
    fresh();
    add_domain(8, 0xee);
    add_state("web", true, 7, 0xab);
    check_rows("@8 web@-");
    finish();
}

RUN_TESTS(RULE(a_changed_handle_hides_no_guest_that_is_supervised),
          RULE(a_stolen_handle_makes_no_guest_of_another_domain),
          RULE(a_live_supervisor_comes_before_the_remains_of_a_dead_one),
          RULE(a_dying_domain_keeps_its_name_while_it_is_supervised),
          RULE(the_remains_of_a_dead_supervisor_are_found_by_their_handle),
          RULE(a_domain_is_known_before_its_supervisor_knows_its_number),
          RULE(a_guest_between_two_domains_has_none))
