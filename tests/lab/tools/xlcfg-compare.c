/* SPDX-License-Identifier: MIT */
/*
 * xlcfg-compare.c - what `xl -N create` reads of a file, and what we read
 *
 * Runs in dom0: xl asks Xen for its CPUs even for a dry run.  Prints one line
 * for each file, `same`, `refused` (by us, and its head says so) or what
 * differs; ends with 1 if anything does.  What is known to differ stands in
 * the tables below, with the reason.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <json-c/json.h>

/* Names in xl's answer that ours has not: what they ask for has no effect. */
static const char *const xl_only[] = {
    "run_hotplug_scripts",
    "claim_mode",
    "arch_arm",
    "arch_x86",
    "type.pvh",
    "type.pv",
    "tsc_mode",
    "timer_mode",
    "acpi",
    "apic",
    "hap",
    "localtime",
    "nested_hvm",
    "video_memkb",
    "max_grant_frames",
    "vnuma_nodes",
    "numa_placement",
    "device_model_version",
    "nictype",
    "specification",
    "vcpu_hard_affinity",
    "vcpu_soft_affinity",
    "cpuid", /* both as written, under "freehold" */
    NULL,
};
/* Names that ours always has, and xl's only when they are set. */
static const char *const ours_only[] = {
    "freehold",
    "avail_vcpus",
    "max_vcpus",
    NULL,
};
/* xl's words for which we have another, or none (vmcfg.c, load_action). */
static const char *const words[][2] = {
    { "restart_rename", "restart" },
    { "coredump_restart", "restart" },
    { "coredump_destroy", "" },
    { NULL, NULL },
};

static bool listed(const char *const *list, const char *key)
{
    for (; *list; list++)
        if (strcmp(*list, key) == 0)
            return true;
    return false;
}

static struct json_object *run(const char *fmt, const char *path)
{
    char command[512];
    char *text = calloc(1, 1 << 20);
    struct json_object *o = NULL;
    FILE *f;
    int status;

    snprintf(command, sizeof(command), fmt, path);
    f = popen(command, "r");
    if (!f || !text)
        exit(2);
    text[fread(text, 1, (1 << 20) - 1, f)] = 0;
    status = pclose(f);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        o = json_tokener_parse(text);
    free(text);
    return o;
}

static bool known_word(const char *key, const char *xl, const char *ours)
{
    if (strcmp(key, "on_soft_reset") == 0 && strcmp(xl, "soft_reset") == 0)
        return true; /* it does what on_reboot says, or what it says itself */
    if (strcmp(key, "type") == 0 && strcmp(xl, "pv") == 0)
        return true; /* no type: pvh with us */
    for (uint32_t i = 0; words[i][0]; i++)
        if (strcmp(words[i][0], xl) == 0 && strcmp(words[i][1], ours) == 0)
            return true;
    return false;
}

static int differ(const char *path, const char *key, const char *how)
{
    printf("%s: %s: %s\n", path, key, how);
    return 1;
}

static int same(const char *path, const char *key, struct json_object *xl,
                struct json_object *ours);

static bool is_empty(struct json_object *o)
{
    return (json_object_is_type(o, json_type_array) &&
            json_object_array_length(o) == 0) ||
           (json_object_is_type(o, json_type_object) &&
            json_object_object_length(o) == 0);
}

static int same_object(const char *path, struct json_object *xl,
                       struct json_object *ours)
{
    struct json_object *other;
    int nr = 0;

    json_object_object_foreach(xl, key, value)
    {
        if (listed(xl_only, key))
            continue;
        if (json_object_object_get_ex(ours, key, &other))
            nr += same(path, key, value, other);
        else if (!is_empty(value) &&
                 !known_word(key, json_object_get_string(value), ""))
            nr += differ(path, key, json_object_get_string(value));
    }
    json_object_object_foreach(ours, our_key, our_value)
    {
        if (!listed(ours_only, our_key) && !is_empty(our_value) &&
            !json_object_object_get_ex(xl, our_key, &other))
            nr += differ(path, our_key, "with us alone");
    }
    return nr;
}

static int same(const char *path, const char *key, struct json_object *xl,
                struct json_object *ours)
{
    char how[400];
    int nr = 0;

    if (json_object_is_type(xl, json_type_object))
        return same_object(path, xl, ours);
    if (json_object_is_type(xl, json_type_array) &&
        json_object_array_length(xl) == json_object_array_length(ours)) {
        for (size_t i = 0; i < json_object_array_length(xl); i++)
            nr += same(path, key, json_object_array_get_idx(xl, i),
                       json_object_array_get_idx(ours, i));
        return nr;
    }
    if (strcmp(json_object_get_string(xl), json_object_get_string(ours)) == 0 ||
        known_word(key, json_object_get_string(xl),
                   json_object_get_string(ours)))
        return 0;
    snprintf(how, sizeof(how), "xl %.180s, we %.180s",
             json_object_get_string(xl), json_object_get_string(ours));
    return differ(path, key, how);
}

/* A drawn uuid is another each time. */
static void drop_drawn_uuid(const char *path, struct json_object *xl,
                            struct json_object *ours)
{
    struct json_object *again = run("freehold create -n %s 2>/dev/null", path);
    struct json_object *a = json_object_object_get(again, "c_info");
    struct json_object *b = json_object_object_get(ours, "c_info");

    if (!json_object_equal(a, b)) {
        json_object_object_del(b, "uuid");
        json_object_object_del(json_object_object_get(xl, "c_info"), "uuid");
    }
    json_object_put(again);
}

/* Does its head say `# freehold: refused`? */
static bool to_be_refused(const char *path)
{
    char text[4096] = "";
    FILE *f = fopen(path, "r");

    if (!f)
        exit(2);
    text[fread(text, 1, sizeof(text) - 1, f)] = 0;
    fclose(f);
    return strstr(text, "# freehold: refused ") != NULL;
}

static int compare(const char *path)
{
    struct json_object *xl = run("xl -N create %s 2>/dev/null", path);
    struct json_object *ours = run("freehold create -n %s 2>/dev/null", path);
    int nr = 0;

    if (!ours != to_be_refused(path))
        nr = differ(path, "we", ours ? "accept it" : "refuse it");
    else if (!ours)
        printf("%s: refused%s\n", path, xl ? "" : ", by xl too");
    else if (!xl)
        nr = differ(path, "xl", "refuses it");
    if (xl && ours) {
        drop_drawn_uuid(path, xl, ours);
        nr += same_object(path, xl, ours);
        if (nr == 0)
            printf("%s: same\n", path);
    }
    json_object_put(xl);
    json_object_put(ours);
    return nr;
}

int main(int argc, char **argv)
{
    int nr = 0;

    for (int i = 1; i < argc; i++)
        nr += compare(argv[i]);
    return nr || argc < 2;
}
