/* SPDX-License-Identifier: MIT */
/*
 * vmdisk.c - one member of disk=[...], checked
 *
 * How this works: at each step every rule says how much of the rest it would
 * claim, the longest claim wins, and of two equal ones the rule that stands
 * higher in the table: so does the scanner that libxlutil generates.  A rule
 * may claim more than it uses up (a prefix claims the whole line).
 */
#include "toolstack/supervisor/vmdisk.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"

static const char *const format_name[] = {
    [VM_DISK_UNSET] = "unknown", [VM_DISK_RAW] = "raw", [VM_DISK_QCOW] = "qcow",
    [VM_DISK_QCOW2] = "qcow2",   [VM_DISK_VHD] = "vhd", [VM_DISK_QED] = "qed",
    [VM_DISK_EMPTY] = "empty",
};
_Static_assert(ARRAY_SIZE(format_name) == VM_DISK_FORMATS, "format_name");

static const char *const backend_name[] = {
    [VM_DISK_ANY] = "unknown",
    [VM_DISK_PHY] = "phy",
    [VM_DISK_TAP] = "tap",
    [VM_DISK_QDISK] = "qdisk",
    [VM_DISK_STANDALONE] = "standalone",
};
_Static_assert(ARRAY_SIZE(backend_name) == VM_DISK_BACKENDS, "backend_name");

const char *vmdisk_format_name(enum vm_disk_format f)
{
    return format_name[f];
}

const char *vmdisk_backend_name(enum vm_disk_backend b)
{
    return backend_name[b];
}

struct parser {
    struct vm_disk *d;
    struct err *e;
    bool has_prefix, has_access, has_spec;
    uint32_t colo_seen;
};

enum shape {
    SPACE,   /* blanks before a parameter */
    FLAG,    /* the word, and a comma */
    VALUE,   /* the word (with its `=`), all up to a comma, and it */
    TAIL,    /* the word, all up to the line's end */
    UNKNOWN, /* key=, one character, and a comma */
    PREFIX,  /* the word (with its `:`); claims the line */
    ODD_PREFIX,
    POSITION, /* all up to a comma, and it */
};

struct rule;
typedef int disk_action(struct parser *p, const struct rule *r, char *value);

struct rule {
    enum shape shape;
    const char *word;
    disk_action *act;
    size_t member;  /* of struct vm_disk, for the general actions */
    uint32_t value; /* what they store */
};

#define TO(name) offsetof(struct vm_disk, name)

/* ---- what each parameter does; value is the rest behind `=` ---- */

static int bad(struct parser *p, const char *what, const char *got,
               const char *want)
{
    return fail(p->e, -EINVAL, "%.*s: got \"%.120s\", want %s",
                (int)strcspn(what, "="), what, got, want);
}

static int set_text(struct parser *p, const char *what, char **to,
                    const char *value)
{
    if (*to && **to) /* an empty one may be set again, as in xl */
        return bad(p, what, value, "it once");
    free(*to);
    *to = strdup(value);
    return *to ? 0 : fail(p->e, -ENOMEM, "disk: no memory");
}

static int set_format(struct parser *p, const struct rule *r, char *value)
{
    enum vm_disk_format f = VM_DISK_UNSET;

    (void)r;
    if (value[0] == 0)
        f = VM_DISK_RAW;
    for (uint32_t i = VM_DISK_RAW; i < VM_DISK_FORMATS; i++)
        if (strcmp(value, format_name[i]) == 0)
            f = i;
    if (f == VM_DISK_UNSET)
        return bad(p, "format", value, "raw, qcow, qcow2, vhd, qed or empty");
    if (p->d->format != VM_DISK_UNSET && p->d->format != f)
        return bad(p, "format", value, "it once");
    p->d->format = f;
    return 0;
}

static int set_backendtype(struct parser *p, const struct rule *r, char *value)
{
    enum vm_disk_backend b = VM_DISK_ANY;

    (void)r;
    for (uint32_t i = VM_DISK_PHY; i < VM_DISK_BACKENDS; i++)
        if (strcmp(value, backend_name[i]) == 0)
            b = i;
    if (b == VM_DISK_ANY)
        return bad(p, "backendtype", value, "phy, tap, qdisk or standalone");
    if (p->d->backend != VM_DISK_ANY && p->d->backend != b)
        return bad(p, "backendtype", value, "it once");
    p->d->backend = b;
    return 0;
}

