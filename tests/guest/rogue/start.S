/* SPDX-License-Identifier: MIT */
/*
 * start.S - the PVH entry: ebx holds the start info, paging is off
 */
#define PHYS32_ENTRY 18 /* XEN_ELFNOTE_PHYS32_ENTRY */

    .section .note.Xen, "a", @note
    .align 4
    .long 4, 4, PHYS32_ENTRY
    .asciz "Xen"
    .long _start

    .section .text.start, "ax"
    .code32
    .globl _start
_start:
    cld
    movl $stack_top, %esp
    pushl %ebx
    call rogue_main
1:  cli
    hlt
    jmp 1b

/* The second vCPU; Xen starts it flat, in protected mode, like the first. */
    .globl second_entry
second_entry:
    cld
    movl $second_top, %esp
    call second_main
2:  cli
    hlt
    jmp 2b

    .bss
    .align 16
    .skip 16384
stack_top:
    .skip 4096
second_top:

    .section .note.GNU-stack, "", @progbits
