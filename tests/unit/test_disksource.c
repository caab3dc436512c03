/* SPDX-License-Identifier: MIT */
/*
 * test_disksource.c - what may stand behind a disk, and who has it
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/disksource.h"

static uv_loop_t loop;
static char dir[] = "/tmp/disksource-XXXXXX";
static struct err err;

static char *in_dir(const char *name)
{
    static char path[8][64];
    static int next;
    char *p = path[next++ % 8];

    snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
    return p;
}

static char *make_file(const char *name)
{
    char *path = in_dir(name);
    int fd = open(path, O_CREAT | O_RDWR, 0600);

    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, 1 << 20), 0);
    close(fd);
    return path;
}

static int open_source(const char *target, bool writable,
                       enum vm_disk_format format, struct disk_source **out)
{
    struct vm_disk d = { .target = (char *)target,
                         .vdev = (char *)"xvda",
                         .format = format,
                         .writable = writable };

    const char *slash = target ? strrchr(target, '/') : NULL;
    char base[128];

    /* Another place for each, as each disk has one. */
    snprintf(base, sizeof(base), "%s/web/vbd%.20s", dir,
             slash ? slash + 1 : "");
    err = (struct err){ 0 };
    *out = NULL;
    return disk_source_open(&loop, &d, base, out, &err);
}

static int refused(const char *target, enum vm_disk_format format)
{
    struct disk_source *s;
    int rc = open_source(target, true, format, &s);

    assert_null(s);
    return rc;
}

static struct disk_source *opened(const char *target, bool writable)
{
    struct disk_source *s;

    CHECK_EQ(open_source(target, writable, VM_DISK_RAW, &s), 0);
    return s;
}

static int make_dir(void **state)
{
    (void)state;
    return uv_loop_init(&loop) || !mkdtemp(dir) || mkdir(in_dir("web"), 0700);
}

static int remove_dir(void **state)
{
    char cmd[64];

    (void)state;
    uv_run(&loop, UV_RUN_DEFAULT);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    return system(cmd) || uv_loop_close(&loop);
}

TEST(what_is_neither_file_nor_block_device_is_refused)
{
    CHECK_EQ(refused(NULL, VM_DISK_RAW), -ENOMEDIUM);
    CHECK_EQ(refused("", VM_DISK_RAW), -ENOMEDIUM);
    CHECK_HAS(err.text, "disk xvda: target: got none");
    CHECK_EQ(refused("/any", VM_DISK_EMPTY), -ENOMEDIUM);

    CHECK_EQ(refused(in_dir("none"), VM_DISK_RAW), -ENOENT);
    CHECK_HAS(err.text, "disk xvda: /tmp/disksource-");
    CHECK_HAS(err.text, "/none: No such file");
    CHECK_EQ(refused(dir, VM_DISK_RAW), -EINVAL);
    CHECK_HAS(err.text, "got a directory, want a file or block device");
    CHECK_EQ(mkfifo(in_dir("pipe"), 0600), 0);
    CHECK_EQ(refused(in_dir("pipe"), VM_DISK_RAW), -EINVAL);
    CHECK_HAS(err.text, "got a pipe");
}

TEST(a_relative_target_is_below_dev)
{
    CHECK_EQ(refused("null", VM_DISK_RAW), -EINVAL);
    CHECK_STR(err.text, "disk xvda: /dev/null: got a character device, "
                        "want a file or block device");
    CHECK_EQ(refused("vg/none", VM_DISK_RAW), -ENOENT);
    CHECK_HAS(err.text, "/dev/vg/none");
}

TEST(a_long_path_is_refused)
{
    char path[5000];

    memset(path, 'x', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = 0;
    CHECK_EQ(refused(path, VM_DISK_RAW), -ENAMETOOLONG);
}

TEST(access_is_what_the_configuration_says)
{
    struct disk_source *s = opened(make_file("modes"), false);
    int fd = disk_source_fd(s);

    CHECK_EQ(disk_source_kind(s), BLK_STORE_RAW);
    CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    disk_source_close(s);

    s = opened(in_dir("modes"), true);
    fd = disk_source_fd(s);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
    close(fd);
    disk_source_close(s);
}

TEST(a_link_is_followed)
{
    struct disk_source *s;

    make_file("volume");
    CHECK_EQ(symlink("volume", in_dir("link")), 0);
    s = opened(in_dir("link"), true);
    close(disk_source_fd(s));
    disk_source_close(s);
}

static void check_pair(bool first, bool second, bool fits)
{
    struct disk_source *a = opened(make_file("shared"), first);
    struct disk_source *b = opened(in_dir("shared"), second);
    int fd = disk_source_fd(a), other = disk_source_fd(b);

    CHECK(fd >= 0);
    CHECK_STR(disk_source_why(a), "");
    if (fits) {
        CHECK(other >= 0);
        close(other);
    } else {
        CHECK_EQ(other, -EBUSY);
        CHECK_HAS(disk_source_why(b), "/shared: it is in use by another guest");
    }
    close(fd);
    disk_source_close(a);
    /* Whoever was refused may ask again. */
    other = disk_source_fd(b);
    CHECK(other >= 0);
    CHECK_STR(disk_source_why(b), "");
    close(other);
    disk_source_close(b);
}

TEST(two_may_share_a_disk_only_to_read)
{
    check_pair(true, true, false);
    check_pair(true, false, false);
    check_pair(false, true, false);
    check_pair(false, false, true);
}

TEST(the_lock_lives_as_long_as_a_backend_has_the_descriptor)
{
    struct disk_source *a = opened(make_file("kept"), true), *b;
    int fd = disk_source_fd(a), again = disk_source_fd(a);

    CHECK(again >= 0); /* for the backend that follows a killed one */
    disk_source_close(a);
    b = opened(in_dir("kept"), true);
    close(fd);
    CHECK_EQ(disk_source_fd(b), -EBUSY);
    close(again);
    fd = disk_source_fd(b);
    CHECK(fd >= 0);
    close(fd);
    disk_source_close(b);
}

TEST(a_file_that_became_a_pipe_is_noticed)
{
    struct disk_source *s = opened(make_file("turned"), true);

    CHECK_EQ(unlink(in_dir("turned")), 0);
    CHECK_EQ(mkfifo(in_dir("turned"), 0600), 0);
    CHECK_EQ(disk_source_fd(s), -EINVAL);
    CHECK_HAS(disk_source_why(s), "got a pipe");
    disk_source_close(s);
}

/* ---- NBD servers ---- */

struct answer {
    int fd;
    bool is_there;
    struct err why;
};

static void on_connected(void *arg, int fd, const struct err *failed)
{
    struct answer *a = arg;

    CHECK(!a->is_there); /* once */
    a->is_there = true;
    a->fd = fd;
    if (failed)
        a->why = *failed;
}

static void ask(struct disk_source *s, struct answer *a)
{
    *a = (struct answer){ .fd = -1 };
    CHECK_EQ(disk_source_connect(s, on_connected, a, &err), 0);
    CHECK(!a->is_there); /* from the loop alone */
}

static void await(struct answer *a)
{
    while (!a->is_there)
        uv_run(&loop, UV_RUN_ONCE);
}

static struct disk_source *opened_as(const char *target,
                                     enum vm_disk_format format)
{
    struct disk_source *s;

    CHECK_EQ(open_source(target, true, format, &s), 0);
    CHECK_EQ(disk_source_kind(s), BLK_STORE_NBD);
    CHECK_EQ(disk_source_fd(s), -ENOTSUP);
    return s;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    unlink(path);
    CHECK_EQ(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    CHECK_EQ(listen(fd, 4), 0);
    return fd;
}

static int listen_tcp(int family, uint16_t *port)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET,
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                               .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    bool is4 = family == AF_INET;
    struct sockaddr *at = is4 ? (void *)&v4 : (void *)&v6;
    socklen_t len = is4 ? sizeof(v4) : sizeof(v6);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, at, len) || listen(fd, 4) ||
        getsockname(fd, at, &len))
        return -1;
    *port = ntohs(is4 ? v4.sin_port : v6.sin6_port);
    return fd;
}

/* Accept, while the loop runs, and say so much. */
static int greet(int listening, const char *words)
{
    struct pollfd p = { .fd = listening, .events = POLLIN };
    int fd;

    while (poll(&p, 1, 1) == 0)
        uv_run(&loop, UV_RUN_NOWAIT);
    fd = accept(listening, NULL, NULL);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, words, strlen(words)), (ssize_t)strlen(words));
    return fd;
}

static void check_greeting(int fd)
{
    char said[9] = "";

    CHECK_EQ(recv(fd, said, 8, 0), 8); /* it was left in the socket */
    CHECK_STR(said, "NBDMAGIC");
}

TEST(a_server_is_connected_to_by_its_socket)
{
    char target[128];
    struct disk_source *s;
    struct answer a, b;
    int listening = listen_unix(in_dir("server")), first, second;

    snprintf(target, sizeof(target), "nbd+unix:///my%%20disk?socket=%s",
             in_dir("server"));
    s = opened_as(target, VM_DISK_RAW);
    CHECK_STR(disk_source_export(s), "my disk");
    ask(s, &a);
    ask(s, &b); /* waits for the first one */
    first = greet(listening, "NBDMAGIC");
    await(&a);
    CHECK(a.fd >= 0 && !b.is_there);
    check_greeting(a.fd);
    second = greet(listening, "NBDMAGIC");
    await(&b);
    check_greeting(b.fd);
    close(a.fd), close(b.fd), close(first), close(second), close(listening);
    disk_source_close(s);
}

TEST(a_server_is_connected_to_by_tcp)
{
    static const struct {
        int family;
        const char *host;
    } rows[] = { { AF_INET, "127.0.0.1" }, { AF_INET6, "[::1]" } };

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct disk_source *s;
        struct answer a;
        char target[64];
        uint16_t port;
        int listening = listen_tcp(rows[i].family, &port), fd;

        if (listening < 0) { /* no such addresses here */
            CHECK(rows[i].family == AF_INET6);
            continue;
        }
        snprintf(target, sizeof(target), "nbd://%s:%u/x", rows[i].host, port);
        s = opened_as(target, VM_DISK_RAW);
        ask(s, &a);
        fd = greet(listening, "NBDMAGIC");
        await(&a);
        check_greeting(a.fd);
        close(a.fd), close(fd), close(listening);
        disk_source_close(s);
    }
}

/* As much as fits into it and its server's socket. */
static size_t fill(int fd)
{
    static char bytes[1 << 16];
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    size_t sum = 0;

    CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    while (poll(&p, 1, 200) == 1) {
        ssize_t n = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);

        CHECK(n > 0);
        sum += (size_t)n;
    }
    return sum;
}

/* To its end, however that comes. */
static size_t drink(int fd)
{
    static char bytes[1 << 16];
    size_t sum = 0;
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        sum += (size_t)n;
    CHECK(n == 0 || errno == ECONNRESET);
    return sum;
}

/* What dom0 sent later would be written behind what the guest wrote since. */
TEST(what_was_not_sent_is_not_sent_when_a_connection_is_closed)
{
    struct disk_source *s;
    struct answer a;
    char target[64];
    uint16_t port;
    int listening = listen_tcp(AF_INET, &port), fd;
    size_t sent;

    snprintf(target, sizeof(target), "nbd://127.0.0.1:%u/x", port);
    s = opened_as(target, VM_DISK_RAW);
    ask(s, &a);
    fd = greet(listening, "NBDMAGIC");
    await(&a);
    check_greeting(a.fd);
    sent = fill(a.fd);
    close(a.fd);
    CHECK(drink(fd) < sent);
    close(fd), close(listening);
    disk_source_close(s);
}

TEST(what_is_no_nbd_server_is_told)
{
    char target[128];
    struct disk_source *s;
    struct answer a;
    int listening = listen_unix(in_dir("other")), fd;

    snprintf(target, sizeof(target), "nbd+unix:///?socket=%s", in_dir("other"));
    s = opened_as(target, VM_DISK_RAW);
    ask(s, &a);
    fd = greet(listening, "SSH-2.0-");
    await(&a);
    CHECK_EQ(a.why.rc, -EPROTO);
    CHECK_HAS(a.why.text, "disk xvda: /tmp/disksource-");
    CHECK_HAS(a.why.text, "/other: it is no NBD server");
    close(fd);
    ask(s, &a);
    close(greet(listening, "")); /* hangs up */
    await(&a);
    CHECK_EQ(a.why.rc, -ECONNRESET);
    close(listening);
    ask(s, &a);
    await(&a);
    CHECK_EQ(a.why.rc, -ECONNREFUSED);
    disk_source_close(s);
}

