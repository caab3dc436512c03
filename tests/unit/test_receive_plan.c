/* SPDX-License-Identifier: MIT */
/*
 * test_receive_plan.c - what one host says of a guest, and another reads
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/cli/receive.h"
#include "toolstack/supervisor/cfg.h"
#include "toolstack/supervisor/cfgparse.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/rundir.h"

#define UUID "5e550000-0000-4000-8000-000000000001"

/* clang-format off */
static const char made_from[] =
    "name = 'web'\n"
    "uuid = '" UUID "'\n"
    "kernel = '/boot/vmlinuz'\n"
    "memory = 64\n"
    "maxmem = 128\n"
    "vcpus = 3\n"
    "disk = [ '/dev/null,raw,xvda,rw', '/dev/zero,raw,xvdb,ro' ]\n"
    "vif = [ 'bridge=lan,rate=10MB/s' ]\n"
    "freehold_disk_limits = [ 'xvda iops=5 bps=0' ]\n";
/* clang-format on */

static char base[] = "/tmp/fh-plan-XXXXXX";
static struct err e;

/* ---- the source ---- */

static struct source_guest { /* only what a plan is made of */
    struct guest g;
    struct vm_config cfg;
    struct rundir dir;
    struct json_object *plan;
} src;

static void load(struct vm_config *out, const char *text)
{
    const struct vmcfg_options o = { 0 };
    struct cfg cfg = { 0 };

    CHECK_EQ(cfgparse_text(&cfg, "test", text, strlen(text), &e), 0);
    CHECK_EQ(vmcfg_load(&cfg, out, &o, &e), 0);
    cfg_free(&cfg);
}

static void make_guest(const char *text)
{
    fake_reset();
    memset(&src, 0, sizeof(src));
    load(&src.cfg, text);
    CHECK_EQ(rundir_take(base, "web", &src.dir, &e), 0);
    CHECK_EQ(rundir_keep_config(&src.dir, text, &e), 0);
    src.g.cfg = &src.cfg;
    src.g.dir = &src.dir;
    CHECK_EQ(guest_disks_list(&src.g, &e), 0);
    CHECK_EQ(guest_vifs_list(&src.g, &e), 0);
}

static struct json_object *plan_of(void)
{
    if (!src.plan)
        CHECK_EQ(guest_plan(&src.g, &src.plan, &e), 0);
    return src.plan;
}

static void drop_guest(void)
{
    json_object_put(src.plan);
    guest_devs_free(&src.g);
    vmcfg_free(&src.cfg);
    rundir_remove(&src.dir);
    fake_reset();
}

static struct guest_dev *dev(enum devfile_kind kind, uint32_t n)
{
    struct guest_dev *d = guest_dev_next(&src.g, kind, NULL);

    while (n--)
        d = guest_dev_next(&src.g, kind, d);
    CHECK(d);
    return d;
}

/* ---- the destination ---- */

static int reads(const char *name, struct receive_plan *out)
{
    struct json_object *event = json_object_new_object();
    int rc;

    json_object_object_add(event, "plan", json_object_get(plan_of()));
    json_object_object_add(event, "check", json_object_new_boolean(true));
    e = (struct err){ 0 };
    rc = receive_plan(event, name, out, &e);
    json_object_put(event);
    return rc;
}

static void check_uuid(const struct receive_plan *p, bool same)
{
    char text[VM_UUID_TEXT];

    vmcfg_uuid_text(p->cfg.uuid, text);
    CHECK_EQ(strcmp(text, UUID) == 0, same);
}

TEST(what_the_source_writes_the_destination_reads)
{
    struct receive_plan p;
    struct guest_dev *card;

    make_guest(made_from);
    card = dev(DEVFILE_VIF, 0);
    CHECK_EQ(reads(NULL, &p), 0);
    CHECK(p.check);
    CHECK_STR(p.cfg.name, "web");
    check_uuid(&p, true);
    CHECK_EQ(p.cfg.ram_bytes, 128u << 20);
    CHECK_EQ(p.cfg.target_bytes, 64u << 20);
    CHECK_EQ(p.cfg.nr_vcpus, 3);
    CHECK_EQ(p.cfg.nr_disks, 2);
    CHECK_STR(p.cfg.disks[0].target, "/dev/null");
    CHECK(p.cfg.disks[0].writable);
    CHECK_EQ(p.cfg.disks[0].iops_max, 5);
    CHECK_STR(p.cfg.disks[1].vdev, "xvdb");
    CHECK(!p.cfg.disks[1].writable);
    CHECK_EQ(p.cfg.nr_vifs, 1);
    CHECK_STR(p.cfg.vifs[0].bridge, "lan");
    CHECK(p.cfg.vifs[0].has_mac && card->card.has_mac);
    CHECK_EQ(memcmp(p.cfg.vifs[0].mac, card->card.mac, 6), 0);
    CHECK_EQ(p.cfg.vifs[0].rate_bytes, card->card.rate_bytes);
    CHECK_EQ(p.cfg.vifs[0].rate_usecs, card->card.rate_usecs);
    receive_plan_free(&p);
    drop_guest();
}

