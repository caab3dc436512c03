/* SPDX-License-Identifier: MIT */
/*
 * guest_info.c - what a guest's API tells and does
 *
 *   info                     everything below, as one object
 *   config                   as it was checked; `create -n` prints the same
 *   shutdown {"how": ...}    ask the kernel; "poweroff" (default), "reboot"
 *   destroy                  remove the domain and every trace of it
 *   rename {"name": ...}     give it another name
 *   pause, unpause           unpause also launches a guest built with -p
 *   suspend, resume          ask the kernel to suspend; let it go on
 *   steward {"op": ...}      (guest_steward.c)
 *   reload                   go on as the program that is installed now
 *   migrate, migrate_cancel, resolve (guest_leaves.c, guest_resolve.c)
 *   (guest_tune.c, guest_block.c and guest_net.c have more)
 *   subscribe                as info, and events from now on (api.c)
 *
 * Events, each with `time_us` (CLOCK_REALTIME) and, if it has one, `domid`:
 *
 *   state {"state", "why"}             it moved
 *   restart {"restarts", "wait_ms"}    it is made anew, after so long
 *   shutdown {"how"}                   its kernel was asked to
 *   unheard {"unanswered_s"}           ... and it has not answered
 *   rename {"from", "to"}
 *   pause, unpause
 *   suspend                            its kernel was asked to
 *   unsuspended {"why"}                ... and has not done so
 *   resume
 *   steward {...}                      its steward answered
 *   migration, migration-end           (guest_move.c)
 *   set_memory, ... {"asked"}          a method of guest_tune.c was done
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "toolstack/supervisor/api.h"
#include "toolstack/supervisor/console.h"
#include "toolstack/supervisor/dump.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_json.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/guest_rename.h"
#include "toolstack/supervisor/vmcfg.h"

static struct json_object *hex(const uint8_t *bytes, size_t nr)
{
    char text[2 * 32 + 1];

    for (size_t i = 0; i < nr; i++)
        sprintf(text + 2 * i, "%02x", bytes[i]);
    return json_object_new_string_len(text, (int)(2 * nr));
}

static void add_text(struct json_object *o, const char *key, const char *text)
{
    json_object_object_add(o, key, json_object_new_string(text));
}

static void add_number(struct json_object *o, const char *key, uint64_t n)
{
    json_object_object_add(o, key, json_object_new_uint64(n));
}

static struct json_object *times_object(const struct guest_times *t)
{
    struct json_object *o = json_object_new_object();

    add_number(o, "hypercalls_us", t->hypercalls);
    add_number(o, "xenstore_us", t->xenstore);
    add_number(o, "load_us", t->load);
    add_number(o, "launch_us", t->launch);
    add_number(o, "total_us", t->total);
    return o;
}

static const char *steward_state(uint32_t s)
{
    static const char *const name[] = {
        [FH_STATE_NONE] = "none",           [FH_STATE_READY] = "ready",
        [FH_STATE_LOADING] = "loading",     [FH_STATE_STARTING] = "starting",
        [FH_STATE_RUNNING] = "running",     [FH_STATE_FAILED] = "failed",
        [FH_STATE_RECEIVING] = "receiving",
    };

    _Static_assert(ARRAY_SIZE(name) == FH_STATES, "steward_state");
    return s < FH_STATES ? name[s] : "unknown";
}

static void add_domain(struct json_object *o, struct guest *g)
{
    struct hyp_info d;

    if (g->domid == HYP_DOMID_NONE)
        return;
    add_number(o, "domid", g->domid);
    if (hyp_info(g->hyp, g->domid, &d, NULL) < 0)
        return;
    json_object_object_add(o, "protected",
                           json_object_new_boolean(d.protected));
    json_object_object_add(o, "paused", json_object_new_boolean(d.paused));
    add_number(o, "vcpus_online", d.nr_online);
    add_number(o, "vcpus_all", d.nr_vcpus);
    add_number(o, "memory_populated_kib", d.mem_pages * (PAGE_BYTES / 1024));
    add_number(o, "cpu_time_ms", d.cpu_ns / 1000000);
}

struct json_object *guest_info(struct guest *g)
{
    const struct vm_config *c = g->cfg;
    struct json_object *o = json_object_new_object();
    char uuid[VM_UUID_TEXT];

    vmcfg_uuid_text(c->uuid, uuid);
    add_text(o, "name", c->name);
    add_text(o, "uuid", uuid);
    add_text(o, "state", guest_state_name(g->state));
    add_text(o, "why", g->why);
    add_number(o, "since_us", g->moved_us);
    add_number(o, "supervisor_pid", getpid());
    add_number(o, "vcpus", c->nr_vcpus);
    add_number(o, "memory_mib", guest_target_kib(g) / 1024);
    add_number(o, "memory_target_kib", guest_target_kib(g));
    add_number(o, "max_memory_mib", c->ram_bytes / MIB_BYTES);
    add_domain(o, g);
    add_text(o, "steward", steward_state(g->load.steward_state));
    if (g->state == GUEST_RUNNING || g->state == GUEST_SUSPENDED ||
        g->state == GUEST_KEPT) {
        json_object_object_add(o, "measurement",
                               hex(g->identity.measurement, 32));
        json_object_object_add(o, "guest_id", hex(g->identity.guest_id, 16));
    }
    add_text(o, "on_poweroff", vm_action_name(c->on_poweroff));
    add_text(o, "on_reboot", vm_action_name(c->on_reboot));
    add_text(o, "on_watchdog", vm_action_name(c->on_watchdog));
    add_text(o, "on_crash", vm_action_name(c->on_crash));
    add_text(o, "on_soft_reset", vm_action_name(c->on_soft_reset));
    add_number(o, "restarts", g->nr_restarts);
    add_number(o, "console_bytes", console_said(g->console));
    json_object_object_add(o, "times", times_object(&g->times));
    json_object_object_add(o, "migration", guest_move_info(g));
    json_object_object_add(o, "disks", guest_block_info(g));
    json_object_object_add(o, "vifs", guest_net_info(g));
    return o;
}

void guest_event(struct guest *g, const char *method, struct json_object *what)
{
    struct json_object *o = what ? what : json_object_new_object();

    add_number(o, "time_us", guest_clock_us());
    if (g->domid != HYP_DOMID_NONE)
        add_number(o, "domid", g->domid);
    if (g->api)
        api_event(g->api, method, o);
    else
        json_object_put(o);
}

/* Done by guest_tune.c: whoever watches the guest hears of it. */
static int call_tune(struct guest *g, const char *method,
                     struct json_object *params, struct err *e)
{
    struct json_object *o;
    int rc = guest_tune(g, method, params, e);

