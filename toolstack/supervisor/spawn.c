/* SPDX-License-Identifier: MIT */
/*
 * spawn.c - start a process with the descriptors that it is to have, and no
 * others
 */
#include "toolstack/supervisor/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

int spawn_with(const char *program, char *const *argv, int out_fd,
               const int *fd, uint32_t nr, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none;
    int r;

    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setpgroup(&attr, 0);
    r = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null",
                                         O_RDONLY, 0);
    if (r == 0 && out_fd != STDOUT_FILENO)
        r = posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
    for (uint32_t i = 0; i < nr && r == 0; i++)
        r = posix_spawn_file_actions_adddup2(&files, fd[i],
                                             SPAWN_FIRST + (int)i);
    if (r == 0)
        r = posix_spawn_file_actions_addclosefrom_np(&files,
                                                     SPAWN_FIRST + (int)nr);
    if (r == 0)
        r = posix_spawn(pid, program, &files, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return -r;
}
