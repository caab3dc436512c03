/* SPDX-License-Identifier: MIT */
/*
 * tokens.c - files of START, ABORT and DONE
 */
#include "migrate/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"

#define NAME_BYTES (2 * WIRE_ID_BYTES + 16)

void tokens_hex(char *out, const uint8_t *bytes, uint32_t nr)
{
    static const char digit[] = "0123456789abcdef";

    for (uint32_t i = 0; i < nr; i++) {
        out[2 * i] = digit[bytes[i] >> 4];
        out[2 * i + 1] = digit[bytes[i] & 15];
    }
    out[2 * nr] = 0;
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int tokens_unhex(uint8_t *bytes, uint32_t nr, const char *hex)
{
    if (strlen(hex) != 2 * (size_t)nr)
        return -EINVAL;
    for (uint32_t i = 0; i < nr; i++) {
        int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return -EINVAL;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static void name_of(char name[NAME_BYTES], const uint8_t *session,
                    enum wire_token type)
{
    char hex[2 * WIRE_ID_BYTES + 1];

    tokens_hex(hex, session, WIRE_ID_BYTES);
    snprintf(name, NAME_BYTES, "%s.%s", hex, wire_token_name(type));
}

static int lost(struct err *e, const char *name, const char *what)
{
    return fail(e, -errno, "token %s: %s: %s", name, what, strerror(errno));
}

static int write_all(int fd, const uint8_t *p, size_t bytes)
{
    while (bytes > 0) {
        ssize_t r = write(fd, p, bytes);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return -1;
        p += r;
        bytes -= (size_t)r;
    }
    return 0;
}

int tokens_keep(int dir_fd, const uint8_t token[FH_TOKEN_BYTES], struct err *e)
{
    uint8_t session[WIRE_ID_BYTES];
    char name[NAME_BYTES], half[NAME_BYTES + 16];
    int type = wire_check_token(token, session, e);
    int fd = -1, rc = 0;

    if (type < 0)
        return type;
    name_of(name, session, (enum wire_token)type);
    /* Both sides' supervisors may keep it here: on one host. */
    snprintf(half, sizeof(half), "%s.%d", name, (int)getpid());
    fd = openat(dir_fd, half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return lost(e, name, "creating it");
    if (write_all(fd, token, FH_TOKEN_BYTES) || fsync(fd))
        rc = lost(e, name, "writing it");
    if (close(fd) && rc == 0)
        rc = lost(e, name, "closing it");
    if (rc == 0 && renameat(dir_fd, half, dir_fd, name))
        rc = lost(e, name, "renaming it");
    if (rc < 0) {
        unlinkat(dir_fd, half, 0);
        return rc;
    }
    return fsync(dir_fd) ? lost(e, name, "syncing its folder") : 0;
}

int tokens_read(int dir_fd, const uint8_t session[WIRE_ID_BYTES],
                enum wire_token type, uint8_t token[FH_TOKEN_BYTES],
                struct err *e)
{
    uint8_t of[WIRE_ID_BYTES], more;
    char name[NAME_BYTES];
    ssize_t r, rest;
    int fd, rc;

    name_of(name, session, type);
    fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return lost(e, name, "opening it");
    r = read(fd, token, FH_TOKEN_BYTES);
    rest = read(fd, &more, 1);
    close(fd);
    if (r != FH_TOKEN_BYTES || rest != 0)
        return fail(e, -EPROTO, "token %s: the file has %s bytes than %u", name,
                    rest > 0 ? "more" : "fewer", FH_TOKEN_BYTES);
    rc = wire_check_token(token, of, e);
    if (rc < 0)
        return rc;
    if (rc != (int)type || memcmp(of, session, WIRE_ID_BYTES) != 0)
        return fail(e, -EPROTO,
                    "token %s: it is one of another session or type", name);
    return 0;
}
