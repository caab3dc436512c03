/* SPDX-License-Identifier: MIT */
/* canary.c - search memory, register blobs and logs for the secret */
#include "canary.h"

#include <stdio.h>
#include <string.h>

#define REGS_WANTED 2u /* one word of 32 bits may be chance, two are not */

unsigned canary_lines_in(const struct canary_line *line, const void *mem,
                         size_t len_bytes)
{
    const uint8_t *at = mem;
    unsigned nr = 0;

    for (size_t off = 0; off + sizeof(*line) <= len_bytes;) {
        uint64_t first;

        memcpy(&first, at + off, sizeof(first));
        if (first == line->word[0] && !memcmp(at + off, line, sizeof(*line))) {
            nr++;
            off += sizeof(*line);
        } else {
            off += sizeof(uint64_t);
        }
    }
    return nr;
}

int canary_regs_in(const struct canary_line *line, const void *blob,
                   size_t len_bytes)
{
    unsigned found = 0;

    for (unsigned i = 0; i < CANARY_REGS; i++) {
        uint32_t reg = canary_reg(line, i);

        if (memmem(blob, len_bytes, &reg, sizeof(reg)))
            found++;
    }
    return found >= REGS_WANTED || canary_lines_in(line, blob, len_bytes) > 0;
}

int canary_regs_in_text(const struct canary_line *line, const char *text)
{
    for (unsigned i = 0; i < CANARY_REGS; i++) {
        char word[9];

        snprintf(word, sizeof(word), "%08x", canary_reg(line, i));
        if (strcasestr(text, word))
            return 1;
    }
    return 0;
}

void canary_fill(const struct canary_line *line, void *mem, size_t len_bytes)
{
    uint8_t *to = mem;

    for (size_t off = 0; off + sizeof(*line) <= len_bytes; off += sizeof(*line))
        memcpy(to + off, line, sizeof(*line));
}
