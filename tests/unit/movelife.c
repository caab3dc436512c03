/* SPDX-License-Identifier: MIT */
/*
 * movelife.c - a life in which the guest moves
 */
#include "tests/unit/movelife.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/evt.h"
#include "migrate/tokens.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/api.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/moveproc.h"

#define SUSPEND_MS 60000u

int __wrap_api_take_fd(struct api *a, int number, struct err *e);
int __real_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);

const char movelife_session[] = "5e550000000000000000000000000001";
char movelife_tokens[64];
const char *movelife_blk;
uint32_t movelife_suspend_ms;
static char heard_path[64];

/* Linked in by --wrap: a client has sent any descriptor but this. */
int __wrap_api_take_fd(struct api *a, int number, struct err *e)
{
    (void)a;
    return number == 99 ? fail(e, -EBADF, "api: descriptor 99")
                        : open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* The same: the test says how long some of it takes. */
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat)
{
    return __real_uv_timer_start(
        t, cb, timeout == SUSPEND_MS ? movelife_suspend_ms : timeout,
        repeat == GUEST_LOOK_MS ? 5 : repeat);
}

void movelife_fresh(void)
{
    script_fresh();
    movelife_blk = NULL;
    movelife_suspend_ms = SUSPEND_MS;
    snprintf(heard_path, sizeof(heard_path), "%s.heard", life_base);
    snprintf(movelife_tokens, sizeof(movelife_tokens), "%s.tokens", life_base);
    unlink(heard_path);
    setenv("MOVER_LOG", heard_path, 1);
}

void movelife_open(struct moveproc *receive)
{
    const struct guest_options o = { .migrate_program = MOVER,
                                     .blk_program = movelife_blk,
                                     .tokens_dir = movelife_tokens,
                                     .receive = receive };

    script_open(&o);
    CHECK_EQ(rundir_keep_config(&life.dir, "memory = 64\n", &script.err), 0);
}

void movelife_run(void (*first)(struct life *l))
{
    life.when_running = first;
    movelife_open(NULL);
    guest_start(life.guest);
    movelife_finish();
}

void movelife_receive(const char *steps)
{
    struct moveproc_fds fds = { .nr = 1, .listen_fd = -1, .fd = { { 0, 1 } } };
    struct json_object *first = json_object_new_object();
    struct moveproc *p;

    movelife_play(steps);
    json_object_object_add(first, "side", json_object_new_string("dest"));
    CHECK_EQ(moveproc_start(MOVER, first, &fds, &p, &script.err), 0);
    json_object_put(first);
    movelife_open(p);
    guest_start(life.guest);
    movelife_finish();
}

void movelife_finish(void)
{
    uv_run(&life.loop, UV_RUN_DEFAULT);
    unlink(heard_path);
    script_finish();
}

void movelife_play(const char *steps)
{
    setenv("MOVER", steps, 1);
}

const char *movelife_heard(void)
{
    static char text[8192];
    FILE *f = fopen(heard_path, "r");
    size_t nr = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

    if (f)
        fclose(f);
    text[nr] = 0;
    return text;
}

struct fh_move_steward *movelife_steward(void)
{
    return &fake_control(script_domain())->steward.move;
}

bool movelife_leaves(void)
{
    struct run_state now = { 0 };

    CHECK_EQ(rundir_read(life_base, life.cfg.name, &now, &script.err), 0);
    return now.leaves;
}

static struct evt *holder;

void movelife_hold_bell(void)
{
    uint32_t port = 0;

    CHECK_EQ(evt_open(7, &holder, &script.err), 0);
    CHECK_EQ(evt_bind(holder, XEN_STEWARD_DOORBELL_PORT, &port, &script.err),
             0);
}

void movelife_end_holder(void)
{
    evt_close(holder);
    holder = NULL;
}

/* ---- tokens ---- */

void movelife_token(uint8_t out[FH_TOKEN_BYTES], enum wire_token type)
{
    memset(out, 0, FH_TOKEN_BYTES);
    memcpy(out, "FHMT\1", 5);
    out[5] = (uint8_t)type;
    tokens_unhex(out + 16, WIRE_ID_BYTES, movelife_session);
    out[40] = 7;
}

bool movelife_has_token(const char *suffix)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s.%s", movelife_tokens, movelife_session,
             suffix);
    return access(path, F_OK) == 0;
}

void movelife_drop_tokens(void)
{
    static const char *const suffix[] = { "start", "abort", "done" };

    for (uint32_t i = 0; i < 3; i++) {
        char path[128];

        snprintf(path, sizeof(path), "%s/%s.%s", movelife_tokens,
                 movelife_session, suffix[i]);
        unlink(path);
    }
    rmdir(movelife_tokens);
}

/* ---- a supervisor that died meanwhile ---- */

struct run_state movelife_left(bool leaves, bool receives)
{
    return (struct run_state){
        .domid = 7,
        .console_port = 3,
        .identity.measurement = { receives ? 0 : 0xab },
        .leaves = leaves,
        .receives = receives,
    };
}

void movelife_leave_behind(uint32_t state, uint32_t move_state, bool suspended)
{
    struct fake_domain *d = &fake.domain[0];

    *d = (struct fake_domain){ .there = true,
                               .protected = true,
                               .domid = 7,
                               .nr_vcpus = 3,
                               .next_port = 4,
                               .shutdown = suspended,
                               .reason = HYP_SUSPEND };
    fake_steward_launch(d);
    fake_control(d)->steward.state = state;
    fake_control(d)->steward.move.state = move_state;
    fake_control(d)->dom0.offer.introduced = 1;
    movelife_token(fake_control(d)->steward.move.token, WIRE_START);
    tokens_unhex(fake_control(d)->steward.move.session, 16, movelife_session);
    d->seen = true; /* not by the test: it ran before */
}

void movelife_adopt(const struct run_state *left, int want)
{
    movelife_open(NULL);
    CHECK_EQ(guest_adopt(life.guest, 7, left, &script.err), want);
    movelife_finish();
}