/* What was changed since it was made counts. */
TEST(a_plan_is_of_the_guest_as_it_is_now)
{
    struct receive_plan p;

    make_guest(made_from);
    dev(DEVFILE_DISK, 0)->detached = true;
    dev(DEVFILE_DISK, 1)->disk.bps_max = 7777;
    dev(DEVFILE_VIF, 0)->card.any_mac = true;
    CHECK_EQ(reads(NULL, &p), 0);
    CHECK_EQ(p.cfg.nr_disks, 1);
    CHECK_STR(p.cfg.disks[0].vdev, "xvdb");
    CHECK_EQ(p.cfg.disks[0].bps_max, 7777);
    CHECK(p.cfg.vifs[0].any_mac);
    receive_plan_free(&p);
    drop_guest();
}

TEST(the_last_device_that_was_detached_does_not_come_back)
{
    struct receive_plan p;

    make_guest(made_from);
    dev(DEVFILE_DISK, 0)->detached = true;
    dev(DEVFILE_DISK, 1)->detached = true;
    dev(DEVFILE_VIF, 0)->detached = true;
    CHECK_EQ(reads(NULL, &p), 0);
    CHECK_EQ(p.cfg.nr_disks, 0);
    CHECK_EQ(p.cfg.nr_vifs, 0);
    receive_plan_free(&p);
    drop_guest();
}

TEST(words_survive_their_quotes)
{
    static const char odd[] = "/dev/disk \"a\\b\" 'c'";
    struct receive_plan p;
    struct vm_disk *d;

    make_guest(made_from);
    d = &dev(DEVFILE_DISK, 0)->disk;
    free(d->target);
    d->target = strdup(odd);
    CHECK_EQ(reads(NULL, &p), 0);
    CHECK_STR(p.cfg.disks[0].target, odd);
    receive_plan_free(&p);
    drop_guest();
}

/* A comment in Latin 1, of which the other host would only say that it is no
   JSON. */
TEST(a_configuration_that_is_no_utf8_does_not_leave)
{
    struct receive_plan p;
    char text[1024];

    snprintf(text, sizeof(text), "%s# m\xc3\xbc\xe2\x82\xac\n", made_from);
    make_guest(text);
    CHECK_EQ(reads(NULL, &p), 0);
    receive_plan_free(&p);
    drop_guest();

    snprintf(text, sizeof(text), "%s\n# m\xfcller\n", made_from);
    make_guest(text);
    CHECK_EQ(guest_plan(&src.g, &src.plan, &e), -EINVAL);
    CHECK_STR(e.text, "guest web: migrate: its configuration: line 11: got "
                      "byte 0xfc, want UTF-8");
    drop_guest();
}

TEST(the_destination_may_call_it_otherwise)
{
    struct receive_plan p;

    make_guest(made_from);
    CHECK_EQ(reads("www", &p), 0);
    CHECK_STR(p.cfg.name, "www");
    receive_plan_free(&p);
    drop_guest();
}

TEST(a_uuid_that_a_domain_here_has_is_drawn_anew)
{
    struct receive_plan p;

    make_guest(made_from);
    fake.domain[0] = (struct fake_domain){ .there = true, .domid = 9 };
    memcpy(fake.domain[0].handle, src.cfg.uuid, 16);
    CHECK_EQ(reads(NULL, &p), 0);
    check_uuid(&p, false);
    receive_plan_free(&p);
    drop_guest();
}

/* ---- what another host may say ---- */

/* The plan, but for one member: JSON, or NULL: there is none. */
static void refuses(const char *key, const char *json, int want,
                    const char *words)
{
    struct json_object *plan, *was = NULL;
    struct receive_plan p;
    char text[256];

    make_guest(made_from);
    plan = plan_of();
    CHECK(json_object_object_get_ex(plan, key, &was));
    json_object_object_del(plan, key);
    if (json)
        json_object_object_add(plan, key, json_tokener_parse(json));
    snprintf(text, sizeof(text), "%s as %s", key, json ? json : "nothing");
    if (reads(NULL, &p) != want || !strstr(e.text, words))
        print_error("%s: got %d, %s; want %d, %s\n", text, e.rc, e.text, want,
                    words);
    CHECK_EQ(e.rc, want);
    CHECK_HAS(e.text, words);
    receive_plan_free(&p);
    drop_guest();
}

