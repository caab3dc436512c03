/* SPDX-License-Identifier: MIT */
/*
 * play.h - say again what a recorded source said
 */
#ifndef PLAY_H
#define PLAY_H

/*
 * To that descriptor, which it closes: units of stream 0 and of no other.
 * Prints "peer NAME" for each unit that comes, "peer end WORDS", "peer gone";
 * returns an exit status: 0, or 2 when there is no such record.
 */
int play(const char *path, int fd);

int connect_to(const char *path); /* main.c's */

#endif
