/* SPDX-License-Identifier: MIT */
/*
 * test_conlog.c - a console's log file: rotation, and a disk that is full
 *
 * What is said is an endless count, so that a gap, a repetition or a swap
 * shows in the files.
 */
#include "toolstack/supervisor/conlog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/scroll.h"

ssize_t __real_write(int fd, const void *in, size_t in_bytes);
ssize_t __wrap_write(int fd, const void *in, size_t in_bytes);
void __wrap_log_line(enum log_level level, const char *fmt, ...);

static struct {
    struct scroll *scroll;
    struct conlog *log;
    char dir[32], path[64], old[64];
    uint64_t room_bytes; /* of the disk */
    uint32_t nr_lines;   /* in the supervisor's log */
    char last_line[256];
    uint64_t said;
} t;

/* Linked in by --wrap: a disk of that size, which takes what it has room for.
 */
ssize_t __wrap_write(int fd, const void *in, size_t in_bytes)
{
    struct stat st;
    ssize_t r;

    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return __real_write(fd, in, in_bytes);
    if (t.room_bytes == 0) {
        errno = ENOSPC;
        return -1;
    }
    r = __real_write(fd, in, MIN_OF(in_bytes, t.room_bytes));
    if (r > 0)
        t.room_bytes -= (uint64_t)r;
    return r;
}

void __wrap_log_line(enum log_level level, const char *fmt, ...)
{
    va_list al;

    (void)level;
    va_start(al, fmt);
    vsnprintf(t.last_line, sizeof(t.last_line), fmt, al);
    va_end(al);
    t.nr_lines++;
}

static char count_byte(uint64_t at)
{
    return (char)('!' + at % 89 % 64 + at / 89 % 7);
}

static void say(uint64_t nr)
{
    char block[1024];

    while (nr > 0) {
        size_t part = MIN_OF(nr, sizeof(block));

        for (size_t i = 0; i < part; i++)
            block[i] = count_byte(t.said++);
        scroll_add(t.scroll, block, part);
        nr -= part;
    }
}

/* As a console does: never more at once than the scrollback holds. */
static void say_and_feed(uint64_t nr)
{
    while (nr > 0) {
        uint64_t part = MIN_OF(nr, 5000u);

        say(part);
        CHECK_EQ(conlog_feed(t.log), 0);
        nr -= part;
    }
}

static void open_log(void)
{
    struct err e = { 0 };

    CHECK_EQ(conlog_open("web", t.path, t.scroll, &t.log, &e), 0);
}

/* The log's place in the scrollback is no multiple of anything. */
static void fresh(void)
{
    static const char before_the_log[12345];

    memset(&t, 0, sizeof(t));
    t.room_bytes = UINT64_MAX;
    snprintf(t.dir, sizeof(t.dir), "/tmp/fh-conlog-XXXXXX");
    assert_non_null(mkdtemp(t.dir));
    snprintf(t.path, sizeof(t.path), "%s/web.log", t.dir);
    snprintf(t.old, sizeof(t.old), "%s/web.log.1", t.dir);
    t.scroll = scroll_new();
    scroll_add(t.scroll, before_the_log, sizeof(before_the_log));
    open_log();
}

static void finish(void)
{
    conlog_close(t.log);
    scroll_free(t.scroll);
    unlink(t.path);
    unlink(t.old);
    CHECK_EQ(rmdir(t.dir), 0); /* and nothing else is there */
}

static char *slurp(const char *path, size_t *nr)
{
    char *text = malloc(2 * CONLOG_BYTES_MAX);
    FILE *f = fopen(path, "r");

    *nr = f ? fread(text, 1, 2 * CONLOG_BYTES_MAX, f) : 0;
    if (f)
        fclose(f);
    return text;
}

/* Returns how many bytes of the text are the count from first on. */
static size_t count_length(const char *text, size_t nr, uint64_t first)
{
    size_t i = 0;

    while (i < nr && text[i] == count_byte(first + i))
        i++;
    return i;
}

