/* SPDX-License-Identifier: MIT */
/*
 * xenbus.c - a guest's tree in xenstore
 *
 * How this works: xenstored looks at every connection that it has, once or
 * twice per request, so that each request costs more the more guests there
 * are.  The tree is therefore as small as a PVH guest can do with, and as new
 * nodes inherit their parent's permissions, the base belongs to the guest
 * while what the guest owns is made, and is read-only before the rest is: two
 * requests for permissions in all.  It is one transaction, so nobody sees the
 * state between.
 */
#include "toolstack/supervisor/xenbus.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "abi/xen_steward.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/store.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/xsdaemon.h"

struct tree {
    struct store_tree *steps;
    uint16_t domid;
    char base[32], vm[64];
};

/* Write base/leaf. */
static void __attribute__((format(printf, 3, 4))) put(struct tree *t,
                                                      const char *leaf,
                                                      const char *fmt, ...)
{
    char path[160], value[160];
    va_list ap;

    if (leaf[0] == '/')
        snprintf(path, sizeof(path), "%s", leaf);
    else
        snprintf(path, sizeof(path), "%s/%s", t->base, leaf);
    va_start(ap, fmt);
    vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    store_tree_write(t->steps, path, value);
}

/* A directory that the guest may read, and what is made below it later. */
static void put_readable(struct tree *t, const char *path)
{
    put(t, path, "%s", "");
    store_tree_readable(t->steps, path, t->domid);
}

/*
 * Directories that the guest may write.  What Linux puts into control/
 * (feature-*) it makes itself; what the supervisor puts there the guest may
 * then clear, as it must.
 */
static const char *const owned[] = {
    "control", "data", "drivers", "feature", "attr", "error",
};

static void put_guest(struct tree *t, const struct xenbus_spec *x)
{
    unsigned long long most_kib = x->ram_bytes / 1024;
    unsigned long long target_kib = x->target_bytes / 1024;

    put(t, t->base, "%s", "");
    store_tree_owned(t->steps, t->base, t->domid);
    for (uint32_t i = 0; i < ARRAY_SIZE(owned); i++)
        put(t, owned[i], "%s", "");
    put(t, "control/platform-feature-multiprocessor-suspend", "1");
    put(t, "control/platform-feature-xs_reset_watches", "1");
    store_tree_readable(t->steps, t->base, t->domid);
    put(t, "vm", "%s", t->vm);
    put(t, "name", "%s", x->name);
    put(t, "domid", "%u", x->domid);
    for (uint32_t i = 0; i < x->nr_vcpus; i++) {
        char leaf[32];

        snprintf(leaf, sizeof(leaf), "cpu/%u/availability", i);
        put(t, leaf, "online");
    }
    put(t, "memory/static-max", "%llu", most_kib);
    put(t, "memory/target", "%llu", target_kib);
    /* Not "xenconsoled": that one leaves the console alone then. */
    put(t, "console/type", "freehold");
    put(t, "console/port", "%u", x->console_port);
    put(t, "console/ring-ref", "%u", XEN_STEWARD_CONSOLE_GFN);
}

static void put_toolstack(struct tree *t, const struct xenbus_spec *x)
{
    struct timespec now;
    char uuid[VM_UUID_TEXT], leaf[96];

    clock_gettime(CLOCK_REALTIME, &now);
    vmcfg_uuid_text(x->uuid, uuid);
    put_readable(t, t->vm);
    snprintf(leaf, sizeof(leaf), "%s/uuid", t->vm);
    put(t, leaf, "%s", uuid);
    snprintf(leaf, sizeof(leaf), "%s/name", t->vm);
    put(t, leaf, "%s", x->name);
    snprintf(leaf, sizeof(leaf), "%s/start_time", t->vm);
    put(t, leaf, "%lld.%02ld", (long long)now.tv_sec, now.tv_nsec / 10000000);
    snprintf(leaf, sizeof(leaf), "/libxl/%u/type", x->domid);
    put(t, leaf, "pvh");
}

static void paths(struct tree *t, uint16_t domid, const uint8_t uuid[16])
{
    char text[VM_UUID_TEXT];

    t->domid = domid;
    vmcfg_uuid_text(uuid, text);
    snprintf(t->base, sizeof(t->base), "/local/domain/%u", domid);
    snprintf(t->vm, sizeof(t->vm), "/vm/%s", text);
}

int xenbus_build(struct store *s, const struct xenbus_spec *x, struct err *e)
{
    struct tree t = { 0 };
    int rc;

    paths(&t, x->domid, x->uuid);
    rc = store_remove(s, t.base, e); /* of an earlier domain of this id */
    if (rc == 0)
        rc = store_tree_new(&t.steps, e);
    if (rc == 0) {
        put_guest(&t, x);
        put_toolstack(&t, x);
        rc = store_tree_commit(t.steps, e);
    }
    store_tree_free(t.steps);
    return rc;
}

int xenbus_remove(struct store *s, uint16_t domid, const uint8_t uuid[16],
                  struct err *e)
{
    struct tree t = { 0 };
    char libxl[64];
    const char *all[] = { t.base, t.vm, libxl };
    int first = 0;

    paths(&t, domid, uuid);
    snprintf(libxl, sizeof(libxl), "/libxl/%u", domid);
    for (uint32_t i = 0; i < ARRAY_SIZE(all); i++) {
        int rc = store_remove(s, all[i], first ? NULL : e);

        if (rc < 0 && first == 0)
            first = rc;
    }
    return first;
}

bool xenbus_knows(struct store *s, uint16_t domid)
{
    char path[64], *name;

    snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
    name = store_read(s, path);
    free(name);
    return name != NULL;
}

int xenbus_connect(struct store **out, struct err *e)
{
    char name[32];
    int rc = xsdaemon_name(name, sizeof(name), NULL, e);

    return rc < 0 ? rc : store_open(out, e);
}

bool xenbus_is_asked(struct store *s, uint16_t domid)
{
    char path[64], *word;
    bool asked;

    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", domid);
    word = store_read(s, path);
    asked = word && *word;
    free(word);
    return asked;
}

int xenbus_ask_shutdown(struct store *s, uint16_t domid, const char *what,
                        struct err *e)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", domid);
    return store_write(s, path, what, e);
}

int xenbus_check_daemon(struct err *e)
{
    char name[32];
    int rc = xsdaemon_name(name, sizeof(name), NULL, e);

    if (rc < 0)
        return rc;
    if (strcmp(name, "oxenstored") == 0)
        return fail(e, -EPROTONOSUPPORT,
                    "xenstored: check which one runs: oxenstored maps foreign "
                    "pages, which protected guests do not allow; set "
                    "XENSTORED to the C xenstored in /etc/default/xen and "
                    "reboot");
    return 0;
}