TEST(an_address_that_is_none_is_refused)
{
    CHECK_EQ(refused("nbd://", VM_DISK_RAW), -EINVAL);
    CHECK_HAS(err.text, "disk xvda: target: got \"nbd://\", want nbd://HOST");
    CHECK_EQ(refused("nbds://host/x", VM_DISK_RAW), -EOPNOTSUPP);
    CHECK_HAS(err.text, "TLS is not served yet");
    CHECK_EQ(refused("nbd://host/x", VM_DISK_QCOW2), -EINVAL);
    CHECK_HAS(err.text, "format: got qcow2, want raw");
}

TEST(nothing_is_heard_of_a_source_that_is_closed)
{
    char target[128];
    struct answer a, b, c;
    int listening = listen_unix(in_dir("mute"));
    struct disk_source *s;

    snprintf(target, sizeof(target), "nbd+unix:///?socket=%s", in_dir("mute"));
    s = opened_as(target, VM_DISK_RAW);
    ask(s, &a);
    ask(s, &b);
    uv_run(&loop, UV_RUN_NOWAIT);
    disk_source_close(s);
    s = opened_as("nbd://no-such-host.invalid/x", VM_DISK_RAW);
    ask(s, &c);
    uv_run(&loop, UV_RUN_NOWAIT);
    disk_source_close(s); /* in the midst of a look-up */
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(!a.is_there && !b.is_there && !c.is_there);
    close(listening);
}

TEST(a_host_that_nobody_knows_is_told)
{
    struct disk_source *s =
        opened_as("nbd://no-such-host.invalid/x", VM_DISK_RAW);
    struct answer a;

    ask(s, &a);
    await(&a);
    CHECK_EQ(a.fd, -1);
    CHECK_HAS(a.why.text, "disk xvda: no-such-host.invalid: look up: ");
    disk_source_close(s);
}

/* ---- images: the fake server writes a byte for each of its starts ---- */

static uint32_t nr_starts(const char *name)
{
    struct stat st;

    CHECK_EQ(stat(in_dir(name), &st), 0);
    return (uint32_t)st.st_size;
}

static char *make_image(const char *name)
{
    char *path = in_dir(name);

    close(open(path, O_CREAT | O_RDWR | O_TRUNC, 0600));
    return path;
}

TEST(a_server_of_an_image_is_started_once_and_again_when_it_ended)
{
    struct disk_source *s = opened_as(make_image("good"), VM_DISK_QCOW2);
    struct answer a, b;

    CHECK_EQ(nr_starts("good"), 0);
    ask(s, &a);
    await(&a);
    CHECK_STR(a.why.text, "");
    check_greeting(a.fd);
    ask(s, &b);
    await(&b);
    check_greeting(b.fd);
    CHECK_EQ(nr_starts("good"), 1);

    close(a.fd), close(b.fd);       /* it ends with its last client */
    while (nr_starts("good") < 4) { /* also at the very moment */
        ask(s, &a);
        await(&a);
        CHECK_STR(a.why.text, "");
        check_greeting(a.fd);
        close(a.fd);
    }
    disk_source_close(s);
}

TEST(an_image_is_locked_as_long_as_it_is_served)
{
    struct disk_source *s = opened_as(make_image("held"), VM_DISK_QCOW2);
    struct disk_source *raw = opened(in_dir("held"), true);
    struct answer a;
    int fd;

    ask(s, &a);
    await(&a);
    disk_source_close(s);
    uv_run(&loop, UV_RUN_NOWAIT);
    CHECK_EQ(disk_source_fd(raw), -EBUSY); /* the server has it */
    close(a.fd);
    while ((fd = disk_source_fd(raw)) == -EBUSY)
        uv_run(&loop, UV_RUN_NOWAIT);
    CHECK(fd >= 0);
    disk_source_close(raw);
    close(fd);
}

