/* SPDX-License-Identifier: MIT */
/*
 * image.c - the files that a lying supervisor offers
 *
 * Source of the bzImage's layout: Linux, Documentation/arch/x86/boot.rst.
 */
#include "tests/evil/image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/checked.h"
#include "common/err.h"

#define RAM_BYTES (32 * MIB_BYTES)
#define BZ_SETUP_SECTS 0x1f1
#define BZ_SYSSIZE 0x1f4
#define BZ_BOOT_FLAG 0x1fe
#define BZ_JUMP 0x200
#define BZ_MAGIC 0x202
#define BZ_VERSION 0x206
#define BZ_LOADFLAGS 0x211
#define BZ_INITRD_MAX 0x22c
#define BZ_CMDLINE_BYTES 0x238
#define BZ_PREF_ADDRESS 0x258
#define BZ_INIT_BYTES 0x260
#define BZ_HEADER_END 0x26c
#define BZ_CODE_BYTES 0x2000u
#define BZ_PREF 0x1000000u

static void release(struct evil_file *f)
{
    if (f->bytes)
        munmap(f->bytes, f->cap_bytes + PAGE_BYTES);
    *f = (struct evil_file){ 0 };
}

void image_close(struct evil *v)
{
    for (uint32_t i = 0; i < FH_BLOBS; i++)
        release(&v->file[i]);
}