static int set_specification(struct parser *p, const struct rule *r,
                             char *value)
{
    bool is_virtio = strcmp(value, "virtio") == 0;

    (void)r;
    if (!is_virtio && strcmp(value, "xen"))
        return bad(p, "specification", value, "xen or virtio");
    if (p->has_spec && p->d->virtio != is_virtio)
        return bad(p, "specification", value, "it once");
    p->has_spec = true;
    p->d->virtio = is_virtio;
    return 0;
}

static int set_access(struct parser *p, const struct rule *r, char *value)
{
    bool is_read = !strcmp(value, "r") || !strcmp(value, "ro");

    (void)r;
    if (!is_read && strcmp(value, "rw") && strcmp(value, "w") && value[0])
        return bad(p, "access", value, "r, ro, w or rw");
    p->d->writable = !is_read;
    return 0;
}

static int bad_devtype(struct parser *p, const struct rule *r, char *value)
{
    (void)r;
    return bad(p, "devtype", value, "disk or cdrom");
}

static int set_string(struct parser *p, const struct rule *r, char *value)
{
    return set_text(p, r->word, (char **)((char *)p->d + r->member), value);
}

static int set_bool(struct parser *p, const struct rule *r, char *value)
{
    (void)value;
    *(bool *)((char *)p->d + r->member) = r->value;
    return 0;
}

static int set_choice(struct parser *p, const struct rule *r, char *value)
{
    (void)value;
    *(enum vm_choice *)((char *)p->d + r->member) = r->value;
    return 0;
}

/* COLO is refused later; here only: each once, as xl has it. */
static int set_colo(struct parser *p, const struct rule *r, char *value)
{
    p->d->colo_details = true;
    if (p->colo_seen & r->value)
        return bad(p, r->word, value, "it once");
    p->colo_seen |= value[0] ? r->value : 0;
    return 0;
}

static int set_colo_port(struct parser *p, const struct rule *r, char *value)
{
    (void)r;
    if (atoi(value) == 0)
        return bad(p, "colo-port", value, "a number");
    p->d->colo_details = true;
    return 0;
}

static int bad_parameter(struct parser *p, const struct rule *r, char *value)
{
    (void)r;
    return bad(p, "parameter", value, "one that xl-disk-configuration(5) has");
}

/* `hdc:cdrom`: 1 if it was one, and vdev is set; else 0. */
static int vdev_and_type(struct parser *p, char *text)
{
    char *colon = strrchr(text, ':');
    int rc;

    if (!colon)
        return 0;
    *colon++ = 0;
    rc = set_text(p, "vdev", &p->d->vdev, text);
    if (rc < 0)
        return rc;
    if (strcmp(colon, "cdrom") && strcmp(colon, "disk"))
        return bad(p, "type behind vdev", colon, "disk or cdrom");
    p->d->cdrom = strcmp(colon, "cdrom") == 0;
    return 1;
}

/* target, format (unless a prefix said it), vdev, access. */
static int set_next(struct parser *p, const struct rule *r, char *text)
{
    struct vm_disk *d = p->d;
    int rc;

    if (!d->target)
        return set_text(p, "target", &d->target, text);
    if (!p->has_prefix && d->format == VM_DISK_UNSET) {
        rc = d->target[0] ? 0 : vdev_and_type(p, text);
        if (rc == 1)
            d->format = VM_DISK_EMPTY;
        return rc ? (rc < 0 ? rc : 0) : set_format(p, r, text);
    }
    if (!d->vdev) {
        rc = vdev_and_type(p, text);
        return rc ? (rc < 0 ? rc : 0) : set_text(p, "vdev", &d->vdev, text);
    }
    if (!p->has_access) {
        p->has_access = true;
        return set_access(p, r, text);
    }
    return bad(p, "parameter", text,
               "at most target, format, vdev and access by position");
}

