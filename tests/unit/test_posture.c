/* SPDX-License-Identifier: MIT */
/*
 * test_posture.c - what Xen says that a host lacks reaches who asks, row by row
 */
#include "toolstack/cli/posture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "abi/xen_steward.h"
#include "common/checked.h"
#include "common/err.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/cli/checklist.h"
#include "toolstack/cli/hostinfo.h"
#include "toolstack/supervisor/hyp_posture.h"

#define ROW_BIT(name) (1u << XEN_STEWARD_POSTURE_##name)
#define NR_KNOWN (XEN_STEWARD_POSTURE_l1tf + 1u)
#define ALL ((1u << NR_KNOWN) - 1)

/* A fake Xen that says so. */
static void says(const char *mode, bool lab, uint32_t checked, uint32_t missing)
{
    fake_reset();
    fake.posture.mode = mode;
    fake.posture.lab = lab;
    fake.posture.checked = checked;
    fake.posture.missing = missing;
}

/* The rows of that, from the hypercall on. */
static struct checklist *look(void)
{
    struct checklist *l = checklist_new();
    struct hyp_posture p;

    CHECK_EQ(hyp_posture(&p, NULL), 0);
    posture_check(l, &p);
    CHECK_EQ(fake_left(), 0);
    return l;
}

/* A cell of the row of that name; "none": there is no such row. */
static const char *cell(struct json_object *rows, const char *what,
                        const char *key)
{
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);

        if (strcmp(json_object_get_string(json_object_object_get(row, "check")),
                   what) == 0)
            return json_object_get_string(json_object_object_get(row, key));
    }
    return "none";
}

TEST(a_safe_host_has_nothing_to_do)
{
    struct checklist *l;
    struct json_object *rows;

    says("on", false, ALL, 0);
    l = look();
    rows = checklist_json(l);
    CHECK_EQ(checklist_nr_failed(l), 0);
    CHECK_EQ(json_object_array_length(rows), 1 + NR_KNOWN);
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);

        CHECK_STR(json_object_get_string(json_object_object_get(row, "result")),
                  "ok");
        CHECK_STR(json_object_get_string(json_object_object_get(row, "remedy")),
                  "");
    }
    json_object_put(rows);
    checklist_free(l);
}

/* Each condition by itself: its row fails, says why and what to do; no other.
 */
TEST(what_is_missing_fails_with_a_reason_and_a_remedy)
{
    static const struct {
        uint32_t bit;
        const char *name, *remedy;
    } want[] = {
        { ROW_BIT(iommu), "iommu", "firmware" },
        { ROW_BIT(intremap), "interrupt-remapping", "no-intremap" },
        { ROW_BIT(dom0_strict), "dom0-iommu", "dom0-iommu=strict" },
        { ROW_BIT(quarantine), "quarantine", "no-quarantine" },
        { ROW_BIT(no_ats), "ats", "without ats" },
        { ROW_BIT(bootscrub), "bootscrub", "bootscrub=off" },
        { ROW_BIT(no_efi_rs), "efi-runtime", "efi=no-rs" },
        { ROW_BIT(no_vpmu), "vpmu", "without vpmu" },
        { ROW_BIT(vmx_ug), "unrestricted-guest", "newer CPU" },
        { ROW_BIT(xpti), "meltdown", "xpti=dom0" },
        { ROW_BIT(l1tf), "l1tf", "pv-l1tf=dom0" },
    };

    CHECK_EQ(ARRAY_SIZE(want), NR_KNOWN);
    for (uint32_t i = 0; i < ARRAY_SIZE(want); i++) {
        struct checklist *l;
        struct json_object *rows;

        says("strict", false, ALL, want[i].bit);
        l = look();
        rows = checklist_json(l);
        CHECK_EQ(checklist_nr_failed(l), 1);
        CHECK_STR(cell(rows, want[i].name, "result"), "FAIL");
        CHECK(strlen(cell(rows, want[i].name, "why")) > 10);
        CHECK_HAS(cell(rows, want[i].name, "remedy"), want[i].remedy);
        json_object_put(rows);
        checklist_free(l);
    }
}

TEST(in_a_lab_what_is_missing_is_noted)
{
    struct checklist *l;
    struct json_object *rows;

    says("on", true, ALL, ROW_BIT(iommu) | ROW_BIT(intremap));
    l = look();
    rows = checklist_json(l);
    CHECK_EQ(checklist_nr_failed(l), 0);
    CHECK_STR(cell(rows, "boot option", "result"), "note");
    CHECK_STR(cell(rows, "boot option", "state"), "protected=on,lab");
    CHECK_STR(cell(rows, "iommu", "result"), "note");
    CHECK_STR(cell(rows, "iommu", "state"), "none in use");
    CHECK_STR(cell(rows, "quarantine", "result"), "ok");
    json_object_put(rows);
    checklist_free(l);
}

TEST(off_fails_and_tells_what_is_missing_beforehand)
{
    struct checklist *l;
    struct json_object *rows;

    says("off", false, ALL, ROW_BIT(no_efi_rs));
    l = look();
    rows = checklist_json(l);
    CHECK_EQ(checklist_nr_failed(l), 2);
    CHECK_STR(cell(rows, "boot option", "remedy"),
              "boot Xen with protected=on");
    CHECK_STR(cell(rows, "efi-runtime", "result"), "FAIL");
    json_object_put(rows);
    checklist_free(l);
}

