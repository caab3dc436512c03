/* SPDX-License-Identifier: MIT */
/*
 * start.S - the PVH entry: ebx holds the start info, paging is off
 */
#define PHYS32_ENTRY 18 /* XEN_ELFNOTE_PHYS32_ENTRY */

    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 4, PHYS32_ENTRY
    .asciz "Xen"
    .long _start

    .text
    .code32
    .globl _start
_start:
    cld
    movl $stack_top, %esp
    pushl %ebx
    call guest_main
    ud2

    .bss
    .balign 16
    .skip 8192
stack_top:

    .section .note.GNU-stack, "", @progbits
