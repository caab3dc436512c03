/* SPDX-License-Identifier: MIT */
/*
 * test_receive_resolve.c - another host asks what became of a transfer
 *
 * Guests, their supervisors and the process that asks are here; tokens' files
 * are real.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "migrate/tokens.h"
#include "tests/unit/test.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/receive.h"
#include "toolstack/supervisor/moveproc.h"
#include "toolstack/supervisor/rundir.h"

#define SESSION "5e550000000000000000000000000001"
#define OTHER "5e550000000000000000000000000002"

static char tokens_path[] = "/tmp/fh-tokens-XXXXXX";
static struct err e;
static char end[16], said[2048], called[512];
static struct { /* this host's guests */
    const char *name, *session, *role;
    bool supervised;
} guests[3];
static const char *events[4]; /* of whom it is handed to; NULL: it hangs up */
static uint32_t nr_events, nr_clients;
static int receive_rc;

/* ---- this host ---- */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_rundir_list(const char *base, struct run_state **out,
                       struct err *err);
int __wrap_client_open(const char *name, struct client **out, struct err *err);
void __wrap_client_close(struct client *c);
int __wrap_client_call(struct client *c, const char *method,
                       struct json_object *params, struct json_object **result,
                       struct err *err);
int __wrap_client_event_in(struct client *c, int timeout_ms,
                           char method[CLIENT_METHOD_MAX],
                           struct json_object **params, struct err *err);
void __wrap_moveproc_say(struct moveproc *p, struct json_object *order);
int __wrap_moveproc_wait(struct moveproc *p, int timeout_ms,
                         struct json_object **out, struct err *err);
int32_t __wrap_moveproc_pid(const struct moveproc *p);
int __wrap_moveproc_fd(const struct moveproc *p);

int __wrap_open(const char *path, int flags, ...)
{
    va_list ap;
    int mode;

    va_start(ap, flags);
    mode = flags & O_CREAT ? va_arg(ap, int) : 0;
    va_end(ap);
    return __real_open(strcmp(path, TOKENS_DIR) ? path : tokens_path, flags,
                       mode);
}

int __wrap_rundir_list(const char *base, struct run_state **out,
                       struct err *err)
{
    int nr = 0;

    (void)err;
    CHECK_STR(base, RUNDIR_BASE);
    *out = calloc(3, sizeof(**out));
    for (; nr < 3 && guests[nr].name; nr++) {
        snprintf((*out)[nr].name, sizeof((*out)[nr].name), "%s",
                 guests[nr].name);
        (*out)[nr].supervised = guests[nr].supervised;
    }
    return nr;
}

/* A client is a guest's place in the list, from 1 on. */
int __wrap_client_open(const char *name, struct client **out, struct err *err)
{
    (void)err;
    for (uintptr_t i = 0; i < 3; i++)
        if (guests[i].name && strcmp(guests[i].name, name) == 0) {
            CHECK(guests[i].supervised);
            *out = (struct client *)(i + 1);
            nr_clients++;
            return 0;
        }
    return -ESRCH;
}

void __wrap_client_close(struct client *c)
{
    nr_clients -= c != NULL;
}

int __wrap_client_call(struct client *c, const char *method,
                       struct json_object *params, struct json_object **result,
                       struct err *err)
{
    uintptr_t i = (uintptr_t)c - 1;
    size_t used = strlen(called);

    (void)err;
    if (strcmp(method, "info") == 0) {
        char text[256];

        snprintf(text, sizeof(text),
                 "{\"migration\": {\"session\": \"%s\", \"role\": \"%s\"}}",
                 guests[i].session, guests[i].role);
        *result = json_tokener_parse(text);
        return 0;
    }
    snprintf(called + used, sizeof(called) - used, "%s.%s %s, ", guests[i].name,
             method, params ? json_object_to_json_string(params) : "");
    json_object_put(params);
    return strcmp(method, "receive") ? 0 : receive_rc;
}

int __wrap_client_event_in(struct client *c, int timeout_ms,
                           char method[CLIENT_METHOD_MAX],
                           struct json_object **params, struct err *err)
{
    const char *event = events[nr_events++];

    (void)c, (void)timeout_ms, (void)err;
    if (!event)
        return 0;
    snprintf(method, CLIENT_METHOD_MAX, "%.*s", (int)strcspn(event, " "),
             event);
    *params = json_tokener_parse(event + strcspn(event, " "));
    return 1;
}

void __wrap_moveproc_say(struct moveproc *p, struct json_object *order)
{
    (void)p;
    snprintf(said, sizeof(said), "%s", json_object_to_json_string(order));
    json_object_put(order);
}

/* It says its end, behind some news. */
int __wrap_moveproc_wait(struct moveproc *p, int timeout_ms,
                         struct json_object **out, struct err *err)
{
    static uint32_t nr;

    (void)p, (void)timeout_ms, (void)err;
    *out = json_tokener_parse(nr++ % 2 ? "{\"event\": \"end\"}"
                                       : "{\"event\": \"note\"}");
    return 0;
}

