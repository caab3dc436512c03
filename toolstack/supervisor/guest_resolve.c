/* SPDX-License-Identifier: MIT */
/*
 * guest_resolve.c - a transfer that was cut: say where the guest is to run
 *
 *   resolve {"fds": [[read, write]], "abort": bool}     at the source
 *   resolve {"fds": [], "abort": bool}                  at the destination
 *   receive {"fd": N, "pid": P}                         for migrate-receive
 *
 * At the source it needs the other host.  At the destination what counts is
 * here: the steward, and START, which came or was put into its file; so we are
 * the peer that freehold-migrate talks to.  `receive` hands over one whose peer
 * asked for the session that we have: its line, and who it is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <json-c/json.h>

#include "abi/xen_steward.h"
#include "common/evt.h"
#include "common/log.h"
#include "migrate/tokens.h"
#include "toolstack/supervisor/api.h"
#include "toolstack/supervisor/guest_json.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmcfg.h"

/* ---- descriptors of who asks ---- */

void guest_resolve_close(struct moveproc_fds *fds)
{
    for (uint32_t i = 0; i < fds->nr; i++)
        for (uint32_t k = 0; k < 2; k++)
            if (fds->fd[i][k] >= 0)
                close(fds->fd[i][k]);
    fds->nr = 0;
}

static int take_pair(struct guest *g, struct json_object *pair, int out[2],
                     struct err *e)
{
    out[0] = out[1] = -1;
    if (!json_object_is_type(pair, json_type_array) ||
        json_object_array_length(pair) != 2)
        return fail(e, -EINVAL, "fds: want pairs of descriptors");
    for (size_t k = 0; k < 2; k++) {
        int n = json_object_get_int(json_object_array_get_idx(pair, k));

        out[k] = api_take_fd(g->api, n, e);
        if (out[k] < 0)
            return out[k];
    }
    return 0;
}

int guest_resolve_fds(struct guest *g, struct json_object *params,
                      struct moveproc_fds *out, struct err *e)
{
    struct json_object *list = NULL;
    size_t nr = 0;
    int rc = 0;

    if (params && json_object_object_get_ex(params, "fds", &list) &&
        json_object_is_type(list, json_type_array))
        nr = json_object_array_length(list);
    if (nr > MOVEPROC_CONNECTIONS_MAX)
        return fail(e, -EINVAL, "fds: got %zu, want 1 to %u", nr,
                    MOVEPROC_CONNECTIONS_MAX);
    for (size_t i = 0; i < nr && rc == 0; i++) {
        out->nr++; /* what was taken of it is closed, too */
        rc = take_pair(g, json_object_array_get_idx(list, i), out->fd[i], e);
    }
    return rc;
}

/* ---- its process ---- */

static int start(struct guest *g, struct json_object *first,
                 const struct moveproc_fds *fds, struct err *e)
{
    struct moveproc *p = NULL;
    int rc;

    evt_unbind(g->evt, g->doorbell);
    g->doorbell = 0;
    rc = moveproc_start(g->opt.migrate_program, first, fds, &p, e);
    if (rc == 0)
        rc = guest_move_begin(g, p, e);
    if (rc < 0 &&
        evt_bind(g->evt, XEN_STEWARD_DOORBELL_PORT, &g->doorbell, NULL) < 0)
        log_err("guest %s: its doorbell cannot be bound again", g->cfg->name);
    return rc;
}

/* A token of this session off its file, in hex; false: there is none. */
static bool find_token(struct guest *g, enum wire_token type,
                       uint8_t token[FH_TOKEN_BYTES])
{
    uint8_t session[WIRE_ID_BYTES];
    struct err e = { 0 };
    int dir, rc;

    if (tokens_unhex(session, WIRE_ID_BYTES, g->move->session) < 0)
        return false;
    dir = guest_move_tokens_dir(g, &e);
    rc = dir < 0 ? dir : tokens_read(dir, session, type, token, &e);
    if (dir >= 0)
        close(dir);
    return rc == 0;
}

/* ---- at the source ---- */

static int resolve_source(struct guest *g, struct json_object *params,
                          struct err *e)
{
    struct moveproc_fds fds = { .listen_fd = -1 };
    uint8_t token[FH_TOKEN_BYTES];
    char hex[2 * FH_TOKEN_BYTES + 1] = "";
    struct json_object *o;
    int rc = guest_resolve_fds(g, params, &fds, e);

    if (rc == 0 && fds.nr != 1)
        rc = fail(e, -EINVAL,
                  "guest %s: resolve: this is its source, which needs the "
                  "word of the other host: say which, or how it is reached",
                  g->cfg->name);
    if (rc < 0)
        goto out;
    if (find_token(g, WIRE_START, token))
        tokens_hex(hex, token, FH_TOKEN_BYTES);
    o = json_object_new_object();
    guest_json_text(o, "side", "source");
    guest_json_text(o, "purpose", "resolve");
    guest_json_number(o, "domid", g->domid);
    guest_json_text(o, "session", g->move->session);
    guest_json_text(o, "start", hex);
    guest_json_bool(o, "abort", guest_json_is(params, "abort"));
    rc = start(g, o, &fds, e);
    json_object_put(o);
out:
    guest_resolve_close(&fds);
    return rc;
}

