/* SPDX-License-Identifier: MIT */
/*
 * relay_say.c - a transfer's events, for the supervisor
 *
 *   progress {"epoch", "pages", "bytes", "bytes_per_s", "left_pages",
 *             "ram_pages", "downtime_ms", "slowed", "elapsed_ms"}
 *
 * left_pages and downtime_ms are estimates, as of the last epoch's end.
 */
#include <json-c/json.h>

#include "migrate/relay_priv.h"
#include "migrate/tokens.h"

static struct json_object *event(const char *name)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "event", json_object_new_string(name));
    return o;
}

static void add(struct json_object *o, const char *key, uint64_t n)
{
    json_object_object_add(o, key, json_object_new_uint64(n));
}

static void add_text(struct json_object *o, const char *key, const char *text)
{
    json_object_object_add(o, key, json_object_new_string(text));
}

static void emit(struct relay *r, struct json_object *o)
{
    r->world->event(r->world->arg, o);
}

void relay_show_progress(struct relay *r)
{
    struct json_object *o = event("progress");
    const struct chan_view *v =
        r->side == WIRE_SOURCE ? &r->s.view : &r->d.view;
    uint64_t now = relay_now_ms(r);
    uint64_t took = now - r->shown_ms;

    add(o, "epoch", v->epoch);
    add(o, "pages", v->sent_pages);
    add(o, "ram_pages", v->ram_pages);
    add(o, "elapsed_ms", now - r->begun_ms);
    if (r->side == WIRE_SOURCE) {
        uint64_t bytes = r->s.bytes - r->shown_bytes;

        add(o, "bytes", r->s.bytes);
        if (took)
            add(o, "bytes_per_s", bytes * 1000 / took);
        add(o, "left_pages", r->s.rule.left_pages);
        add(o, "downtime_ms", r->s.rule.downtime_ms);
        add(o, "slowed", r->s.rule.slowed);
        r->shown_bytes = r->s.bytes;
    }
    r->shown_ms = now;
    emit(r, o);
}

static void tell_plan(struct relay *r, const char *text)
{
    struct json_object *o = event("plan");

    json_object_object_add(o, "plan", json_tokener_parse(text));
    json_object_object_add(o, "check", json_object_new_boolean(r->d.check));
    add(o, "streams", r->nr_streams);
    emit(r, o);
}

void relay_tell(void *arg, enum move_tell what, const char *text)
{
    struct relay *r = arg;
    struct json_object *o = NULL;

    if (what == MOVE_NOTE && r->nr_notes++ >= RELAY_NOTES_MAX)
        return;
    switch (what) {
    case MOVE_PLAN:
        tell_plan(r, text);
        return;
    case MOVE_ROUND:
        relay_show_progress(r);
        return;
    case MOVE_SUSPEND:
        o = event("suspend");
        break;
    case MOVE_DRAIN:
        o = event("drain");
        break;
    case MOVE_STATE:
        o = event("state");
        add_text(o, "state", text);
        break;
    case MOVE_NOTE:
        o = event("note");
        add_text(o, "text", text);
        break;
    case MOVE_TELLS:
        return;
    }
    emit(r, o);
}

void relay_keep(void *arg, const uint8_t token[FH_TOKEN_BYTES])
{
    char session[2 * WIRE_ID_BYTES + 1], hex[2 * FH_TOKEN_BYTES + 1];
    struct json_object *o = event("token");

    tokens_hex(session, token + 16, WIRE_ID_BYTES);
    tokens_hex(hex, token, FH_TOKEN_BYTES);
    add_text(o, "type", wire_token_name(token[5]));
    add_text(o, "session", session);
    add_text(o, "token", hex);
    emit(arg, o);
}

void relay_show_session(struct relay *r, const uint8_t session[WIRE_ID_BYTES])
{
    char hex[2 * WIRE_ID_BYTES + 1];
    struct json_object *o = event("session");

    tokens_hex(hex, session, WIRE_ID_BYTES);
    add_text(o, "session", hex);
    emit(r, o);
}

void relay_show_end(struct relay *r)
{
    struct json_object *o = event("end");

    add_text(o, "end", move_end_name(relay_end(r)));
    add_text(o, "why", r->side == WIRE_SOURCE ? r->s.why : r->d.why);
    if (r->side == WIRE_SOURCE)
        json_object_object_add(o, "suspended",
                               json_object_new_boolean(r->s.suspended));
    emit(r, o);
}
