/* SPDX-License-Identifier: MIT */
/*
 * hostinfo.c - what `info` says of the host
 */
#include "toolstack/cli/hostinfo.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/posture.h"
#include "toolstack/supervisor/hyp_host.h"

static void add(void *arg, const char *key, const char *value)
{
    size_t nr = strlen(value);
    bool is_number = nr > 0 && nr < 16 && strspn(value, "0123456789") == nr;

    json_object_object_add(arg, key,
                           is_number
                               ? json_object_new_int64(strtoll(value, NULL, 10))
                               : json_object_new_string(value));
}

int hostinfo_object(struct json_object **out, struct err *e)
{
    struct json_object *o = json_object_new_object(), *posture;
    struct utsname u;
    struct hyp *h;
    int rc = hyp_open(&h, e);

    if (rc == 0 && uname(&u) == 0) {
        add(o, "host", u.nodename);
        add(o, "release", u.release);
        add(o, "version", u.version);
        add(o, "machine", u.machine);
    }
    if (rc == 0) {
        rc = hyp_tell_host(h, add, o, e);
        hyp_close(h);
    }
    if (rc < 0) {
        json_object_put(o);
        return rc;
    }
    add(o, "xend_config_format", "4");
    posture = posture_object();
    if (posture)
        json_object_object_add(o, "posture", posture);
    *out = o;
    return 0;
}