/* One page of zeroes more than cap_bytes, so that text always ends. */
static int reserve(struct evil *v, uint32_t blob, uint64_t len_bytes,
                   struct err *e)
{
    uint64_t cap_bytes = pages_of(len_bytes) * PAGE_BYTES;
    void *va = mmap(NULL, cap_bytes + PAGE_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (va == MAP_FAILED)
        return fail(e, -ENOMEM, "image: reserve %llu bytes: %s",
                    (unsigned long long)cap_bytes, strerror(errno));
    release(&v->file[blob]);
    v->file[blob] = (struct evil_file){ va, len_bytes, cap_bytes };
    v->offer[0].len_bytes[blob] = len_bytes;
    return 0;
}

int image_set(struct evil *v, uint32_t blob, const void *bytes,
              uint64_t len_bytes, struct err *e)
{
    int rc = reserve(v, blob, len_bytes, e);

    if (rc == 0)
        memcpy(v->file[blob].bytes, bytes, len_bytes);
    return rc;
}

int image_text(struct evil *v, const char *cmdline, struct err *e)
{
    return image_set(v, FH_BLOB_CMDLINE, cmdline, strlen(cmdline), e);
}

/* Read, not mapped: a page fault on the lab's shared folder is slow. */
static int read_whole(struct evil_file *f, FILE *in, const char *path,
                      struct err *e)
{
    if (fread(f->bytes, 1, f->len_bytes, in) != f->len_bytes)
        return fail(e, -EIO, "%s: read: it became shorter", path);
    return 0;
}

int image_load(struct evil *v, uint32_t blob, const char *name, struct err *e)
{
    char path[512];
    struct stat st;
    FILE *in;
    int rc;

    snprintf(path, sizeof(path), "%s/%s", v->guest_dir, name);
    in = fopen(path, "re");
    if (!in || fstat(fileno(in), &st)) {
        rc = fail(e, -errno, "%s: open: %s", path, strerror(errno));
        goto out;
    }
    rc = reserve(v, blob, (uint64_t)st.st_size, e);
    if (rc == 0)
        rc = read_whole(&v->file[blob], in, path, e);
out:
    if (in)
        fclose(in);
    return rc;
}

int image_pattern(struct evil *v, uint32_t blob, uint64_t len_bytes,
                  uint32_t seed, struct err *e)
{
    uint64_t x = 0x9e3779b97f4a7c15ull * (seed + 1);
    int rc = reserve(v, blob, len_bytes, e);

    for (uint64_t i = 0; rc == 0 && i < len_bytes; i += sizeof(x)) {
        x ^= x << 13; /* xorshift64: never 0 */
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(v->file[blob].bytes + i, &x, MIN_OF(sizeof(x), len_bytes - i));
    }
    return rc;
}

int image_grow(struct evil *v, uint32_t blob, uint64_t len_bytes, struct err *e)
{
    struct evil_file old = v->file[blob];
    int rc;

    v->file[blob] = (struct evil_file){ 0 };
    rc = reserve(v, blob, len_bytes, e);
    if (rc == 0)
        memcpy(v->file[blob].bytes, old.bytes,
               MIN_OF(old.len_bytes, len_bytes));
    release(&old);
    return rc;
}

int image_defaults(struct evil *v, struct err *e)
{
    char cmdline[128];
    int rc;

    v->spec.ram_bytes = RAM_BYTES;
    v->spec.nr_vcpus = 1;
    v->nr_offers = 1;
    v->offer[0].ram_bytes = RAM_BYTES;
    snprintf(cmdline, sizeof(cmdline), "evil.case=%s", v->c->name);
    rc = image_text(v, cmdline, e);
    if (rc == 0)
        rc = image_load(v, FH_BLOB_KERNEL, "tiny.elf", e);
    if (rc == 0)
        rc = image_pattern(v, FH_BLOB_INITRD, IMAGE_INITRD_BYTES,
                           IMAGE_INITRD_SEED, e);
    return rc;
}

int image_elf(struct evil *v, struct image_elf *out, struct err *e)
{
    struct evil_file *f = &v->file[FH_BLOB_KERNEL];
    Elf32_Phdr *p;

    *out = (struct image_elf){ .head = (void *)f->bytes };
    p = (void *)(f->bytes + out->head->e_phoff);
    for (uint32_t i = 0; i < out->head->e_phnum; i++) {
        if (p[i].p_type == PT_LOAD && !out->load)
            out->load = &p[i];
        if (p[i].p_type == PT_NOTE && !out->note)
            out->note = &p[i];
    }
    if (!out->load || !out->note)
        return fail(e, -EINVAL, "tiny.elf: got no segment or no note");
    return 0;
}

int image_add_segment(struct evil *v, Elf32_Phdr **out, struct err *e)
{
    uint64_t table_off = (v->file[FH_BLOB_KERNEL].len_bytes + 15) & ~15ull;
    struct image_elf elf;
    Elf32_Phdr *table;
    uint32_t nr;
    int rc = image_grow(v, FH_BLOB_KERNEL, table_off + 8 * sizeof(*table), e);

    if (rc == 0)
        rc = image_elf(v, &elf, e);
    if (rc < 0)
        return rc;
    nr = elf.head->e_phnum;
    table = (void *)(v->file[FH_BLOB_KERNEL].bytes + table_off);
    memcpy(table, (char *)elf.head + elf.head->e_phoff, nr * sizeof(*table));
    table[nr] = *elf.load;
    elf.head->e_phoff = (Elf32_Off)table_off;
    elf.head->e_phnum = (Elf32_Half)(nr + 1);
    *out = &table[nr];
    return 0;
}

int image_bzimage(struct evil *v, struct image_bz *out, struct err *e)
{
    uint64_t len_bytes = 2 * 512 + BZ_CODE_BYTES;
    uint8_t *b;
    int rc = reserve(v, FH_BLOB_KERNEL, len_bytes, e);

    if (rc < 0)
        return rc;
    b = v->file[FH_BLOB_KERNEL].bytes;
    *out = (struct image_bz){
        .setup_sects = b + BZ_SETUP_SECTS,
        .version = (void *)(b + BZ_VERSION),
        .syssize = (void *)(b + BZ_SYSSIZE),
        .cmdline_bytes = (void *)(b + BZ_CMDLINE_BYTES),
        .init_bytes = (void *)(b + BZ_INIT_BYTES),
        .pref_address = (void *)(b + BZ_PREF_ADDRESS),
    };
    *out->setup_sects = 1;
    *out->version = 0x20e;
    *out->syssize = BZ_CODE_BYTES / 16;
    *out->cmdline_bytes = 2047;
    *out->init_bytes = BZ_CODE_BYTES;
    *out->pref_address = BZ_PREF;
    *(uint16_t *)(void *)(b + BZ_BOOT_FLAG) = 0xaa55;
    b[BZ_JUMP] = 0xeb;
    b[BZ_JUMP + 1] = BZ_HEADER_END - BZ_MAGIC;
    memcpy(b + BZ_MAGIC, "HdrS", 4);
    b[BZ_LOADFLAGS] = 1;
    *(uint32_t *)(void *)(b + BZ_INITRD_MAX) = 0x7fffffff;
    memcpy(b + 2 * 512, "\xfa\xf4\xeb\xfd", 4); /* cli; hlt; jmp -3 */
    return 0;
}
