/* SPDX-License-Identifier: MIT */
/*
 * burglar.c - a guest's kernel that is after its steward's memory
 *
 * It prints "ok RULE" or "BAD RULE GOT" for each attempt, then "BURGLAR DONE
 * n", where n attempts came off, and idles, so that dom0 may see how its
 * steward is, and which grants stand (grants.c).  Or, by a word of its command
 * line, it does the one thing that it does not survive:
 *
 *   jump     executes the steward's code
 *   paging   has the CPU take the steward's memory for page tables
 */
#include "burglar.h"

#include <stddef.h>
#include <xen/xen.h>

#include <xen/arch-x86/hvm/start_info.h>

static uint32_t nr_bad;

static void print_hex(uint64_t value)
{
    char text[19] = "0x";

    for (int i = 0; i < 16; i++)
        text[2 + i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
    text[18] = '\0';
    guest_print(text);
}

void judge(const char *rule, int64_t got, int64_t want)
{
    guest_print(got == want ? "ok " : "BAD ");
    guest_print(rule);
    if (got != want) {
        guest_print(": got ");
        print_hex((uint64_t)got);
        guest_print(", want ");
        print_hex((uint64_t)want);
        nr_bad++;
    }
    guest_print("\n");
}

static int starts_with(const char *text, const char *word)
{
    while (*word && *text == *word) {
        text++;
        word++;
    }
    return !*word;
}

static void idle(void) __attribute__((noreturn));
static void idle(void)
{
    for (;;) /* no interrupt is set up, so none comes */
        __asm__ volatile("sti; hlt");
}

void guest_main(const struct hvm_start_info *si)
{
    const char *cmdline = "";

    if (!guest_init() || si->magic != XEN_HVM_START_MAGIC_VALUE)
        for (;;)
            __asm__ volatile("cli; hlt");
    if (si->cmdline_paddr)
        cmdline = (const char *)(uint32_t)si->cmdline_paddr;
    guest_print("BURGLAR HERE\n");
    if (starts_with(cmdline, "jump"))
        jump_there();
    if (starts_with(cmdline, "paging"))
        page_by_it();
    try_to_touch();
    try_to_register();
    try_grants();
    try_to_move();
    guest_print("BURGLAR DONE ");
    print_hex(nr_bad);
    guest_print("\n");
    idle();
}
