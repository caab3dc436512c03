/* SPDX-License-Identifier: MIT */
/*
 * vmcfg.c - what a guest's configuration means, checked
 */
#include "toolstack/supervisor/vmcfg.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "abi/memory_map.h"
#include "common/checked.h"
#include "common/err.h"
#include "toolstack/supervisor/cfg.h"
#include "toolstack/supervisor/vmkeys.h"

struct loader {
    const struct cfg *cfg;
    struct vm_config *out;
    vmcfg_warn *warn;
    void *arg;
    struct err *e;
};

static const char *const action_name[] = {
    [VM_DESTROY] = "destroy",
    [VM_RESTART] = "restart",
    [VM_PRESERVE] = "preserve",
};
_Static_assert(ARRAY_SIZE(action_name) == VM_ACTIONS, "action_name");

const char *vm_action_name(enum vm_action a)
{
    return action_name[a];
}

static void __attribute__((format(printf, 3, 4))) warn_at(
    const struct loader *l, const struct cfg_setting *s, const char *fmt, ...)
{
    char text[512];
    int used = 0;
    va_list ap;

    if (!l->warn)
        return;
    if (s)
        used = snprintf(text, sizeof(text), "%s:%u:%u: ", s->at.file,
                        s->at.line, s->at.col);
    if (used < 0 || used >= (int)sizeof(text))
        used = 0;
    va_start(ap, fmt);
    vsnprintf(text + used, sizeof(text) - used, fmt, ap);
    va_end(ap);
    l->warn(l->arg, text);
}

static int bad_value(const struct loader *l, const struct cfg_setting *s,
                     int rc, const char *want)
{
    static const char *const type_name[] = { "a number", "a string", "a list" };
    const struct cfg_value *v = s->value;

    return fail(l->e, rc, "%s:%u:%u: %s: got %s%s%.80s, want %s", v->at.file,
                v->at.line, v->at.col, s->key, type_name[v->type],
                v->text ? " " : "", v->text ? v->text : "", want);
}

/* Returns 1 and the text, 0 when the key is not set, or -EINVAL. */
static int get_string(const struct loader *l, const char *key, const char **out)
{
    const struct cfg_setting *s = cfg_find(l->cfg, key);

    if (!s)
        return 0;
    if (s->value->type != CFG_STRING)
        return bad_value(l, s, -EINVAL, "a quoted string");
    *out = s->value->text;
    return 1;
}

/* Returns 1 and the number, 0 when the key is not set, or -EINVAL. */
static int get_number(const struct loader *l, const char *key, uint64_t min,
                      uint64_t max, uint64_t *out)
{
    const struct cfg_setting *s = cfg_find(l->cfg, key);
    char want[80];
    char *end;

    if (!s)
        return 0;
    snprintf(want, sizeof(want), "%llu..%llu", (unsigned long long)min,
             (unsigned long long)max);
    if (s->value->type != CFG_NUMBER)
        return bad_value(l, s, -EINVAL, want);
    errno = 0;
    *out = strtoull(s->value->text, &end, 0);
    if (errno || *end || *out < min || *out > max)
        return bad_value(l, s, -EINVAL, want);
    return 1;
}

int vmcfg_check_name(const char *name, struct err *e)
{
    size_t len = strlen(name);

    if (len == 0 || len > VM_NAME_MAX)
        return fail(e, -EINVAL, "name: got %zu bytes, want 1..%u", len,
                    VM_NAME_MAX);
    if (!isalnum((unsigned char)name[0]))
        return fail(e, -EINVAL,
                    "name %.63s: got '%c' in front, want a letter or digit",
                    name, name[0]);
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-+", *c))
            return fail(e, -EINVAL,
                        "name %.63s: got '%c', want letters, digits and . _ "
                        "- +",
                        name, *c);
    if (strspn(name, "0123456789") == len)
        return fail(e, -EINVAL,
                    "name %.63s: got digits alone, want a name that is no "
                    "domain id",
                    name);
    return 0;
}

void vmcfg_uuid_text(const uint8_t uuid[16], char out[VM_UUID_TEXT])
{
    char *at = out;

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        at += sprintf(at, "%02x", uuid[i]);
    }
}

