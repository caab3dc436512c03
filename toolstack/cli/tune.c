/* SPDX-License-Identifier: MIT */
/*
 * tune.c - `freehold mem-set`, `mem-max`, `vcpu-set`, `vcpu-pin` and `sysrq`
 *
 * Each is one call of the guest's supervisor, which knows what may be asked.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/columns.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/units.h"

static int set_kib(int argc, char **argv, const char *method, const char *key,
                   struct err *e)
{
    struct json_object *params;
    uint64_t kib;
    int rc;

    if (argc != 3)
        return EXIT_USAGE;
    rc = units_kib(argv[2], &kib, e);
    if (rc < 0)
        return rc;
    params = json_object_new_object();
    json_object_object_add(params, key, json_object_new_uint64(kib));
    return ask(argv[1], method, params, e);
}

int cmd_mem_set(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    (void)x;
    return set_kib(argc, argv, "set_memory", "target_kib", e);
}

int cmd_mem_max(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    (void)x;
    return set_kib(argc, argv, "set_max_memory", "max_kib", e);
}

/* As xl: more vCPUs than the host has CPUs only if asked for. */
static int check_host(const char *word, uint32_t nr, struct err *e)
{
    struct target t;
    struct hyp *h;
    int rc = hyp_open(&h, e);

    if (rc < 0)
        return rc;
    rc = target_find(h, NULL, word, &t, e);
    if (rc == 0)
        rc = hyp_nr_cpus(h, e);
    hyp_close(h);
    if (rc > 0 && nr > (uint32_t)rc &&
        nr > columns_vcpus(&t.domain, t.domain.nr_online))
        return fail(e, -EINVAL,
                    "guest %s: vcpu-set: got %u vCPUs, the host has %d CPUs; "
                    "-i sets them all the same",
                    word, nr, rc);
    return rc < 0 ? rc : 0;
}

static const struct option set_options[] = {
    { "ignore-host", no_argument, NULL, 'i' },
    { NULL, 0, NULL, 0 },
};

int cmd_vcpu_set(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct json_object *params;
    bool ignore = false;
    uint32_t nr;
    int option, rc;

    (void)x;
    optind = 0;
    while ((option = getopt_long(argc, argv, "i", set_options, NULL)) != -1) {
        if (option != 'i')
            return EXIT_USAGE;
        ignore = true;
    }
    if (argc - optind != 2)
        return EXIT_USAGE;
    rc = units_number("vcpus", argv[optind + 1], VM_VCPUS_MAX, &nr, e);
    if (rc == 0 && !ignore)
        rc = check_host(argv[optind], nr, e);
    if (rc < 0)
        return rc;
    params = json_object_new_object();
    json_object_object_add(params, "count", json_object_new_int((int)nr));
    return ask(argv[optind], "set_vcpus", params, e);
}

/* `-` leaves it as it is. */
static void add_set(struct json_object *params, const char *key,
                    const char *text)
{
    if (strcmp(text, "-"))
        json_object_object_add(params, key, json_object_new_string(text));
}

int cmd_vcpu_pin(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct json_object *params;
    uint32_t vcpu;
    bool all;
    int rc = 0;

    (void)x;
    /* About dom0's own pins, and about a file that is not ours. */
    while (argc > 1 &&
           (strcmp(argv[1], "-f") == 0 || strcmp(argv[1], "--force") == 0 ||
            strcmp(argv[1], "--ignore-global-affinity-masks") == 0))
        argc--, argv++;
    if (argc != 4 && argc != 5)
        return EXIT_USAGE;
    all = strcmp(argv[2], "all") == 0;
    if (!all)
        rc = units_number("vcpu", argv[2], VM_VCPUS_MAX - 1, &vcpu, NULL);
    if (rc < 0)
        return fail(e, rc, "vcpu: got %.32s, want 0..%u or all", argv[2],
                    VM_VCPUS_MAX - 1);
    params = json_object_new_object();
    if (!all)
        json_object_object_add(params, "vcpu", json_object_new_int((int)vcpu));
    add_set(params, "hard", argv[3]);
    if (argc == 5)
        add_set(params, "soft", argv[4]);
    return ask(argv[1], "pin_vcpu", params, e);
}

int cmd_sysrq(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct json_object *params;

    (void)x;
    if (argc != 3)
        return EXIT_USAGE;
    params = json_object_new_object();
    json_object_object_add(params, "key", json_object_new_string(argv[2]));
    return ask(argv[1], "sysrq", params, e);
}
