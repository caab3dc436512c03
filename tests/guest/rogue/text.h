/* SPDX-License-Identifier: MIT */
/*
 * text.h - words and numbers, without a C library
 */
#ifndef ROGUE_TEXT_H
#define ROGUE_TEXT_H

#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);

/* A line that is built word by word; what does not fit is left out. */
struct line {
    char text[512];
    uint32_t len;
};

void line_add(struct line *l, const char *text);
void line_number(struct line *l, uint32_t n);
/* A status: 0, -1, -2, or another small number with its sign. */
void line_signed(struct line *l, int32_t n);

/* A number in decimal; *at moves behind it. */
uint64_t text_number(const char **at);

/* The text behind "key=" in a command line; NULL: not there. */
const char *text_value(const char *cmdline, const char *key);
/* Is word one of the words of list, which commas part and a blank ends? */
int text_lists(const char *list, const char *word);

/* The same row of numbers in each run: xorshift. */
uint32_t text_random(void);

#endif