int vmcfg_uuid_parse(const char *text, uint8_t uuid[16])
{
    uint32_t nr_digits = 0;

    for (; *text; text++) {
        char digit[2] = { *text, 0 };
        uint8_t value;

        if (*text == '-')
            continue;
        if (!isxdigit((unsigned char)*text) || nr_digits == 32)
            return -EINVAL;
        value = (uint8_t)strtoul(digit, NULL, 16);
        if (nr_digits % 2 == 0)
            uuid[nr_digits / 2] = (uint8_t)(value << 4);
        else
            uuid[nr_digits / 2] |= value;
        nr_digits++;
    }
    return nr_digits == 32 ? 0 : -EINVAL;
}

static int load_identity(struct loader *l)
{
    const char *text = NULL;
    int rc;

    rc = get_string(l, "name", &text);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return fail(l->e, -EINVAL, "name: got nothing, want name=\"...\"");
    rc = vmcfg_check_name(text, l->e);
    if (rc < 0)
        return rc;
    snprintf(l->out->name, sizeof(l->out->name), "%s", text);

    rc = get_string(l, "uuid", &text);
    if (rc < 0)
        return rc;
    if (rc == 1 && vmcfg_uuid_parse(text, l->out->uuid))
        return bad_value(l, cfg_find(l->cfg, "uuid"), -EINVAL,
                         "32 hexadecimal digits, with or without '-'");
    if (rc == 0) {
        if (getrandom(l->out->uuid, 16, 0) != 16)
            return fail(l->e, -EIO, "uuid: draw random bytes: %s",
                        strerror(errno));
        l->out->uuid[6] = (l->out->uuid[6] & 0x0f) | 0x40;
        l->out->uuid[8] = (l->out->uuid[8] & 0x3f) | 0x80;
    }
    return 0;
}

static int load_type(const struct loader *l)
{
    const char *text = NULL;
    int rc = get_string(l, "type", &text);

    if (rc < 0)
        return rc;
    if (rc == 0)
        warn_at(l, NULL, "type: not set, taken as \"pvh\" (xl would take pv)");
    else if (strcmp(text, "pvh"))
        return bad_value(l, cfg_find(l->cfg, "type"), -EINVAL,
                         "\"pvh\": no other guest can be protected");
    return 0;
}

/* A file's name, made absolute: the supervisor's directory is another. */
static int load_path(const struct loader *l, const char *key, char **out)
{
    const char *text = NULL;
    char *here;
    int rc = get_string(l, key, &text);

    if (rc <= 0)
        return rc;
    if (text[0] == 0)
        return 0;
    if (text[0] == '/') {
        *out = strdup(text);
        return *out ? 0 : fail(l->e, -ENOMEM, "%s: no memory", key);
    }
    here = getcwd(NULL, 0);
    if (!here || asprintf(out, "%s/%s", here, text) < 0) {
        *out = NULL;
        rc = fail(l->e, -ENOMEM, "%s: no memory", key);
    }
    free(here);
    return rc < 0 ? rc : 0;
}

/* `cmdline` wins over `root` and `extra`, which xl joins as root=X extra. */
static int load_cmdline(const struct loader *l)
{
    const char *cmdline = NULL, *root = NULL, *extra = NULL;
    const size_t max = FH_CMDLINE_MAX - sizeof(FH_CMDLINE_SUFFIX);
    int rc;

    if ((rc = get_string(l, "cmdline", &cmdline)) < 0 ||
        (rc = get_string(l, "root", &root)) < 0 ||
        (rc = get_string(l, "extra", &extra)) < 0)
        return rc;
    if (cmdline && (root || extra))
        warn_at(l, cfg_find(l->cfg, root ? "root" : "extra"),
                "%s: no effect, because cmdline is set",
                root ? "root" : "extra");
    if (cmdline)
        rc = asprintf(&l->out->cmdline, "%s", cmdline);
    else
        rc = asprintf(&l->out->cmdline, "%s%s%s%s", root ? "root=" : "",
                      root ? root : "", root && extra ? " " : "",
                      extra ? extra : "");
    if (rc < 0) {
        l->out->cmdline = NULL;
        return fail(l->e, -ENOMEM, "cmdline: no memory");
    }
    if ((size_t)rc > max)
        return fail(l->e, -EINVAL, "cmdline: got %d bytes, want at most %zu",
                    rc, max);
    return 0;
}

