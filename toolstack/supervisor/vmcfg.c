/* SPDX-License-Identifier: MIT */
/*
 * vmcfg.c - what a guest's configuration means, checked
 */
#include "toolstack/supervisor/vmcfg.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "abi/memory_map.h"
#include "common/checked.h"
#include "common/err.h"
#include "toolstack/supervisor/cfg.h"
#include "toolstack/supervisor/vmdevs.h"
#include "toolstack/supervisor/vmkeys.h"

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

/* Its console's log would be one that we write: the guest's words among ours.
 */
static bool is_log_of_ours(const char *name, size_t len)
{
    static const char end[] = "-supervisor";
    size_t end_len = strlen(end);

    return strcmp(name, "migrate-receive") == 0 ||
           (len > end_len && strcmp(name + len - end_len, end) == 0);
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
    if (is_log_of_ours(name, len))
        return fail(e, -EINVAL,
                    "name %.63s: got what one of our own logs is called, want "
                    "neither migrate-receive nor an end in -supervisor",
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

static int draw_uuid(const struct vmget *g, uint8_t uuid[16])
{
    if (getrandom(uuid, 16, 0) != 16)
        return fail(g->e, -EIO, "uuid: draw random bytes: %s", strerror(errno));
    uuid[6] = (uuid[6] & 0x0f) | 0x40;
    uuid[8] = (uuid[8] & 0x3f) | 0x80;
    return 0;
}

static int load_identity(const struct vmget *g, struct vm_config *c)
{
    const char *text = NULL;
    struct err own;
    int rc = vmget_text(g, "name", &text);

    if (rc < 0)
        return rc;
    if (rc == 0)
        return vmget_missing(g, "name", "name=\"...\"");
    rc = vmcfg_check_name(text, &own);
    if (rc < 0)
        return vmget_bad(g, vmget_place(g, "name"), rc, "%s", own.text);
    snprintf(c->name, sizeof(c->name), "%s", text);

    rc = vmget_text(g, "uuid", &text);
    if (rc == 1 && vmcfg_uuid_parse(text, c->uuid))
        return vmget_bad(g, vmget_place(g, "uuid"), -EINVAL,
                         "uuid: got \"%.80s\", want 32 hexadecimal digits, "
                         "with or without '-'",
                         text);
    return rc == 0 ? draw_uuid(g, c->uuid) : rc;
}

/* xl takes a beginning of "hvm" or "pv" for the whole; only "pvh" is ours. */
static int load_type(const struct vmget *g)
{
    static const char want[] = "want \"pvh\": no other guest can be protected";
    const char *type = NULL, *builder = NULL;
    int rc;

    if ((rc = vmget_text(g, "type", &type)) < 0 ||
        (rc = vmget_text(g, "builder", &builder)) < 0)
        return rc;
    if (type && strcmp(type, "pvh"))
        return vmget_bad(g, vmget_place(g, "type"), -EINVAL,
                         "type: got \"%.40s\", %s", type, want);
    if (builder && strncmp(builder, "hvm", strlen(builder)) == 0)
        return vmget_bad(g, vmget_place(g, "builder"), -EINVAL,
                         "builder: got \"%.40s\", %s", builder, want);
    if (builder)
        vmget_note(g, vmget_place(g, "builder"),
                   "builder: no effect: it is deprecated; use type=\"pvh\"");
    if (!type)
        vmget_note(g, NULL,
                   "type: not set, taken as \"pvh\" (xl would take pv)");
    return 0;
}

/* A file's name, made absolute: the supervisor's directory is another. */
static int load_path(const struct vmget *g, const char *key, char **out)
{
    const char *text = NULL;
    char *here;
    int rc = vmget_text(g, key, &text);

    if (rc <= 0)
        return rc;
    if (text[0] == 0)
        return 0;
    if (text[0] == '/') {
        *out = strdup(text);
        return *out ? 0 : fail(g->e, -ENOMEM, "%s: no memory", key);
    }
    here = getcwd(NULL, 0);
    if (!here || asprintf(out, "%s/%s", here, text) < 0) {
        *out = NULL;
        rc = fail(g->e, -ENOMEM, "%s: no memory", key);
    }
    free(here);
    return rc < 0 ? rc : 0;
}

static int load_kernel(const struct vmget *g, struct vm_config *c)
{
    static const char *const names[] = { "pvgrub32", "pvgrub64" };
    uint32_t which = 0;
    int rc;

    if ((rc = load_path(g, "kernel", &c->kernel)) < 0 ||
        (rc = load_path(g, "ramdisk", &c->ramdisk)) < 0)
        return rc;
    rc = vmget_one_of(g, "firmware", names, ARRAY_SIZE(names),
                      "pvgrub32 or pvgrub64", &which);
    if (rc == 1 && c->kernel)
        return vmget_bad(g, vmget_place(g, "firmware"), -EINVAL,
                         "firmware: got kernel= too, want one of them");
    if (rc == 1 &&
        asprintf(&c->kernel, VM_FIRMWARE_BASE "/%s.bin", names[which]) < 0) {
        c->kernel = NULL;
        return fail(g->e, -ENOMEM, "firmware: no memory");
    }
    if (rc >= 0 && !c->kernel)
        return vmget_missing(g, "kernel",
                             "kernel=\"/path\" to a Linux bzImage or a PVH "
                             "ELF file");
    return rc < 0 ? rc : 0;
}

/* `cmdline` wins over `root` and `extra`, which xl joins as root=X extra. */
static int load_cmdline(const struct vmget *g, struct vm_config *c)
{
    const char *cmdline = NULL, *root = NULL, *extra = NULL;
    const size_t max = FH_CMDLINE_MAX - sizeof(FH_CMDLINE_SUFFIX);
    int rc;

    if ((rc = vmget_text(g, "cmdline", &cmdline)) < 0 ||
        (rc = vmget_text(g, "root", &root)) < 0 ||
        (rc = vmget_text(g, "extra", &extra)) < 0)
        return rc;
    if (cmdline && (root || extra))
        vmget_note(g, vmget_place(g, root ? "root" : "extra"),
                   "%s: no effect, because cmdline is set",
                   root ? "root" : "extra");
    if (cmdline)
        rc = asprintf(&c->cmdline, "%s", cmdline);
    else
        rc = asprintf(&c->cmdline, "%s%s%s%s", root ? "root=" : "",
                      root ? root : "", root && extra ? " " : "",
                      extra ? extra : "");
    if (rc < 0) {
        c->cmdline = NULL;
        return fail(g->e, -ENOMEM, "cmdline: no memory");
    }
    if ((size_t)rc > max)
        return vmget_bad(g,
                         vmget_place(g, cmdline ? "cmdline"
                                        : extra ? "extra"
                                                : "root"),
                         -EINVAL, "cmdline: got %d bytes, want at most %zu", rc,
                         max);
    return 0;
}

/*
 * There is no populate-on-demand: dom0 populates nothing, and Xen hands out no
 * page behind a protected guest's back.  So a guest is built with maxmem and
 * asked to give back all above memory.
 */
static int load_memory(const struct vmget *g, struct vm_config *c)
{
    uint64_t mib = 0, max_mib = 0;
    int rc, has_max;

    rc = vmget_within(g, "memory", FH_RAM_MIN >> 20, FH_RAM_MAX >> 20, &mib);
    if (rc < 0)
        return rc;
    has_max =
        vmget_within(g, "maxmem", FH_RAM_MIN >> 20, FH_RAM_MAX >> 20, &max_mib);
    if (has_max < 0)
        return has_max;
    if (rc == 0 && has_max == 0)
        return vmget_missing(g, "memory", "memory=MIB");
    if (rc == 0)
        mib = max_mib;
    if (has_max == 0)
        max_mib = mib;
    if (max_mib < mib)
        return vmget_bad(g, vmget_place(g, "maxmem"), -EINVAL,
                         "maxmem: got %llu, want at least memory=%llu",
                         (unsigned long long)max_mib, (unsigned long long)mib);
    c->ram_bytes = max_mib << 20;
    c->target_bytes = mib << 20;
    return 0;
}

static int load_limits(const struct vmget *g, struct vm_config *c)
{
    uint64_t vcpus = 1, max, channels = 0, frames = 0, trust = 0;
    int rc;

    rc = vmget_within(g, "vcpus", 1, VM_VCPUS_MAX, &vcpus);
    if (rc < 0)
        return rc;
    max = vcpus;
    if ((rc = vmget_within(g, "maxvcpus", 1, VM_VCPUS_MAX, &max)) < 0)
        return rc;
    if (max < vcpus && cfg_find(g->cfg, "vcpus"))
        return vmget_bad(g, vmget_place(g, "maxvcpus"), -EINVAL,
                         "maxvcpus: got %llu, want at least vcpus=%llu",
                         (unsigned long long)max, (unsigned long long)vcpus);
    /* 0 is the default, as in xl; with fewer than 16 no kernel boots. */
    rc = vmget_within(g, "max_event_channels", 0, 131071, &channels);
    if (rc < 0)
        return rc;
    if (channels && channels < 16)
        return vmget_bad(g, vmget_place(g, "max_event_channels"), -EINVAL,
                         "max_event_channels: got %llu, want 0 or 16..131071",
                         (unsigned long long)channels);
    rc = vmget_within(g, "max_maptrack_frames", 0, INT32_MAX, &frames);
    if (rc < 0)
        return rc;
    c->has_maptrack_frames = rc == 1;
    if ((rc = vmget_within(g, "trust_backends", 0, 1, &trust)) < 0)
        return rc;
    c->nr_vcpus = (uint32_t)vcpus;
    c->max_vcpus = (uint32_t)max;
    c->max_event_channels = (uint32_t)channels;
    c->max_maptrack_frames = (uint32_t)frames;
    c->trust_backends = trust;
    return 0;
}

static int load_action(const struct vmget *g, const char *key,
                       enum vm_action normal, enum vm_action *out)
{
    static const char *const names[] = { "destroy",          "restart",
                                         "preserve",         "rename-restart",
                                         "coredump-destroy", "coredump-restart",
                                         "soft-reset" };
    static const struct {
        enum vm_action action;
        const char *why; /* it is not quite what was asked for */
    } as[] = {
        { VM_DESTROY, NULL },
        { VM_RESTART, NULL },
        { VM_PRESERVE, NULL },
        { VM_RESTART, "the stopped guest is not kept: its name is never free" },
        { VM_DESTROY, "dom0 cannot read a protected guest's memory" },
        { VM_RESTART, "dom0 cannot read a protected guest's memory" },
        { VM_RESTART, "a protected guest is launched anew, or not at all" },
    };
    uint32_t which = 0;
    int rc = vmget_one_of(g, key, names, ARRAY_SIZE(names),
                          "destroy, restart, preserve, rename-restart, "
                          "coredump-destroy, coredump-restart or soft-reset",
                          &which);

    _Static_assert(ARRAY_SIZE(as) == ARRAY_SIZE(names), "as");
    *out = rc == 1 ? as[which].action : normal;
    if (rc == 1 && as[which].why)
        vmget_note(g, vmget_place(g, key), "%s: taken as \"%s\": %s", key,
                   action_name[*out], as[which].why);
    return rc < 0 ? rc : 0;
}

static int load_actions(const struct vmget *g, struct vm_config *c)
{
    int rc;

    if ((rc = load_action(g, "on_poweroff", VM_DESTROY, &c->on_poweroff)) < 0 ||
        (rc = load_action(g, "on_reboot", VM_RESTART, &c->on_reboot)) < 0 ||
        (rc = load_action(g, "on_watchdog", VM_DESTROY, &c->on_watchdog)) < 0 ||
        (rc = load_action(g, "on_crash", VM_DESTROY, &c->on_crash)) < 0)
        return rc;
    return load_action(g, "on_soft_reset", c->on_reboot, &c->on_soft_reset);
}

/* Is it there only to say no? */
static bool asks_for_nothing(const struct cfg_value *v)
{
    long number;

    if (v->type == CFG_LIST)
        return !v->first;
    if (cfg_number(v, &number) == 0)
        return number == 0;
    return !v->text[0] || !strcmp(v->text, "none") ||
           !strcmp(v->text, "disabled");
}

static int check_key(const struct vmget *g, const struct cfg_setting *s)
{
    const struct vm_key *k = vm_key_find(s->key);
    const char *near = k ? NULL : vm_key_nearest(s->key);

    if (!k)
        return vmget_mistake(g, &s->at, "%.80s: unknown key, no effect%s%s%s",
                             s->key, near ? "; did you mean " : "",
                             near ? near : "", near ? "?" : "");
    if (k->verdict == VM_KEY_UNUSED)
        vmget_note(g, &s->at, "%s: no effect: %s", k->name, k->why);
    if (asks_for_nothing(s->value))
        return 0;
    if (k->verdict == VM_KEY_STORED)
        vmget_note(g, &s->at, "%s: checked, but without effect: %s", k->name,
                   k->why);
    if (k->verdict == VM_KEY_REFUSED)
        return vmget_bad(g, &s->at, -EPERM, "%s: refused: %s", k->name, k->why);
    return 0;
}

int vmcfg_load(const struct cfg *cfg, struct vm_config *out,
               const struct vmcfg_options *o, struct err *e)
{
    const struct vmget g = { cfg, o->warn, o->arg, o->strict, e };
    int rc = 0;

    *out = (struct vm_config){ 0 };
    for (const struct cfg_setting *s = cfg->first; s && rc == 0; s = s->next)
        rc = check_key(&g, s);
    if (rc < 0 || (rc = load_identity(&g, out)) < 0 ||
        (rc = load_type(&g)) < 0 || (rc = load_kernel(&g, out)) < 0 ||
        (rc = load_cmdline(&g, out)) < 0 || (rc = load_memory(&g, out)) < 0 ||
        (rc = load_limits(&g, out)) < 0 || (rc = load_actions(&g, out)) < 0)
        return rc;
    return vmdevs_load(&g, out);
}

void vmcfg_free(struct vm_config *c)
{
    vmdevs_free(c);
    free(c->kernel);
    free(c->ramdisk);
    free(c->cmdline);
    *c = (struct vm_config){ 0 };
}
