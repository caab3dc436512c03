/* SPDX-License-Identifier: MIT */
/*
 * cmdline.c - check a guest's command line and finish it
 *
 * How this works: Linux and kmod split the line each in its own way, so the
 * search for the guarded parameters does not split it at all.  It looks for
 * their names anywhere, with every quote removed and '-' read as '_' (both
 * do); that refuses more than either would accept, never less.
 */
#include "cmdline.h"

#include <string.h>

static const char *const guarded[] = { "xen_blkfront.trusted",
                                       "xen_netfront.trusted" };

static int check_characters(const char *line, uint32_t len, struct st_err *e)
{
    for (uint32_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)line[i];

        if (c < ' ' || c == 0x7f)
            return st_fail(e, FH_ERR_CMDLINE,
                           "command line: byte %u is the control character "
                           "0x%x",
                           i, c);
    }
    return 0;
}

/* Whether name stands at line[at], quotes inside it passed over. */
static bool name_at(const char *line, uint32_t len, uint32_t at,
                    const char *name)
{
    for (; *name; at++) {
        if (at == len)
            return false;
        if (line[at] == '"')
            continue;
        if ((line[at] == '-' ? '_' : line[at]) != *name)
            return false;
        name++;
    }
    return true;
}

/* Linux's isspace(), which counts 0xa0 (lib/ctype.c); the rest is refused. */
static bool is_space(char c)
{
    return c == ' ' || (uint8_t)c == 0xa0;
}

/* Whether the word at line[at] is a bare `--`. */
static bool ends_options(const char *line, uint32_t len, uint32_t at)
{
    uint32_t dashes = 0;

    if (at > 0 && !is_space(line[at - 1]))
        return false;
    for (; at < len && !is_space(line[at]); at++) {
        if (line[at] == '"')
            continue;
        if (line[at] != '-' || ++dashes > 2)
            return false;
    }
    return dashes == 2;
}

static int check_suffix_holds(const char *line, uint32_t len, struct st_err *e)
{
    uint32_t quotes = 0;

    for (uint32_t i = 0; i < len; i++) {
        quotes += line[i] == '"';
        for (unsigned g = 0; g < sizeof(guarded) / sizeof(*guarded); g++)
            if (name_at(line, len, i, guarded[g]))
                return st_fail(e, FH_ERR_CMDLINE,
                               "command line: sets %s, which is the "
                               "steward's to set; trust the backends instead",
                               guarded[g]);
        if (ends_options(line, len, i))
            return st_fail(e, FH_ERR_CMDLINE,
                           "command line: `--` would hide what the steward "
                           "appends");
    }
    if (quotes & 1)
        return st_fail(e, FH_ERR_CMDLINE, "command line: a quote is left open");
    return 0;
}

int cmdline_finish(char *line, uint64_t len_bytes, bool trust_backends,
                   struct st_err *e)
{
    uint32_t len = (uint32_t)len_bytes, suffix = 0;
    int rc;

    if (!trust_backends)
        suffix = sizeof(FH_CMDLINE_SUFFIX) - 1;
    if (len_bytes > FH_CMDLINE_MAX - 1 - suffix)
        return st_fail(e, FH_ERR_CMDLINE,
                       "command line: %lu bytes, want at most %u",
                       (unsigned long)len_bytes, FH_CMDLINE_MAX - 1 - suffix);
    rc = check_characters(line, len, e);
    if (rc < 0)
        return rc;
    if (!trust_backends) {
        rc = check_suffix_holds(line, len, e);
        if (rc < 0)
            return rc;
    }
    memcpy(line + len, FH_CMDLINE_SUFFIX, suffix);
    len += suffix;
    memset(line + len, 0, FH_CMDLINE_MAX - len);
    return (int)len;
}

int cmdline_check_limit(uint32_t len_bytes, uint32_t limit_bytes,
                        struct st_err *e)
{
    if (len_bytes > limit_bytes)
        return st_fail(e, FH_ERR_CMDLINE,
                       "command line: %u bytes with what the steward appends, "
                       "the kernel reads %u",
                       len_bytes, limit_bytes);
    return 0;
}
