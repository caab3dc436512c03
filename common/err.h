/* SPDX-License-Identifier: MIT */
/*
 * err.h - one error, told once where its cause is known
 *
 * A function that can fail takes a struct err of its caller and returns 0 (or
 * a count) or a negative errno.  Whoever knows the detail calls fail(); every
 * caller above passes the number up and adds nothing.
 */
#ifndef ERR_H
#define ERR_H

struct err {
    int rc;         /* the negative errno given to fail(); 0: no error */
    char text[512]; /* `object: what was tried: cause`; one line */
};

/*
 * Store rc and the words, and return rc.  Words that do not fit are cut;
 * bytes that are no printable text become '?', so that hostile strings cannot
 * steer a terminal.  e may be NULL.
 */
int fail(struct err *e, int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
