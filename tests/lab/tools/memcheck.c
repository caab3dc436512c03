/* SPDX-License-Identifier: MIT */
/*
 * memcheck.c - memory that says when a byte of it is not what was written
 *
 *   memcheck run MIB PAGES-A-SECOND [SEED]
 *                    fill MIB, rewrite so many pages a second in a random
 *                    order, and check all of it all the time; a line a second
 *                    on stdout.  With a SEED other than 0 each page carries
 *                    that seed's canary, and no page is ever zero
 *   memcheck canary SEED
 *                    that canary's 32 bytes, on stdout
 *
 * How this works: what a page holds follows from its number and its version,
 * whose table is memory, too.  Words 0 and 1 are these, so an old copy of a
 * page and one that is in another's place are told apart.  Without a canary
 * each fourth version of a page is all zeroes.  A page is checked before it is
 * written again, and between two ticks of 10 ms whatever the time allows, in
 * turn.  A gap is the time from one tick to the next, by the clock that goes on
 * while the machine is suspended: of the last second (gap_us) and of all since
 * the start or the last SIGUSR1 (most_us).  SIGTERM: check all once more, say
 * so ("MEM END"), and end with 0 if nothing was ever wrong, else 1.
 *
 * Built into the guests' initrd; bytes are wrong by chance in no test, so
 * tests/lab/migrate-local.sh changes one to see that it is told.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define WORDS (PAGE / 8)
#define CANARY_WORDS 4u
#define TICK_US 10000u
#define BUSY_US 3000u   /* of a tick for looking */
#define BURST_US 50000u /* of pages that are due */
#define LINE_US 1000000u
#define SAID_MAX 20u /* wrong pages that are described */

static volatile sig_atomic_t wants_end, wants_reset;

struct memory {
    uint64_t *words;
    uint32_t *version; /* of each page */
    uint32_t nr_pages, at;
    uint64_t seed, random; /* seed 0: no canary */
    uint64_t wrote, checked, passes, wrong;
};

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint64_t canary_word(uint64_t seed, unsigned i)
{
    return mix(mix(seed) + 0x9e3779b97f4a7c15u * (i + 1));
}

static uint64_t now_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static bool is_zero(const struct memory *m, uint32_t version)
{
    return !m->seed && version % 4 == 3;
}

/* What word i of a page should be. */
static uint64_t wanted(const struct memory *m, uint32_t page, uint32_t version,
                       unsigned i)
{
    if (is_zero(m, version))
        return 0;
    if (i == 0)
        return page;
    if (i == 1)
        return version;
    if (m->seed && i >= WORDS - CANARY_WORDS)
        return canary_word(m->seed, i - (WORDS - CANARY_WORDS));
    return ((uint64_t)page << 32 ^ version) * 0x9e3779b97f4a7c15u +
           i * 0xd1b54a32d192ed03u;
}

static void write_page(struct memory *m, uint32_t page)
{
    volatile uint64_t *w = m->words + (size_t)page * WORDS;
    uint32_t version = ++m->version[page];

    for (unsigned i = 0; i < WORDS; i++)
        w[i] = wanted(m, page, version, i);
    m->wrote++;
}

static void check_page(struct memory *m, uint32_t page)
{
    const volatile uint64_t *w = m->words + (size_t)page * WORDS;
    uint32_t version = m->version[page];

    m->checked++;
    for (unsigned i = 0; i < WORDS; i++) {
        uint64_t got = w[i], want = wanted(m, page, version, i);

        if (got == want)
            continue;
        if (m->wrong++ < SAID_MAX)
            printf("MEM WRONG page=%u word=%u got=%016" PRIx64
                   " want=%016" PRIx64 " version=%u; it says page=%" PRIu64
                   " version=%" PRIu64 "\n",
                   page, i, got, want, version, w[0], w[1]);
        return;
    }
}

/* Some of it, in turn; true: that was the last page. */
static bool check_next(struct memory *m)
{
    check_page(m, m->at);
    if (++m->at < m->nr_pages)
        return false;
    m->at = 0;
    m->passes++;
    return true;
}

