/* SPDX-License-Identifier: MIT */
/*
 * probe.S - a stand-in for the steward that tries Xen's rules from inside
 *
 * tests/lab/xen-inside.sh boots Xen with it in the steward's place and drives
 * it by tests/lab/tools/bare-domain.c.  It says on the debug port, which Xen
 * prints with guest_loglvl=all, one line a rule:
 *
 *   ok RULE                     or                 BAD RULE GOT
 *
 * and "probe: done N" with the number of bad ones, then suspends its domain.
 * Resumed, vCPU 0 checks what it was told and powers off by cli and hlt.
 *
 * How this works: flat at XEN_STEWARD_PRIVATE_GPA, 32-bit entry, identity map
 * of 4 GiB, then 64-bit code.  The first half runs on the steward's vCPU in
 * LAUNCHING, the second on vCPU 0 in RUN.
 */
#define HC_memory_op 12
#define HC_grant_table_op 20
#define HC_vcpu_op 24
#define HC_sched_op 29
#define HC_event_channel_op 32
#define HC_steward_op 55

#define ST_info 0
#define ST_set_role 1
#define ST_wait 2

#define ENOSYS 38
#define EPERM 1
#define EBUSY 16
#define EINVAL 22

#define BASE 0x80000000
#define AT(x) (BASE + (x) - base)
#define RAM 0x1000000 /* where 8 MiB are populated to look at */
#define RAM_EXTENTS 4 /* of 2 MiB */

    .code32
base:
    .ascii "FHSTWRD\1"
    .long 1             /* XEN_STEWARD_ABI */
    .long end - base    /* image_bytes */
    .long 16            /* region_pages */
    .long entry - base  /* entry_bytes */

entry:
    movl $AT(pd), %edi
    movl $0x83, %eax    /* present, writable, 2 MiB */
    movl $2048, %ecx
