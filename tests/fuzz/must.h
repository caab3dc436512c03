/* SPDX-License-Identifier: MIT */
/*
 * must.h - what must hold, whatever a fuzzer's bytes are
 */
#ifndef FUZZ_MUST_H
#define FUZZ_MUST_H

#include <stdlib.h>

#define MUST(what)                                                             \
    do {                                                                       \
        if (!(what))                                                           \
            abort();                                                           \
    } while (0)

#endif