static void rewrite(struct memory *m, uint64_t nr)
{
    for (; nr; nr--) {
        uint32_t page = (uint32_t)(mix(++m->random) % m->nr_pages);

        check_page(m, page);
        write_page(m, page);
    }
}

static void say(const struct memory *m, const char *what, uint64_t gap_us,
                uint64_t most_us)
{
    printf("MEM %s pid=%d at=%p pages=%u up_us=%" PRIu64 " mono_us=%" PRIu64
           " real_us=%" PRIu64 " wrote=%" PRIu64 " checked=%" PRIu64
           " passes=%" PRIu64 " wrong=%" PRIu64 " gap_us=%" PRIu64
           " most_us=%" PRIu64 "\n",
           what, (int)getpid(), (void *)m->words, m->nr_pages,
           now_us(CLOCK_BOOTTIME), now_us(CLOCK_MONOTONIC),
           now_us(CLOCK_REALTIME), m->wrote, m->checked, m->passes, m->wrong,
           gap_us, most_us);
    fflush(stdout);
}

static void *memory_of(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (p == MAP_FAILED) {
        fprintf(stderr, "memcheck: %zu bytes: %s\n", bytes, strerror(errno));
        exit(2);
    }
    return p;
}

static void on_signal(int signo)
{
    if (signo == SIGUSR1)
        wants_reset = 1;
    else
        wants_end = 1;
}

static void sleep_us(uint64_t us)
{
    struct timespec t = { .tv_nsec = (long)us * 1000 };

    nanosleep(&t, NULL);
}

static void watch(struct memory *m, uint64_t pages_per_s)
{
    uint64_t last_us = now_us(CLOCK_BOOTTIME), line_us = last_us;
    uint64_t gap_us = 0, most_us = 0, due = 0;

    while (!wants_end) {
        uint64_t now = now_us(CLOCK_BOOTTIME), gap = now - last_us;

        if (wants_reset) {
            wants_reset = 0;
            most_us = gap = 0;
        }
        last_us = now;
        gap_us = gap > gap_us ? gap : gap_us;
        most_us = gap > most_us ? gap : most_us;
        if (now - line_us >= LINE_US) {
            say(m, "ok", gap_us, most_us);
            line_us = now;
            gap_us = 0;
        }
        /* A gap is not caught up with: it would only be a burst. */
        due += pages_per_s * (gap > BURST_US ? BURST_US : gap);
        rewrite(m, due / 1000000);
        due %= 1000000;
        while (now_us(CLOCK_BOOTTIME) - now < BUSY_US)
            check_next(m);
        now = now_us(CLOCK_BOOTTIME) - now;
        if (now < TICK_US)
            sleep_us(TICK_US - now);
    }
    m->at = 0;
    while (!check_next(m))
        ;
    say(m, "END", gap_us, most_us);
}

static int run(uint32_t mib, uint64_t pages_per_s, uint64_t seed)
{
    struct memory m = { .seed = seed, .nr_pages = mib * (1048576u / PAGE) };
    struct sigaction act = { .sa_handler = on_signal };

    if (m.nr_pages == 0)
        return 2;
    m.words = memory_of((size_t)m.nr_pages * PAGE);
    m.version = memory_of((size_t)m.nr_pages * sizeof(*m.version));
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGUSR1, &act, NULL);
    for (uint32_t p = 0; p < m.nr_pages; p++)
        write_page(&m, p);
    say(&m, "START", 0, 0);
    watch(&m, pages_per_s);
    return m.wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "canary") == 0) {
        for (unsigned i = 0; i < CANARY_WORDS; i++) {
            uint64_t w = canary_word(strtoull(argv[2], NULL, 0), i);

            fwrite(&w, sizeof(w), 1, stdout);
        }
        return 0;
    }
    if ((argc == 4 || argc == 5) && strcmp(argv[1], "run") == 0)
        return run((uint32_t)strtoul(argv[2], NULL, 0),
                   strtoull(argv[3], NULL, 0),
                   argc == 5 ? strtoull(argv[4], NULL, 0) : 0);
    fprintf(stderr, "usage: memcheck run MIB PAGES-A-SECOND [SEED]\n"
                    "       memcheck canary SEED\n");
    return 2;
}
