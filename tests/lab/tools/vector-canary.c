/* SPDX-License-Identifier: MIT */
/*
 * vector-canary.c - does this machine keep a process' vector registers?
 *
 * usage: vector-canary SECONDS PROCESSES
 *
 * Each process holds a pattern of its own in all sixteen SSE registers and
 * spins; between two looks it makes no call, so only preemption and whatever
 * runs then can change them.  Exits 0 if none changed, 1 if one did.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NR_REGS 16
#define SPINS 2000000ul

struct regs {
    uint64_t word[NR_REGS][2];
};

static void hold(const struct regs *in, struct regs *out)
{
    unsigned long spins = SPINS;

    __asm__ volatile("movups 0x00(%1), %%xmm0; movups 0x10(%1), %%xmm1\n\t"
                     "movups 0x20(%1), %%xmm2; movups 0x30(%1), %%xmm3\n\t"
                     "movups 0x40(%1), %%xmm4; movups 0x50(%1), %%xmm5\n\t"
                     "movups 0x60(%1), %%xmm6; movups 0x70(%1), %%xmm7\n\t"
                     "movups 0x80(%1), %%xmm8; movups 0x90(%1), %%xmm9\n\t"
                     "movups 0xa0(%1), %%xmm10; movups 0xb0(%1), %%xmm11\n\t"
                     "movups 0xc0(%1), %%xmm12; movups 0xd0(%1), %%xmm13\n\t"
                     "movups 0xe0(%1), %%xmm14; movups 0xf0(%1), %%xmm15\n\t"
                     "1: decq %0; jnz 1b\n\t"
                     "movups %%xmm0, 0x00(%2); movups %%xmm1, 0x10(%2)\n\t"
                     "movups %%xmm2, 0x20(%2); movups %%xmm3, 0x30(%2)\n\t"
                     "movups %%xmm4, 0x40(%2); movups %%xmm5, 0x50(%2)\n\t"
                     "movups %%xmm6, 0x60(%2); movups %%xmm7, 0x70(%2)\n\t"
                     "movups %%xmm8, 0x80(%2); movups %%xmm9, 0x90(%2)\n\t"
                     "movups %%xmm10, 0xa0(%2); movups %%xmm11, 0xb0(%2)\n\t"
                     "movups %%xmm12, 0xc0(%2); movups %%xmm13, 0xd0(%2)\n\t"
                     "movups %%xmm14, 0xe0(%2); movups %%xmm15, 0xf0(%2)\n\t"
                     : "+r"(spins)
                     : "r"(in), "r"(out)
                     : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
                       "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                       "xmm12", "xmm13", "xmm14", "xmm15");
}

static int watch(unsigned process, time_t until)
{
    struct regs want, got;
    unsigned long looks = 0;

    for (unsigned i = 0; i < NR_REGS; i++) {
        want.word[i][0] = 0x0101010101010101ull * (process + 1);
        want.word[i][1] = want.word[i][0] ^ i;
    }
    for (; time(NULL) < until; looks++) {
        hold(&want, &got);
        if (memcmp(&want, &got, sizeof(want)) == 0)
            continue;
        for (unsigned i = 0; i < NR_REGS; i++)
            if (memcmp(want.word[i], got.word[i], 16))
                printf("process %u: xmm%u: got %016llx %016llx, "
                       "want %016llx %016llx\n",
                       process, i, (unsigned long long)got.word[i][1],
                       (unsigned long long)got.word[i][0],
                       (unsigned long long)want.word[i][1],
                       (unsigned long long)want.word[i][0]);
        return 1;
    }
    return looks == 0;
}

int main(int argc, char **argv)
{
    int status, bad = 0;
    unsigned nr;
    time_t until;

    if (argc != 3) {
        fprintf(stderr, "usage: vector-canary SECONDS PROCESSES\n");
        return 2;
    }
    until = time(NULL) + atoi(argv[1]);
    nr = (unsigned)atoi(argv[2]);
    for (unsigned i = 0; i < nr; i++)
        if (fork() == 0) {
            int rc = watch(i, until);

            fflush(stdout);
            _exit(rc);
        }
    while (wait(&status) > 0)
        bad |= status != 0;
    return bad;
}
