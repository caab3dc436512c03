/* SPDX-License-Identifier: MIT */
/*
 * gather.c - ask many supervisors at once, and wait for none too long
 */
#include "toolstack/cli/gather.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/client.h"

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* Returns true when there is no more to expect. */
static bool take_answer(struct client *c, struct json_object **out)
{
    struct json_object *o, *part;
    int rc = client_take(c, &o, NULL);

    if (rc == -EAGAIN)
        return false;
    if (rc != 1)
        return true;
    if (json_object_object_get_ex(o, "result", &part))
        *out = json_object_get(part);
    json_object_put(o);
    return true;
}

/* Until each has answered or the time is over. */
static void wait_for(struct client **clients, struct pollfd *p, int nr,
                     int timeout_ms, struct json_object **out)
{
    uint64_t end = now_ms() + (uint64_t)timeout_ms, now;
    int nr_left = 0;

    for (int i = 0; i < nr; i++) {
        p[i] = (struct pollfd){ .fd = clients[i] ? client_fd(clients[i]) : -1,
                                .events = POLLIN };
        nr_left += clients[i] != NULL;
    }
    while (nr_left > 0 && (now = now_ms()) < end) {
        if (poll(p, nr, (int)(end - now)) < 0 && errno != EINTR)
            return;
        for (int i = 0; i < nr; i++)
            if (p[i].fd >= 0 && p[i].revents &&
                take_answer(clients[i], &out[i])) {
                p[i].fd = -1;
                nr_left--;
            }
    }
}

int gather_info(const char *base, const struct target *list, int nr,
                int timeout_ms, struct json_object **out, struct err *e)
{
    struct client **clients = calloc(nr + 1, sizeof(struct client *));
    struct pollfd *p = calloc(nr + 1, sizeof(*p));
    int rc = clients && p ? 0 : fail(e, -ENOMEM, "guests: no memory");

    for (int i = 0; i < nr; i++) {
        out[i] = NULL;
        if (rc == 0 && list[i].known && list[i].state.supervised &&
            client_begin(base, list[i].name, "info", &clients[i], NULL) < 0)
            clients[i] = NULL;
    }
    if (rc == 0)
        wait_for(clients, p, nr, timeout_ms, out);
    for (int i = 0; clients && i < nr; i++)
        client_close(clients[i]);
    free(clients);
    free(p);
    return rc;
}