1:  movl %eax, (%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b
    movl $AT(pdpt), %edi
    movl $(AT(pd) + 3), %eax
    movl $4, %ecx
2:  movl %eax, (%edi)
    addl $0x1000, %eax
    addl $8, %edi
    loop 2b
    movl $(AT(pdpt) + 3), AT(pml4)
    movl $AT(pml4), %eax
    movl %eax, %cr3
    movl $0x20, %eax    /* PAE */
    movl %eax, %cr4
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x100, %eax    /* LME */
    wrmsr
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    lgdt AT(gdtr)
    ljmp $8, $AT(steward)

    .code64
puts: /* rsi: text; changes rax, rsi */
    lodsb
    testb %al, %al
    jz 1f
    outb %al, $0xe9
    jmp puts
1:  ret

puthex: /* rax: value; changes rax, rbx, rcx */
    movq %rax, %rbx
    movl $16, %ecx
1:  rolq $4, %rbx
    movl %ebx, %eax
    andl $15, %eax
    addb $'0', %al
    cmpb $'9', %al
    jbe 2f
    addb $('a' - '9' - 1), %al
2:  outb %al, $0xe9
    loop 1b
    ret

report: /* rax: got, rdx: want, rsi: rule */
    movq %rax, %r12
    movq %rsi, %r13
    cmpq %rdx, %rax
    jne 1f
    leaq text_ok(%rip), %rsi
    call puts
    movq %r13, %rsi
    call puts
    jmp 2f
1:  incl bad(%rip)
    leaq text_bad(%rip), %rsi
    call puts
    movq %r13, %rsi
    call puts
    movb $' ', %al
    outb %al, $0xe9
    movq %r12, %rax
    call puthex
2:  movb $'\n', %al
    outb %al, $0xe9
    ret

/* Compare rax. */
.macro expect want, rule
    movq $\want, %rdx
    .text 1
9:  .asciz "\rule"
    .text 0
    leaq 9b(%rip), %rsi
    call report
.endm

.macro hypercall nr, a1, a2=0, a3=0
    movl $\nr, %eax
    movl $(\a1), %edi
    movl $(\a2), %esi
    movl $(\a3), %edx
    vmmcall
.endm

steward:
    leaq stack_top(%rip), %rsp
    hypercall HC_steward_op, ST_info, AT(info)
    expect 0, "info is for the steward"
    movl info(%rip), %eax
    expect 1, "info says ABI 1"
    movl info+8(%rip), %eax
    expect 1, "info says launching"
    hypercall HC_steward_op, 99
    expect -ENOSYS, "unknown commands do not exist"
    hypercall HC_vcpu_op, 0, 0, AT(context)
    expect -EPERM, "no vCPU is initialised before set_role"
    hypercall HC_vcpu_op, 1, 0
    expect -EPERM, "no vCPU starts before set_role"
    hypercall HC_steward_op, ST_set_role, AT(role_bad)
    expect -EINVAL, "set_role wants a known role"
    hypercall HC_steward_op, ST_wait, AT(short)
    expect 0, "a ring before there was a vCPU is not lost"
    hypercall HC_steward_op, ST_wait, AT(short)
    expect 1, "wait ends when time is over"

    hypercall HC_memory_op, 6, AT(reservation)
    expect RAM_EXTENTS, "a steward populates its domain"
    movl $RAM, %edi
    movl $(RAM_EXTENTS << 18), %ecx
    xorl %eax, %eax
    repe scasq
    movq -8(%rdi), %rax
    expect 0, "populated memory is zero"

    hypercall HC_steward_op, ST_set_role, AT(role_run)
    expect 0, "set_role works"
    hypercall HC_steward_op, ST_set_role, AT(role_run)
    expect -EBUSY, "set_role works once"

    leaq vcpu0(%rip), %rax
    movq %rax, context_rip(%rip)
    hypercall HC_vcpu_op, 0, 0, AT(context)
    expect 0, "vCPU 0 is initialised after set_role"
    hypercall HC_vcpu_op, 1, 0
    expect 0, "vCPU 0 starts after set_role"
    movl $1, ready(%rip)
1:  hypercall HC_steward_op, ST_wait, AT(forever)
    jmp 1b

vcpu0:
    leaq stack0_top(%rip), %rsp
1:  pause
    cmpl $0, ready(%rip)
    je 1b
    hypercall HC_steward_op, ST_info, AT(info)
    expect -EPERM, "info is for nobody else"
    hypercall HC_vcpu_op, 2, 1
    expect -EPERM, "VCPUOP_down spares the steward"
    hypercall HC_vcpu_op, 11, 1
    expect -EPERM, "VCPUOP_send_nmi spares the steward"
    lgdt gdtr(%rip)
    pushq $24
    movl $AT(narrow), %eax
    pushq %rax
    lretq
back:
    cltq
    expect -EPERM, "VCPUOP_down of 32-bit code spares the steward"
    hypercall HC_event_channel_op, 7, AT(bind_ipi)
    expect -EPERM, "EVTCHNOP_bind_ipi spares the steward"
    hypercall HC_event_channel_op, 3, AT(close)
    expect -EINVAL, "the doorbell cannot be closed"
    hypercall HC_event_channel_op, 4, AT(close)
    expect -EINVAL, "the doorbell cannot be rung from inside"
    hypercall HC_event_channel_op, 10, AT(reset)
    expect 0, "EVTCHNOP_reset is possible"
    hypercall HC_event_channel_op, 3, AT(close)
    expect -EINVAL, "the doorbell survives it"

    hypercall HC_grant_table_op, 6, AT(query), 1
    movl query_max(%rip), %eax
    incl %eax
    subl info+16(%rip), %eax
    expect 0, "one grant frame is hidden"
    movl info+16(%rip), %eax
    decl %eax
    movq %rax, map_idx(%rip)
    hypercall HC_memory_op, 7, AT(map)
    expect -EINVAL, "the hidden frame cannot be mapped"
    decq map_idx(%rip)
    hypercall HC_memory_op, 7, AT(map)
    expect 0, "the last visible frame can be mapped"

    movl $0xfee00300, %edx
    movl $0x000c4500, (%rdx) /* INIT, all but self */
    hypercall HC_sched_op, 5, AT(suspend)
    expect -EINVAL, "SCHEDOP_shutdown_code announces no suspend"

    leaq text_done(%rip), %rsi
    call puts
    movl bad(%rip), %eax
    call puthex
    movb $'\n', %al
    outb %al, $0xe9
    hypercall HC_sched_op, 2, AT(suspend)
    expect 1, "a resumed domain knows that it is the old one"
    cli
    hlt

    .code32
narrow:
    movl $HC_vcpu_op, %eax
    movl $2, %ebx
    movl $1, %ecx
    vmmcall
    ljmp $8, $AT(back)

    .text 1
text_ok: .asciz "ok "
text_bad: .asciz "BAD "
text_done: .asciz "probe: done "

    .text 2
    .balign 8
gdt: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
gdtr: .word 31
    .long AT(gdt), 0
bad: .long 0
ready: .long 0 /* the steward has said its last line */
    .balign 8
info: .fill 56, 1, 0
role_bad: .long 7, 0
    .fill 32, 1, 0
role_run: .long 2, 0
    .fill 32, 1, 0x5a
short: .quad 100000000 /* ns */
forever: .quad 0
reservation:
    .quad AT(extents), RAM_EXTENTS
    .long 9, 0
    .word 0x7ff0, 0, 0, 0 /* DOMID_SELF */
extents:
    .set i, 0
    .rept RAM_EXTENTS
    .quad (RAM >> 12) + i * 0x200
    .set i, i + 1
    .endr
bind_ipi: .long 1, 0
close: .long 1
reset: .word 0x7ff0, 0
suspend: .long 2
query: .word 0x7ff0, 0
    .long 0
query_max: .long 0
    .word 0, 0
    .balign 8
map: .word 0x7ff0, 0
    .long 1 /* XENMAPSPACE_grant_table */
map_idx: .quad 0
    .quad 0xc0000
    .balign 8
context: /* struct vcpu_hvm_context, 64-bit mode */
    .long 1, 0
    .quad 0, 0, 0, 0, 0, 0, 0, 0
context_rip: .quad 0
    .quad 2, 0x80000001, AT(pml4), 0x20, 0x500
    .fill 256, 1, 0
    .balign 4096
pml4: .fill 4096, 1, 0
pdpt: .fill 4096, 1, 0
pd: .fill 16384, 1, 0
    .fill 2048, 1, 0
stack_top:
    .fill 2048, 1, 0
stack0_top:
end:
