/* SPDX-License-Identifier: MIT */
/*
 * test_gnt.c - a grant that is not given is an answer, and no noise
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/gnt.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"

static struct err err;

/* Map a grant that no domain gives; what stderr got meanwhile, at level. */
static void map_nothing(enum log_level level, char *said, size_t said_bytes)
{
    int kept = dup(STDERR_FILENO), pipe_fd[2], rc;
    struct gnt_map map = { 0 };
    struct gnt *gnt;
    ssize_t r;

    fake_reset();
    CHECK_EQ(pipe(pipe_fd), 0);
    fflush(stderr);
    dup2(pipe_fd[1], STDERR_FILENO);
    log_set_level(level);
    rc = gnt_open(&gnt, &err);
    if (rc == 0)
        rc = gnt_map(gnt, 7, 2, &map, &err);
    log_set_level(LOG_LEVEL_ERR);
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(pipe_fd[1]);
    r = read(pipe_fd[0], said, said_bytes - 1);
    close(pipe_fd[0]);
    said[r > 0 ? r : 0] = 0;
    CHECK_EQ(rc, -ENOENT);
    CHECK(map.va == NULL);
    gnt_close(gnt);
    CHECK_EQ(fake_left(), 0);
}

TEST(a_grant_that_is_not_given_makes_no_noise)
{
    char said[512];

    map_nothing(LOG_LEVEL_INFO, said, sizeof(said));
    CHECK_STR(said, "");
    CHECK_HAS(err.text, "domain 7: map grant 2: Invalid argument");
}

TEST(what_the_library_says_is_there_to_debug)
{
    char said[512];

    map_nothing(LOG_LEVEL_DEBUG, said, sizeof(said));
    CHECK_HAS(said, "gnttab: mmap failed: Invalid argument\n");
}

RUN_TESTS(RULE(a_grant_that_is_not_given_makes_no_noise),
          RULE(what_the_library_says_is_there_to_debug))
