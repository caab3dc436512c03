/* SPDX-License-Identifier: MIT */
/*
 * control.c - `freehold destroy`, `pause` and `unpause`
 *
 * How this works: a guest's supervisor does what is asked.  Destroy must work
 * always, so it alone can do without: it takes the name of a dead supervisor,
 * and removes the domain, its tree and its files itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/store.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/target.h"
#include "toolstack/supervisor/devfile.h"
#include "toolstack/supervisor/vbd_nodes.h"
#include "toolstack/supervisor/vif.h"
#include "toolstack/supervisor/vifdev.h"
#include "toolstack/supervisor/xenbus.h"

/* Read events until the supervisor hangs up. */
static int wait_for_end(struct client *c, struct err *e)
{
    struct json_object *event;
    int rc;

    while ((rc = client_event(c, &event, e)) == 1)
        json_object_put(event);
    return rc;
}

/* By way of its supervisor; returns when that has finished. */
static int destroy_asked(const char *name, bool force, struct err *e)
{
    struct json_object *how;
    struct client *c;
    int rc = client_open(name, &c, e);

    if (rc < 0)
        return rc;
    rc = client_call(c, "subscribe", NULL, NULL, e);
    if (rc == 0) {
        how = json_object_new_object();
        json_object_object_add(how, "force", json_object_new_boolean(force));
        rc = client_call(c, "destroy", how, NULL, e);
    }
    if (rc == -EPIPE)
        rc = 0; /* it was faster than its answer */
    else if (rc == 0)
        rc = wait_for_end(c, e);
    client_close(c);
    return rc;
}

/* Is this tree still the guest's, or already that of another domain? */
static bool tree_is_of(struct store *s, uint16_t domid, const uint8_t uuid[16])
{
    char path[64], want[64], text[VM_UUID_TEXT], *got;
    bool same;

    vmcfg_uuid_text(uuid, text);
    snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
    snprintf(want, sizeof(want), "/vm/%s", text);
    got = store_read(s, path);
    same = got && strcmp(got, want) == 0;
    free(got);
    return same;
}

/* Without a supervisor. */
static int destroy_alone(struct hyp *h, struct store *s, const struct target *t,
                         struct err *e)
{
    struct rundir d = { .lock_fd = -1 };
    uint16_t domid = t->has_domain ? t->domain.domid : t->state.domid;
    const uint8_t *uuid = t->known ? t->state.uuid : t->domain.uuid;
    int rc = 0;

    if (t->known)
        rc = rundir_take(RUNDIR_BASE, t->name, &d, e);
    if (rc < 0)
        return rc;
    if (t->has_domain)
        rc = hyp_destroy(h, domid, e);
    if (rc == 0 && domid && tree_is_of(s, domid, uuid)) {
        rc = xenbus_remove(s, domid, uuid, e);
        vbd_nodes_remove_all(domid, s, NULL);
        vif_remove_all(domid, s, NULL);
    }
    if (rc == 0 && t->known)
        devfile_clear(&d);
    if (rc == 0 && domid)
        vifdev_remove_left(domid); /* after their backends */
    if (rc == 0)
        rundir_remove(&d);
    return rc;
}

/*
 * One that is suspended, and whose supervisor cannot tell, may be fenced: then
 * it is the last of it, or runs elsewhere.  So is one that may wait for START.
 */
static int check_suspended(const struct target *t, const char *why,
                           struct err *e)
{
    bool sleeps =
        t->has_domain && t->domain.shutdown && t->domain.reason == HYP_SUSPEND;

    if (!sleeps && !(t->has_domain && t->state.receives))
        return 0;
    return fail(e, -EBUSY,
                "guest %s: destroy: it is %s, and its supervisor %s; -f "
                "destroys what is here",
                t->name,
                sleeps ? "suspended, perhaps to move to another host"
                       : "on its way from another host",
                why);
}

static int destroy(struct hyp *h, struct store *s, const char *word, bool force,
                   struct err *e)
{
    struct target t;
    int rc = target_find(h, s, word, &t, e);

    if (rc < 0)
        return rc;
    if (!t.known && !t.domain.protected)
        return fail(e, -EINVAL,
                    "guest %s: destroy: it is no guest of ours; use xl "
                    "destroy",
                    word);
    if (!t.state.supervised) {
        rc =
            force ? 0 : check_suspended(&t, "died; freehold run takes over", e);
        return rc < 0 ? rc : destroy_alone(h, s, &t, e);
    }
    rc = destroy_asked(t.name, force, e);
    if (rc == -ETIMEDOUT && t.has_domain) {
        /* It hangs: its domain goes all the same, and it will notice. */
        rc = force ? 0 : check_suspended(&t, "does not answer", e);
        if (rc == 0)
            rc = hyp_destroy(h, t.domain.domid, e);
        if (rc == 0 && s)
            rc = xenbus_remove(s, t.domain.domid, t.state.uuid, e);
    }
    return rc;
}

int cmd_destroy(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct store *s = NULL;
    struct hyp *h = NULL;
    bool force = false;
    int rc;

    (void)x;
    if (argc == 3 &&
        (strcmp(argv[1], "-f") == 0 || strcmp(argv[1], "--force") == 0)) {
        force = true;
        argc--, argv++;
    }
    if (argc != 2)
        return EXIT_USAGE;
    rc = hyp_open(&h, e);
    if (rc == 0 && xenbus_connect(&s, NULL) < 0)
        s = NULL; /* a supervisor does without, and so does the domain's end */
    if (rc == 0)
        rc = destroy(h, s, argv[1], force, e);
    store_close(s);
    hyp_close(h);
    return rc;
}

int cmd_pause(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    (void)x;
    return argc == 2 ? ask(argv[1], "pause", NULL, e) : EXIT_USAGE;
}

int cmd_unpause(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    (void)x;
    return argc == 2 ? ask(argv[1], "unpause", NULL, e) : EXIT_USAGE;
}
