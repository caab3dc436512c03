/* SPDX-License-Identifier: MIT */
/*
 * mig_native.c - what a steward's migration engine costs, without Xen
 *
 * usage: bench_mig_native MIB SECONDS
 *
 * One core.  The real engine moves a guest of MIB random MiB, then one of
 * zeroes, between two domains of the tests' own; copying frames in and out of
 * dom0's buffers is Xen's and is not in it.  Beside that: memcpy of memory of
 * that size, and BearSSL's AES-256-GCM and ours over one frame, in the cache.
 *
 * Prints bytes of guest memory a second: send is scan, pack and seal, receive
 * is open, check and place.
 */
#include <bearssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/migpair.h"

#define BLOCK_BYTES (2u << 20)

static struct {
    struct pair p;
    uint64_t budget_ns;
    struct fh_mig_long *frame, scratch;
    size_t nr_frames, room;
} b;

static void die(const char *what)
{
    fprintf(stderr, "bench_mig_native: %s\n", what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void open_pair(uint32_t blocks, bool random)
{
    uint64_t x = 88172645463325252ull;

    pair_open_sized(&b.p, 1, blocks, 0);
    memset(b.p.d.memory, 0, (size_t)blocks * BLOCK_BYTES); /* fault it in */
    for (size_t i = 0; i < (size_t)blocks * BLOCK_BYTES / 8; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        ((uint64_t *)b.p.s.memory)[i] = random ? x : 0;
    }
    if (pair_handshake(&b.p, false) != 0 || export_round(&b.p.x) != 0)
        die(b.p.x.why.text);
}

/* As in a steward: sealed in one place, then copied out; back the same way. */
static uint64_t send_all(void)
{
    uint64_t ns = 0;
    enum export_frame kind;

    b.nr_frames = 0;
    do {
        uint64_t start = now_ns();

        if (b.nr_frames == b.room)
            die("more frames than there is room for");
        if (export_next(&b.p.x, 0, &b.scratch, &kind) != 0)
            die(b.p.x.why.text);
        ns += now_ns() - start;
        b.frame[b.nr_frames++] = b.scratch;
    } while (kind == EXPORT_LONG);
    return ns;
}

static uint64_t receive_all(void)
{
    uint64_t ns = 0;

    for (size_t i = 0; i < b.nr_frames; i++) {
        bool is_long = i + 1 < b.nr_frames;
        uint64_t start;
        int rc;

        b.scratch = b.frame[i];
        start = now_ns();
        rc = is_long ? import_long(&b.p.m, 0, &b.scratch)
                     : import_short(&b.p.m, (struct fh_mig_short *)&b.scratch);
        ns += now_ns() - start;
        if (rc != 0)
            die(b.p.m.why.text);
    }
    return ns;
}

static void move(uint32_t blocks, bool random)
{
    uint64_t sent_ns = 0, received_ns = 0, bytes = 0;
    const char *what = random ? "data" : "zero";

    do {
        open_pair(blocks, random);
        sent_ns += send_all();
        received_ns += receive_all();
        if (!b.p.m.have_answer)
            die("no answer to the epoch");
        bytes += b.p.x.ram.pages * 4096;
        pair_close(&b.p);
    } while (sent_ns < b.budget_ns);
    printf("send_%s %.0f\n", what, (double)bytes * 1e9 / (double)sent_ns);
    printf("receive_%s %.0f\n", what,
           (double)bytes * 1e9 / (double)received_ns);
}

/* ---- what it is compared with ---- */

enum job { MEMCPY, BEARSSL, SEAL, OPEN };

static void do_job(enum job job, const struct gcm *g, br_gcm_context *bear,
                   size_t n)
{
    struct fh_mig_long *f = &b.scratch;
    uint8_t nonce[12] = { 0 };

    switch (job) {
    case MEMCPY:
        memcpy(b.frame[n % b.room].text, b.frame[(n + 1) % b.room].text,
               sizeof(f->text));
        break;
    case BEARSSL:
        br_gcm_reset(bear, nonce, sizeof(nonce));
        br_gcm_aad_inject(bear, &f->head, sizeof(f->head));
        br_gcm_flip(bear);
        br_gcm_run(bear, 1, f->text, sizeof(f->text));
        br_gcm_get_tag(bear, f->tag);
        break;
    case SEAL:
        gcm_seal(g, nonce, &f->head, sizeof(f->head), f->text, sizeof(f->text),
                 f->tag);
        break;
    case OPEN: /* without the tag's comparison, which would clear the text */
        gcm_ni_open(&g->ni, nonce, &f->head, sizeof(f->head), f->text,
                    sizeof(f->text), f->tag);
        break;
    }
}

static void measure_job(enum job job, const char *name)
{
    br_aes_x86ni_ctr_keys x86 = { 0 };
    uint64_t start, bytes = 0;
    br_gcm_context bear;
    uint8_t key[32] = { 1 };
    struct gcm g;

    gcm_key(&g, key, false);
    br_aes_x86ni_ctr_init(&x86, key, sizeof(key));
    br_gcm_init(&bear, &x86.vtable, br_ghash_pclmul_get());
    start = now_ns();
    for (size_t n = 0; now_ns() - start < b.budget_ns; n++) {
        do_job(job, &g, &bear, n);
        bytes += FH_MIG_TEXT_LONG;
    }
    printf("%s %.0f\n", name, (double)bytes * 1e9 / (double)(now_ns() - start));
}

int main(int argc, char **argv)
{
    uint32_t blocks;

    if (argc != 3)
        die("want MIB SECONDS");
    blocks = (uint32_t)strtoul(argv[1], NULL, 10) / 2;
    b.budget_ns = (uint64_t)(strtod(argv[2], NULL) * 1e9);
    if (blocks < 2 || blocks > 1024)
        die("4 to 2048 MiB");
    if (!gcm_fast())
        die("this CPU has no AES-NI, PCLMULQDQ or SSSE3");
    b.room = (size_t)blocks * BLOCK_BYTES / 65536 + 1024;
    b.frame = calloc(b.room, sizeof(*b.frame));
    if (!b.frame)
        die("memory");
    memset(b.frame, 1, b.room * sizeof(*b.frame));
    move(blocks, true);
    move(blocks, false);
    measure_job(MEMCPY, "memcpy");
    measure_job(BEARSSL, "bearssl_seal");
    measure_job(SEAL, "gcm_seal");
    measure_job(OPEN, "gcm_open");
    free(b.frame);
    return 0;
}
