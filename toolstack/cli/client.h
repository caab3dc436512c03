/* SPDX-License-Identifier: MIT */
/*
 * client.h - talk to a guest's supervisor
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stdint.h>

struct client;
struct err;
struct json_object;

/*
 *   -ESRCH      no supervisor listens for this name
 */
int client_open(const char *name, struct client **out, struct err *e);
/* The same below another base than /run/freehold. */
int client_open_at(const char *base, const char *name, struct client **out,
                   struct err *e);
void client_close(struct client *c); /* NULL: no-op */

/*
 * Call a method.  params may be NULL and is taken.  *result (may be NULL) is
 * the caller's to put.  The supervisor's own errors come back as they were.
 *
 *   -ETIMEDOUT  no answer in 10 s
 *   -EPIPE      the supervisor went away meanwhile
 */
int client_call(struct client *c, const char *method,
                struct json_object *params, struct json_object **result,
                struct err *e);

/*
 * Wait for the next notification.  Returns 1 and its params, 0 when the
 * supervisor hung up, or a negative errno.
 */
int client_event(struct client *c, struct json_object **params, struct err *e);
/*
 * The same, but -ETIMEDOUT after timeout_ms; -1: never.  method: what is told
 * of; a `state` is the guest's in one and a disk's in another.
 */
#define CLIENT_METHOD_MAX 32u
int client_event_in(struct client *c, int timeout_ms,
                    char method[CLIENT_METHOD_MAX], struct json_object **params,
                    struct err *e);

/* Has the supervisor hung up on us?  What it said before is lost. */
bool client_hung_up(struct client *c);

/*
 * For whoever has many guests to hear: connect to the one under base and call
 * a method, without waiting.  Its answer, and notifications, are to be had by
 * client_take() whenever client_fd() is readable.
 *
 *   -ESRCH      no supervisor listens for this name
 *   -ETIMEDOUT  more are waiting for it already than it takes
 */
int client_begin(const char *base, const char *name, const char *method,
                 struct client **out, struct err *e);
int client_fd(const struct client *c);

/*
 * The next object that is here: 1; 0 when the supervisor hung up.
 *
 *   -EAGAIN     none is, without words
 *   -EPROTO     it is no JSON, or endless
 */
int client_take(struct client *c, struct json_object **out, struct err *e);

/* Connect to one of a guest's sockets, `api` or `console`; the fd. */
int client_connect(const char *name, const char *socket_name, struct err *e);

#endif
