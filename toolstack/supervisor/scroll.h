/* SPDX-License-Identifier: MIT */
/*
 * scroll.h - the last bytes a console said, read by many at their own pace
 */
#ifndef SCROLL_H
#define SCROLL_H

#include <stddef.h>
#include <stdint.h>

#define SCROLL_BYTES (256u << 10)

struct scroll;

struct scroll *scroll_new(void); /* NULL: no memory */
void scroll_free(struct scroll *s);

void scroll_add(struct scroll *s, const char *in, size_t in_bytes);

/* Where a new reader starts: the oldest byte kept; and the end. */
uint64_t scroll_oldest(const struct scroll *s);
uint64_t scroll_end(const struct scroll *s);

/*
 * The bytes from *at on that lie together; returns their number, 0 at the
 * end.  A reader that fell behind is moved up to the oldest byte kept.
 */
size_t scroll_peek(const struct scroll *s, uint64_t *at, const char **out);

#endif
