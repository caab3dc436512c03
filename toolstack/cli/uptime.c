/* SPDX-License-Identifier: MIT */
/*
 * uptime.c - `freehold uptime`
 *
 * A domain's start is in xenstore, where we and xl write it; dom0's own is the
 * kernel's.  A domain without one is left out, as xl does.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/columns.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/host.h"

static bool dom0_up(uint64_t *out)
{
    FILE *f = fopen("/proc/uptime", "re");
    unsigned long long s;
    bool good = f && fscanf(f, "%llu", &s) == 1;

    if (f)
        fclose(f);
    if (good)
        *out = s;
    return good;
}

static bool guest_up(struct store *s, const struct target *t, time_t now,
                     uint64_t *out)
{
    time_t start = host_start_of(s, t);

    *out = now > start ? (uint64_t)(now - start) : 0;
    return start > 0;
}

static void print_one(const struct target *t, uint64_t up_s, bool brief,
                      time_t now, struct json_object *array)
{
    struct json_object *o;
    struct tm tm;
    char text[16];

    if (array) {
        o = json_object_new_object();
        json_object_object_add(o, "name", json_object_new_string(t->name));
        json_object_object_add(o, "domid",
                               json_object_new_int(t->domain.domid));
        json_object_object_add(o, "uptime_s", json_object_new_uint64(up_s));
        json_object_array_add(array, o);
    } else if (brief) {
        localtime_r(&now, &tm);
        strftime(text, sizeof(text), "%H:%M:%S", &tm);
        columns_uptime_short(stdout, t, up_s, text);
    } else {
        columns_uptime(stdout, t, up_s);
    }
}

int cmd_uptime(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct json_object *array = NULL;
    time_t now = time(NULL);
    bool brief = false;
    struct host h;
    uint64_t up_s;
    int option, rc;

    optind = 0;
    while ((option = getopt(argc, argv, "s")) != -1) {
        if (option != 's')
            return EXIT_USAGE;
        brief = true;
    }
    rc = host_open(&h, argc - optind, argv + optind, false, e);
    if (rc == 0 && x->json)
        array = json_object_new_array();
    else if (rc == 0 && !brief)
        columns_uptime_head(stdout);
    for (int i = 0; rc == 0 && i < h.nr; i++) {
        const struct target *t = &h.list[i];

        if (t->domain.domid == 0 ? dom0_up(&up_s)
                                 : guest_up(h.store, t, now, &up_s))
            print_one(t, up_s, brief, now, array);
    }
    if (array)
        cmd_print_json(array);
    host_close(&h);
    return rc;
}
