/* SPDX-License-Identifier: MIT */
/*
 * fuzz_steward_cmdline.c - a command line: what is accepted must hold
 *
 * The judge splits the line as Linux does (lib/cmdline.c, next_arg: spaces
 * outside quotes end a word, a bare `--` ends the kernel's words) and asks
 * whether the guarded parameters have one value, the steward's.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "steward/cmdline.c"

static bool judge_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || (uint8_t)c == 0xa0;
}

/* Whether word, of len bytes, is name=value once unquoted, - read as _. */
static bool sets(const char *word, size_t len, const char *name)
{
    size_t i = 0;

    if (len && word[0] == '"') {
        word++;
        len--;
    }
    for (; name[i]; i++)
        if (i >= len || (word[i] == '-' ? '_' : word[i]) != name[i])
            return false;
    return i == len || word[i] == '=' || word[i] == '"';
}

/* How often the kernel sees name; aborts at any value but 0. */
static unsigned count(const char *line, const char *name)
{
    unsigned seen = 0;

    while (*line) {
        size_t len = 0;
        bool quoted = false;

        if (judge_space(*line)) {
            line++;
            continue;
        }
        for (; line[len] && (quoted || !judge_space(line[len])); len++)
            if (line[len] == '"')
                quoted = !quoted;
        if (len == 2 && memcmp(line, "--", 2) == 0)
            break;
        if (sets(line, len, name)) {
            if (len != strlen(name) + 2 || line[len - 1] != '0')
                abort();
            seen++;
        }
        line += len;
    }
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char line[FH_CMDLINE_MAX];
    struct st_err e = { 0 };
    bool trust;
    int len;

    if (size == 0 || size > FH_CMDLINE_MAX)
        return 0;
    trust = data[0] & 1;
    memset(line, 0xee, sizeof(line));
    memcpy(line, data + 1, size - 1);
    len = cmdline_finish(line, size - 1, trust, &e);
    if (len < 0)
        return 0;
    if (strlen(line) != (size_t)len || line[FH_CMDLINE_MAX - 1])
        abort();
    if (!trust && (count(line, "xen_blkfront.trusted") != 1 ||
                   count(line, "xen_netfront.trusted") != 1))
        abort();
    return 0;
}
