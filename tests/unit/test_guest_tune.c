/* SPDX-License-Identifier: MIT */
/*
 * test_guest_tune.c - what a guest gets of the host, by configuration and by
 * the API
 */
#include <errno.h>
#include <stdio.h>

#include <json-c/json.h>

#include "common/err.h"
#include "tests/fakes/fake.h"
#include "tests/unit/life.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/hyp_sched.h"
#include "toolstack/supervisor/vmcpus.h"

static struct err err;
static struct vm_cpus sets[3];

static struct fake_domain *domain(void)
{
    return fake_find(guest_domid(life.guest));
}

/* One call of the API with its params as text. */
static int call(const char *method, const char *params)
{
    struct json_object *p = json_tokener_parse(params), *result = NULL;
    int rc;

    err = (struct err){ 0 };
    rc = guest_call(life.guest, method, p, &result, &err);
    CHECK(result == NULL);
    json_object_put(p);
    CHECK((rc == 0) == (err.text[0] == 0) || rc == -ENOSYS);
    return rc;
}

static void run(void (*step)(struct life *l))
{
    life.when_running = step;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_EQ(life.failed.rc, 0);
    CHECK_EQ(life.nr_runs, 1);
}

/* ---- by configuration ---- */

static void not_pinned(struct life *l)
{
    for (uint32_t v = 0; v < 3; v++)
        CHECK_EQ(domain()->affinity[v].hard | domain()->affinity[v].soft, 0);
    CHECK_EQ(domain()->weight | domain()->cap | domain()->pool, 0);
    life_power_off(l);
}

TEST(without_keys_a_guest_is_placed_nowhere)
{
    life_fresh();
    run(not_pinned);
}

static void pinned_each(struct life *l)
{
    CHECK_EQ(domain()->affinity[0].hard, 0x02);
    CHECK_EQ(domain()->affinity[1].hard, 0xd0);
    CHECK_EQ(domain()->affinity[2].hard, 0xd2); /* the steward's */
    CHECK_EQ(domain()->affinity[0].soft, 0x0f);
    CHECK_EQ(domain()->affinity[1].soft, 0x0f);
    CHECK_EQ(domain()->affinity[2].soft, 0x0f);
    CHECK_EQ(domain()->weight, 512);
    CHECK_EQ(domain()->cap, 50);
    life_power_off(l);
}

TEST(each_vcpu_goes_where_its_set_says_and_the_steward_where_any_may)
{
    for (uint32_t i = 0; i < 2; i++) {
        life_fresh();
        fake.scheduler = i ? 5 : 6; /* credit; credit2 */
        CHECK_EQ(vmcpus_parse("1", &sets[0], &err), 0);
        CHECK_EQ(vmcpus_parse("node:1,^5", &sets[1], &err), 0);
        CHECK_EQ(vmcpus_parse("0-3", &sets[2], &err), 0);
        life.cfg.hard = sets;
        life.cfg.nr_hard = 2;
        life.cfg.soft = &sets[2];
        life.cfg.nr_soft = 1;
        life.cfg.cpu_weight = 512;
        life.cfg.cap_percent = 50;
        run(pinned_each);
        for (uint32_t k = 0; k < 3; k++)
            vmcpus_free(&sets[k]);
    }
}

static int begin_fails(void)
{
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_EQ(life.nr_runs, 0);
    return life.failed.rc;
}

TEST(what_the_host_cannot_do_fails_the_guest)
{
    life_fresh();
    fake.scheduler = 8; /* rtds */
    life.cfg.cpu_weight = 512;
    CHECK_EQ(begin_fails(), -EOPNOTSUPP);
    CHECK_HAS(life.failed.text, "want credit or credit2");

    life_fresh();
    CHECK_EQ(vmcpus_parse("64-71", &sets[0], &err), 0);
    life.cfg.hard = sets;
    life.cfg.nr_hard = 1;
    CHECK_EQ(begin_fails(), -EINVAL);
    CHECK_HAS(life.failed.text, "none of them is on this host, which has 8");
    vmcpus_free(&sets[0]);

    life_fresh();
    life.cfg.pool = (char *)"fast";
    CHECK_EQ(begin_fails(), -EINVAL);
    CHECK_HAS(life.failed.text, "pool: got fast");
}

static void in_pool_1(struct life *l)
{
    CHECK_EQ(domain()->pool, 1);
    life_power_off(l);
}

TEST(a_pool_is_found_by_number)
{
    life_fresh();
    life.cfg.pool = (char *)"1";
    run(in_pool_1);
}

