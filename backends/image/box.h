/* SPDX-License-Identifier: MIT */
/*
 * box.h - a place with one image in it, and nothing else of the host
 *
 * The order: box_enter(), then fork (the child is process 1 of its own
 * namespace), then box_drop() in the child, then exec.
 */
#ifndef BOX_H
#define BOX_H

#include <stdbool.h>
#include <sys/types.h>

struct err;

struct box {
    const char *program; /* the one thing that is to be executed */
    const char *image;   /* absolute, without links */
    bool writable;
    uid_t uid; /* the image's owner: it opens the image, and has no rights */
    gid_t gid;
};

/*
 * New mount, network, IPC, UTS and process namespaces.  The root is empty but
 * for program, libraries, /dev/null and the image under its own path; and, to
 * read, files of the image's folder that nobody may write to: only those can
 * be its backing files (see image_main.c).  Needs CAP_SYS_ADMIN.
 */
int box_enter(const struct box *b, struct err *e);

/* No rights, none to come, no core files; system calls: box_filter.c. */
int box_drop(const struct box *b, struct err *e);

/* Refuse what a server of images never does; box_drop() calls it last. */
int box_filter(struct err *e);

#endif