/* ---- at the destination ---- */

/* What a source would say: hello, and START or ASK. */
static int say_as_source(int fd, const uint8_t session[WIRE_ID_BYTES],
                         const uint8_t *start, struct err *e)
{
    struct wire_unit u = { .kind = WIRE_ASK, .arg = WIRE_ASK_END };
    uint8_t transfer[WIRE_ID_BYTES];
    struct wire_hello h;

    if (getrandom(transfer, sizeof(transfer), 0) != sizeof(transfer))
        return fail(e, -EIO, "resolve: random numbers: %s", strerror(errno));
    if (start)
        u = (struct wire_unit){ .kind = WIRE_TOKEN,
                                .len_bytes = FH_TOKEN_BYTES };
    wire_hello(&h, WIRE_RESOLVE, 0, 1, transfer, session);
    if (write(fd, &h, sizeof(h)) != sizeof(h) ||
        write(fd, &u, sizeof(u)) != sizeof(u) ||
        (start && write(fd, start, FH_TOKEN_BYTES) != FH_TOKEN_BYTES))
        return fail(e, -EIO, "resolve: write: %s", strerror(errno));
    return 0;
}

static struct json_object *as_dest(void)
{
    struct json_object *o = json_object_new_object();

    guest_json_text(o, "side", "dest");
    return o;
}

static int resolve_dest(struct guest *g, struct json_object *params,
                        struct err *e)
{
    struct moveproc_fds fds = { .nr = 1, .listen_fd = -1 };
    bool wants_abort = guest_json_is(params, "abort");
    uint8_t token[FH_TOKEN_BYTES], session[WIRE_ID_BYTES];
    struct json_object *o;
    int pair[2], rc;

    if (tokens_unhex(session, WIRE_ID_BYTES, g->move->session) < 0)
        return fail(e, -EBUSY, "guest %s: resolve: it has no session yet",
                    g->cfg->name);
    if (!wants_abort && !find_token(g, WIRE_START, token))
        return fail(e, -ENOENT,
                    "guest %s: resolve: %s.start is not in " TOKENS_DIR
                    ": bring it from the source, or resolve there; --abort "
                    "gives up what is here",
                    g->cfg->name, g->move->session);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return fail(e, -errno, "resolve: socket: %s", strerror(errno));
    rc = say_as_source(pair[0], session, wants_abort ? NULL : token, e);
    fds.fd[0][0] = fds.fd[0][1] = pair[1];
    o = as_dest();
    if (rc == 0)
        rc = start(g, o, &fds, e);
    json_object_put(o);
    close(pair[1]);
    if (rc == 0)
        g->move->peer_fd = pair[0];
    else
        close(pair[0]);
    return rc;
}

void guest_resolve_session(struct guest_move *m)
{
    struct json_object *o = json_object_new_object();

    guest_json_text(o, "order", "session");
    guest_json_text(o, "found", "domain");
    guest_json_number(o, "domid", m->guest->domid);
    moveproc_say(m->proc, o);
}

int guest_resolve_receive(struct guest *g, struct json_object *params,
                          struct err *e)
{
    struct json_object *fd, *pid;
    struct moveproc *p = NULL;
    int line, rc;

    if (!g->move || g->move->role != GUEST_COMES || g->move->proc)
        return fail(e, -EBUSY, "guest %s: receive: it waits for nobody",
                    g->cfg->name);
    if (!params || !json_object_object_get_ex(params, "fd", &fd) ||
        !json_object_object_get_ex(params, "pid", &pid))
        return fail(e, -EINVAL, "receive: want fd and pid");
    line = api_take_fd(g->api, json_object_get_int(fd), e);
    if (line < 0)
        return line;
    rc = moveproc_take(line, json_object_get_int(pid), &p, e);
    if (rc < 0)
        return rc;
    evt_unbind(g->evt, g->doorbell);
    g->doorbell = 0;
    rc = guest_move_begin(g, p, e);
    if (rc == 0)
        guest_resolve_session(g->move);
    else if (evt_bind(g->evt, XEN_STEWARD_DOORBELL_PORT, &g->doorbell, NULL) <
             0)
        log_err("guest %s: its doorbell cannot be bound again", g->cfg->name);
    return rc;
}

int guest_resolve(struct guest *g, struct json_object *params, struct err *e)
{
    if (!g->move)
        return fail(e, -EBUSY,
                    "guest %s: resolve: there is nothing to resolve: it is "
                    "%s here",
                    g->cfg->name, guest_state_name(g->state));
    if (g->move->proc)
        return fail(e, -EBUSY,
                    "guest %s: resolve: its transfer is under way; freehold "
                    "migrate-cancel ends it",
                    g->cfg->name);
    return g->move->role == GUEST_LEAVES ? resolve_source(g, params, e)
                                         : resolve_dest(g, params, e);
}
