/* SPDX-License-Identifier: MIT */
/*
 * block.c - `freehold block-attach`, `block-detach`, `block-resize` and
 * `block-limits`
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/blockask.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/devask.h"
#include "toolstack/cli/disks.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/supervisor/vmvdev.h"

static int attach(const struct cmd_context *x, const char *word,
                  const char *spec, const char *limits, struct err *e)
{
    struct json_object *disk = NULL, *vdev;
    struct client *c = NULL;
    struct target t;
    int rc = ask_open(word, &c, &t, e);

    if (rc == 0)
        rc = block_attach(c, spec, limits, DEVASK_ATTACH_MS, &disk, e);
    client_close(c);
    if (rc < 0)
        return rc;
    if (x->json) {
        cmd_print_json(disk);
        return 0;
    }
    if (json_object_object_get_ex(disk, "vdev", &vdev))
        printf("%s\n", json_object_get_string(vdev));
    json_object_put(disk);
    return 0;
}

int cmd_block_attach(struct cmd_context *x, int argc, char **argv,
                     struct err *e)
{
    static const struct option options[] = {
        { "limits", required_argument, NULL, 'l' },
        { NULL, 0, NULL, 0 },
    };
    const char *limits = NULL;
    char *spec;
    int option, rc;

    optind = 0;
    while ((option = getopt_long(argc, argv, "l:", options, NULL)) != -1) {
        if (option != 'l')
            return EXIT_USAGE;
        limits = optarg;
    }
    if (argc - optind < 2)
        return EXIT_USAGE;
    spec = block_spec(argc - optind - 1, argv + optind + 1);
    if (!spec)
        return fail(e, -ENOMEM, "block-attach: no memory");
    rc = attach(x, argv[optind], spec, limits, e);
    free(spec);
    return rc;
}

int cmd_block_detach(struct cmd_context *x, int argc, char **argv,
                     struct err *e)
{
    (void)x;
    return devask_detach_all(argc, argv, block_detach, e);
}

int cmd_block_resize(struct cmd_context *x, int argc, char **argv,
                     struct err *e)
{
    struct json_object *params;

    (void)x;
    if (argc != 3)
        return EXIT_USAGE;
    params = json_object_new_object();
    json_object_object_add(params, "vdev", json_object_new_string(argv[2]));
    return ask(argv[1], "block_resize", params, e);
}

/* ---- limits ---- */

static int find_disk(struct json_object *info, const char *guest,
                     const char *vdev, struct disk *out, struct err *e)
{
    uint32_t devid;
    int rc = vmvdev_number(vdev, &devid);

    if (rc < 0)
        return fail(e, rc, "disk: got %.32s, want a vdev, as xvda or 51712",
                    vdev);
    for (uint32_t i = 0; i < disks_count(info); i++) {
        disks_get(info, i, out);
        if (out->devid == devid)
            return 0;
    }
    return fail(e, -ENOENT,
                "guest %s: it has no disk %s; see freehold "
                "block-list %s",
                guest, vdev, guest);
}

static int set_limits(struct client *c, const char *vdev,
                      const struct block_limits *l, struct err *e)
{
    struct json_object *params = json_object_new_object();

    json_object_object_add(params, "vdev", json_object_new_string(vdev));
    json_object_object_add(params, "iops", json_object_new_uint64(l->iops));
    json_object_object_add(params, "bps", json_object_new_uint64(l->bps));
    return client_call(c, "block_limits", params, NULL, e);
}

static void tell_limits(const struct cmd_context *x,
                        const struct block_limits *l)
{
    struct json_object *o;

    if (!x->json) {
        printf("iops=%" PRIu64 " bps=%" PRIu64 "\n", l->iops, l->bps);
        return;
    }
    o = json_object_new_object();
    json_object_object_add(o, "iops", json_object_new_uint64(l->iops));
    json_object_object_add(o, "bps", json_object_new_uint64(l->bps));
    cmd_print_json(o);
}

int cmd_block_limits(struct cmd_context *x, int argc, char **argv,
                     struct err *e)
{
    struct json_object *info = NULL;
    struct client *c = NULL;
    struct block_limits l;
    struct target t;
    struct disk d;
    int rc;

    if (argc < 3)
        return EXIT_USAGE;
    rc = block_limits_parse(argc - 3, argv + 3, &l, e);
    if (rc == 0)
        rc = ask_open(argv[1], &c, &t, e);
    if (rc == 0)
        rc = client_call(c, "info", NULL, &info, e);
    if (rc == 0)
        rc = find_disk(info, argv[1], argv[2], &d, e);
    if (rc == 0) {
        l.iops = l.has_iops ? l.iops : d.iops_limit;
        l.bps = l.has_bps ? l.bps : d.bps_limit;
    }
    if (rc == 0 && argc > 3)
        rc = set_limits(c, argv[2], &l, e);
    if (rc == 0 && (argc == 3 || x->json))
        tell_limits(x, &l);
    json_object_put(info);
    client_close(c);
    return rc;
}
