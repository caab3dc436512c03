/* SPDX-License-Identifier: MIT */
/*
 * vbd_wiring.c - what a guest's block frontend writes, checked
 */
#include "toolstack/supervisor/vbd_wiring.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define KEY_BYTES_MAX 48u
#define DIGITS_MAX 10u
/* FIFO event channels: Xen has no port above it. */
#define PORT_MAX ((1u << 17) - 1)

struct keys { /* where they are read */
    vbd_read *read;
    void *arg;
    char dir[24]; /* "" or "queue-N/" */
    struct err *e;
};

/* Digits alone, no sign, no blank, and not more than fit. */
static bool parse_decimal(const char *text, uint32_t *out)
{
    size_t nr = strspn(text, "0123456789");
    uint64_t value;

    if (nr == 0 || nr > DIGITS_MAX || text[nr])
        return false;
    value = strtoull(text, NULL, 10);
    *out = (uint32_t)value;
    return value <= UINT32_MAX;
}

static void put_key(const struct keys *k, const char *name,
                    char out[KEY_BYTES_MAX])
{
    snprintf(out, KEY_BYTES_MAX, "%s%s", k->dir, name);
}

/* Returns 1 and a number in min..max, 0 when there is none, or -EINVAL. */
static int get_number(const struct keys *k, const char *name, uint32_t min,
                      uint32_t max, uint32_t *out)
{
    char key[KEY_BYTES_MAX], *text;
    int rc = 1;

    put_key(k, name, key);
    text = k->read(k->arg, key);
    if (!text)
        return 0;
    if (!parse_decimal(text, out) || *out < min || *out > max)
        rc = fail(k->e, -EINVAL, "%s: got \"%.40s\", want %u..%u", key, text,
                  min, max);
    free(text);
    return rc;
}

static int want_number(const struct keys *k, const char *name, uint32_t min,
                       uint32_t max, uint32_t *out)
{
    char key[KEY_BYTES_MAX];
    int rc = get_number(k, name, min, max, out);

    if (rc == 1)
        return 0;
    if (rc < 0)
        return rc;
    put_key(k, name, key);
    return fail(k->e, -EINVAL, "%s: got nothing, want %u..%u", key, min, max);
}

static int read_protocol(const struct keys *k, struct blk_wiring *out)
{
    char *text = k->read(k->arg, "protocol");
    int rc = 0;

    if (!text || strcmp(text, "x86_32-abi") == 0)
        out->abi = BLK_ABI_X86_32;
    else if (strcmp(text, "x86_64-abi") == 0)
        out->abi = BLK_ABI_X86_64;
    else
        rc = fail(k->e, -EINVAL,
                  "protocol: got \"%.40s\", want x86_32-abi or x86_64-abi",
                  text);
    free(text);
    return rc;
}

/* One page may have either name; more are numbered. */
static int read_refs(const struct keys *k, bool is_numbered, uint32_t nr,
                     uint32_t *ref)
{
    char name[16];
    int rc = 0;

    if (!is_numbered)
        return want_number(k, "ring-ref", 0, UINT32_MAX, ref);
    for (uint32_t i = 0; i < nr && rc == 0; i++) {
        snprintf(name, sizeof(name), "ring-ref%u", i);
        rc = want_number(k, name, 0, UINT32_MAX, &ref[i]);
    }
    return rc;
}

static int read_queue(struct keys *k, bool is_numbered, uint32_t number,
                      struct blk_wiring *out)
{
    int rc;

    if (out->nr_queues > 1)
        snprintf(k->dir, sizeof(k->dir), "queue-%u/", number);
    rc = read_refs(k, is_numbered, out->ring_pages, out->queue[number].ref);
    if (rc == 0)
        rc = want_number(k, "event-channel", 1, PORT_MAX,
                         &out->queue[number].port);
    return rc;
}

int vbd_wiring_parse(vbd_read *read, void *arg, const struct vbd_offer *offer,
                     struct blk_wiring *out, struct err *e)
{
    struct keys k = { .read = read, .arg = arg, .e = e };
    uint32_t nr_queues = 1, order = 0;
    bool is_numbered;
    int rc;

    *out = (struct blk_wiring){ 0 };
    rc = read_protocol(&k, out);
    if (rc == 0)
        rc = get_number(&k, "multi-queue-num-queues", 1, offer->nr_queues,
                        &nr_queues);
    if (rc >= 0)
        rc =
            get_number(&k, "ring-page-order", 0, offer->ring_order_max, &order);
    is_numbered = rc == 1;
    if (rc >= 0) {
        out->nr_queues = (uint8_t)nr_queues;
        out->ring_pages = (uint16_t)(1u << order);
        rc = 0;
    }
    for (uint32_t i = 0; i < nr_queues && rc == 0; i++)
        rc = read_queue(&k, is_numbered, i, out);
    if (rc < 0)
        *out = (struct blk_wiring){ 0 };
    return rc;
}
