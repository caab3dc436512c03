/* SPDX-License-Identifier: MIT */
/*
 * guest_move.c - a guest that is on its way to another host, or from one:
 * its process, its events, and what is told of it
 *
 * Events: "migration", the object of info, at each state and figure;
 * "migration-end" {"end", "why", "session", "total_ms", "downtime_ms",
 * "bytes", "epochs"}.
 */
#include "toolstack/supervisor/guest_move.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "abi/xen_steward.h"
#include "common/checked.h"
#include "common/evt.h"
#include "common/jsonget.h"
#include "common/log.h"
#include "common/shm.h"
#include "migrate/tokens.h"
#include "toolstack/supervisor/guest_json.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmcfg.h"

#define LOOKS_MAX 30u /* seconds, as freehold-migrate waits */
/* What a process may have kept and logged; an honest one has 3 and a few. */
#define TOKENS_KEPT_MAX 16u
#define NOTES_MAX 32u

static void on_event(void *arg, const char *name, struct json_object *o);
static void on_ended(void *arg);
static void on_look(uv_timer_t *t);
static void on_closed(uv_handle_t *h);

/* ---- the object ---- */

int guest_move_new(struct guest *g, enum guest_move_role role, struct err *e)
{
    struct guest_move *m = calloc(1, sizeof(*m));

    if (!m)
        return fail(e, -ENOMEM, "guest %s: no memory", g->cfg->name);
    m->guest = g;
    m->role = role;
    m->peer_fd = -1;
    m->begun_us = guest_now_us();
    m->since_us = guest_clock_us();
    strcpy(m->state, "begins");
    uv_timer_init(g->loop, &m->timer);
    m->timer.data = m;
    g->move = m;
    return 0;
}

static void close_peer(struct guest_move *m)
{
    if (m->peer_fd >= 0)
        close(m->peer_fd);
    m->peer_fd = -1;
}