/* ---- deprecated prefixes; value is the prefix without its colon ---- */

static int prefix_format(struct parser *p, const struct rule *r, char *value)
{
    p->has_prefix = true;
    return set_format(p, r, value);
}

static int prefix_script(struct parser *p, const struct rule *r, char *value)
{
    char script[16];

    (void)r;
    p->has_prefix = true;
    snprintf(script, sizeof(script), "block-%s", value);
    return set_text(p, "script", &p->d->script, script);
}

static int prefix_plain(struct parser *p, const struct rule *r, char *value)
{
    (void)r, (void)value;
    p->has_prefix = true;
    return 0;
}

static int bad_prefix(struct parser *p, const struct rule *r, char *value)
{
    (void)r;
    return bad(p, "prefix", value, "phy, file, raw, qcow2 or none");
}

/* ---- the rules ---- */

/* clang-format off */
static const struct rule rules[] = {
    { SPACE, NULL, NULL, 0, 0 },
    { VALUE, "format=", set_format, 0, 0 },
    { FLAG, "cdrom", set_bool, TO(cdrom), true },
    { FLAG, "devtype=cdrom", set_bool, TO(cdrom), true },
    { FLAG, "devtype=disk", set_bool, TO(cdrom), false },
    { VALUE, "devtype=", bad_devtype, 0, 0 },
    { VALUE, "access=", set_access, 0, 0 },
    { VALUE, "backend=", set_string, TO(backend_domain), 0 },
    { VALUE, "backendtype=", set_backendtype, 0, 0 },
    { VALUE, "specification=", set_specification, 0, 0 },
    { VALUE, "vdev=", set_string, TO(vdev), 0 },
    { VALUE, "script=", set_string, TO(script), 0 },
    { FLAG, "direct-io-safe", set_bool, TO(direct_io_safe), true },
    { FLAG, "discard", set_choice, TO(discard), VM_YES },
    { FLAG, "no-discard", set_choice, TO(discard), VM_NO },
    { FLAG, "colo", set_choice, TO(colo), VM_YES },
    { FLAG, "no-colo", set_choice, TO(colo), VM_NO },
    { VALUE, "colo-host=", set_colo, 0, BIT(0) },
    { VALUE, "colo-port=", set_colo_port, 0, 0 },
    { VALUE, "colo-export=", set_colo, 0, BIT(1) },
    { VALUE, "active-disk=", set_colo, 0, BIT(2) },
    { VALUE, "hidden-disk=", set_colo, 0, BIT(3) },
    { FLAG, "trusted", set_choice, TO(trusted), VM_YES },
    { FLAG, "untrusted", set_choice, TO(trusted), VM_NO },
    { FLAG, "grant_usage=1", set_choice, TO(grant_usage), VM_YES },
    { FLAG, "grant_usage=0", set_choice, TO(grant_usage), VM_NO },
    { TAIL, "target=", set_string, TO(target), 0 },
    { UNKNOWN, NULL, bad_parameter, 0, 0 },
    { PREFIX, "raw:", prefix_format, 0, 0 },
    { PREFIX, "qcow:", prefix_format, 0, 0 },
    { PREFIX, "qcow2:", prefix_format, 0, 0 },
    { PREFIX, "vhd:", prefix_format, 0, 0 },
    { PREFIX, "iscsi:", prefix_script, 0, 0 },
    { PREFIX, "nbd:", prefix_script, 0, 0 },
    { PREFIX, "enbd:", prefix_script, 0, 0 },
    { PREFIX, "drbd:", prefix_script, 0, 0 },
    { PREFIX, "tapdisk:", prefix_plain, 0, 0 },
    { PREFIX, "tap:", prefix_plain, 0, 0 },
    { PREFIX, "tap2:", prefix_plain, 0, 0 },
    { PREFIX, "aio:", prefix_plain, 0, 0 },
    { PREFIX, "ioemu:", prefix_plain, 0, 0 },
    { PREFIX, "file:", prefix_plain, 0, 0 },
    { PREFIX, "phy:", prefix_plain, 0, 0 },
    { ODD_PREFIX, NULL, bad_prefix, 0, 0 },
    { POSITION, NULL, set_next, 0, 0 },
};
/* clang-format on */

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