/* ---- by the API ---- */

#define OVERHEAD_KIB ((XEN_STEWARD_REGION_PAGES_MAX + 3) * 4)

static void set_memory(struct life *l)
{
    CHECK_EQ(domain()->max_kib, 65536 + OVERHEAD_KIB);
    CHECK_EQ(call("set_memory", "{\"target_kib\": 32768}"), 0);
    CHECK_STR(fake_xs_value("/local/domain/7/memory/target"), "32768");
    CHECK_EQ(domain()->max_kib, 32768 + OVERHEAD_KIB);
    CHECK_EQ(guest_target_kib(l->guest), 32768);

    CHECK_EQ(call("set_memory", "{\"target_kib\": 65537}"), -ERANGE);
    CHECK_EQ(call("set_memory", "{\"target_kib\": 1}"), -ERANGE);
    CHECK_EQ(call("set_memory", "{\"target_kib\": -4096}"), -ERANGE);
    CHECK_EQ(call("set_memory", "{\"target_kib\": \"32768\"}"), -ERANGE);
    CHECK_EQ(call("set_memory", "{}"), -ERANGE);
    CHECK_EQ(call("set_memory", "null"), -ERANGE);
    CHECK_STR(fake_xs_value("/local/domain/7/memory/target"), "32768");
    CHECK_EQ(domain()->max_kib, 32768 + OVERHEAD_KIB);
    life_power_off(l);
}

TEST(the_balloon_is_asked_and_held_to_it_and_what_is_out_of_range_is_not)
{
    life_fresh();
    run(set_memory);
}

static void set_max_memory(struct life *l)
{
    CHECK_EQ(call("set_memory", "{\"target_kib\": 32768}"), 0);
    CHECK_EQ(call("set_max_memory", "{\"max_kib\": 49152}"), 0);
    CHECK_STR(fake_xs_value("/local/domain/7/memory/static-max"), "49152");
    CHECK_EQ(call("set_memory", "{\"target_kib\": 49153}"), -ERANGE);
    CHECK_EQ(call("set_max_memory", "{\"max_kib\": 65537}"), -ERANGE);
    CHECK_HAS(err.text, "built and measured");
    CHECK_EQ(call("set_max_memory", "{\"max_kib\": 32767}"), -ERANGE);
    CHECK_EQ(call("set_max_memory", "{\"max_kib\": 65536}"), 0);
    life_power_off(l);
}

TEST(maxmem_moves_between_the_target_and_what_was_measured)
{
    life_fresh();
    run(set_max_memory);
}

static void set_vcpus(struct life *l)
{
    CHECK_EQ(call("set_vcpus", "{\"count\": 1}"), 0);
    CHECK_STR(fake_xs_value("/local/domain/7/cpu/0/availability"), "online");
    CHECK_STR(fake_xs_value("/local/domain/7/cpu/1/availability"), "offline");
    CHECK(fake_xs_value("/local/domain/7/cpu/2/availability") == NULL);
    CHECK_EQ(call("set_vcpus", "{\"count\": 0}"), -ERANGE);
    CHECK_EQ(call("set_vcpus", "{\"count\": 3}"), -ERANGE);
    CHECK_EQ(call("set_vcpus", "{}"), -ERANGE);
    CHECK_EQ(call("set_vcpus", "{\"count\": 2}"), 0);
    CHECK_STR(fake_xs_value("/local/domain/7/cpu/1/availability"), "online");
    life_power_off(l);
}

TEST(vcpus_go_off_and_come_back_but_none_is_added)
{
    life_fresh();
    run(set_vcpus);
}

static void pin(struct life *l)
{
    CHECK_EQ(call("pin_vcpu", "{\"vcpu\": 1, \"hard\": \"2-3\"}"), 0);
    CHECK_EQ(domain()->affinity[0].hard, 0);
    CHECK_EQ(domain()->affinity[1].hard, 0x0c);
    CHECK_EQ(domain()->affinity[1].soft, 0);
    CHECK_EQ(call("pin_vcpu", "{\"soft\": \"node:0\"}"), 0);
    CHECK_EQ(domain()->affinity[0].soft, 0x0f);
    CHECK_EQ(domain()->affinity[2].soft, 0x0f); /* the steward's too */
    CHECK_EQ(domain()->affinity[1].hard, 0x0c);
    CHECK_EQ(call("pin_vcpu", "{\"vcpu\": 2, \"hard\": \"0\"}"), -ERANGE);
    CHECK_EQ(call("pin_vcpu", "{\"vcpu\": 0, \"hard\": \"x\"}"), -EINVAL);
    CHECK_EQ(call("pin_vcpu", "{\"vcpu\": 0, \"hard\": \"99\"}"), -EINVAL);
    CHECK_EQ(domain()->affinity[0].hard, 0);
    life_power_off(l);
}

