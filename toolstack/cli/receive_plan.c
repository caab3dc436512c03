/* SPDX-License-Identifier: MIT */
/*
 * receive_plan.c - what another host says of a guest that is to come
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/log.h"
#include "toolstack/cli/receive.h"
#include "toolstack/supervisor/cfg.h"
#include "toolstack/supervisor/cfgparse.h"
#include "toolstack/supervisor/hyp.h"
#include "toolstack/supervisor/vmdisk.h"
#include "toolstack/supervisor/vmvif.h"

#define PLAN_VERSION 1

/* A member, of that type and no other. */
static int get(struct json_object *plan, const char *key, enum json_type type,
               struct json_object **out, struct err *e)
{
    const char *want = type == json_type_int ? "a number" : "a string";

    if (!json_object_object_get_ex(plan, key, out))
        return fail(e, -EINVAL, "plan: %s: there is none, want %s", key, want);
    if (!json_object_is_type(*out, type))
        return fail(e, -EINVAL, "plan: %s: got %s, want %s", key,
                    json_type_to_name(json_object_get_type(*out)), want);
    return 0;
}

static int get_text(struct json_object *plan, const char *key, const char **out,
                    struct err *e)
{
    struct json_object *v;
    int rc = get(plan, key, json_type_string, &v, e);

    if (rc == 0)
        *out = json_object_get_string(v);
    return rc;
}

static int get_number(struct json_object *plan, const char *key, int64_t *out,
                      struct err *e)
{
    struct json_object *v;
    int rc = get(plan, key, json_type_int, &v, e);

    if (rc == 0)
        *out = json_object_get_int64(v);
    return rc;
}

static int check_version(struct json_object *plan, struct err *e)
{
    int64_t version = 0;
    int rc = get_number(plan, "version", &version, e);

    if (rc < 0 || version == PLAN_VERSION)
        return rc;
    return fail(e, -EPROTONOSUPPORT,
                "plan: version: got %lld, want %d: install one version of "
                "freehold on both hosts",
                (long long)version, PLAN_VERSION);
}

/* A domain of this host may have it: the guest itself, on its way. */
static int own_uuid(const char *theirs, uint8_t uuid[16], struct err *e)
{
    struct hyp_info info;
    struct hyp *h = NULL;
    int rc = hyp_open(&h, e);

    if (rc < 0)
        return rc;
    if (vmcfg_uuid_parse(theirs, uuid) < 0)
        rc = -EEXIST;
    else
        rc = hyp_find(h, uuid, &info, e) == 0 ? -EEXIST : 0;
    hyp_close(h);
    if (rc == 0)
        return 0;
    if (getrandom(uuid, 16, 0) != 16)
        return fail(e, -EIO, "uuid: draw random bytes: %s", strerror(errno));
    uuid[6] = (uuid[6] & 0x0f) | 0x40;
    uuid[8] = (uuid[8] & 0x3f) | 0x80;
    return 0;
}

/* Theirs, and behind it what is ours. */
static int make_text(struct json_object *plan, const char *name, char **out,
                     struct err *e)
{
    const char *config = NULL, *theirs = NULL;
    char text[VM_UUID_TEXT];
    uint8_t uuid[16];
    int rc = name ? 0 : get_text(plan, "name", &name, e);

    if (rc == 0)
        rc = get_text(plan, "config", &config, e);
    if (rc == 0)
        rc = get_text(plan, "uuid", &theirs, e);
    if (rc == 0)
        rc = vmcfg_check_name(name, e); /* it stands between quotes below */
    if (rc == 0)
        rc = own_uuid(theirs, uuid, e);
    if (rc < 0)
        return rc;
    vmcfg_uuid_text(uuid, text);
    if (asprintf(out, "%s\nname = \"%s\"\nuuid = \"%s\"\n", config, name,
                 text) < 0) {
        *out = NULL;
        return fail(e, -ENOMEM, "plan: no memory");
    }
    return 0;
}

static int read_text(struct receive_plan *p, struct err *e)
{
    const struct vmcfg_options o = { 0 };
    struct cfg cfg = { 0 };
    int rc = cfgparse_text(&cfg, "plan", p->text, strlen(p->text), e);

    if (rc == 0)
        rc = vmcfg_load(&cfg, &p->cfg, &o, e);
    cfg_free(&cfg);
    return rc;
}

/* What the handshake compares anyway, told early and in words. */
static int check_size(struct json_object *plan, const struct vm_config *c,
                      struct err *e)
{
    int64_t kib = 0, vcpus = 0;
    int rc = get_number(plan, "memory_kib", &kib, e);

    if (rc == 0)
        rc = get_number(plan, "vcpus", &vcpus, e);
    if (rc < 0)
        return rc;
    if (kib != (int64_t)(c->ram_bytes / 1024))
        return fail(e, -EINVAL,
                    "plan: memory_kib: got %lld, want %llu, as its "
                    "configuration says",
                    (long long)kib, (unsigned long long)c->ram_bytes / 1024);
    if (vcpus != c->nr_vcpus)
        return fail(e, -EINVAL,
                    "plan: vcpus: got %lld, want %u, as its configuration "
                    "says",
                    (long long)vcpus, c->nr_vcpus);
    return 0;
}

int receive_plan(struct json_object *event, const char *name,
                 struct receive_plan *out, struct err *e)
{
    struct json_object *plan = NULL, *check;
    int rc;

    *out = (struct receive_plan){ 0 };
    json_object_object_get_ex(event, "plan", &plan);
    if (json_object_object_get_ex(event, "check", &check))
        out->check = json_object_get_boolean(check);
    rc = check_version(plan, e);
    if (rc == 0)
        rc = make_text(plan, name, &out->text, e);
    if (rc == 0)
        rc = read_text(out, e);
    if (rc == 0)
        rc = check_size(plan, &out->cfg, e);
    return rc;
}

static int refuse_script(const char *what, const char *which,
                         const char *script, struct err *e)
{
    if (!script || !script[0])
        return 0;
    return fail(e, -EPERM,
                "plan: %s %.40s: script=%.200s: by --tcp nobody knows who has "
                "it run here: move this guest by ssh",
                what, which, script);
}

int receive_plan_runs_nothing(const struct receive_plan *p, struct err *e)
{
    const struct vm_config *c = &p->cfg;
    int rc = 0;

    for (uint32_t i = 0; i < c->nr_vifs && rc == 0; i++) {
        char number[12];

        snprintf(number, sizeof(number), "%u", c->vifs[i].devid);
        rc = refuse_script("vif", number, c->vifs[i].script, e);
    }
    for (uint32_t i = 0; i < c->nr_disks && rc == 0; i++)
        rc = refuse_script("disk", c->disks[i].vdev, c->disks[i].script, e);
    return rc;
}

void receive_plan_free(struct receive_plan *p)
{
    vmcfg_free(&p->cfg);
    free(p->text);
    *p = (struct receive_plan){ 0 };
}