/* An older Xen looks at less: that is no "ok".  A newer one at more. */
TEST(what_one_side_does_not_know_is_never_ok)
{
    struct checklist *l;
    struct json_object *rows;

    says("on", false, (ALL & ~ROW_BIT(l1tf)) | 3u << NR_KNOWN, 1u << NR_KNOWN);
    l = look();
    rows = checklist_json(l);
    CHECK_EQ(checklist_nr_failed(l), 1);
    CHECK_STR(cell(rows, "l1tf", "result"), "note");
    CHECK_STR(cell(rows, "l1tf", "state"), "this Xen does not look");
    CHECK_STR(cell(rows, "condition-11", "result"), "FAIL");
    CHECK_HAS(cell(rows, "condition-11", "remedy"), "newer freehold");
    CHECK_STR(cell(rows, "condition-12", "result"), "none");
    json_object_put(rows);
    checklist_free(l);
}

/* Each line's words begin where the head's do. */
TEST(the_tables_columns_line_up)
{
    static const char *const head[] = { "CHECK", "STATE", "WHY IT MATTERS",
                                        "REMEDY" };
    struct checklist *l;
    char *text = NULL, *save, *first;
    size_t bytes, at[ARRAY_SIZE(head)];
    uint32_t nr = 0;
    FILE *f;

    says("on", true, ALL, ROW_BIT(iommu) | ROW_BIT(no_efi_rs));
    l = look();
    f = open_memstream(&text, &bytes);
    checklist_print(f, l);
    fclose(f);
    checklist_free(l);
    first = strtok_r(text, "\n", &save);
    for (uint32_t i = 0; i < ARRAY_SIZE(head); i++) {
        CHECK(strstr(first, head[i]));
        at[i] = (size_t)(strstr(first, head[i]) - first);
    }
    for (char *line; (line = strtok_r(NULL, "\n", &save)); nr++)
        for (uint32_t i = 0; i < ARRAY_SIZE(head); i++) {
            bool has_remedy = strncmp(line, "note  ", 6) == 0;

            CHECK(strlen(line) >= at[i]);
            CHECK_EQ(line[at[i] - 1], ' ');
            CHECK_EQ(line[at[i] - 2], ' ');
            CHECK(i == 3 && !has_remedy ? line[at[i]] == '\0'
                                        : line[at[i]] != ' ');
        }
    CHECK_EQ(nr, 1 + NR_KNOWN);
    free(text);
}

TEST(another_xen_tells_nothing)
{
    struct hyp_posture p = { .mode = "kept" };
    struct err e = { 0 };

    fake_reset();
    CHECK_EQ(hyp_posture(&p, &e), -ENOENT);
    CHECK_STR(e.text,
              "xen: read /protected/mode: this Xen says nothing of "
              "protected domains; boot the one with Freehold's patches");
    CHECK_STR(p.mode, "kept");
    CHECK(!posture_object());
    CHECK_EQ(fake_left(), 0);
}

TEST(an_answer_of_another_kind_is_refused)
{
    struct hyp_posture p;
    struct err e = { 0 };

    says("a-mode-that-is-longer-than-any", false, ALL, 0);
    CHECK_EQ(hyp_posture(&p, &e), -EPROTO);
    CHECK_HAS(e.text, "/protected/mode: type 2, encoding 0, 31 bytes");
    says("on", false, ALL, 0);
    fake.posture.encoding = 1;
    CHECK_EQ(hyp_posture(&p, &e), -EPROTO);
    says("on", false, ALL, 0);
    fake.posture.uint_bytes = 2;
    CHECK_EQ(hyp_posture(&p, &e), -EPROTO);
    CHECK_HAS(e.text, "/protected/checked");
    CHECK_EQ(fake_left(), 0);
}

/* Whichever call of its fails, it says so and keeps nothing. */
TEST(each_failure_is_told)
{
    struct hyp_posture p;
    uint32_t n = 1;
    int rc;

    do {
        struct err e = { 0 };

        says("on", false, ALL, 0);
        fake_fail_at(n);
        rc = hyp_posture(&p, &e);
        CHECK_EQ(fake_left(), 0);
        CHECK((rc == 0) == !e.text[0]);
        n++;
    } while (rc < 0);
    CHECK_EQ(n, 8); /* open, page, four files, and none */
}

TEST(info_has_it_behind_xls_keys)
{
    struct json_object *o = NULL, *posture, *lacks;

    says("on", true, ALL, ROW_BIT(iommu) | ROW_BIT(l1tf));
    CHECK_EQ(hostinfo_object(&o, NULL), 0);
    CHECK(json_object_object_get_ex(o, "posture", &posture));
    CHECK_STR(json_object_get_string(json_object_object_get(posture, "mode")),
              "on");
    CHECK(json_object_get_boolean(json_object_object_get(posture, "lab")));
    lacks = json_object_object_get(posture, "lacks");
    CHECK_EQ(json_object_array_length(lacks), 2);
    CHECK_STR(json_object_get_string(json_object_array_get_idx(lacks, 0)),
              "iommu");
    CHECK_STR(json_object_get_string(json_object_array_get_idx(lacks, 1)),
              "l1tf");
    json_object_put(o);
    CHECK_EQ(fake_left(), 0);
}

RUN_TESTS(RULE(a_safe_host_has_nothing_to_do),
          RULE(what_is_missing_fails_with_a_reason_and_a_remedy),
          RULE(in_a_lab_what_is_missing_is_noted),
          RULE(off_fails_and_tells_what_is_missing_beforehand),
          RULE(what_one_side_does_not_know_is_never_ok),
          RULE(the_tables_columns_line_up), RULE(another_xen_tells_nothing),
          RULE(an_answer_of_another_kind_is_refused),
          RULE(each_failure_is_told), RULE(info_has_it_behind_xls_keys))
