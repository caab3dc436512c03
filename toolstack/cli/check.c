/* SPDX-License-Identifier: MIT */
/*
 * check.c - `freehold check`: can this host run protected guests, or would it
 * run this one?
 *
 * How this works: the surest way to learn what Xen allows is to ask it, so an
 * empty protected domain is made and removed at once; its error names what is
 * missing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <json-c/json.h>

#include "abi/memory_map.h"
#include "common/checked.h"
#include "common/err.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/supervisor/dump.h"
#include "toolstack/supervisor/hyp.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/xenbus.h"

enum verdict { GOOD, NOTE, BAD };

struct checklist {
    bool json;
    struct json_object *lines;
    uint32_t nr_bad;
};

static void say(struct checklist *l, enum verdict v, const char *what,
                const char *text)
{
    static const char *const word[] = { "ok", "note", "FAIL" };
    struct json_object *o;

    l->nr_bad += v == BAD;
    if (!l->json) {
        printf("%-4s  %-12s %s\n", word[v], what, text);
        return;
    }
    o = json_object_new_object();
    json_object_object_add(o, "check", json_object_new_string(what));
    json_object_object_add(o, "result", json_object_new_string(word[v]));
    json_object_object_add(o, "text", json_object_new_string(text));
    json_object_array_add(l->lines, o);
}

static void check_nodes(struct checklist *l)
{
    static const char *const node[] = { "/dev/xen/privcmd", "/dev/xen/evtchn",
                                        "/dev/xen/gntdev" };
    char text[160];

    for (uint32_t i = 0; i < ARRAY_SIZE(node); i++) {
        if (access(node[i], R_OK | W_OK) == 0)
            continue;
        snprintf(text, sizeof(text),
                 "%s: %s; run as root in dom0 and load xen-privcmd, "
                 "xen-evtchn and xen-gntdev",
                 node[i], strerror(errno));
        say(l, BAD, "devices", text);
        return;
    }
    say(l, GOOD, "devices", "privcmd, evtchn and gntdev are there");
}

static void check_store(struct checklist *l)
{
    struct err e = { 0 };

    if (xenbus_check_daemon(&e) < 0)
        say(l, BAD, "xenstored", e.text);
    else
        say(l, GOOD, "xenstored", "the C xenstored, which maps by grant");
}

static void check_host(struct checklist *l, struct hyp *h)
{
    struct hyp_host host;
    struct err e = { 0 };
    char text[160];

    if (hyp_host(h, &host, &e) < 0) {
        say(l, BAD, "xen", e.text);
        return;
    }
    snprintf(text, sizeof(text), "%s, %llu of %llu MiB free", host.xen_version,
             (unsigned long long)(host.free_bytes >> 20),
             (unsigned long long)(host.total_bytes >> 20));
    say(l, GOOD, "xen", text);
    if (host.hap)
        say(l, GOOD, "paging", "the CPU has nested paging");
    else
        say(l, BAD, "paging",
            "no nested paging (HAP): switch it on in the firmware, or use "
            "another CPU");
}

/* The boot option `protected=`, as Xen was given it. */
static void check_option(struct checklist *l, struct hyp *h)
{
    char *line = hyp_xen_cmdline(h), *option = NULL, *word, *save, text[160];

    /* The last one wins, as for Xen. */
    for (word = line ? strtok_r(line, " ", &save) : NULL; word;
         word = strtok_r(NULL, " ", &save))
        if (strncmp(word, "protected=", strlen("protected=")) == 0)
            option = word;
    if (option && strncmp(option, "protected=off", strlen("protected=off"))) {
        if (strstr(option, ",lab"))
            snprintf(text, sizeof(text),
                     "%.60s: guests are allowed without IOMMU checks; for a "
                     "test lab only",
                     option);
        else
            snprintf(text, sizeof(text), "%.60s", option);
        say(l, strstr(option, ",lab") ? NOTE : GOOD, "boot option", text);
    } else {
        say(l, BAD, "boot option", "boot Xen with protected=on");
    }
    free(line);
}

static void check_create(struct checklist *l, struct hyp *h)
{
    struct hyp_spec spec = { .ram_bytes = FH_RAM_MIN, .nr_vcpus = 1 };
    struct err e = { 0 };
    uint16_t domid = HYP_DOMID_NONE;

    if (getrandom(spec.uuid, sizeof(spec.uuid), 0) < 0)
        return;
    if (hyp_create(h, &spec, &domid, &e) == 0)
        say(l, GOOD, "protection", "Xen makes protected domains");
    else
        say(l, BAD, "protection", e.text);
    if (domid != HYP_DOMID_NONE)
        hyp_destroy(h, domid, NULL);
}

/* A configuration alone: needs neither Xen nor root. */
static int check_file(struct cmd_context *x, int argc, char **argv,
                      struct err *e)
{
    struct vm_config cfg = { 0 };
    int rc = cmd_load_config(x, argv[0], argc - 1, argv + 1, &cfg, NULL, e);

    if (rc == 0 && x->json)
        cmd_print_json(dump_config(&cfg));
    else if (rc == 0)
        printf("ok    %s: guest %s, %u vCPUs, %llu MiB\n", argv[0], cfg.name,
               cfg.nr_vcpus, (unsigned long long)(cfg.target_bytes >> 20));
    vmcfg_free(&cfg);
    return rc;
}

int cmd_check(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct checklist l = { .json = x->json };
    struct hyp *h;
    struct err why = { 0 };

    if (argc > 1)
        return check_file(x, argc - 1, argv + 1, e);
    if (l.json)
        l.lines = json_object_new_array();
    check_nodes(&l);
    if (hyp_open(&h, &why) < 0) {
        say(&l, BAD, "xen", why.text);
    } else {
        check_host(&l, h);
        check_option(&l, h);
        check_create(&l, h);
        hyp_close(h);
    }
    check_store(&l);
    if (l.json)
        cmd_print_json(l.lines);
    return l.nr_bad ? 1 : 0;
}
