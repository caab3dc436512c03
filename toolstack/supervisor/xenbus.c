/* SPDX-License-Identifier: MIT */
/*
 * xenbus.c - a guest's tree in xenstore
 *
 * How this works: one table says every node that does not depend on numbers;
 * xenstored lets a new node inherit its parent's permissions, so only the
 * nodes that differ from their parent cost a second request.
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

/* A node that the guest may write. */
static void put_owned(struct tree *t, const char *leaf)
{
    char path[160];

    put(t, leaf, "%s", "");
    snprintf(path, sizeof(path), "%s/%s", t->base, leaf);
    store_tree_owned(t->steps, path, t->domid);
}

static const char *const owned[] = {
    "control/shutdown",
    "control/feature-poweroff",
    "control/feature-reboot",
    "control/feature-suspend",
    "control/sysrq",
    "device/suspend/event-channel",
    "data",
    "drivers",
    "feature",
    "attr",
    "error",
};

static void put_guest(struct tree *t, const struct xenbus_spec *x)
{
    unsigned long long most_kib = x->ram_bytes / 1024;
    unsigned long long target_kib = x->target_bytes / 1024;

    put_readable(t, t->base);
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
    put(t, "memory/videoram", "0");
    for (uint32_t i = 0; i < ARRAY_SIZE(owned); i++)
        put_owned(t, owned[i]);
    put(t, "control/platform-feature-multiprocessor-suspend", "1");
    put(t, "control/platform-feature-xs_reset_watches", "1");
    put(t, "store/port", "%u", x->store_port);
    put(t, "store/ring-ref", "%u", XEN_STEWARD_STORE_GFN);
}

static void put_console(struct tree *t, const struct xenbus_spec *x)
{
    char backend[64], leaf[96];

    snprintf(backend, sizeof(backend), "/local/domain/0/backend/console/%u/0",
             x->domid);
    put(t, "console/backend", "%s", backend);
    put(t, "console/backend-id", "0");
    put(t, "console/type", "freehold");
    put(t, "console/output", "pty");
    put(t, "console/limit", "1048576");
    put(t, "console/tty", "%s", "");
    put(t, "console/port", "%u", x->console_port);
    put(t, "console/ring-ref", "%u", XEN_STEWARD_CONSOLE_GFN);

    put_readable(t, backend);
    snprintf(leaf, sizeof(leaf), "%s/frontend", backend);
    put(t, leaf, "%s/console", t->base);
    snprintf(leaf, sizeof(leaf), "%s/frontend-id", backend);
    put(t, leaf, "%u", x->domid);
    snprintf(leaf, sizeof(leaf), "%s/state", backend);
    put(t, leaf, "1");
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
        put_console(&t, x);
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
    char more[2][64];
    const char *all[] = { t.base, t.vm, more[0], more[1] };
    int first = 0;

    paths(&t, domid, uuid);
    snprintf(more[0], sizeof(more[0]), "/libxl/%u", domid);
    snprintf(more[1], sizeof(more[1]), "/local/domain/0/backend/console/%u",
             domid);
    for (uint32_t i = 0; i < ARRAY_SIZE(all); i++) {
        int rc = store_remove(s, all[i], first ? NULL : e);

        if (rc < 0 && first == 0)
            first = rc;
    }
    return first;
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
    int rc = xsdaemon_name(name, sizeof(name), e);

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