/* The file holds the count from first on, len bytes, and nothing else. */
static void check_file(const char *path, uint64_t first, uint64_t len)
{
    size_t nr;
    char *text = slurp(path, &nr);

    CHECK_EQ(nr, len);
    CHECK_EQ(count_length(text, nr, first), nr);
    free(text);
}

TEST(the_log_gets_every_byte)
{
    fresh();
    say_and_feed(SCROLL_BYTES * 2 + 77);
    check_file(t.path, 0, t.said);
    CHECK_EQ(t.nr_lines, 0);
    finish();
}

TEST(rotation_keeps_every_byte_in_order)
{
    fresh();
    say_and_feed(CONLOG_BYTES_MAX - 10);
    check_file(t.path, 0, t.said);
    say_and_feed(100);
    check_file(t.old, 0, CONLOG_BYTES_MAX);
    check_file(t.path, CONLOG_BYTES_MAX, 90);
    say_and_feed(CONLOG_BYTES_MAX);
    check_file(t.old, CONLOG_BYTES_MAX, CONLOG_BYTES_MAX);
    check_file(t.path, 2 * CONLOG_BYTES_MAX, 90);
    CHECK_EQ(t.nr_lines, 0);
    finish();
}

TEST(a_log_that_is_opened_again_goes_on_and_keeps_its_limit)
{
    fresh();
    say_and_feed(CONLOG_BYTES_MAX - 1000);
    conlog_close(t.log);
    open_log();
    say_and_feed(3000);
    check_file(t.old, 0, CONLOG_BYTES_MAX);
    check_file(t.path, CONLOG_BYTES_MAX, 2000);
    finish();
}

/* Also over the edge between two files. */
TEST(a_new_scrollback_begins_with_the_end_of_the_log)
{
    static const uint64_t said[] = { 0, 100, CONLOG_BYTES_MAX,
                                     CONLOG_BYTES_MAX + 77 };

    for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
        struct scroll *again = scroll_new();
        uint64_t at = 0, want = MIN_OF(said[i], SCROLL_BYTES);
        const char *bytes;
        size_t nr;

        fresh();
        say_and_feed(said[i]);
        conlog_recall(t.path, again);
        CHECK_EQ(scroll_end(again) - scroll_oldest(again), want);
        while ((nr = scroll_peek(again, &at, &bytes)) > 0) {
            uint64_t first = said[i] - (scroll_end(again) - at);

            for (size_t k = 0; k < nr; k++)
                CHECK_EQ(bytes[k], count_byte(first + k));
            at += nr;
        }
        scroll_free(again);
        finish();
    }
}

/* A directory has the old log's name, for a while. */
TEST(a_log_that_cannot_be_rotated_waits_at_its_limit)
{
    char inside[80];

    fresh();
    snprintf(inside, sizeof(inside), "%s/x", t.old);
    CHECK_EQ(mkdir(t.old, 0700), 0);
    CHECK_EQ(mkdir(inside, 0700), 0);
    say_and_feed(CONLOG_BYTES_MAX);
    CHECK_EQ(t.nr_lines, 0);
    for (uint32_t i = 0; i < 20; i++) {
        say(500);
        CHECK(conlog_feed(t.log) < 0);
    }
    CHECK_EQ(t.nr_lines, 1);
    check_file(t.path, 0, CONLOG_BYTES_MAX);
    rmdir(inside);
    rmdir(t.old);
    CHECK_EQ(conlog_feed(t.log), 0);
    check_file(t.old, 0, CONLOG_BYTES_MAX);
    check_file(t.path, CONLOG_BYTES_MAX, 10000);
    finish();
}

TEST(a_full_disk_costs_nothing_that_the_scrollback_keeps)
{
    fresh();
    t.room_bytes = 1000;
    say(5000);
    CHECK_EQ(conlog_feed(t.log), -ENOSPC);
    CHECK_HAS(t.last_line, "No space left on device");
    CHECK_HAS(t.last_line, t.path);
    for (uint32_t i = 0; i < 20; i++) {
        say(500);
        CHECK_EQ(conlog_feed(t.log), -ENOSPC);
    }
    CHECK_EQ(t.nr_lines, 1); /* said once */
    check_file(t.path, 0, 1000);
    t.room_bytes = UINT64_MAX;
    CHECK_EQ(conlog_feed(t.log), 0);
    check_file(t.path, 0, t.said);
    CHECK_EQ(t.nr_lines, 2);
    CHECK_HAS(t.last_line, "again");
    finish();
}

