/* SPDX-License-Identifier: MIT */
/*
 * oracle.c - does xl read the same? what libxlutil makes of a text, and we
 *
 * How this works: ours has a tree that can be walked, libxlutil's answers only
 * for keys by name.  So each of our keys is asked for there; and each word of
 * the text that could be a key, and is none with us, must be none there.
 */
#include "tests/xlcfg/oracle.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxlutil.h>

#include "common/err.h"
#include "toolstack/supervisor/cfg.h"
#include "toolstack/supervisor/cfgparse.h"
#include "toolstack/supervisor/vmdisk.h"
#include "toolstack/supervisor/vmvif.h"

/* libxlutil leaks where it refuses; that is not ours to fix. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static char why[512];

const char *oracle_why(void)
{
    return why;
}

static enum oracle_answer __attribute__((format(printf, 1, 2))) differ(
    const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    return ORACLE_DIFFERENT;
}

static void theirs(bool begin)
{
    if (begin && __lsan_disable)
        __lsan_disable();
    if (!begin && __lsan_enable)
        __lsan_enable();
}

/* A new, empty one, which says nothing. */
static XLU_Config *xlu_new(void)
{
    static FILE *nowhere;

    if (!nowhere)
        nowhere = fopen("/dev/null", "w");
    return xlu_cfg_init(nowhere, "oracle");
}

/* ---- whole files ---- */

static bool same_value(const struct cfg_value *v, const XLU_Config *x,
                       XLU_ConfigValue *xv)
{
    XLU_ConfigList *list;
    char *text;
    int i = 0;

    if (!xv)
        return false;
    if (xlu_cfg_value_type(xv) == XLU_STRING)
        return v->type != CFG_LIST &&
               xlu_cfg_value_get_string(x, xv, &text, 1) == 0 &&
               strcmp(text, v->text) == 0;
    if (v->type != CFG_LIST || xlu_cfg_value_get_list(x, xv, &list, 1))
        return false;
    for (v = v->first; v; v = v->next)
        if (!same_value(v, x, xlu_cfg_get_listitem2(list, i++)))
            return false;
    return xlu_cfg_get_listitem2(list, i) == NULL;
}

static bool same_list(const struct cfg_value *v, const XLU_Config *x,
                      XLU_ConfigList *list, int nr)
{
    int i = 0;

    for (v = v->first; v; v = v->next)
        if (!same_value(v, x, xlu_cfg_get_listitem2(list, i++)))
            return false;
    return i == nr;
}

static enum oracle_answer same_setting(const struct cfg_setting *s,
                                       const XLU_Config *x)
{
    const char *text;
    XLU_ConfigList *list;
    long theirs_l = 0, ours_l = 0;
    int nr, rc;

    if (s->value->type == CFG_LIST) {
        if (xlu_cfg_get_list(x, s->key, &list, &nr, 1))
            return differ("%s: a list with us alone", s->key);
        return same_list(s->value, x, list, nr)
                   ? ORACLE_SAME
                   : differ("%s: not the same list", s->key);
    }
    if (xlu_cfg_get_string(x, s->key, &text, 1))
        return differ("%s: a single value with us alone", s->key);
    if (strcmp(text, s->value->text))
        return differ("%s: \"%.100s\" with us, \"%.100s\" with xl", s->key,
                      s->value->text, text);
    rc = xlu_cfg_get_long(x, s->key, &theirs_l, 1);
    if ((rc == 0) != (cfg_number(s->value, &ours_l) == 0 && !s->grown))
        return differ("%s: a number with one of us", s->key);
    if (rc == 0 && ours_l != theirs_l)
        return differ("%s: %ld with us, %ld with xl", s->key, ours_l, theirs_l);
    return ORACLE_SAME;
}

/* Words that could be keys: those that we do not have, xl must not have. */
static enum oracle_answer no_more_keys(const struct cfg *cfg,
                                       const XLU_Config *x, const char *text)
{
    static const char part[] = "abcdefghijklmnopqrstuvwxyz0123456789._";
    const char *s = text, *value;
    char key[128];

    while (*s) {
        size_t n = islower((unsigned char)*s) ? strspn(s, part) : 0;

        if (n && n < sizeof(key)) {
            memcpy(key, s, n);
            key[n] = 0;
            if (!cfg_find(cfg, key) &&
                (xlu_cfg_get_string(x, key, &value, 1) != ESRCH ||
                 xlu_cfg_get_list(x, key, NULL, NULL, 1) != ESRCH))
                return differ("%s: set with xl alone", key);
        }
        s += n ? n : 1;
    }
    return ORACLE_SAME;
}

static bool has_coded_byte(const char *text)
{
    for (; *text; text++)
        if (*text == '\\' && text[1] &&
            (text[1] == 'x' || (text[1] >= '0' && text[1] <= '7')))
            return true;
    return false;
}

static enum oracle_answer both_parsed(const struct cfg *cfg,
                                      const XLU_Config *x, const char *text)
{
    enum oracle_answer a = ORACLE_SAME;

    for (const struct cfg_setting *s = cfg->first; s && a == ORACLE_SAME;
         s = s->next)
        a = same_setting(s, x);
    return a == ORACLE_SAME ? no_more_keys(cfg, x, text) : a;
}

static enum oracle_answer compare_cfg(const char *text)
{
    struct cfg cfg = { 0 };
    struct err e = { 0 };
    enum oracle_answer a;
    XLU_Config *x;
    int rc = cfgparse_text(&cfg, "f", text, strlen(text), &e), xrc;

