/* SPDX-License-Identifier: MIT */
/*
 * blockask.c - what is asked of a supervisor about a disk
 */
#include "toolstack/cli/blockask.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/devask.h"
#include "toolstack/supervisor/vmvdev.h"

/* ---- what a command line says ---- */

static const char *rest_of(const char *word)
{
    const char *at = strstr(word, "target=");

    return at && (at == word || at[-1] == ',' || at[-1] == ' ') ? at : NULL;
}

char *block_spec(int nr, char **words)
{
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);
    bool begun = false;

    if (!f)
        return NULL;
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < nr; i++)
            if (!!rest_of(words[i]) == last) {
                fprintf(f, "%s%s", begun ? "," : "", words[i]);
                begun = true;
            }
    if (fclose(f) == 0)
        return text;
    free(text);
    return NULL;
}

static bool take_number(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return isdigit((unsigned char)*text) && !*end && !errno &&
           *out <= INT64_MAX;
}

int block_limits_parse(int nr, char **words, struct block_limits *out,
                       struct err *e)
{
    *out = (struct block_limits){ 0 };
    for (int i = 0; i < nr; i++) {
        bool iops = strncmp(words[i], "iops=", 5) == 0;
        bool bps = strncmp(words[i], "bps=", 4) == 0;
        bool *has = iops ? &out->has_iops : &out->has_bps;

        if ((!iops && !bps) || *has ||
            !take_number(strchr(words[i], '=') + 1,
                         iops ? &out->iops : &out->bps))
            return fail(e, -EINVAL,
                        "limits: got %.40s, want iops=N or bps=N, once each",
                        words[i]);
        *has = true;
    }
    return 0;
}

/* ---- how it goes ---- */

static const struct devask_kind disks = {
    .noun = "disk",
    .event = "block",
    .attach = "block_attach",
    .detach = "block_detach",
    .id = "vdev",
    .name = "vdev",
    .unready = "its store was not opened",
    .list = "block-list",
};

int block_attach(struct client *c, const char *spec, const char *limits,
                 int timeout_ms, struct json_object **out, struct err *e)
{
    struct json_object *params = json_object_new_object();

    json_object_object_add(params, "disk", json_object_new_string(spec));
    if (limits)
        json_object_object_add(params, "limits",
                               json_object_new_string(limits));
    return devask_attach(c, &disks, params, timeout_ms, out, e);
}

int block_detach(struct client *c, const char *vdev, bool force, int timeout_ms,
                 struct err *e)
{
    uint32_t devid;
    int rc = vmvdev_number(vdev, &devid);

    if (rc < 0)
        return fail(e, rc, "disk: got %.32s, want a vdev, as xvda or 51712",
                    vdev);
    return devask_detach(c, &disks, vdev, &devid, force, timeout_ms, e);
}
