/* SPDX-License-Identifier: MIT */
/*
 * guest_rename.c - give a guest that runs another name
 *
 * How this works: the name is the run directory's, and it moves by one
 * rename(2) that replaces nothing: in no moment has the guest no name or two,
 * and whoever would take either meets our lock.  Everything else follows:
 * xenstore's two nodes in one transaction, and the logs.  Should xenstore fail,
 * the directory goes back.
 */
#include "toolstack/supervisor/guest_rename.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/log.h"
#include "common/store.h"
#include "toolstack/supervisor/console.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/notify.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/vmcfg.h"

static int rename_nodes(struct guest *g, const char *to, struct err *e)
{
    char path[64], uuid[VM_UUID_TEXT];
    struct store_tree *t = NULL;
    int rc;

    if (g->domid == HYP_DOMID_NONE)
        return 0; /* its next domain gets the name it has then */
    rc = store_tree_new(&t, e);
    if (rc < 0)
        return rc;
    vmcfg_uuid_text(g->cfg->uuid, uuid);
    snprintf(path, sizeof(path), "/local/domain/%u/name", g->domid);
    store_tree_write(t, path, to);
    snprintf(path, sizeof(path), "/vm/%s/name", uuid);
    store_tree_write(t, path, to);
    rc = store_tree_commit(t, e);
    store_tree_free(t);
    return rc;
}

/* One that lies there already stays; the log then goes on in it. */
static void rename_logs(struct guest *g, const char *from, const char *to)
{
    char old[PATH_MAX], new[PATH_MAX];

    snprintf(new, sizeof(new), "%s/%s.log", g->opt.log_dir, to);
    console_rename(g->console, to, new);
    snprintf(old, sizeof(old), "%s/%s-supervisor.log", g->opt.log_dir, from);
    snprintf(new, sizeof(new), "%s/%s-supervisor.log", g->opt.log_dir, to);
    renameat2(AT_FDCWD, old, AT_FDCWD, new, RENAME_NOREPLACE);
}

static void tell(struct guest *g, const char *from, const char *to)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "from", json_object_new_string(from));
    json_object_object_add(o, "to", json_object_new_string(to));
    guest_event(g, "rename", o);
}

int guest_rename(struct guest *g, const char *to, struct err *e)
{
    char from[VM_NAME_MAX + 1];
    int rc = vmcfg_check_name(to, e);

    if (rc < 0)
        return rc;
    if (g->state == GUEST_GONE)
        return fail(e, -EBUSY, "guest %s: rename: it is gone", g->cfg->name);
    if (notify_is_wanted())
        return fail(e, -EBUSY,
                    "guest %s: rename: a service manager runs it and knows it "
                    "by this name; stop it there, rename its file, start that",
                    g->cfg->name);
    strcpy(from, g->cfg->name);
    rc = rundir_rename(g->dir, to, e);
    if (rc < 0)
        return rc;
    rc = rename_nodes(g, to, e);
    if (rc < 0) {
        if (rundir_rename(g->dir, from, NULL) < 0)
            log_err("guest %s: its name is %s on this host, but not in "
                    "xenstore",
                    from, to);
        return rc;
    }
    snprintf(g->cfg->name, sizeof(g->cfg->name), "%s", to);
    log_set_guest(to, NULL, NULL);
    rename_logs(g, from, to);
    log_info("guest %s: it was %s", to, from);
    tell(g, from, to);
    return 0;
}
