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
#include <limits.h>
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

typedef int disk_action(struct parser *p, char *value);

/* ---- what each parameter does; value is the rest behind `=` ---- */

static int bad(struct parser *p, const char *what, const char *got,
               const char *want)
{
    return fail(p->e, -EINVAL, "%s: got \"%.120s\", want %s", what, got, want);
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

static int set_format(struct parser *p, char *value)
{
    enum vm_disk_format f = VM_DISK_UNSET;

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

static int set_backendtype(struct parser *p, char *value)
{
    enum vm_disk_backend b = VM_DISK_ANY;

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

static int set_specification(struct parser *p, char *value)
{
    bool is_virtio = strcmp(value, "virtio") == 0;

    if (!is_virtio && strcmp(value, "xen"))
        return bad(p, "specification", value, "xen or virtio");
    if (p->has_spec && p->d->virtio != is_virtio)
        return bad(p, "specification", value, "it once");
    p->has_spec = true;
    p->d->virtio = is_virtio;
    return 0;
}

static int set_access(struct parser *p, char *value)
{
    bool is_read = !strcmp(value, "r") || !strcmp(value, "ro");

    if (!is_read && strcmp(value, "rw") && strcmp(value, "w") && value[0])
        return bad(p, "access", value, "r, ro, w or rw");
    p->d->writable = !is_read;
    return 0;
}

static int set_cdrom(struct parser *p, char *value)
{
    (void)value;
    p->d->cdrom = true;
    return 0;
}

static int set_disk(struct parser *p, char *value)
{
    (void)value;
    p->d->cdrom = false;
    return 0;
}

static int bad_devtype(struct parser *p, char *value)
{
    return bad(p, "devtype", value, "disk or cdrom");
}

static int set_backend(struct parser *p, char *value)
{
    return set_text(p, "backend", &p->d->backend_domain, value);
}

static int set_vdev(struct parser *p, char *value)
{
    return set_text(p, "vdev", &p->d->vdev, value);
}

static int set_script(struct parser *p, char *value)
{
    return set_text(p, "script", &p->d->script, value);
}

static int set_target(struct parser *p, char *value)
{
    return set_text(p, "target", &p->d->target, value);
}

static int set_direct(struct parser *p, char *value)
{
    (void)value;
    p->d->direct_io_safe = true;
    return 0;
}

#define SET_CHOICE(name, member, choice)                                       \
    static int name(struct parser *p, char *value)                             \
    {                                                                          \
        (void)value;                                                           \
        p->d->member = (choice);                                               \
        return 0;                                                              \
    }
SET_CHOICE(set_discard, discard, VM_YES)
SET_CHOICE(set_no_discard, discard, VM_NO)
SET_CHOICE(set_colo, colo, VM_YES)
SET_CHOICE(set_no_colo, colo, VM_NO)
SET_CHOICE(set_trusted, trusted, VM_YES)
SET_CHOICE(set_untrusted, trusted, VM_NO)
SET_CHOICE(set_grant, grant_usage, VM_YES)
SET_CHOICE(set_no_grant, grant_usage, VM_NO)

/* COLO is refused later; here only: each once, as xl has it. */
#define SET_COLO(name, number)                                                 \
    static int name(struct parser *p, char *value)                             \
    {                                                                          \
        p->d->colo_details = true;                                             \
        if (p->colo_seen & BIT(number))                                        \
            return bad(p, "colo", value, "it once");                           \
        p->colo_seen |= value[0] ? BIT(number) : 0;                            \
        return 0;                                                              \
    }
SET_COLO(set_colo_host, 0)
SET_COLO(set_colo_export, 1)
SET_COLO(set_active_disk, 2)
SET_COLO(set_hidden_disk, 3)

static int set_colo_port(struct parser *p, char *value)
{
    if (atoi(value) == 0)
        return bad(p, "colo-port", value, "a number");
    p->d->colo_details = true;
    return 0;
}

static int bad_parameter(struct parser *p, char *value)
{
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
    rc = set_vdev(p, text);
    if (rc < 0)
        return rc;
    if (strcmp(colon, "cdrom") && strcmp(colon, "disk"))
        return bad(p, "type behind vdev", colon, "disk or cdrom");
    p->d->cdrom = strcmp(colon, "cdrom") == 0;
    return 1;
}

/* target, format (unless a prefix said it), vdev, access. */
static int set_next(struct parser *p, char *text)
{
    struct vm_disk *d = p->d;
    int rc;

    if (!d->target)
        return set_target(p, text);
    if (!p->has_prefix && d->format == VM_DISK_UNSET) {
        rc = d->target[0] ? 0 : vdev_and_type(p, text);
        if (rc == 1)
            d->format = VM_DISK_EMPTY;
        return rc ? (rc < 0 ? rc : 0) : set_format(p, text);
    }
    if (!d->vdev) {
        rc = vdev_and_type(p, text);
        return rc ? (rc < 0 ? rc : 0) : set_vdev(p, text);
    }
    if (!p->has_access) {
        p->has_access = true;
        return set_access(p, text);
    }
    return bad(p, "parameter", text,
               "at most target, format, vdev and access by position");
}

/* ---- deprecated prefixes; value is the prefix without its colon ---- */

static int prefix_format(struct parser *p, char *value)
{
    p->has_prefix = true;
    return set_format(p, value);
}

static int prefix_script(struct parser *p, char *value)
{
    char script[16];

    p->has_prefix = true;
    snprintf(script, sizeof(script), "block-%s", value);
    return set_script(p, script);
}

static int prefix_plain(struct parser *p, char *value)
{
    (void)value;
    p->has_prefix = true;
    return 0;
}

static int bad_prefix(struct parser *p, char *value)
{
    return bad(p, "prefix", value, "phy, file, raw, qcow2 or none");
}

/* ---- the rules ---- */

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

/* clang-format off */
static const struct rule {
    enum shape shape;
    const char *word;
    disk_action *act;
} rules[] = {
    { SPACE, NULL, NULL },
    { VALUE, "format=", set_format },
    { FLAG, "cdrom", set_cdrom },
    { FLAG, "devtype=cdrom", set_cdrom },
    { FLAG, "devtype=disk", set_disk },
    { VALUE, "devtype=", bad_devtype },
    { VALUE, "access=", set_access },
    { VALUE, "backend=", set_backend },
    { VALUE, "backendtype=", set_backendtype },
    { VALUE, "specification=", set_specification },
    { VALUE, "vdev=", set_vdev },
    { VALUE, "script=", set_script },
    { FLAG, "direct-io-safe", set_direct },
    { FLAG, "discard", set_discard },
    { FLAG, "no-discard", set_no_discard },
    { FLAG, "colo", set_colo },
    { FLAG, "no-colo", set_no_colo },
    { VALUE, "colo-host=", set_colo_host },
    { VALUE, "colo-port=", set_colo_port },
    { VALUE, "colo-export=", set_colo_export },
    { VALUE, "active-disk=", set_active_disk },
    { VALUE, "hidden-disk=", set_hidden_disk },
    { FLAG, "trusted", set_trusted },
    { FLAG, "untrusted", set_untrusted },
    { FLAG, "grant_usage=1", set_grant },
    { FLAG, "grant_usage=0", set_no_grant },
    { TAIL, "target=", set_target },
    { UNKNOWN, NULL, bad_parameter },
    { PREFIX, "raw:", prefix_format },
    { PREFIX, "qcow:", prefix_format },
    { PREFIX, "qcow2:", prefix_format },
    { PREFIX, "vhd:", prefix_format },
    { PREFIX, "iscsi:", prefix_script },
    { PREFIX, "nbd:", prefix_script },
    { PREFIX, "enbd:", prefix_script },
    { PREFIX, "drbd:", prefix_script },
    { PREFIX, "tapdisk:", prefix_plain },
    { PREFIX, "tap:", prefix_plain },
    { PREFIX, "tap2:", prefix_plain },
    { PREFIX, "aio:", prefix_plain },
    { PREFIX, "ioemu:", prefix_plain },
    { PREFIX, "file:", prefix_plain },
    { PREFIX, "phy:", prefix_plain },
    { ODD_PREFIX, NULL, bad_prefix },
    { POSITION, NULL, set_next },
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
    rc = r->act(p, value);
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

/*
 * `xvdb3`: kind, letters a..z as a number of base 26 without a nought, and a
 * partition that does not begin with 0.
 */
static bool named(const char *vdev, const char *kind, long max_disk,
                  long max_part, long *disk, long *part)
{
    const char *s = vdev + strlen(kind);
    char *end;

    if (strncmp(vdev, kind, strlen(kind)))
        return false;
    *disk = -1;
    for (; *s >= 'a' && *s <= 'z'; s++) {
        *disk = (*disk + 1) * 26 + (*s - 'a');
        if (*disk > max_disk)
            return false;
    }
    *part = 0;
    if (*disk < 0)
        return false;
    if (*s == 0)
        return true;
    if (*s == '0' || !isdigit((unsigned char)*s))
        return false;
    errno = 0;
    *part = strtol(s, &end, 10);
    return !errno && *end == 0 && *part <= max_part;
}

int vmdisk_devid(const char *vdev, uint32_t *out)
{
    int n_disk, n_part, used = -1;
    long disk, part;
    char *end;

    if (sscanf(vdev, "d%ip%i%n", &n_disk, &n_part, &used) >= 2 && used >= 0 &&
        vdev[used] == 0 && n_disk >= 0 && n_disk < 1 << 20 && n_part >= 0 &&
        n_part < 256) {
        disk = n_disk;
        part = n_part;
    } else if (!named(vdev, "xvd", (1 << 20) - 1, 255, &disk, &part)) {
        disk = -1;
    }
    if (disk >= 0) {
        *out = disk <= 15 && part <= 15
                   ? (uint32_t)(202 << 8 | disk << 4 | part)
                   : (uint32_t)(1 << 28 | disk << 8 | part);
        return 0;
    }
    if (isdigit((unsigned char)vdev[0])) {
        unsigned long number;

        errno = 0;
        number = strtoul(vdev, &end, 0);
        *out = (uint32_t)number;
        return errno || *end || number > INT_MAX ? -EINVAL : 0;
    }
    if (named(vdev, "hd", 3, 63, &disk, &part)) {
        *out = (uint32_t)((disk < 2 ? 3 : 22) << 8 | (disk & 1) << 6 | part);
        return 0;
    }
    if (named(vdev, "sd", 15, 15, &disk, &part)) {
        *out = (uint32_t)(8 << 8 | disk << 4 | part);
        return 0;
    }
    return -EINVAL;
}
