/* SPDX-License-Identifier: MIT */
/*
 * killed.c - every state of shared memory that a kill could leave
 */
#include "tests/unit/killed.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

#define NOT_ALLOWED 77

void *killed_memory(uint32_t len_bytes)
{
    void *va = mmap(NULL, len_bytes, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    CHECK(va != MAP_FAILED);
    return va;
}

static void child(void (*run)(void *memory), void *memory)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
        _exit(NOT_ALLOWED);
    raise(SIGSTOP);
    run(memory);
    _exit(0);
}

static void keep(struct killed *k, const void *memory)
{
    if (k->nr == k->room) {
        k->room = k->room ? 2 * k->room : 64;
        k->state = realloc(k->state, (size_t)k->room * k->size_bytes);
        CHECK(k->state != NULL);
    }
    memcpy(k->state + (size_t)k->nr++ * k->size_bytes, memory, k->size_bytes);
}

bool killed_look(struct killed *k, void (*run)(void *memory), void *memory,
                 uint32_t len_bytes)
{
    int status;
    pid_t pid;

    k->nr = k->room = 0;
    k->size_bytes = len_bytes;
    keep(k, memory);
    pid = fork();
    if (pid == 0)
        child(run, memory);
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        CHECK(WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == SIGSTOP);
        if (memcmp(killed_state(k, k->nr - 1), memory, len_bytes))
            keep(k, memory);
        CHECK_EQ(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
    }
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) == NOT_ALLOWED)
        return false;
    CHECK_EQ(WEXITSTATUS(status), 0);
    return true;
}

const void *killed_state(const struct killed *k, uint32_t i)
{
    CHECK(i < k->nr);
    return k->state + (size_t)i * k->size_bytes;
}

void killed_free(struct killed *k)
{
    free(k->state);
    *k = (struct killed){ 0 };
}
