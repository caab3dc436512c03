/* SPDX-License-Identifier: MIT */
/*
 * vmp9.c - one member of p9=[...], checked: a folder of dom0 for the guest
 */
#include "toolstack/supervisor/vmp9.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"

static const char *const type_name[] = {
    [VM_P9_UNSAID] = "unknown",
    [VM_P9_QEMU] = "qemu",
    [VM_P9_XEN] = "xen_9pfsd",
};
_Static_assert(ARRAY_SIZE(type_name) == VM_P9_TYPES, "type_name");

const char *vmp9_type_name(enum vm_p9_type t)
{
    return type_name[t];
}

/* clang-format off */
static const struct {
    const char *key;
    size_t member;
} texts[] = {
    { "tag", offsetof(struct vm_p9, tag) },
    { "path", offsetof(struct vm_p9, path) },
    { "security_model", offsetof(struct vm_p9, security_model) },
    { "backend", offsetof(struct vm_p9, backend_domain) },
}, numbers[] = {
    { "max-files", offsetof(struct vm_p9, max_files) },
    { "max-open-files", offsetof(struct vm_p9, max_open_files) },
    { "max-space", offsetof(struct vm_p9, max_space_mib) },
};
/* clang-format on */

/* Without the blanks at both ends; changes s. */
static char *trim(char *s)
{
    char *end;

    while (isspace((unsigned char)*s))
        s++;
    end = s + strlen(s);
    while (end > s && isspace((unsigned char)end[-1]))
        *--end = 0;
    return s;
}

static int number(const char *key, const char *value, uint32_t *out,
                  struct err *e)
{
    unsigned long n;
    char *end;

    errno = 0;
    n = strtoul(value, &end, 10);
    if (errno || !isdigit((unsigned char)*value) || *end || n > INT32_MAX)
        return fail(e, -EINVAL, "%s: got \"%.40s\", want a number", key, value);
    *out = (uint32_t)n;
    return 0;
}

static int set(struct vm_p9 *p, const char *key, const char *value,
               struct err *e)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(texts); i++) {
        char **to = (char **)((char *)p + texts[i].member);

        if (strcmp(key, texts[i].key))
            continue;
        free(*to);
        *to = strdup(value);
        return *to ? 0 : fail(e, -ENOMEM, "p9: no memory");
    }
    for (uint32_t i = 0; i < ARRAY_SIZE(numbers); i++)
        if (strcmp(key, numbers[i].key) == 0)
            return number(key, value,
                          (uint32_t *)((char *)p + numbers[i].member), e);
    if (strcmp(key, "auto-delete") == 0) {
        p->auto_delete = strtoul(value, NULL, 0) != 0;
        return 0;
    }
    if (strcmp(key, "type"))
        return fail(e, -EINVAL,
                    "parameter: got \"%.40s\", want type, tag, path, "
                    "security_model, backend, max-files, max-open-files, "
                    "max-space or auto-delete",
                    key);
    for (uint32_t i = VM_P9_QEMU; i < VM_P9_TYPES; i++)
        if (strcmp(value, type_name[i]) == 0) {
            p->type = i;
            return 0;
        }
    return fail(e, -EINVAL, "type: got \"%.40s\", want qemu or xen_9pfsd",
                value);
}

int vmp9_parse(const char *text, struct vm_p9 *out, struct err *e)
{
    char *words = strdup(text), *left = NULL;
    int rc = 0;

    *out = (struct vm_p9){ 0 };
    if (!words)
        return fail(e, -ENOMEM, "p9: no memory");
    for (char *w = strtok_r(words, ",", &left); w && rc == 0;
         w = strtok_r(NULL, ",", &left)) {
        char *value = strchr(w, '=');

        if (!value || !value[1]) {
            rc = fail(e, -EINVAL, "p9: got \"%.40s\", want key=value", w);
            break;
        }
        *value++ = 0;
        rc = set(out, trim(w), trim(value), e);
    }
    free(words);
    return rc;
}

void vmp9_free(struct vm_p9 *p)
{
    free(p->tag);
    free(p->path);
    free(p->security_model);
    free(p->backend_domain);
    *p = (struct vm_p9){ 0 };
}
