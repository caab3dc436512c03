/* SPDX-License-Identifier: MIT */
/*
 * rule.c - what the relay does, to which unit
 */
#include "tests/evil-relay/rule.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"

enum wants { NOTHING, NUMBER, NUMBER_BYTES, WORD };

static const struct {
    const char *name;
    enum wants wants;
} acts[] = {
    [ACT_FLIP] = { "flip", NUMBER },
    [ACT_SET] = { "set", NUMBER_BYTES },
    [ACT_DROP] = { "drop", NOTHING },
    [ACT_TWICE] = { "twice", NOTHING },
    [ACT_SWAP] = { "swap", NOTHING },
    [ACT_OLD] = { "old", NOTHING },
    [ACT_LATE] = { "late", WORD },
    [ACT_INSERT] = { "insert", WORD },
    [ACT_TRUNC] = { "trunc", NUMBER },
    [ACT_CUT] = { "cut", NOTHING },
    [ACT_CUTAFTER] = { "cutafter", NOTHING },
    [ACT_SHUT] = { "shut", NOTHING },
    [ACT_HOLD] = { "hold", NOTHING },
};
_Static_assert(ARRAY_SIZE(acts) == ACTS, "acts");

static const char *const names[] = {
    "any",   "hello", "plan",  "answer", "hand1", "hand2", "hand3",
    "hand4", "hand5", "frame", "epoch",  "ack",   "ready", "start",
    "abort", "done",  "ask",   "end",    "alive", "other",
};

static bool known(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool number(const char *text, int64_t *out)
{
    char *end;

    *out = strtoll(text, &end, 0);
    return *text && !*end;
}

static int hex(struct rule *r, const char *text)
{
    for (r->nr_bytes = 0; *text; text += 2) {
        char two[3] = { text[0], text[1], 0 }, *end;

        if (r->nr_bytes == sizeof(r->bytes))
            return -EINVAL;
        r->bytes[r->nr_bytes++] = (uint8_t)strtoul(two, &end, 16);
        if (end != two + 2)
            return -EINVAL;
    }
    return r->nr_bytes ? 0 : -EINVAL;
}

/* ACTION, in a copy that may be written. */
static int parse_act(struct rule *r, char *text)
{
    char *word = strchr(text, '@'), *bytes;
    unsigned a;

    if (word)
        *word++ = 0;
    for (a = 0; a < ACTS && strcmp(acts[a].name, text) != 0; a++)
        ;
    if (a == ACTS || (acts[a].wants != NOTHING) != (word != NULL))
        return -EINVAL;
    r->act = (enum act)a;
    switch (acts[a].wants) {
    case NOTHING:
        return 0;
    case NUMBER:
        return number(word, &r->at) ? 0 : -EINVAL;
    case NUMBER_BYTES:
        bytes = strchr(word, '=');
        if (!bytes)
            return -EINVAL;
        *bytes++ = 0;
        return number(word, &r->at) ? hex(r, bytes) : -EINVAL;
    case WORD:
        snprintf(r->word, sizeof(r->word), "%.255s", word);
        return r->act == ACT_LATE && !known(word) ? -EINVAL : 0;
    }
    return -EINVAL;
}

/* NAME[#NTH][/STREAM], the same. */
static int parse_which(struct rule *r, char *text)
{
    char *stream = strchr(text, '/'), *nth;
    int64_t n;

    r->stream = -1;
    r->nth = 1;
    if (stream) {
        *stream++ = 0;
        if (!number(stream, &n) || n < 0 || n > 3)
            return -EINVAL;
        r->stream = (int)n;
    }
    nth = strchr(text, '#');
    if (nth) {
        *nth++ = 0;
        if (!number(nth, &n) || n < 0 || n > UINT32_MAX)
            return -EINVAL;
        r->nth = (uint32_t)n;
    }
    if (!known(text))
        return -EINVAL;
    snprintf(r->name, sizeof(r->name), "%.15s", text);
    return 0;
}

int rule_parse(struct rule *r, const char *text, struct err *e)
{
    char copy[512], *which, *act;
    int rc = -EINVAL;

    *r = (struct rule){ .text = text };
    snprintf(copy, sizeof(copy), "%s", text);
    if ((copy[0] == 's' || copy[0] == 'd') && copy[1] == ':') {
        r->side = copy[0] == 's' ? SIDE_SOURCE : SIDE_DEST;
        which = copy + 2;
        act = strchr(which, ':');
        if (act) {
            *act++ = 0;
            rc = parse_which(r, which);
            if (rc == 0)
                rc = parse_act(r, act);
        }
    }
    return rc < 0 ? fail(e, rc, "rule %s: want SIDE:NAME[#NTH][/STREAM]:ACTION",
                         text)
                  : 0;
}

bool rule_meets(struct rule *r, enum side side, uint16_t stream,
                const char *name)
{
    bool any = strcmp(r->name, "any") == 0 && strcmp(name, "alive") != 0;

    if (side != r->side || (r->stream >= 0 && r->stream != stream) ||
        !(any || strcmp(r->name, name) == 0))
        return false;
    r->seen++;
    if (r->nth && r->seen != r->nth)
        return false;
    r->fired++;
    return true;
}
