/* SPDX-License-Identifier: MIT */
/*
 * vifscript.c - a user's own vif script, and the hooks of vif-post.d
 */
#include "toolstack/supervisor/vifscript.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "toolstack/supervisor/vifdev.h"
#include "toolstack/supervisor/vifplace.h"

#define HOOKS SCRIPT_DIR "/vif-post.d/*.hook"
#define DOM0 "/local/domain/0/"

/* clang-format off */
/* $0 is vif-bridge.  What a hook says comes to us, not to xl's log. */
static const char hooks[] =
    "dir=${0%/*}\n"
    "exec 3>&2\n"
    "if [ -r \"$dir/xen-hotplug-common.sh\" ]; then\n"
    "    . \"$dir/xen-hotplug-common.sh\"\n"
    "    . \"$dir/xen-network-common.sh\"\n"
    "else\n"
    "    set -e\n"
    "fi\n"
    "exec 2>&3 3>&-\n"
    "for f in \"$dir\"/vif-post.d/*.hook; do\n"
    "    if [ -x \"$f\" ]; then . \"$f\"; fi\n"
    "done\n";
/* clang-format on */

struct env {
    const char *list[16];
    char text[12][PATH_MAX + 16];
    uint32_t nr;
};

static void put(struct env *v, const char *name, const char *value)
{
    snprintf(v->text[v->nr], sizeof(v->text[0]), "%s=%s", name,
             value ? value : "");
    v->list[v->nr] = v->text[v->nr];
    v->nr++;
}

static void put_xl(struct env *v, const struct vifdev_spec *s,
                   const char *script)
{
    const char *back = s->back;
    char usual[IFNAMSIZ];

    if (strncmp(back, DOM0, strlen(DOM0)) == 0)
        back += strlen(DOM0);
    vifplace_usual_name(s, usual);
    put(v, "script", script);
    put(v, "XENBUS_TYPE", "vif");
    put(v, "XENBUS_PATH", back);
    put(v, "XENBUS_BASE_PATH", "backend");
    put(v, "netdev", s->vif->gateway);
    put(v, "vif", usual);
}

/* What vif-common.sh and vif-bridge have made of that. */
static void put_bridge(struct env *v, const struct vifdev_spec *s,
                       const struct vifplace *p, const char *command)
{
    put(v, "command", command);
    put(v, "type_if", "vif");
    put(v, "dev", p->tap.name);
    put(v, "vifname", s->vif->name);
    put(v, "bridge", p->bridge);
    put(v, "ip", s->vif->ip);
}

/* Executable ones alone count. */
static bool has_hooks(void)
{
    bool found = false;
    glob_t g = { 0 };

    if (glob(HOOKS, 0, NULL, &g) == 0)
        for (size_t i = 0; i < g.gl_pathc && !found; i++)
            found = access(g.gl_pathv[i], X_OK) == 0;
    globfree(&g);
    return found;
}

static int run_hooks(uv_loop_t *loop, const struct vifdev_spec *s,
                     const struct vifplace *p, const char *command,
                     script_done *done, void *arg, struct script **out,
                     struct err *e)
{
    static const char script[] = SCRIPT_DIR "/vif-bridge";
    const char *const args[] = { "-c",    hooks,         script,
                                 command, "type_if=vif", NULL };
    char name[128];
    struct env env = { 0 };
    const struct script_job job = {
        .file = "/bin/bash", .args = args, .env = env.list, .name = name
    };
    int rc;

    if (!has_hooks())
        return 0;
    snprintf(name, sizeof(name), SCRIPT_DIR "/vif-post.d %s", command);
    put_xl(&env, s, script);
    put_bridge(&env, s, p, command);
    rc = script_start(loop, &job, done, arg, out, e);
    return rc < 0 ? rc : 1;
}

static int run_own(uv_loop_t *loop, const struct vifdev_spec *s,
                   const char *command, script_done *done, void *arg,
                   struct script **out, struct err *e)
{
    const char *const args[] = { command, "type_if=vif", NULL };
    char path[PATH_MAX], name[PATH_MAX + 16];
    struct env env = { 0 };
    const struct script_job job = {
        .file = path, .args = args, .env = env.list, .name = name
    };
    int rc;

    script_path(s->vif->script, path);
    snprintf(name, sizeof(name), "%s %s", path, command);
    put_xl(&env, s, path);
    rc = script_start(loop, &job, done, arg, out, e);
    return rc < 0 ? rc : 1;
}

int vifscript_start(uv_loop_t *loop, const struct vifdev_spec *s,
                    const struct vifplace *p, bool online, script_done *done,
                    void *arg, struct script **out, struct err *e)
{
    const char *command = online ? "online" : "offline";

    if (s->bare)
        return 0;
    if (vifplace_has_script(s))
        return run_own(loop, s, command, done, arg, out, e);
    return run_hooks(loop, s, p, command, done, arg, out, e);
}
