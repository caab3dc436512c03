/* SPDX-License-Identifier: MIT */
/*
 * start.S - the PVH entry, the timer's interrupt and the idle loop that keeps
 * the canary in the registers
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
    lgdt gdt_pointer
    ljmp $8, $1f
1:  movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %cr4, %eax
    orl $0x600, %eax /* OSFXSR, OSXMMEXCPT: the canary is in xmm0..3, too */
    movl %eax, %cr4
    movl %cr0, %eax
    andl $~0xc, %eax /* no EM, no TS */
    orl $2, %eax     /* MP */
    movl %eax, %cr0
    movl %ebx, %esi
    movl $1, %eax
    cpuid
    btl $26, %ecx /* XSAVE: let Xen see that SSE is in use */
    jnc 2f
    movl %cr4, %eax
    orl $0x40000, %eax
    movl %eax, %cr4
    xorl %ecx, %ecx
    xorl %edx, %edx
    movl $3, %eax
    xsetbv
2:  pushl %esi /* start info */
    call canary_main
3:  cli
    hlt
    jmp 3b

/* Load the registers from the canary_line at 4(%esp) and idle for ever. */
    .globl idle_for_ever
idle_for_ever:
    movl 4(%esp), %ebp
    movups (%ebp), %xmm0
    movups 16(%ebp), %xmm1
    movups 32(%ebp), %xmm2
    movups 48(%ebp), %xmm3
    movl (%ebp), %eax
    movl 8(%ebp), %ebx
    movl 16(%ebp), %ecx
    movl 24(%ebp), %edx
    movl 32(%ebp), %esi
    movl 40(%ebp), %edi
    movl 48(%ebp), %ebp
    sti
4:  cmpl $0, is_spinning
    je 5f
    pause
    jmp 4b
5:  hlt
    jmp 4b

    .globl timer_entry
timer_entry:
    pushal
    cld
    call timer_tick
    popal
    iretl

    .globl probe_entry
probe_entry:
    pushal
    cld
    call probe_tick
    popal
    iretl

    .globl spurious_entry
spurious_entry:
    iretl

    .section .rodata
    .align 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff /* 8: flat code */
    .quad 0x00cf93000000ffff /* 16: flat data */
gdt_pointer:
    .word . - gdt - 1
    .long gdt

    .bss
    .align 16
    .skip 16384
stack_top:

    .section .note.GNU-stack, "", @progbits