    if (rc < 0)
        return rc;
    o = json_object_new_object();
    json_object_object_add(o, "asked", json_object_get(params));
    guest_event(g, method, o);
    return 0;
}

static int call_shutdown(struct guest *g, struct json_object *params,
                         struct err *e)
{
    struct json_object *value = NULL;
    const char *how = "poweroff";

    if (params)
        json_object_object_get_ex(params, "how", &value);
    if (value)
        how = json_object_get_string(value);
    if (strcmp(how, "poweroff") && strcmp(how, "reboot"))
        return fail(e, -EINVAL,
                    "shutdown: how: got %.32s, want poweroff or reboot", how);
    return guest_stop(g, how, e);
}

static int call_rename(struct guest *g, struct json_object *params,
                       struct err *e)
{
    struct json_object *to = NULL;

    if (!params || !json_object_object_get_ex(params, "name", &to) ||
        !json_object_is_type(to, json_type_string))
        return fail(e, -EINVAL, "rename: name: want a string");
    return guest_rename(g, json_object_get_string(to), e);
}

int guest_call(void *arg, const char *method, struct json_object *params,
               struct json_object **result, struct err *e)
{
    struct guest *g = arg;
    int rc;

    if (params && !json_object_is_type(params, json_type_object))
        return fail(e, -EINVAL, "%.32s: params: want an object", method);
    rc = guest_move_bars(g, method, params, e);
    if (rc == 0)
        rc = guest_move_call(g, method, params, e);
    if (rc != -ENOSYS)
        return rc;
    if (strcmp(method, "info") == 0) {
        *result = guest_info(g);
        return 0;
    }
    if (strcmp(method, "config") == 0) {
        *result = dump_config(g->cfg);
        return 0;
    }
    if (strcmp(method, "shutdown") == 0)
        return call_shutdown(g, params, e);
    if (strcmp(method, "rename") == 0)
        return call_rename(g, params, e);
    if (strcmp(method, "destroy") == 0) {
        if (g->move && guest_json_is(params, "force"))
            g->move->wants_gone = true; /* and nobody is told */
        guest_destroy(g);
        return 0;
    }
    if (strcmp(method, "pause") == 0)
        return guest_pause(g, e);
    if (strcmp(method, "unpause") == 0)
        return guest_resume(g, e);
    if (strcmp(method, "reload") == 0)
        return guest_reload(g, e);
    if (strcmp(method, "suspend") == 0)
        return guest_suspend(g, e);
    if (strcmp(method, "resume") == 0)
        return guest_wake(g, e);
    if (strcmp(method, "steward") == 0)
        return guest_steward_call(g, params, e);
    rc = guest_block_call(g, method, params, result, e);
    if (rc == -ENOSYS)
        rc = guest_net_call(g, method, params, result, e);
    return rc == -ENOSYS ? call_tune(g, method, params, e) : rc;
}
