/* SPDX-License-Identifier: MIT */
/*
 * test_hostinfo.c - what scripts read out of `xl info`, they read out of ours
 */
#include "toolstack/cli/hostinfo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/hyp_host.h"

/* Of Xen 4.20's tools/xl/xl_info.c, in its order. */
static const char *const keys[] = {
    "host",
    "release",
    "version",
    "machine",
    "nr_cpus",
    "max_cpu_id",
    "nr_nodes",
    "cores_per_socket",
    "threads_per_core",
    "cpu_mhz",
    "hw_caps",
    "virt_caps",
    "total_memory",
    "free_memory",
    "sharing_freed_memory",
    "sharing_used_memory",
    "outstanding_claims",
    "free_cpus",
    "xen_major",
    "xen_minor",
    "xen_extra",
    "xen_version",
    "xen_caps",
    "xen_scheduler",
    "xen_pagesize",
    "platform_params",
    "xen_changeset",
    "xen_commandline",
    "cc_compiler",
    "cc_compile_by",
    "cc_compile_domain",
    "cc_compile_date",
    "build_id",
    "xend_config_format",
};

static struct json_object *look(void)
{
    struct json_object *o = NULL;

    fake_reset();
    fake.free_pages = 4096 * 256;
    CHECK_EQ(hostinfo_object(&o, NULL), 0);
    CHECK_EQ(fake_left(), 0);
    return o;
}

TEST(keys_are_xls_in_its_order)
{
    struct json_object *o = look();
    uint32_t nr = 0;

    /* This Xen tells no posture: test_posture.c has one that does. */
    json_object_object_foreach(o, key, value)
    {
        (void)value;
        CHECK(nr < ARRAY_SIZE(keys));
        CHECK_STR(key, keys[nr]);
        nr++;
    }
    CHECK_EQ(nr, ARRAY_SIZE(keys));
    json_object_put(o);
}

static void is(struct json_object *o, const char *key, const char *want)
{
    struct json_object *value;

    CHECK(json_object_object_get_ex(o, key, &value));
    CHECK_STR(json_object_get_string(value), want);
}

TEST(values_are_in_xls_units)
{
    struct json_object *o = look();

    is(o, "nr_nodes", "2");
    is(o, "total_memory", "8192");
    is(o, "free_memory", "4096");
    is(o, "sharing_freed_memory", "0"); /* it cannot share */
    is(o, "sharing_used_memory", "2");
    is(o, "free_cpus", "2");
    is(o, "xen_major", "4");
    is(o, "xen_version", "4.20.3");
    is(o, "xen_scheduler", "credit2");
    is(o, "xen_commandline", "protected=on");
    is(o, "platform_params", "virt_start=0x0");
    is(o, "hw_caps",
       "00000000:00000000:00000000:00000000:00000000:00000000:00000000:"
       "00000000");
    json_object_put(o);
}

TEST(a_key_that_xen_refuses_is_an_error)
{
    struct err e = { 0 };
    struct hyp *h;

    fake_reset();
    CHECK_EQ(hyp_open(&h, &e), 0);
    CHECK_EQ(hyp_debug_keys(h, "h", &e), 0);
    CHECK_EQ(hyp_debug_keys(h, "", &e), -EINVAL);
    CHECK_STR(e.text, "xen: press : Invalid argument");
    CHECK_EQ(hyp_debug_keys(h, "hd", &e), -EPERM);
    CHECK_STR(e.text, "xen: press hd: a Xen for protected guests takes none "
                      "from dom0 but g, h, H, m, r and u");
    hyp_close(h);
    CHECK_EQ(fake_left(), 0);
}

RUN_TESTS(RULE(keys_are_xls_in_its_order), RULE(values_are_in_xls_units),
          RULE(a_key_that_xen_refuses_is_an_error))
