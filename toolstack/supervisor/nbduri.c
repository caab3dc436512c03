/* SPDX-License-Identifier: MIT */
/*
 * nbduri.c - where an NBD server is
 */
#include "toolstack/supervisor/nbduri.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"

#define WANT_TCP "nbd://HOST[:PORT]/EXPORT"
#define WANT_UNIX "nbd+unix:///EXPORT?socket=PATH"

static const char *const schemes[] = { "nbd:", "nbd+", "nbds:", "nbds+" };

bool nbduri_is(const char *target)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(schemes); i++)
        if (strncmp(target, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

static int bad(struct err *e, const char *text, const char *want)
{
    return fail(e, -EINVAL, "target: got \"%.150s\", want %s", text, want);
}

static int hex(char c)
{
    if (isdigit((unsigned char)c))
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * [from, end) without its %XX, in room bytes with a NUL.  -EINVAL: a % that
 * stands for no byte; -ENAMETOOLONG.
 */
static int decode(const char *from, const char *end, char *to, size_t room)
{
    while (from < end) {
        int c = (unsigned char)*from++;

        if (c == '%') {
            if (end - from < 2 || hex(from[0]) < 0 || hex(from[1]) < 0)
                return -EINVAL;
            c = hex(from[0]) << 4 | hex(from[1]);
            from += 2;
            if (c == 0)
                return -EINVAL;
        }
        if (room < 2)
            return -ENAMETOOLONG;
        *to++ = (char)c;
        room--;
    }
    *to = 0;
    return 0;
}

static int take(const char *text, const char *from, const char *end, char *to,
                size_t room, const char *what, struct err *e)
{
    int rc = decode(from, end, to, room);

    if (rc == -ENAMETOOLONG)
        return fail(e, -EINVAL,
                    "target: got \"%.150s\", want at most %zu "
                    "bytes of %s",
                    text, room - 1, what);
    return rc < 0 ? bad(e, text, "%XX only for a byte that is not NUL") : 0;
}

static int take_port(const char *text, const char *at, const char *end,
                     uint16_t *port, struct err *e)
{
    uint32_t n = 0;

    for (const char *c = at; c < end; c++) {
        if (!isdigit((unsigned char)*c) || n > UINT16_MAX)
            return bad(e, text, "a port of 1..65535");
        n = n * 10 + (uint32_t)(*c - '0');
    }
    if (n == 0 || n > UINT16_MAX)
        return bad(e, text, "a port of 1..65535");
    *port = (uint16_t)n;
    return 0;
}

/* HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT. */
static int take_server(const char *text, const char *at, const char *end,
                       struct nbd_uri *out, struct err *e)
{
    bool is_bracketed = at < end && *at == '[';
    const char *host_end, *rest;

    if (memchr(at, '@', (size_t)(end - at)))
        return bad(e, text, "no user: NBD knows none");
    if (is_bracketed) {
        at++;
        host_end = memchr(at, ']', (size_t)(end - at));
        if (!host_end)
            return bad(e, text, "a ] behind the address");
        rest = host_end + 1;
    } else {
        host_end = memchr(at, ':', (size_t)(end - at));
        if (!host_end)
            host_end = end;
        rest = host_end;
    }
    if (host_end == at)
        return bad(e, text, WANT_TCP);
    out->port = NBD_PORT;
    if (rest < end && *rest != ':')
        return bad(e, text, "only :PORT behind the ]");
    if (rest < end && take_port(text, rest + 1, end, &out->port, e) < 0)
        return -EINVAL;
    return take(text, at, host_end, out->host, sizeof(out->host), "host", e);
}

/* `socket=PATH`, and nothing else. */
static int take_socket(const char *text, const char *query, struct nbd_uri *out,
                       struct err *e)
{
    static const char key[] = "socket=";
    const char *end = query + strlen(query);

    if (strncmp(query, key, strlen(key)) || strpbrk(query, "&;"))
        return bad(e, text, WANT_UNIX);
    if (take(text, query + strlen(key), end, out->path, sizeof(out->path),
             "socket", e) < 0)
        return -EINVAL;
    return out->path[0] == '/' ? 0 : bad(e, text, "an absolute socket=PATH");
}

int nbduri_parse(const char *text, struct nbd_uri *out, struct err *e)
{
    const char *at, *path, *query, *end = text + strlen(text);

    *out = (struct nbd_uri){ 0 };
    if (strncmp(text, "nbds", 4) == 0)
        return fail(e, -EOPNOTSUPP,
                    "target: got \"%.150s\", want nbd: or "
                    "nbd+unix:, for TLS is not served yet",
                    text);
    out->is_unix = strncmp(text, "nbd+unix://", 11) == 0;
    if (!out->is_unix && strncmp(text, "nbd://", 6))
        return bad(e, text, WANT_TCP " or " WANT_UNIX);
    if (strchr(text, '#'))
        return bad(e, text, "no fragment (%23 is a # in a name)");
    at = text + (out->is_unix ? 11 : 6);
    query = strchr(at, '?');
    path = at + strcspn(at, "/?");
    if (out->is_unix ? path != at : query != NULL)
        return bad(e, text, out->is_unix ? WANT_UNIX : WANT_TCP);
    if (out->is_unix && (!query || take_socket(text, query + 1, out, e) < 0))
        return query ? -EINVAL : bad(e, text, WANT_UNIX);
    if (!out->is_unix && take_server(text, at, path, out, e) < 0)
        return -EINVAL;
    end = query ? query : end;
    if (path < end && *path == '/')
        path++;
    return take(text, path, end, out->export, sizeof(out->export),
                "export's name", e);
}