TEST(a_supervisor_that_follows_finds_the_server)
{
    struct disk_source *s = opened_as(make_image("kept-on"), VM_DISK_QCOW2);
    struct disk_source *raw;
    struct answer a, b;
    int fd;

    ask(s, &a);
    await(&a);
    disk_source_close(s);
    s = opened_as(in_dir("kept-on"), VM_DISK_QCOW2);
    ask(s, &b);
    await(&b);
    check_greeting(b.fd);
    CHECK_EQ(nr_starts("kept-on"), 1);
    close(a.fd), close(b.fd);
    raw = opened(in_dir("kept-on"), true);
    while ((fd = disk_source_fd(raw)) == -EBUSY) /* the old one ends */
        uv_run(&loop, UV_RUN_NOWAIT);
    ask(s, &b); /* and the next one cannot have the image yet */
    for (uint32_t i = 0; i < 5; i++)
        uv_run(&loop, UV_RUN_ONCE);
    CHECK(!b.is_there);
    disk_source_close(raw);
    close(fd);
    await(&b);
    CHECK_STR(b.why.text, "");
    check_greeting(b.fd);
    CHECK_EQ(nr_starts("kept-on"), 2);
    close(b.fd);
    disk_source_close(s);
}

/* The old one may have requests yet, and its supervisor may be gone, too. */
TEST(a_backend_that_follows_gets_a_server_of_its_own)
{
    struct disk_source *s = opened_as(make_image("renewed"), VM_DISK_QCOW2);
    struct answer a, b;

    ask(s, &a);
    await(&a);
    for (uint32_t i = 2; i < 4; i++) {
        disk_source_renew(s);
        ask(s, &b);
        for (uint32_t turn = 0; turn < 5; turn++)
            uv_run(&loop, UV_RUN_NOWAIT);
        CHECK(!b.is_there);
        close(a.fd);
        await(&b);
        CHECK_STR(b.why.text, "");
        check_greeting(b.fd);
        CHECK_EQ(nr_starts("renewed"), i);
        a = b;
        disk_source_close(s);
        s = opened_as(in_dir("renewed"), VM_DISK_QCOW2);
    }
    close(a.fd);
    disk_source_close(s);
}

TEST(a_server_that_does_not_start_says_why)
{
    static const struct {
        const char *name, *words;
    } rows[] = {
        { "broken", "disk xvda: qemu-nbd: it is ? broken" },
        { "deaf", "disk xvda: its server was killed" },
        { "base", "disk xvda: qemu-nbd: Could not open backing file: none (a "
                  "backing file is one beside the image that nobody may write "
                  "to: chmod a-w)" },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct disk_source *s =
            opened_as(make_image(rows[i].name), VM_DISK_QCOW2);
        struct answer a;

        ask(s, &a);
        await(&a);
        CHECK_EQ(a.fd, -1);
        CHECK_STR(a.why.text, rows[i].words);
        CHECK_EQ(nr_starts(rows[i].name), 1);
        disk_source_close(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(what_is_neither_file_nor_block_device_is_refused),
        RULE(a_relative_target_is_below_dev),
        RULE(a_long_path_is_refused),
        RULE(access_is_what_the_configuration_says),
        RULE(a_link_is_followed),
        RULE(two_may_share_a_disk_only_to_read),
        RULE(the_lock_lives_as_long_as_a_backend_has_the_descriptor),
        RULE(a_file_that_became_a_pipe_is_noticed),
        RULE(a_server_is_connected_to_by_its_socket),
        RULE(a_server_is_connected_to_by_tcp),
        RULE(what_was_not_sent_is_not_sent_when_a_connection_is_closed),
        RULE(what_is_no_nbd_server_is_told),
        RULE(an_address_that_is_none_is_refused),
        RULE(nothing_is_heard_of_a_source_that_is_closed),
        RULE(a_host_that_nobody_knows_is_told),
        RULE(a_server_of_an_image_is_started_once_and_again_when_it_ended),
        RULE(an_image_is_locked_as_long_as_it_is_served),
        RULE(a_supervisor_that_follows_finds_the_server),
        RULE(a_backend_that_follows_gets_a_server_of_its_own),
        RULE(a_server_that_does_not_start_says_why),
    };

    log_set_level(LOG_LEVEL_NONE);
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