static int load_size(const struct loader *l)
{
    uint64_t mib = 0, vcpus = 1, other, trust = 0;
    int rc;

    rc = get_number(l, "memory", FH_RAM_MIN >> 20, FH_RAM_MAX >> 20, &mib);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return fail(l->e, -EINVAL,
                    "memory: got nothing, want memory=MIB, %llu..%llu",
                    FH_RAM_MIN >> 20, FH_RAM_MAX >> 20);
    rc = get_number(l, "vcpus", 1, VM_VCPUS_MAX, &vcpus);
    if (rc < 0)
        return rc;
    if ((rc = get_number(l, "maxmem", 0, UINT64_MAX, &other)) < 0)
        return rc;
    if (rc == 1 && other != mib)
        warn_at(l, cfg_find(l->cfg, "maxmem"),
                "maxmem: no effect yet, the guest has memory=%llu",
                (unsigned long long)mib);
    if ((rc = get_number(l, "maxvcpus", 0, UINT64_MAX, &other)) < 0)
        return rc;
    if (rc == 1 && other != vcpus)
        warn_at(l, cfg_find(l->cfg, "maxvcpus"),
                "maxvcpus: no effect yet, the guest has vcpus=%llu",
                (unsigned long long)vcpus);
    if ((rc = get_number(l, "trust_backends", 0, 1, &trust)) < 0)
        return rc;
    l->out->ram_bytes = mib << 20;
    l->out->nr_vcpus = (uint32_t)vcpus;
    l->out->trust_backends = trust;
    return 0;
}

static int load_action(const struct loader *l, const char *key,
                       enum vm_action normal, enum vm_action *out)
{
    const char *text = NULL;
    int rc = get_string(l, key, &text);

    *out = normal;
    if (rc <= 0)
        return rc;
    for (uint32_t i = 0; i < VM_ACTIONS; i++)
        if (strcmp(text, action_name[i]) == 0) {
            *out = i;
            return 0;
        }
    if (strncmp(text, "coredump-", 9) == 0) {
        *out = strcmp(text + 9, "restart") ? VM_DESTROY : VM_RESTART;
        warn_at(l, cfg_find(l->cfg, key),
                "%s: taken as \"%s\": dom0 cannot read a protected guest's "
                "memory",
                key, action_name[*out]);
        return 0;
    }
    return bad_value(l, cfg_find(l->cfg, key), -EINVAL,
                     "destroy, restart or preserve");
}

static int check_keys(const struct loader *l)
{
    for (const struct cfg_setting *s = l->cfg->first; s; s = s->next) {
        const struct vm_key *k = vm_key_find(s->key);

        if (!k) {
            const char *near = vm_key_nearest(s->key);

            warn_at(l, s, "%s: unknown key, no effect%s%s%s", s->key,
                    near ? "; did you mean " : "", near ? near : "",
                    near ? "?" : "");
        } else if (k->use == VM_KEY_LATER) {
            warn_at(l, s, "%s: no effect yet", s->key);
        } else if (k->use == VM_KEY_NEVER) {
            warn_at(l, s, "%s: no effect: %s", s->key, k->why);
        } else if (k->use == VM_KEY_REFUSED) {
            return fail(l->e, -EPERM, "%s:%u:%u: %s: refused: %s", s->at.file,
                        s->at.line, s->at.col, s->key, k->why);
        }
    }
    return 0;
}

int vmcfg_load(const struct cfg *cfg, struct vm_config *out, vmcfg_warn *warn,
               void *arg, struct err *e)
{
    struct loader l = { cfg, out, warn, arg, e };
    int rc;

    *out = (struct vm_config){ 0 };
    if ((rc = check_keys(&l)) < 0 || (rc = load_identity(&l)) < 0 ||
        (rc = load_type(&l)) < 0 ||
        (rc = load_path(&l, "kernel", &out->kernel)) < 0 ||
        (rc = load_path(&l, "ramdisk", &out->ramdisk)) < 0 ||
        (rc = load_cmdline(&l)) < 0 || (rc = load_size(&l)) < 0 ||
        (rc = load_action(&l, "on_poweroff", VM_DESTROY, &out->on_poweroff)) <
            0 ||
        (rc = load_action(&l, "on_reboot", VM_RESTART, &out->on_reboot)) < 0 ||
        (rc = load_action(&l, "on_crash", VM_DESTROY, &out->on_crash)) < 0)
        return rc;
    if (!out->kernel)
        return fail(e, -EINVAL,
                    "kernel: got nothing, want kernel=\"/path\" to a Linux "
                    "bzImage or a PVH ELF file");
    return 0;
}

void vmcfg_free(struct vm_config *c)
{
    free(c->kernel);
    free(c->ramdisk);
    free(c->cmdline);
    *c = (struct vm_config){ 0 };
}