int32_t __wrap_moveproc_pid(const struct moveproc *p)
{
    (void)p;
    return 4711;
}

int __wrap_moveproc_fd(const struct moveproc *p)
{
    (void)p;
    return 42;
}

/* ---- what is asked ---- */

static void put_token(const char *session, enum wire_token type)
{
    uint8_t token[FH_TOKEN_BYTES] = "FHMT\1";
    int dir = open(tokens_path, O_RDONLY | O_DIRECTORY);

    token[5] = (uint8_t)type;
    tokens_unhex(token + 16, WIRE_ID_BYTES, session);
    CHECK_EQ(tokens_keep(dir, token, &e), 0);
    close(dir);
}

static void fresh(void)
{
    static const char *const name[] = { SESSION ".start", SESSION ".abort",
                                        SESSION ".done", OTHER ".done" };
    int dir = open(tokens_path, O_RDONLY | O_DIRECTORY);

    for (uint32_t i = 0; i < 4; i++)
        unlinkat(dir, name[i], 0);
    close(dir);
    memset(guests, 0, sizeof(guests));
    memset(events, 0, sizeof(events));
    nr_events = 0;
    receive_rc = 0;
    end[0] = said[0] = called[0] = 0;
    e = (struct err){ 0 };
}

static int asks(const char *session)
{
    struct json_object *o = json_object_new_object();
    int rc;

    json_object_object_add(o, "session", json_object_new_string(session));
    rc = receive_resolve(o, NULL, end, &e);
    json_object_put(o);
    CHECK_EQ(nr_clients, 0);
    return rc;
}

TEST(a_token_s_file_says_it_for_good)
{
    fresh();
    guests[0].name = "web"; /* it is not even asked */
    put_token(SESSION, WIRE_ABORT);
    CHECK_EQ(asks(SESSION), 0);
    CHECK_STR(end, "poisoned");
    CHECK_HAS(said, "\"found\": \"token\"");
    CHECK_HAS(said, "46484d540102"); /* FHMT, version, ABORT */

    put_token(SESSION, WIRE_DONE); /* it runs here: no ABORT is true */
    CHECK_EQ(asks(SESSION), 0);
    CHECK_STR(end, "runs");
    CHECK_HAS(said, "46484d540103");
}

/* START is a question, and another's token is no answer. */
TEST(no_other_file_says_anything)
{
    fresh();
    put_token(SESSION, WIRE_START);
    put_token(OTHER, WIRE_DONE);
    CHECK_EQ(asks(SESSION), -ESRCH);
    CHECK_HAS(e.text, SESSION);
    CHECK_STR(end, "refused");
    CHECK_HAS(said, "\"found\": \"nothing\"");
}

static void three_guests(void)
{
    guests[0].name = "asleep";
    guests[1].name = "source";
    guests[1].session = SESSION;
    guests[1].role = "source";
    guests[1].supervised = true;
    guests[2].name = "web";
    guests[2].session = SESSION;
    guests[2].role = "destination";
    guests[2].supervised = true;
}

TEST(the_guest_that_has_the_session_gets_who_asks)
{
    fresh();
    three_guests();
    events[0] = "migration {\"state\": \"ready\"}";
    events[1] = "migration-end {\"end\": \"runs\"}";
    CHECK_EQ(asks(SESSION), 0);
    CHECK_STR(end, "runs");
    CHECK_STR(called, "web.subscribe , "
                      "web.receive { \"fd\": 42, \"pid\": 4711 }, ");
    CHECK_STR(said, ""); /* its supervisor answers */
}

TEST(one_that_refuses_or_dies_says_so)
{
    fresh();
    three_guests();
    receive_rc = -EBUSY;
    CHECK_EQ(asks(SESSION), -EBUSY);

    receive_rc = 0;
    events[0] = "migration {\"state\": \"ready\"}";
    CHECK_EQ(asks(SESSION), -EPIPE);
    CHECK_HAS(e.text, "supervisor ended");
}

TEST(a_guest_of_another_session_is_none)
{
    fresh();
    three_guests();
    CHECK_EQ(asks(OTHER), -ESRCH);
    CHECK_STR(called, "");
}

/* The process that asks reads from a network, and may be taken over. */
TEST(what_is_no_session_finds_nobody)
{
    fresh();
    three_guests();
    guests[2].session = "";
    CHECK_EQ(asks(""), -EPROTO);
    CHECK_EQ(asks("../" SESSION), -EPROTO);
    CHECK_EQ(asks("5E550000000000000000000000000001"), -EPROTO);
    CHECK_HAS(e.text, "want 16 bytes in hex");
    CHECK_STR(called, "");
    CHECK_STR(said, "");
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(tokens_path) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fresh();
    return rmdir(tokens_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_token_s_file_says_it_for_good),
        RULE(no_other_file_says_anything),
        RULE(the_guest_that_has_the_session_gets_who_asks),
        RULE(one_that_refuses_or_dies_says_so),
        RULE(a_guest_of_another_session_is_none),
        RULE(what_is_no_session_finds_nobody),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