/* One that runs loses its guest: it is of no more use. */
void guest_move_drop(struct guest *g)
{
    struct guest_move *m = g->move;

    if (!m)
        return;
    g->move = NULL;
    m->guest = NULL;
    if (m->proc)
        moveproc_kill(m->proc);
    moveproc_close(m->proc);
    m->proc = NULL;
    close_peer(m);
    guest_reach_stop(m->reach);
    uv_close((uv_handle_t *)&m->timer, on_closed);
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

int guest_move_begin(struct guest *g, struct moveproc *p, struct err *e)
{
    struct guest_move *m = g->move;
    const struct moveproc_events events = { on_event, on_ended, m };
    int rc = moveproc_watch(p, g->loop, &events, e);

    if (rc < 0) {
        moveproc_kill(p);
        moveproc_close(p);
        return rc;
    }
    m->proc = p;
    m->end[0] = m->why[0] = 0;
    m->told_cancel = false;
    m->nr_tokens = m->nr_notes = 0;
    return 0;
}

/* ---- what is told ---- */

static const char *sentence(const struct guest_move *m)
{
    bool leaves = m->role == GUEST_LEAVES;

    if (strcmp(m->state, "fenced") == 0 && !m->proc)
        return "fenced: it waits for the word of the other host; freehold "
               "resolve brings it";
    if (strcmp(m->state, "ready") == 0 && !m->proc)
        return "ready, and not started: freehold resolve starts it, or gives "
               "it up";
    if (strcmp(m->state, "stuck") == 0)
        return "its steward does not answer";
    if (leaves)
        return m->check ? "is checked for a migration" : "migrating";
    return "receiving";
}

struct json_object *guest_move_info(struct guest *g)
{
    const struct guest_move *m = g->move;
    struct json_object *o;

    if (!m)
        return NULL;
    o = json_object_new_object();
    guest_json_text(o, "role",
                    m->role == GUEST_LEAVES ? "source" : "destination");
    guest_json_text(o, "state", m->state);
    guest_json_text(o, "what", sentence(m));
    guest_json_text(o, "why", m->why);
    guest_json_text(o, "session", m->session);
    guest_json_number(o, "epoch", m->epoch);
    guest_json_number(o, "sent_pages", m->sent_pages);
    guest_json_number(o, "ram_pages", m->ram_pages);
    guest_json_number(o, "bytes", m->bytes);
    guest_json_number(o, "bytes_per_s", m->bytes_per_s);
    guest_json_number(o, "left_pages", m->left_pages);
    guest_json_number(o, "downtime_ms_estimate", m->downtime_ms);
    guest_json_number(o, "since_ms", (guest_now_us() - m->begun_us) / 1000);
    return o;
}

void guest_move_tell(struct guest_move *m)
{
    guest_event(m->guest, "migration", guest_move_info(m->guest));
}

void guest_move_state(struct guest_move *m, const char *state)
{
    log_info("guest %s: migration: %s -> %s", m->guest->cfg->name, m->state,
             state);
    snprintf(m->state, sizeof(m->state), "%s", state);
    guest_move_tell(m);
}

void guest_move_tell_end(struct guest_move *m, const char *end)
{
    uint64_t now = guest_now_us();
    uint64_t done = m->done_us ? m->done_us : now;
    struct json_object *o = json_object_new_object();

    log_info("guest %s: migration: %s%s%s", m->guest->cfg->name, end,
             m->why[0] ? ": " : "", m->why);
    guest_json_text(o, "end", end);
    guest_json_text(o, "why", m->why);
    guest_json_text(o, "session", m->session);
    guest_json_number(o, "total_ms", (now - m->begun_us) / 1000);
    guest_json_number(o, "downtime_ms",
                      m->paused_us ? (done - m->paused_us) / 1000 : 0);
    guest_json_number(o, "bytes", m->bytes);
    guest_json_number(o, "epochs", m->nr_epochs);
    guest_event(m->guest, "migration-end", o);
}

void guest_move_cut(struct guest_move *m)
{
    snprintf(m->why, sizeof(m->why), "the guest ended meanwhile: %s",
             m->guest->end_why ? m->guest->end_why : m->guest->why);
    guest_move_tell_end(m, m->role == GUEST_LEAVES ? "stayed" : "refused");
}

/* ---- tokens ---- */

int guest_move_tokens_dir(struct guest *g, struct err *e)
{
    const char *path = g->opt.tokens_dir ? g->opt.tokens_dir : TOKENS_DIR;
    int fd;

    mkdir(path, 0700);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? fail(e, -errno, "%s: open: %s", path, strerror(errno)) : fd;
}

static void write_token(struct guest *g, const uint8_t token[FH_TOKEN_BYTES])
{
    struct err e = { 0 };
    int fd = guest_move_tokens_dir(g, &e);

    if (fd < 0 || tokens_keep(fd, token, &e) < 0)
        log_err("guest %s: migration: a token is not kept: %s", g->cfg->name,
                e.text);
    if (fd >= 0)
        close(fd);
}

/* A line of the log for what another host may send without end. */
static void note(struct guest_move *m, const char *text)
{
    if (m->nr_notes < NOTES_MAX)
        log_info("guest %s: migration: %s", m->guest->cfg->name, text);
    else if (m->nr_notes == NOTES_MAX)
        log_warn("guest %s: migration: there is more to tell than %u lines; "
                 "the rest is dropped",
                 m->guest->cfg->name, NOTES_MAX);
    m->nr_notes += m->nr_notes <= NOTES_MAX;
}

/*
 * A token of this transfer, and no other, gets a file: whoever reaches our
 * process could have it write any number of them.  The session is the steward's
 * word; where a guest leaves, it comes with its START, which only its steward
 * makes.
 */
static bool keep(struct guest_move *m, int type,
                 const uint8_t token[FH_TOKEN_BYTES])
{
    char session[GUEST_MOVE_HEX], text[160];

    tokens_hex(session, token + 16, WIRE_ID_BYTES);
    if (m->session[0] == 0 && m->role == GUEST_LEAVES && type == WIRE_START)
        memcpy(m->session, session, sizeof(session));
    if (strcmp(m->session, session) != 0) {
        snprintf(text, sizeof(text),
                 "token %s: of session %s, want %s: it is not kept",
                 wire_token_name((uint32_t)type), session,
                 m->session[0] ? m->session : "none yet");
        note(m, text);
        return false;
    }
    if (m->nr_tokens == TOKENS_KEPT_MAX) {
        note(m, "token: one too many: it is not kept");
        return false;
    }
    m->nr_tokens++;
    write_token(m->guest, token);
    return true;
}

static struct fh_control *page(const struct guest *g)
{
    return g->load.page.va;
}

uint32_t guest_move_page_state(const struct guest *g)
{
    return page(g) ? shm_u32(&page(g)->steward.move.state) : FH_MOVE_IDLE;
}

void guest_move_keep_page(struct guest *g)
{
    uint8_t token[FH_TOKEN_BYTES];
    int type;

    if (!page(g))
        return;
    shm_fetch(token, page(g)->steward.move.token, sizeof(token));
    type = wire_check_token(token, NULL, NULL);
    if (type > 0)
        keep(g->move, type, token);
}

static void on_token(struct guest_move *m, struct json_object *o)
{
    uint8_t token[FH_TOKEN_BYTES];
    struct err e = { 0 };
    int type;

    if (tokens_unhex(token, FH_TOKEN_BYTES, jsonget_text(o, "token")) < 0)
        return;
    type = wire_check_token(token, NULL, &e);
    if (type < 0)
        note(m, e.text);
    else if (keep(m, type, token) && type == WIRE_DONE)
        m->done_us = guest_now_us();
}

/* Of this transfer: what its steward has begun, or what is cut. */
static void find_session(struct guest_move *m)
{
    static const uint8_t none[WIRE_ID_BYTES];
    uint8_t session[WIRE_ID_BYTES];

    if (m->session[0] || !page(m->guest))
        return;
    shm_fetch(session, page(m->guest)->steward.move.session, sizeof(session));
    if (memcmp(session, none, sizeof(none)))
        tokens_hex(m->session, session, WIRE_ID_BYTES);
}

/* ---- what the process says ---- */

static void on_progress(struct guest_move *m, struct json_object *o)
{
    uint64_t epoch = jsonget_number(o, "epoch", m->epoch);

    m->nr_epochs += epoch != m->epoch;
    m->epoch = epoch;
    m->sent_pages = jsonget_number(o, "pages", m->sent_pages);
    m->ram_pages = jsonget_number(o, "ram_pages", m->ram_pages);
    m->bytes = jsonget_number(o, "bytes", m->bytes);
    m->bytes_per_s = jsonget_number(o, "bytes_per_s", m->bytes_per_s);
    m->left_pages = jsonget_number(o, "left_pages", m->left_pages);
    m->downtime_ms = jsonget_number(o, "downtime_ms", m->downtime_ms);
    find_session(m);
    guest_move_tell(m);
}

/* Printable, whatever the other host called it. */
static void put_words(char *out, size_t out_bytes, const char *text)
{
    struct err e = { 0 };

    fail(&e, -EIO, "%.*s", (int)out_bytes - 1, text);
    memcpy(out, e.text, strlen(e.text) + 1); /* no longer than it was */
}

static void on_state(struct guest_move *m, const char *state)
{
    if (strcmp(state, "ended") == 0)
        return; /* as what, its end says */
    guest_move_state(m, state);
    if (strcmp(state, "runs") == 0)
        close_peer(m);
    if (m->role == GUEST_COMES)
        guest_comes_event(m, state, NULL);
}

static void on_event(void *arg, const char *name, struct json_object *o)
{
    struct guest_move *m = arg;
    char words[GUEST_MOVE_WHY];

    if (m->role == GUEST_COMES)
        find_session(m); /* the only one it has */
    if (strcmp(name, "progress") == 0) {
        on_progress(m, o);
    } else if (strcmp(name, "state") == 0) {
        put_words(words, sizeof(words), jsonget_text(o, "state"));
        on_state(m, words);
    } else if (strcmp(name, "note") == 0) {
        note(m, jsonget_text(o, "text"));
    } else if (strcmp(name, "token") == 0) {
        on_token(m, o);
    } else if (strcmp(name, "end") == 0) {
        put_words(m->end, sizeof(m->end), jsonget_text(o, "end"));
        put_words(m->why, sizeof(m->why), jsonget_text(o, "why"));
    } else if (strcmp(name, "session") == 0) {
        guest_resolve_session(m);
    } else if (m->role == GUEST_LEAVES) {
        guest_leaves_event(m, name);
    } else {
        guest_comes_event(m, name, o);
    }
}

bool guest_move_take_bell(struct guest *g)
{
    struct err e = { 0 };

    if (!g->evt || g->doorbell)
        return g->doorbell;
    if (evt_bind(g->evt, XEN_STEWARD_DOORBELL_PORT, &g->doorbell, &e) < 0)
        log_warn("guest %s: %s", g->cfg->name, e.text);
    guest_steward_adopt(g);
    return g->doorbell;
}

static void on_ended(void *arg)
{
    struct guest_move *m = arg;

    moveproc_close(m->proc);
    m->proc = NULL;
    close_peer(m);
    guest_move_take_bell(m->guest);
    if (m->role == GUEST_LEAVES)
        guest_leaves_ended(m);
    else
        guest_comes_ended(m);
}

/* ---- the API ---- */

static bool is_any_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

int guest_move_bars(struct guest *g, const char *method,
                    struct json_object *params, struct err *e)
{
    static const char *const good[] = { "info",    "config",
                                        "migrate", "migrate_cancel",
                                        "resolve", "receive",
                                        NULL };
    const struct guest_move *m = g->move;
    bool destroy = strcmp(method, "destroy") == 0;

    if (!m || is_any_of(method, good))
        return 0;
    if (destroy && (m->role == GUEST_COMES || guest_json_is(params, "force")))
        return 0;
    if (!m->proc)
        return fail(e, -EBUSY,
                    "guest %s: %.32s: it is %s, and may run at another host; "
                    "freehold resolve says where%s",
                    g->cfg->name, method, m->state,
                    destroy ? "; -f destroys what is here" : "");
    return fail(e, -EBUSY,
                "guest %s: %.32s: it is migrating; freehold migrate-cancel "
                "keeps it here",
                g->cfg->name, method);
}

void guest_move_cancel(struct guest *g)
{
    if (g->move && g->move->proc)
        moveproc_order(g->move->proc, "cancel");
}

static int call_cancel(struct guest *g, struct err *e)
{
    if (!g->move || !g->move->proc)
        return fail(e, -EBUSY, "guest %s: migrate-cancel: %s", g->cfg->name,
                    g->move ? "it is cut, and not under way: freehold resolve "
                              "is what helps"
                            : "it is not migrating");
    guest_move_cancel(g);
    return 0;
}

int guest_move_call(struct guest *g, const char *method,
                    struct json_object *params, struct err *e)
{
    if (strcmp(method, "migrate") == 0)
        return guest_leaves_begin(g, params, e);
    if (strcmp(method, "migrate_cancel") == 0)
        return call_cancel(g, e);
    if (strcmp(method, "resolve") == 0)
        return guest_resolve(g, params, e);
    if (strcmp(method, "receive") == 0)
        return guest_resolve_receive(g, params, e);
    return -ENOSYS;
}

/* ---- the page, when no process speaks for it ---- */

static void on_look(uv_timer_t *t)
{
    struct guest_move *m = t->data;

    if (m->role == GUEST_LEAVES)
        guest_leaves_look(m);
    else
        guest_comes_look(m);
}

void guest_move_rang(struct guest *g)
{
    if (g->move && uv_is_active((uv_handle_t *)&g->move->timer))
        on_look(&g->move->timer);
}

void guest_move_give_up(struct guest_move *m)
{
    struct err e = { 0 };

    if (m->told_cancel || !m->guest->doorbell)
        return; /* without it a look tells it, when it is ours again */
    m->told_cancel = true;
    if (guest_steward_cancel(m->guest, &e) < 0)
        log_err("%s", e.text);
}

bool guest_move_waits_in_vain(struct guest_move *m,
                              bool (*settle)(struct guest_move *m))
{
    bool has_bell;

    if (m->proc)
        return false;
    has_bell = guest_move_take_bell(m->guest);
    if ((has_bell || m->nr_looks >= LOOKS_MAX) && settle(m))
        return false;
    if (has_bell)
        guest_move_give_up(m); /* nobody else can say it any more */
    return m->nr_looks++ >= LOOKS_MAX;
}

void guest_move_watch_page(struct guest_move *m)
{
    find_session(m);
    m->nr_looks = 0;
    uv_timer_start(&m->timer, on_look, 0, 1000);
}
