/* SPDX-License-Identifier: MIT */
/*
 * second.c - the second vCPU
 */
#include "second.h"

#include <stddef.h>

#include "xen.h"

void second_main(void); /* start.S comes here */

static void (*volatile work)(void);
static volatile uint32_t rounds;

void second_main(void)
{
    for (;;) {
        void (*once)(void) = work;

        if (once) {
            once();
            rounds++;
        } else {
            __asm__ volatile("pause");
        }
    }
}

int second_run(void (*once)(void))
{
    static int started;

    rounds = 0;
    work = once;
    if (!started && xen_second_start() != 0)
        return -1;
    started = 1;
    return 0;
}

uint32_t second_stop(void)
{
    work = NULL;
    return rounds;
}
