/* SPDX-License-Identifier: MIT */
/*
 * puppet.h - backends whose words are the test's
 *
 * The supervisor starts tests/puppet, a process that hands its descriptors to
 * the test and then only lives; whatever a backend would say is said here, in
 * the test's own thread.  Unless told otherwise, each one does what it should.
 */
#ifndef PUPPET_H
#define PUPPET_H

#include <stdbool.h>
#include <sys/types.h>

#include "backends/blk/blk_ctl.h"
#include "backends/net/net_ctl.h"

#define PUPPETS_MAX 32u

#define PUPPET_TYPES 16u /* of messages, of any kind */

struct puppet {
    pid_t pid;
    int control_fd, listen_fd, journal_fd, conn_fd;
    uint32_t heard[PUPPET_TYPES]; /* messages of each type */
    struct blk_open open;
    struct blk_wiring wiring;
    struct blk_limits limits;
    bool has_store; /* a descriptor came with OPEN */
    bool opened, connected;
    struct { /* a network backend's */
        struct net_open open;
        struct net_wiring wiring;
        struct net_rules rules;
        uint32_t nr_taps; /* that came, each with a descriptor */
        uint16_t headroom;
        bool stalled;
    } net;
};

struct puppet_kind { /* puppet_net.c; without one they are block backends */
    uint32_t message_bytes;
    void (*hello)(struct puppet *p);
    void (*heard)(struct puppet *p, const void *message, int fd);
};

extern struct puppets {
    uint32_t nr; /* started so far */
    struct puppet one[PUPPETS_MAX];
    const struct puppet_kind *kind;
    bool deaf[PUPPET_TYPES]; /* messages that none answers */
    bool mute;               /* no HELLO */
    const char *refuse;      /* OPEN is answered by FAILED and this */
    const char *build;
    struct blk_store_info info;
} puppets;

int puppets_set_up(const char *program); /* of the program: PUPPET */
void puppets_tear_down(void);
void puppets_fresh(void); /* a new test: none there, all good */

/* After puppets_fresh(): they are network backends. */
void puppets_net(void);

int puppets_fd(void); /* readable when puppets_turn() has something to do */
void puppets_turn(void);

void puppet_say(struct puppet *p, const struct blk_ctl *m);
void puppet_say_type(struct puppet *p, enum blk_ctl_type type);
void puppet_say_bytes(struct puppet *p, const void *bytes, size_t nr);
void puppet_die(struct puppet *p); /* SIGKILL */
/* What a backend with a guest's rings has in its journal. */
void puppet_write_journal(struct puppet *p, bool connected);

/* Close it: a backend's process ends so. */
void puppet_end(struct puppet *p);

/* The same of a network backend. */
void puppet_net_say(struct puppet *p, const struct net_ctl *m);
void puppet_net_say_type(struct puppet *p, enum net_ctl_type type);
void puppet_net_write_journal(struct puppet *p, bool connected);

#endif
