/* SPDX-License-Identifier: MIT */
/*
 * stage.h - the loop that a test's piece of the supervisor runs on
 *
 * It ticks, so that a turn always ends, and a test that waits for what does not
 * come fails.  Nodes are the fake xenstore's.
 */
#ifndef STAGE_H
#define STAGE_H

#include <string.h>

#include <uv.h>

#define STAGE_TURN_S_MAX 20

extern struct stage {
    uv_loop_t loop;
    uv_poll_t besides;
    uv_timer_t tick;
    void (*other)(void);
} stage;

/* Run the loop until it is so; it must be within some seconds. */
#define UNTIL(what)                                                            \
    for (int end_s = stage_now_s() + STAGE_TURN_S_MAX; !(what);) {             \
        CHECK(stage_now_s() < end_s);                                          \
        uv_run(&stage.loop, UV_RUN_ONCE);                                      \
    }

#define IS(path, value) (strcmp(stage_node(path), value) == 0)

/* other: a world besides, as the puppets', whose descriptor is fd; or NULL. */
void stage_open(void (*other)(void), int fd);
/* Whoever used it has closed what was his; that is checked. */
void stage_close(void);

/* Everything that is on its way has come: a while without a sign. */
void stage_settle(void);
const char *stage_node(const char *path); /* "": there is none */
int stage_now_s(void);

#endif