    theirs(true);
    x = xlu_new();
    xrc = xlu_cfg_readdata(x, text, (int)strlen(text));
    if (rc < 0 && strstr(e.text, "lists in one another"))
        a = ORACLE_NOT_ASKED;
    else if ((rc == 0) != (xrc == 0))
        a = rc ? differ("we alone refuse: %.200s", e.text)
               : differ("xl alone refuses");
    else
        a = rc ? ORACLE_SAME : both_parsed(&cfg, x, text);
    xlu_cfg_destroy(x);
    theirs(false);
    cfg_free(&cfg);
    return a;
}

enum oracle_answer oracle_cfg(const char *text, size_t text_bytes)
{
    char *with_end;
    enum oracle_answer a;

    if (memchr(text, 0, text_bytes))
        return ORACLE_NOT_ASKED;
    with_end = calloc(1, text_bytes + 2);
    if (!with_end)
        return ORACLE_NOT_ASKED;
    memcpy(with_end, text, text_bytes);
    with_end[text_bytes] = '\n';
    a = has_coded_byte(with_end) ? ORACLE_NOT_ASKED : compare_cfg(with_end);
    free(with_end);
    return a;
}

/* ---- disks ---- */

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_choice(enum vm_choice c, libxl_defbool b)
{
    if (libxl_defbool_is_default(b))
        return c == VM_UNSAID;
    return c == (libxl_defbool_val(b) ? VM_YES : VM_NO);
}

static enum oracle_answer same_disk(const struct vm_disk *d,
                                    const libxl_device_disk *x)
{
    const char *format = vmdisk_format_name(d->format);
    const char *backend = vmdisk_backend_name(d->backend);

    if (!same_text(d->target, x->pdev_path))
        return differ("target: %s, xl %s", d->target, x->pdev_path);
    if (!same_text(d->vdev, x->vdev))
        return differ("vdev: %s, xl %s", d->vdev, x->vdev);
    if (!same_text(d->script, x->script) ||
        !same_text(d->backend_domain, x->backend_domname))
        return differ("script or backend");
    if (!same_text(format, libxl_disk_format_to_string(x->format)) ||
        !same_text(backend, libxl_disk_backend_to_string(x->backend)))
        return differ("format %s, backendtype %s", format, backend);
    if (d->writable != !!x->readwrite || d->cdrom != !!x->is_cdrom ||
        d->direct_io_safe != x->direct_io_safe ||
        d->virtio != (x->specification == LIBXL_DISK_SPECIFICATION_VIRTIO))
        return differ("access, cdrom, direct-io-safe or specification");
    if (!same_choice(d->discard, x->discard_enable) ||
        !same_choice(d->trusted, x->trusted) ||
        !same_choice(d->grant_usage, x->grant_usage) ||
        !same_choice(d->colo, x->colo_enable))
        return differ("discard, trusted, grant_usage or colo");
    return ORACLE_SAME;
}

enum oracle_answer oracle_disk(const char *text)
{
    const char *const specs[] = { text };
    struct vm_disk d = { 0 };
    struct err e = { 0 };
    libxl_device_disk x;
    XLU_Config *xc;
    enum oracle_answer a;
    int rc, xrc;

    if (strstr(text, "=\n"))
        return ORACLE_NOT_ASKED;
    rc = vmdisk_parse(text, &d, &e);
    theirs(true);
    libxl_device_disk_init(&x);
    xc = xlu_new();
    xrc = xlu_disk_parse(xc, 1, specs, &x);
    if (rc < 0 && strstr(e.text, "disk: got \"=\""))
        a = ORACLE_NOT_ASKED;
    else if ((rc == 0) != (xrc == 0))
        a = rc ? differ("we alone refuse: %.200s", e.text)
               : differ("xl alone refuses");
    else
        a = rc ? ORACLE_SAME : same_disk(&d, &x);
    libxl_device_disk_dispose(&x);
    xlu_cfg_destroy(xc);
    theirs(false);
    vmdisk_free(&d);
    return a;
}

/* ---- rates ---- */

/* A nought before another digit, where a number begins. */
static bool has_leading_nought(const char *text)
{
    for (const char *s = text; *s; s++)
        if (*s == '0' && isdigit((unsigned char)s[1]) &&
            (s == text || !isdigit((unsigned char)s[-1])))
            return true;
    return false;
}

enum oracle_answer oracle_rate(const char *text)
{
    uint64_t bytes = 0;
    uint32_t usecs = 0;
    libxl_device_nic x;
    XLU_Config *xc;
    enum oracle_answer a = ORACLE_SAME;
    int rc = vmvif_rate(text, &bytes, &usecs), xrc;

    if (has_leading_nought(text))
        return ORACLE_NOT_ASKED;
    theirs(true);
    libxl_device_nic_init(&x);
    xc = xlu_new();
    errno = 0; /* libxlutil looks at it without having set it */
    xrc = xlu_vif_parse_rate(xc, text, &x);
    if (xrc != -rc)
        a = differ("%d with us, %d with xl", rc, -xrc);
    else if (rc == 0 && (bytes != x.rate_bytes_per_interval ||
                         usecs != x.rate_interval_usecs))
        a = differ("%llu bytes in %u us, xl %llu in %u",
                   (unsigned long long)bytes, usecs,
                   (unsigned long long)x.rate_bytes_per_interval,
                   x.rate_interval_usecs);
    libxl_device_nic_dispose(&x);
    xlu_cfg_destroy(xc);
    theirs(false);
    return a;
}
