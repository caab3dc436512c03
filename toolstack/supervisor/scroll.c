/* SPDX-License-Identifier: MIT */
/*
 * scroll.c - the last bytes a console said, read by many at their own pace
 */
#include "toolstack/supervisor/scroll.h"

#include <stdlib.h>
#include <string.h>

#include "common/checked.h"

struct scroll {
    uint64_t end; /* bytes ever added */
    char bytes[SCROLL_BYTES];
};

struct scroll *scroll_new(void)
{
    return calloc(1, sizeof(struct scroll)); /* untouched pages cost nothing */
}

void scroll_free(struct scroll *s)
{
    free(s);
}

void scroll_add(struct scroll *s, const char *in, size_t in_bytes)
{
    while (in_bytes > 0) {
        size_t at = s->end % SCROLL_BYTES;
        size_t part = MIN_OF(in_bytes, SCROLL_BYTES - at);

        memcpy(s->bytes + at, in, part);
        s->end += part;
        in += part;
        in_bytes -= part;
    }
}

uint64_t scroll_oldest(const struct scroll *s)
{
    return s->end > SCROLL_BYTES ? s->end - SCROLL_BYTES : 0;
}

uint64_t scroll_end(const struct scroll *s)
{
    return s->end;
}

size_t scroll_peek(const struct scroll *s, uint64_t *at, const char **out)
{
    size_t offset;

    if (*at < scroll_oldest(s))
        *at = scroll_oldest(s);
    offset = *at % SCROLL_BYTES;
    *out = s->bytes + offset;
    return MIN_OF(s->end - *at, SCROLL_BYTES - offset);
}