TEST(a_plan_without_its_parts_is_refused_by_name)
{
    refuses("version", NULL, -EINVAL, "plan: version: there is none");
    refuses("name", NULL, -EINVAL, "plan: name: there is none");
    refuses("uuid", NULL, -EINVAL, "plan: uuid: there is none");
    refuses("config", NULL, -EINVAL, "plan: config: there is none");
    refuses("memory_kib", NULL, -EINVAL, "plan: memory_kib: there is none");
    refuses("vcpus", NULL, -EINVAL, "plan: vcpus: there is none");
}

TEST(a_part_of_another_type_is_refused_by_name)
{
    refuses("version", "\"1\"", -EINVAL,
            "plan: version: got string, want a number");
    refuses("version", "null", -EINVAL, "plan: version: got null");
    refuses("version", "true", -EINVAL, "plan: version: got boolean");
    refuses("name", "7", -EINVAL, "plan: name: got int, want a string");
    refuses("uuid", "[]", -EINVAL, "plan: uuid: got array");
    refuses("config", "{}", -EINVAL, "plan: config: got object");
    refuses("memory_kib", "1.5", -EINVAL, "plan: memory_kib: got double");
    refuses("vcpus", "\"3\"", -EINVAL, "plan: vcpus: got string");
}

TEST(a_part_out_of_range_is_refused_by_name)
{
    refuses("version", "2", -EPROTONOSUPPORT, "plan: version: got 2, want 1");
    refuses("version", "4294967297", -EPROTONOSUPPORT, "got 4294967297");
    refuses("name", "\"\"", -EINVAL, "name");
    refuses("name", "\"../../etc/x\"", -EINVAL, "want a letter or digit");
    refuses("name", "\"a/b\"", -EINVAL, "got '/'");
    refuses("name", "\"a\\\"\\nkernel='/x'\"", -EINVAL, "got '\"'");
    refuses("memory_kib", "-131072", -EINVAL,
            "plan: memory_kib: got -131072, want 131072");
    refuses("memory_kib", "18446744073709551615", -EINVAL, "plan: memory_kib");
    refuses("vcpus", "4294967299", -EINVAL, "plan: vcpus: got 4294967299");
    refuses("vcpus", "0", -EINVAL, "plan: vcpus: got 0, want 3");
    refuses("config", "\"memory = \"", -EINVAL, "plan:");
    refuses("config", "\"kernel = '/k'\\nmemory = 64\\nx = \\\"\"", -EINVAL,
            "plan:3");
}

TEST(what_is_no_plan_is_refused)
{
    struct receive_plan p;

    make_guest(made_from);
    src.plan = json_tokener_parse("[1]");
    CHECK_EQ(reads(NULL, &p), -EINVAL);
    receive_plan_free(&p);
    json_object_put(src.plan);
    src.plan = json_tokener_parse("null");
    CHECK_EQ(receive_plan(src.plan, NULL, &p, &e), -EINVAL);
    CHECK_HAS(e.text, "plan: version: there is none");
    receive_plan_free(&p);
    drop_guest();
}

/* ---- who sent it nobody knows ---- */

static int runs(const char *device)
{
    struct receive_plan p;
    char text[1024];
    int rc;

    snprintf(text, sizeof(text), "%s%s\n", made_from, device);
    make_guest(text);
    CHECK_EQ(reads(NULL, &p), 0);
    e = (struct err){ 0 };
    rc = receive_plan_runs_nothing(&p, &e);
    receive_plan_free(&p);
    drop_guest();
    return rc;
}

TEST(a_plan_of_somebody_unknown_runs_nothing)
{
    CHECK_EQ(runs(""), 0);
    CHECK_EQ(runs("vif = [ 'bridge=a', 'script=/sbin/x' ]"), -EPERM);
    CHECK_HAS(e.text, "vif 1: script=/sbin/x");
    CHECK_EQ(runs("disk = [ '/x,raw,xvda,rw', "
                  "'vdev=xvdc,script=y,target=z' ]"),
             -EPERM);
    CHECK_HAS(e.text, "disk xvdc: script=y");
}

static int set_up(void **state)
{
    (void)state;
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
        RULE(what_the_source_writes_the_destination_reads),
        RULE(a_plan_is_of_the_guest_as_it_is_now),
        RULE(the_last_device_that_was_detached_does_not_come_back),
        RULE(words_survive_their_quotes),
        RULE(a_configuration_that_is_no_utf8_does_not_leave),
        RULE(the_destination_may_call_it_otherwise),
        RULE(a_uuid_that_a_domain_here_has_is_drawn_anew),
        RULE(a_plan_without_its_parts_is_refused_by_name),
        RULE(a_part_of_another_type_is_refused_by_name),
        RULE(a_part_out_of_range_is_refused_by_name),
        RULE(what_is_no_plan_is_refused),
        RULE(a_plan_of_somebody_unknown_runs_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
