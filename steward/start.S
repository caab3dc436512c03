/* SPDX-License-Identifier: MIT */
/*
 * start.S - the image's head, the way into 64-bit mode, and the exceptions
 *
 * Xen starts the steward in 32-bit flat protected mode, paging off, every
 * general register 0 (abi/xen_steward.h).
 */
#define ABI_VERSION 1 /* XEN_STEWARD_ABI; main.c checks it against Xen's */

#define CR0_FLAGS 0x80010023 /* PG, WP, NE, MP, PE */
#define CR4_FLAGS 0x620      /* OSXMMEXCPT, OSFXSR, PAE */
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define MSR_FS_BASE 0xc0000100

#define PTE_TABLE 3    /* present, writable */
#define PTE_LARGE 0x83 /* and 2 MiB */
#define PD_ENTRIES 2048
#define LARGE_BYTES 0x200000

#define CODE_64 8
#define NMI_VECTOR 2
/* Vectors at which the CPU pushes an error code. */
#define ERROR_CODE_MASK 0x60227d00

    .section .head, "a"
    .ascii "FHSTWRD\1"
    .long ABI_VERSION
    .long image_bytes
    .long region_pages
    .long entry_bytes

    .section .text.start, "ax"
    .code32
    .globl _start
_start:
    cld
    movl $boot_pd, %edi
    movl $PTE_LARGE, %eax
    movl $PD_ENTRIES, %ecx
1:  movl %eax, (%edi) /* the high half is 0: below 4 GiB */
    addl $LARGE_BYTES, %eax
    addl $8, %edi
    loop 1b

    movl $boot_pdpt, %edi
    movl $(boot_pd + PTE_TABLE), %eax
    movl $4, %ecx
2:  movl %eax, (%edi)
    addl $4096, %eax
    addl $8, %edi
    loop 2b
    movl $(boot_pdpt + PTE_TABLE), %eax
    movl %eax, boot_pml4

    movl $CR4_FLAGS, %eax
    movl %eax, %cr4
    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    movl $CR0_FLAGS, %eax
    movl %eax, %cr0
    lgdt gdt_pointer
    ljmp $CODE_64, $3f

    .code64
3:  xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %gs
    movl %eax, %fs
    movl $stack_top, %esp
    /* The stack protector's guard is at %fs:0x28. */
    movl $MSR_FS_BASE, %ecx
    movl $guard_area, %eax
    xorl %edx, %edx
    wrmsr
    rdtsc
    shlq $32, %rdx
    orq %rdx, %rax
    movabsq $0x9e3779b97f4a7c15, %rcx
    mulq %rcx
    xorq %rdx, %rax
    shlq $8, %rax /* a NUL in it ends a string that runs over */
    movq %rax, %fs:0x28
    xorl %ebp, %ebp
    call steward_main
    ud2

/*
 * A stub for each exception makes every frame alike: vector, error code, what
 * the CPU pushed.  None but the NMI's returns.
 */
    .balign 16
    .globl fault_stubs
fault_stubs:
    vector = 0
    .rept 32
    .balign 16
    .if vector == NMI_VECTOR
    iretq /* nobody means to send one; it is no reason to stop */
    .else
    .if ((ERROR_CODE_MASK >> vector) & 1) == 0
    pushq $0
    .endif
    pushq $vector
    jmp fault_common
    .endif
    vector = vector + 1
    .endr

fault_common:
    cld
    movq %rsp, %rdi
    andq $-16, %rsp
    call fault_report
    ud2

    .globl fault_load_tables
fault_load_tables: /* rdi: what lidt takes, esi: the TSS's selector */
    lidt (%rdi)
    ltr %si
    ret

    .section .text.hyper, "ax"
    .balign 4096
    .globl hyper_page
hyper_page: /* Xen writes it */
    .skip 4096, 0xcc

    .section .data
    .balign 16
    .globl gdt
gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* CODE_64 */
    .quad 0, 0               /* the TSS: fault.c */
gdt_pointer:
    .word . - gdt - 1
    .long gdt

    .section .bss.tables, "aw", @nobits
    .balign 4096
    .globl boot_pml4, boot_pd
boot_pml4:
    .skip 4096
boot_pdpt:
    .skip 4096
boot_pd:
    .skip 8 * PD_ENTRIES

    .section .bss
    .balign 16
guard_area:
    .skip 64

    .section .note.GNU-stack, "", @progbits