TEST(what_a_full_disk_costs_is_counted_in_its_place)
{
    static const char want[] = "\n[3000 bytes of output lost]\n";
    size_t nr, note = sizeof(want) - 1;
    char *text;

    fresh();
    t.room_bytes = 1000;
    say(1000 + 3000);
    CHECK_EQ(conlog_feed(t.log), -ENOSPC);
    say(SCROLL_BYTES);
    CHECK_EQ(conlog_feed(t.log), -ENOSPC);
    t.room_bytes = note - 1; /* not even for the note */
    CHECK_EQ(conlog_feed(t.log), -ENOSPC);
    check_file(t.path, 0, 1000);
    t.room_bytes = UINT64_MAX;
    CHECK_EQ(conlog_feed(t.log), 0);
    CHECK_EQ(t.nr_lines, 3); /* full, lost, again */
    text = slurp(t.path, &nr);
    CHECK_EQ(nr, 1000 + note + SCROLL_BYTES);
    assert_memory_equal(text + 1000, want, note);
    CHECK_EQ(count_length(text + 1000 + note, SCROLL_BYTES, 4000),
             SCROLL_BYTES);
    free(text);
    finish();
}

TEST(what_never_found_room_is_counted_at_the_end)
{
    fresh();
    t.room_bytes = 10;
    say(SCROLL_BYTES + 60);
    CHECK_EQ(conlog_feed(t.log), -ENOSPC);
    conlog_close(t.log);
    t.log = NULL;
    CHECK_HAS(t.last_line, "bytes of output are lost");
    CHECK_HAS(t.last_line, "262204 "); /* the note alone had begun */
    finish();
}

/* Its guest has another name from here on. */
static void rename_log(const char *name)
{
    snprintf(t.path, sizeof(t.path), "%s/%s.log", t.dir, name);
    snprintf(t.old, sizeof(t.old), "%s/%s.log.1", t.dir, name);
    conlog_rename(t.log, name, t.path);
}

TEST(a_log_with_a_new_name_goes_on_there_with_its_older_one)
{
    fresh();
    say_and_feed(CONLOG_BYTES_MAX + 10);
    rename_log("www");
    say_and_feed(90);
    check_file(t.old, 0, CONLOG_BYTES_MAX);
    check_file(t.path, CONLOG_BYTES_MAX, 100);
    say_and_feed(CONLOG_BYTES_MAX);
    check_file(t.old, CONLOG_BYTES_MAX, CONLOG_BYTES_MAX);
    CHECK_EQ(t.nr_lines, 0);
    finish();
}

TEST(what_lies_under_the_new_name_is_appended_to)
{
    char before[sizeof(t.path)];

    fresh();
    say_and_feed(100);
    rename_log("www");
    strcpy(before, t.path);
    rename_log("web");
    CHECK_EQ(link(t.path, before), 0); /* 100 bytes lie there, and here */
    rename_log("www");
    say_and_feed(50);
    check_file(t.path, 0, 150);
    snprintf(before, sizeof(before), "%s/web.log", t.dir);
    CHECK_EQ(unlink(before), 0); /* it was left alone */
    finish();
}

RUN_TESTS(RULE(the_log_gets_every_byte),
          RULE(rotation_keeps_every_byte_in_order),
          RULE(a_log_that_is_opened_again_goes_on_and_keeps_its_limit),
          RULE(a_new_scrollback_begins_with_the_end_of_the_log),
          RULE(a_log_that_cannot_be_rotated_waits_at_its_limit),
          RULE(a_full_disk_costs_nothing_that_the_scrollback_keeps),
          RULE(what_a_full_disk_costs_is_counted_in_its_place),
          RULE(what_never_found_room_is_counted_at_the_end),
          RULE(a_log_with_a_new_name_goes_on_there_with_its_older_one),
          RULE(what_lies_under_the_new_name_is_appended_to))
