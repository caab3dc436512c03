/* SPDX-License-Identifier: MIT */
/*
 * info.c - `freehold info`
 *
 * Of the host without a word, as xl does it; of a guest with its name.  A word
 * that is a key of the host, such as free_memory, is that: scripts ask xl so,
 * and no guest's name may change what they hear.  Either has the posture: a
 * guest is no better protected than its host.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/cards.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/disks.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/hostinfo.h"
#include "toolstack/cli/posture.h"
#include "toolstack/cli/target.h"

/* Words in one line. */
static void print_words(const char *name, struct json_object *list)
{
    size_t nr = json_object_array_length(list);

    printf("%-23s: %s", name, nr ? "" : "nothing");
    for (size_t i = 0; i < nr; i++)
        printf("%s%s", i ? ", " : "",
               json_object_get_string(json_object_array_get_idx(list, i)));
    printf("\n");
}

static void print_object(struct json_object *o, const char *prefix)
{
    json_object_object_foreach(o, key, value)
    {
        char name[64], inner[64];

        snprintf(name, sizeof(name), "%s%s", prefix, key);
        snprintf(inner, sizeof(inner), "%s.", key);
        if (!value)
            continue; /* no transfer goes on */
        if (json_object_is_type(value, json_type_object))
            print_object(value, inner);
        else if (strcmp(key, "disks") == 0)
            disks_print(stdout, o);
        else if (strcmp(key, "vifs") == 0)
            cards_print(stdout, o);
        else if (strcmp(key, "lacks") == 0)
            print_words(name, value);
        else
            printf("%-23s: %s\n", name, json_object_get_string(value));
    }
}

/* What can be said of a guest whose supervisor is not there. */
static struct json_object *bare_info(const struct target *t)
{
    struct json_object *o = json_object_new_object();
    char uuid[VM_UUID_TEXT];

    vmcfg_uuid_text(t->has_domain ? t->domain.uuid : t->state.uuid, uuid);
    json_object_object_add(o, "name", json_object_new_string(t->name));
    json_object_object_add(o, "uuid", json_object_new_string(uuid));
    json_object_object_add(o, "state", json_object_new_string("no supervisor"));
    if (!t->has_domain)
        return o;
    json_object_object_add(o, "domid", json_object_new_int(t->domain.domid));
    json_object_object_add(o, "protected",
                           json_object_new_boolean(t->domain.protected));
    json_object_object_add(o, "vcpus_all",
                           json_object_new_int(t->domain.nr_vcpus));
    json_object_object_add(o, "vcpus_online",
                           json_object_new_int(t->domain.nr_online));
    return o;
}

static int get_info(const char *word, struct json_object **out, struct err *e)
{
    struct json_object *posture;
    struct client *c = NULL;
    struct target t;
    struct hyp *h;
    int rc = hyp_open(&h, e);

    if (rc < 0)
        return rc;
    rc = target_find(h, NULL, word, &t, e);
    hyp_close(h);
    if (rc < 0)
        return rc;
    if (!t.known && !(t.has_domain && t.domain.protected))
        return fail(e, -EINVAL,
                    "guest %s: info: it is no guest of ours; use xl", word);
    if (!t.state.supervised) {
        *out = bare_info(&t);
    } else {
        rc = client_open(t.name, &c, e);
        if (rc == 0)
            rc = client_call(c, "info", NULL, out, e);
        client_close(c);
    }
    posture = rc < 0 ? NULL : posture_object();
    if (posture)
        json_object_object_add(*out, "posture", posture);
    return rc;
}

/* 1: the word is one of the host's keys.  0: it is not. */
static int tell_host(const struct cmd_context *x, const char *word,
                     struct err *e)
{
    struct json_object *o, *value;
    int rc = hostinfo_object(&o, e);

    if (rc < 0)
        return rc;
    rc = 1;
    if (!word && x->json)
        cmd_print_json(json_object_get(o));
    else if (!word)
        print_object(o, "");
    else if (!json_object_object_get_ex(o, word, &value))
        rc = 0;
    else if (x->json)
        cmd_print_json(json_object_get(value));
    else
        printf("%s\n", json_object_get_string(value));
    json_object_put(o);
    return rc;
}

int cmd_info(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct json_object *o = NULL;
    int rc;

    if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
        return EXIT_USAGE;
    rc = tell_host(x, argv[1], e);
    if (rc)
        return rc < 0 ? rc : 0;
    rc = get_info(argv[1], &o, e);
    if (rc < 0)
        return rc;
    if (x->json) {
        cmd_print_json(o);
    } else {
        print_object(o, "");
        json_object_put(o);
    }
    return 0;
}
