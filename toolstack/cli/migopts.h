/* SPDX-License-Identifier: MIT */
/*
 * migopts.h - the words of `freehold migrate` and `resolve`
 */
#ifndef MIGOPTS_H
#define MIGOPTS_H

#include <stdbool.h>
#include <stdint.h>

struct err;

#define MIGOPTS_STREAMS 4u

struct migopts {
    const char *name; /* of the guest, or its domain's number */
    const char *host; /* NULL: it is not by ssh */
    const char *ssh;  /* the command; "": host is all of it */
    const char *tcp;  /* "ADDRESS:PORT"; NULL */
    const char *path; /* of a UNIX socket; NULL */
    uint32_t nr_streams;

    /* migrate */
    bool check, live, force;
    bool times;                          /* before each line of progress */
    uint32_t max_downtime_ms, timeout_s; /* 0: not said */
    uint64_t bytes_per_s;                /* 0: no limit */

    /* resolve */
    bool abort;
};

/*
 * Both return 0 or EXIT_USAGE, or
 *
 *   -EINVAL      a value is wrong, or two words exclude each other
 *   -EOPNOTSUPP  one of xl's options that we refuse, or one that no version
 *                can do yet
 */
int migopts_migrate(struct migopts *o, int argc, char **argv, struct err *e);
/* Without host, tcp and path: nobody is to be reached. */
int migopts_resolve(struct migopts *o, int argc, char **argv, struct err *e);

/* The same words again, up to the guest's name, to reach the same peer:
   "-s CMD web HOST", "--tcp A:P web". */
#define MIGOPTS_WAY 512u
void migopts_way(const struct migopts *o, char out[MIGOPTS_WAY]);
/* Who is at the other end: the host, address or path. */
const char *migopts_peer(const struct migopts *o);

#endif
