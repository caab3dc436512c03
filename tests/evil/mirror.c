/* SPDX-License-Identifier: MIT */
/*
 * mirror.c - overwrite the steward's half of the page, and still read it
 *
 * How this works: the steward writes a batch's seq after its other fields, and
 * state after what it announces.  A sweep that sees such a word may have
 * passed the others too early, so a copy counts only once a further sweep
 * found nothing new.
 *
 * The measurement is written byte by byte.  Nonsense put among its bytes would
 * be taken for some of them, so its words are left alone until the state that
 * announces them: by then they are whole.
 */
#include "tests/evil/mirror.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"

#define WORDS (sizeof(struct fh_steward_half) / sizeof(uint32_t))
#define NONSENSE 0xe71e71e7u
#define WORD_OF(field) (offsetof(struct fh_steward_half, field) / 4)

struct mirror {
    uint32_t *shared;
    uint32_t word[WORDS];         /* the sweeping thread's own */
    struct fh_steward_half clean; /* what readers get */
    uint64_t nr_calm;             /* sweeps that found nothing new */
    pthread_mutex_t lock;         /* clean, nr_calm */
    pthread_cond_t calm;
};

int mirror_open(struct fh_steward_half *shared, struct mirror **out,
                struct err *e)
{
    struct mirror *m = calloc(1, sizeof(*m));

    if (!m)
        return fail(e, -ENOMEM, "mirror: no memory");
    m->shared = (uint32_t *)(void *)shared;
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->calm, NULL);
    *out = m;
    return 0;
}

void mirror_close(struct mirror *m)
{
    free(m);
}

/* May word i be half written still? */
static bool is_unannounced(const struct mirror *m, size_t i)
{
    size_t first = WORD_OF(measurement);

    return i >= first && i < first + sizeof(m->clean.measurement) / 4 &&
           m->word[WORD_OF(state)] < FH_STATE_STARTING;
}

void mirror_sweep(struct mirror *m)
{
    bool news = false;

    for (size_t i = 0; i < WORDS; i++) {
        uint32_t got = __atomic_load_n(&m->shared[i], __ATOMIC_SEQ_CST);

        if (got == NONSENSE || is_unannounced(m, i))
            continue;
        if (!__atomic_compare_exchange_n(&m->shared[i], &got, NONSENSE, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            i--; /* written meanwhile: take what is there now */
        else
            m->word[i] = got;
        news = true;
    }
    if (news)
        return;
    pthread_mutex_lock(&m->lock);
    memcpy(&m->clean, m->word, sizeof(m->clean));
    m->nr_calm++;
    pthread_cond_broadcast(&m->calm);
    pthread_mutex_unlock(&m->lock);
}

void mirror_fetch(struct mirror *m, struct fh_steward_half *out)
{
    uint64_t want;

    pthread_mutex_lock(&m->lock);
    want = m->nr_calm + 2; /* the next one may have begun before the call */
    while (m->nr_calm < want)
        pthread_cond_wait(&m->calm, &m->lock);
    *out = m->clean;
    pthread_mutex_unlock(&m->lock);
}