TEST(a_vcpu_is_pinned_and_all_are_with_the_stewards)
{
    life_fresh();
    run(pin);
}

static void sysrq(struct life *l)
{
    CHECK_EQ(call("sysrq", "{\"key\": \"h\"}"), 0);
    CHECK_STR(fake_xs_value("/local/domain/7/control/sysrq"), "h");
    CHECK_EQ(call("sysrq", "{\"key\": \"ho\"}"), -EINVAL);
    CHECK_EQ(call("sysrq", "{\"key\": \"\"}"), -EINVAL);
    CHECK_EQ(call("sysrq", "{\"key\": 1}"), -EINVAL);
    CHECK_EQ(call("sysrq", "{}"), -EINVAL);
    CHECK_EQ(call("sysrqs", "{}"), -ENOSYS);
    life_power_off(l);
}

TEST(sysrq_is_one_letter)
{
    life_fresh();
    run(sysrq);
}

TEST(a_guest_that_does_not_run_is_not_ready)
{
    struct guest_options o = { .paused = true };

    life_fresh();
    CHECK_EQ(life_begin(&o), 0);
    CHECK_EQ(call("set_memory", "{\"target_kib\": 32768}"), -EBUSY);
    CHECK_EQ(call("set_max_memory", "{\"max_kib\": 65536}"), -EBUSY);
    CHECK_EQ(call("set_vcpus", "{\"count\": 1}"), -EBUSY);
    CHECK_EQ(call("sysrq", "{\"key\": \"h\"}"), -EBUSY);
    CHECK_EQ(call("pin_vcpu", "{\"hard\": \"0\"}"), 0); /* before it starts */
    CHECK_EQ(domain()->affinity[0].hard, 1);
    guest_destroy(life.guest);
    life_finish();
}

static uint32_t nth;

/* Xen or xenstored refuses any one step: told, and the guest goes on. */
static void fail_nth(struct life *l)
{
    static const char *const calls[][2] = {
        { "set_memory", "{\"target_kib\": 32768}" },
        { "set_max_memory", "{\"max_kib\": 65536}" },
        { "set_vcpus", "{\"count\": 1}" },
        { "pin_vcpu", "{\"hard\": \"node:1\", \"soft\": \"0\"}" },
        { "sysrq", "{\"key\": \"h\"}" },
    };

    for (uint32_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        for (nth = 1;; nth++) {
            fake_fail_at(nth);
            if (call(calls[i][0], calls[i][1]) == 0)
                break;
            CHECK(nth < 20);
        }
        fake_fail_at(0);
        CHECK(nth > 1);
    }
    life_power_off(l);
}

TEST(a_step_that_fails_is_told_and_the_guest_goes_on)
{
    life_fresh();
    run(fail_nth);
}

/* Xen's maps have room for nodes that are not there. */
TEST(nodes_are_counted_that_are_there)
{
    struct hyp_cpus nodes;
    struct hyp *h;

    fake_reset();
    CHECK_EQ(hyp_open(&h, &err), 0);
    CHECK_EQ(hyp_nodes(h, 0, &nodes, &err), 2);
    CHECK_EQ(nodes.bits[0], 3);
    hyp_close(h);
    CHECK_EQ(fake_left(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(without_keys_a_guest_is_placed_nowhere),
        RULE(each_vcpu_goes_where_its_set_says_and_the_steward_where_any_may),
        RULE(what_the_host_cannot_do_fails_the_guest),
        RULE(a_pool_is_found_by_number),
        RULE(
            the_balloon_is_asked_and_held_to_it_and_what_is_out_of_range_is_not),
        RULE(maxmem_moves_between_the_target_and_what_was_measured),
        RULE(vcpus_go_off_and_come_back_but_none_is_added),
        RULE(a_vcpu_is_pinned_and_all_are_with_the_stewards),
        RULE(sysrq_is_one_letter),
        RULE(a_guest_that_does_not_run_is_not_ready),
        RULE(nodes_are_counted_that_are_there),
        RULE(a_step_that_fails_is_told_and_the_guest_goes_on),
    };

    return cmocka_run_group_tests(tests, life_set_up, life_tear_down);
}