static size_t to_line_end(const char *s)
{
    return strcspn(s, "\n");
}

static size_t with_comma(const char *s, size_t used)
{
    return used + (s[used] == ',');
}

/* How much of s the rule claims, and how much of that it uses up; 0: none. */
static size_t claim(const struct rule *r, const char *s, size_t *used)
{
    size_t n, len = r->word ? strlen(r->word) : 0;

    if (len && strncmp(s, r->word, len))
        return 0;
    switch (r->shape) {
    case SPACE:
        *used = strspn(s, " \t\n");
        return *used ? *used + to_line_end(s + *used) : 0;
    case FLAG:
        return *used = with_comma(s, len);
    case VALUE:
        return *used = with_comma(s, len + strcspn(s + len, ","));
    case TAIL:
        return *used = len + to_line_end(s + len);
    case UNKNOWN:
        n = strspn(s, "-" LOWER DIGITS);
        if (!islower((unsigned char)s[0]) || s[n] != '=' || s[n + 1] == 0 ||
            s[n + 1] == ',')
            return 0;
        return *used = with_comma(s, n + 2);
    case PREFIX:
        *used = len;
        return len + to_line_end(s + len);
    case ODD_PREFIX:
        n = strspn(s, LOWER DIGITS);
        if (!islower((unsigned char)s[0]) || s[n] != ':')
            return 0;
        *used = n + 1;
        if (s[n + 1] == 0 || strchr(LOWER DIGITS, s[n + 1]))
            return *used;
        return *used + 1 + to_line_end(s + *used + 1);
    default:
        n = strcspn(s, "=,");
        return *used = with_comma(s, n);
    }
}

/* What the rule's action gets: a copy without comma, colon and `key=`. */
static int act(struct parser *p, const struct rule *r, const char *s,
               size_t used)
{
    size_t skip = 0;
    char *value;
    int rc;

    if (r->shape == SPACE)
        return 0;
    if (r->shape == VALUE || r->shape == TAIL)
        skip = strlen(r->word);
    value = strndup(s + skip, used - skip);
    if (!value)
        return fail(p->e, -ENOMEM, "disk: no memory");
    used -= skip;
    if (used && value[used - 1] == (r->shape == PREFIX ? ':' : ','))
        value[used - 1] = 0;
    rc = r->act(p, r, value);
    free(value);
    return rc;
}

static int parse_all(struct parser *p, const char *s)
{
    int rc = 0;

    while (*s && rc == 0) {
        const struct rule *best = NULL;
        size_t best_claim = 0, best_used = 0;

        for (uint32_t i = 0; i < ARRAY_SIZE(rules); i++) {
            size_t used = 0, claimed = claim(&rules[i], s, &used);

            if (claimed > best_claim) {
                best = &rules[i];
                best_claim = claimed;
                best_used = used;
            }
        }
        if (!best)
            return bad(p, "disk", s, "a parameter");
        rc = act(p, best, s, best_used);
        s += best_used;
    }
    return rc;
}

int vmdisk_parse(const char *text, struct vm_disk *out, struct err *e)
{
    struct parser p = { .d = out, .e = e };
    int rc;

    *out = (struct vm_disk){ .writable = true };
    rc = parse_all(&p, text);
    if (rc < 0)
        return rc;
    if (out->format == VM_DISK_UNSET)
        out->format = VM_DISK_RAW;
    if (out->cdrom) {
        out->writable = false;
        if (!out->target || !out->target[0])
            out->format = VM_DISK_EMPTY;
    }
    if (!out->vdev)
        return fail(e, -EINVAL,
                    "vdev: got nothing, want vdev=xvda or the "
                    "like");
    if (!out->target && !out->cdrom)
        return fail(e, -EINVAL, "target: got nothing, want a file or device");
    return 0;
}

void vmdisk_free(struct vm_disk *d)
{
    free(d->target);
    free(d->vdev);
    free(d->backend_domain);
    free(d->script);
    *d = (struct vm_disk){ 0 };
}
