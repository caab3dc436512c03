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

#include "migrate/tokens.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/api.h"
#include "toolstack/supervisor/guest_priv.h"

int __wrap_api_take_fd(struct api *a, int number, struct err *e);

const char movelife_session[] = "5e550000000000000000000000000001";
char movelife_tokens[64];
static char heard_path[64];

/* Linked in by --wrap: a client has sent any descriptor but this. */
int __wrap_api_take_fd(struct api *a, int number, struct err *e)
{
    (void)a;
    return number == 99 ? fail(e, -EBADF, "api: descriptor 99")
                        : open("/dev/null", O_RDWR | O_CLOEXEC);
}

void movelife_fresh(void)
{
    script_fresh();
    snprintf(heard_path, sizeof(heard_path), "%s.heard", life_base);
    snprintf(movelife_tokens, sizeof(movelife_tokens), "%s.tokens", life_base);
    unlink(heard_path);
    setenv("MOVER_LOG", heard_path, 1);
}

void movelife_open(struct moveproc *receive)
{
    const struct guest_options o = { .migrate_program = MOVER,
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
