/* SPDX-License-Identifier: MIT */
/*
 * relay_priv.h - what the files of relay.c share
 */
#ifndef MIGRATE_RELAY_PRIV_H
#define MIGRATE_RELAY_PRIV_H

#include "migrate/bucket.h"
#include "migrate/dest.h"
#include "migrate/peer.h"
#include "migrate/relay.h"

#define RELAY_SLOTS 16u /* for 3 streams: 15 */
#define RELAY_NOTES_MAX 32u

struct relay {
    uv_loop_t *loop;
    const struct relay_world *world;
    struct relay_opts opts;
    struct move_io io;
    enum wire_side side;
    union {
        struct source s;
        struct dest d;
    };
    struct chan chan; /* page NULL: no steward is attached */
    uint32_t nr_streams;
    struct peer *peer[FH_MOVE_STREAMS];  /* by stream; NULL: not there */
    struct peer *fresh[FH_MOVE_STREAMS]; /* no hello yet */
    struct wire_hello hello;             /* of stream 0 */
    bool hello_there;
    uint64_t streams_due_ms; /* destination: all are there by then */
    struct bucket bucket;
    uv_timer_t timer, frames_timer;
    uint32_t nr_timers;
    uint64_t begun_ms, shown_ms, shown_bytes;
    uint32_t nr_notes; /* told: a peer may cause any number of them */
    bool looking, again, told_over;
    char late[WORDS_BYTES]; /* an error to act on when nothing is under way */
    bool steward_erred, link_erred;
};

uint64_t relay_now_ms(const struct relay *r);
enum move_end relay_end(const struct relay *r);

/* relay_say.c: events for the supervisor. */
void relay_tell(void *arg, enum move_tell what, const char *text);
void relay_keep(void *arg, const uint8_t token[FH_TOKEN_BYTES]);
void relay_show_progress(struct relay *r);
void relay_show_session(struct relay *r, const uint8_t session[WIRE_ID_BYTES]);
void relay_show_end(struct relay *r);

/* relay_link.c: frames and connections. */
extern const struct peer_ops relay_peer_ops;
void relay_move_frames(struct relay *r);
void relay_say_unit(void *arg, uint32_t kind, uint64_t n, const void *p,
                    uint32_t len_bytes);
void relay_drop_link(struct relay *r, bool force);
int relay_open_peer(struct relay *r, int read_fd, int write_fd,
                    struct peer **at, struct err *e);

/* relay.c: something happened; what is next? */
void relay_next(struct relay *r);
void relay_link_failed(struct relay *r, const char *why);

#endif
