/* SPDX-License-Identifier: MIT */
/*
 * test_nbduri.c - addresses of NBD servers, one row for each edge
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/supervisor/nbduri.h"

static struct nbd_uri uri;
static struct err err;

TEST(what_a_good_address_says)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
        const char *path, *export;
    } rows[] = {
        { "nbd://host", "host", 10809, "", "" },
        { "nbd://host/", "host", 10809, "", "" },
        { "nbd://host/x", "host", 10809, "", "x" },
        { "nbd://host:1/x/y", "host", 1, "", "x/y" },
        { "nbd://host:65535//x", "host", 65535, "", "/x" },
        { "nbd://10.0.0.1/a%20b%2Fc%3F", "10.0.0.1", 10809, "", "a b/c?" },
        { "nbd://[::1]/x", "::1", 10809, "", "x" },
        { "nbd://[fe80::1%25eth0]:7/x", "fe80::1%eth0", 7, "", "x" },
        { "nbd+unix://?socket=/s", "", 0, "/s", "" },
        { "nbd+unix:///?socket=/s", "", 0, "/s", "" },
        { "nbd+unix:///a%2cb?socket=/run/%61 b", "", 0, "/run/a b", "a,b" },
        { "nbd+unix:///x?socket=%2Frun%2fs", "", 0, "/run/s", "x" },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CHECK(nbduri_is(rows[i].text));
        CHECK_EQ(nbduri_parse(rows[i].text, &uri, &err), 0);
        CHECK_EQ(uri.is_unix, rows[i].path[0] != 0);
        CHECK_STR(uri.host, rows[i].host);
        CHECK_EQ(uri.port, rows[i].port);
        CHECK_STR(uri.path, rows[i].path);
        CHECK_STR(uri.export, rows[i].export);
    }
}

TEST(what_a_bad_address_lacks)
{
    static const struct {
        const char *text;
        int rc;
        const char *words;
    } rows[] = {
        { "nbd:", -EINVAL, "want nbd://HOST[:PORT]/EXPORT or nbd+unix:" },
        { "nbd:/host/x", -EINVAL, "want nbd://HOST" },
        { "nbd://", -EINVAL, "want nbd://HOST" },
        { "nbd:///x", -EINVAL, "want nbd://HOST" },
        { "nbd://:1/x", -EINVAL, "want nbd://HOST" },
        { "nbd://host:/x", -EINVAL, "a port of 1..65535" },
        { "nbd://host:0/x", -EINVAL, "a port of 1..65535" },
        { "nbd://host:65536/x", -EINVAL, "a port of 1..65535" },
        { "nbd://host:4294967297/x", -EINVAL, "a port of 1..65535" },
        { "nbd://host:+1/x", -EINVAL, "a port of 1..65535" },
        { "nbd://::1/x", -EINVAL, "want nbd://HOST" },
        { "nbd://[::1/x", -EINVAL, "a ] behind the address" },
        { "nbd://[::1]1/x", -EINVAL, "only :PORT behind the ]" },
        { "nbd://[]/x", -EINVAL, "want nbd://HOST" },
        { "nbd://me@host/x", -EINVAL, "no user" },
        { "nbd://host/x?y=1", -EINVAL, "want nbd://HOST" },
        { "nbd://host?socket=/x", -EINVAL, "want nbd://HOST" },
        { "nbd://host/x#y", -EINVAL, "no fragment" },
        { "nbd://host/%", -EINVAL, "%XX only for a byte that is not NUL" },
        { "nbd://host/%4", -EINVAL, "%XX" },
        { "nbd://host/%4g", -EINVAL, "%XX" },
        { "nbd://host/%00", -EINVAL, "%XX" },
        { "nbd://ho%00st/", -EINVAL, "%XX" },
        { "nbd+unix:///x", -EINVAL, "want nbd+unix:///EXPORT?socket=PATH" },
        { "nbd+unix:///x?", -EINVAL, "want nbd+unix:///EXPORT" },
        { "nbd+unix:///x?socket=", -EINVAL, "an absolute socket=PATH" },
        { "nbd+unix:///x?socket=s", -EINVAL, "an absolute socket=PATH" },
        { "nbd+unix:///x?socket=/s&a=b", -EINVAL, "want nbd+unix:///EXPORT" },
        { "nbd+unix:///x?a=b", -EINVAL, "want nbd+unix:///EXPORT" },
        { "nbd+unix://host/x?socket=/s", -EINVAL, "want nbd+unix:///EXPORT" },
        { "nbd+vsock://1/x", -EINVAL, "want nbd://HOST" },
        { "nbds://host/x", -EOPNOTSUPP, "TLS is not served yet" },
        { "nbds+unix:///x?socket=/s", -EOPNOTSUPP, "TLS is not served yet" },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CHECK(nbduri_is(rows[i].text));
        CHECK_EQ(nbduri_parse(rows[i].text, &uri, &err), rows[i].rc);
        CHECK_HAS(err.text, rows[i].words);
        CHECK_HAS(err.text, "target: got \"nbd");
    }
}

static int parse_long(const char *format, uint32_t bytes)
{
    char word[1024], text[1200];

    memset(word, 'x', bytes);
    word[bytes] = 0;
    snprintf(text, sizeof(text), format, word);
    return nbduri_parse(text, &uri, &err);
}

TEST(what_is_too_long_is_refused)
{
    CHECK_EQ(parse_long("nbd://h/%s", BLK_TEXT - 1), 0);
    CHECK_EQ(parse_long("nbd://h/%s", BLK_TEXT), -EINVAL);
    CHECK_HAS(err.text, "at most 255 bytes of export's name");
    CHECK_EQ(parse_long("nbd://%s/", NBD_HOST_MAX), 0);
    CHECK_EQ(parse_long("nbd://%s/", NBD_HOST_MAX + 1), -EINVAL);
    CHECK_HAS(err.text, "at most 255 bytes of host");
    CHECK_EQ(parse_long("nbd+unix:///?socket=/%s", NBD_SOCKET_MAX - 1), 0);
    CHECK_EQ(parse_long("nbd+unix:///?socket=/%s", NBD_SOCKET_MAX), -EINVAL);
    CHECK_HAS(err.text, "at most 107 bytes of socket");
}

TEST(a_path_is_no_address)
{
    CHECK(!nbduri_is("/dev/nbd0"));
    CHECK(!nbduri_is("nbd0"));
    CHECK(!nbduri_is("vg/lv"));
    CHECK(!nbduri_is(""));
}

RUN_TESTS(RULE(what_a_good_address_says), RULE(what_a_bad_address_lacks),
          RULE(what_is_too_long_is_refused), RULE(a_path_is_no_address))
