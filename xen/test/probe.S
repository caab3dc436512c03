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
 * In a domain of 1 vCPU (and the steward's) it runs, suspends itself and, once
 * it was resumed, powers off by cli and hlt.  In one of 2 it is to receive the
 * first one's context, and ends.  Either way "probe: done N" comes last, with
 * the number of bad ones.  Grants FIRST_REF on are the pages of BUFFER: how
 * many bytes of context there are, in 8 bytes, and these.
 *
 * How this works: flat at XEN_STEWARD_PRIVATE_GPA, 32-bit entry, identity map
 * of 4 GiB, then 64-bit code.  vCPU 0 cannot see it there, so once there is RAM
 * it copies itself to COPY and goes on in the copy: what is used up to there has
 * its address by AT(), all else by IN().  The steward's vCPU and vCPU 0 take
 * turns: each goes on when `turn` has the value that it waits for.  Only whose
 * turn it is may talk, since Xen puts what a domain says together by lines.
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
#define ST_notify 3
#define ST_suspended 4
#define ST_log_dirty 5
#define ST_take_dirty 6
#define ST_mark_mapped 7
#define ST_query_range 8
#define ST_get_context 9
#define ST_set_context 10
#define ST_get_platform 11
#define ST_slow 12

#define ENOSYS 38
#define EPERM 1
#define ENOENT 2
#define E2BIG 7
#define EAGAIN 11
#define EFAULT 14
#define EBUSY 16
#define EINVAL 22
#define ENOBUFS 105

#define BASE 0x80000000
#define AT(x) (BASE + (x) - base)
#define RAM 0x1000000 /* where 8 MiB are populated to look at */
#define RAM_EXTENTS 4 /* of 2 MiB */
#define RAM_GFN (RAM >> 12)
#define COPY (RAM + 0x400000)
#define IN(x) (COPY + (x) - base)
#define BUFFER (RAM + 0x200000)
#define BUFFER_PAGES 4
#define CONTEXT (BUFFER + 8)
#define CONTEXT_BYTES (BUFFER_PAGES * 0x1000 - 8)
#define FIRST_REF 8
#define GRANTS 0xc0001000 /* where the grant table is seen */
#define SHARES 5     /* of time, to compare what is done in them */
#define SHARE_MS 100
#define CPU_INSTANCE 34 /* into a context: of the record behind the header */

    .code32
base:
    .ascii "FHSTWRD\1"
    .long 1             /* XEN_STEWARD_ABI */
    .long end - base    /* image_bytes */
    .long 20            /* region_pages */
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

/* Wait until it is my turn; and give it on. */
.macro await value
8:  pause
    cmpl $\value, turn(%rip)
    jne 8b
.endm
.macro pass value
    movl $\value, turn(%rip)
.endm

.macro hypercall nr, a1, a2=0, a3=0
    movl $\nr, %eax
    movl $(\a1), %edi
    movl $(\a2), %esi
    movl $(\a3), %edx
    vmmcall
.endm

/*
 * vCPU 0 works for SHARE_MS, and so do we: add what each did to the two words
 * at rdi.  Changes rax, rcx, rdx, r8, r9.
 */
work_both:
    movq work(%rip), %r8
    subq %r8, (%rdi)
    rdtsc
    shlq $32, %rdx
    addq %rax, %rdx
    movl platform_tsc_khz(%rip), %r9d
    imulq $SHARE_MS, %r9
    addq %rdx, %r9
1:  incq 8(%rdi)
    rdtsc
    shlq $32, %rdx
    addq %rax, %rdx
    cmpq %r9, %rdx
    jb 1b
    movq work(%rip), %r8
    addq %r8, (%rdi)
    ret

/*
 * rax: 1 if vCPU 0 did less for each of our turns at rdi than 60 % of what it
 * did at `free`.  Changes rcx.
 */
is_slower:
    movq (%rdi), %rax
    imulq free+8(%rip), %rax
    imulq $10, %rax
    movq free(%rip), %rcx
    imulq 8(%rdi), %rcx
    imulq $6, %rcx
    cmpq %rcx, %rax
    setb %al
    movzbl %al, %eax
    ret

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
    hypercall HC_steward_op, 16, AT(info)
    expect -ENOENT, "there is no evidence without a pool secret"
    hypercall HC_steward_op, 18, AT(info)
    expect -ENOENT, "nor a fence"
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
    hypercall HC_steward_op, ST_suspended
    expect 0, "what does not run has not suspended"
    hypercall HC_steward_op, ST_log_dirty, AT(log_on)
    expect -EBUSY, "there is no dirty log before set_role"
    hypercall HC_steward_op, ST_take_dirty, AT(take)
    expect -EINVAL, "what is not logged cannot be taken"
    hypercall HC_steward_op, ST_mark_mapped, AT(marks)
    expect -EINVAL, "nor marked"
    hypercall HC_steward_op, ST_slow, AT(slow_most)
    expect -EINVAL, "nor is it slowed"
    hypercall HC_steward_op, ST_get_context, AT(get)
    expect -EAGAIN, "no context is had before a suspend"
    hypercall HC_steward_op, ST_set_context, AT(set)
    expect -EBUSY, "none is set before set_role"
    hypercall HC_steward_op, ST_get_platform, AT(platform)
    expect -ENOBUFS, "get_platform wants room"

    hypercall HC_memory_op, 6, AT(reservation)
    expect RAM_EXTENTS, "a steward populates its domain"
    movl $RAM, %edi
    movl $(RAM_EXTENTS << 18), %ecx
    xorl %eax, %eax
    repe scasq
    movq -8(%rdi), %rax
    expect 0, "populated memory is zero"

    movl $256, platform_nr_leaves(%rip)
    movl $16, platform_nr_msrs(%rip)
    hypercall HC_steward_op, ST_get_platform, AT(platform)
    expect 0, "get_platform works"
    movl platform_tsc_mode(%rip), %eax
    expect 2, "the TSC is the native one"
    hypercall HC_steward_op, ST_query_range, AT(query_none)
    expect -EINVAL, "query_range wants a range"
1:  hypercall HC_steward_op, ST_query_range, AT(ranges) /* maybe in parts */
    testq %rax, %rax
    jnz 2f
    imull $24, ranges_runs(%rip), %ecx
    addq %rcx, ranges_at(%rip)
    movl $16, ranges_runs(%rip)
    cmpq $0, ranges_left(%rip)
    jne 1b
2:
    expect 0, "query_range works"
    movl ranges_at(%rip), %eax
    subl $AT(runs), %eax
    expect (6 * 24), "what is up to the end of the steward's ranges is 6 runs"
    movl runs+16(%rip), %eax
    expect 0, "first a hole"
    movq runs+24*1(%rip), %rax
    expect RAM_GFN, "then memory, where it was put"
    movq runs+24*1+8(%rip), %rax
    expect (RAM_EXTENTS * 512), "all of it"
    movq runs+24*1+16(%rip), %rax
    expect (1 + (9 << 32)), "in pages of 2 MiB"
    movq runs+24*3(%rip), %rax
    expect 0x80000, "then the steward's ranges"
    movq runs+24*3+8(%rip), %rax
    expect 0x1000, "... the private one"
    movl runs+24*3+16(%rip), %eax
    expect 2, "... are special"
    /* From here on where vCPU 0 can see it, too, by tables that it can. */
    movl $BASE, %esi
    movl $COPY, %edi
    movl $(end - base), %ecx
    rep movsb
    movl $(IN(pdpt) + 3), %eax
    movl $IN(pml4), %edi
    movq %rax, (%rdi)
    movl $IN(pdpt), %edi
    movl $(IN(pd) + 3), %eax
    movl $4, %ecx
3:  movq %rax, (%rdi)
    addl $0x1000, %eax
    addl $8, %edi
    loop 3b
    movl $IN(moved), %eax
    jmp *%rax
moved:
    leaq stack_top(%rip), %rsp
    cmpl $3, info+4(%rip)
    je receive

    hypercall HC_steward_op, ST_set_role, IN(role_run)
    expect 0, "set_role works"
    hypercall HC_steward_op, ST_set_role, IN(role_run)
    expect -EBUSY, "set_role works once"

    leaq vcpu0(%rip), %rax
    movq %rax, context_rip(%rip)
    hypercall HC_vcpu_op, 0, 0, IN(context)
    expect 0, "vCPU 0 is initialised after set_role"
    hypercall HC_steward_op, ST_log_dirty, IN(log_bad)
    expect -EINVAL, "log_dirty wants 0 or 1"
    hypercall HC_steward_op, ST_log_dirty, IN(log_on)
    expect 0, "a dirty log starts"
    hypercall HC_steward_op, ST_log_dirty, IN(log_on)
    expect -EBUSY, "there is but one"
    hypercall HC_steward_op, ST_take_dirty, IN(take_odd)
    expect -EINVAL, "pages are taken by steps"
    hypercall HC_steward_op, ST_set_context, IN(set)
    expect -EBUSY, "no context is set in what runs"
    hypercall HC_steward_op, ST_slow, IN(slow_more)
    expect -EINVAL, "81 per cent is too slow"
    hypercall HC_steward_op, ST_slow, IN(slow_pad)
    expect -EINVAL, "slow wants its pad to be 0"
    hypercall HC_steward_op, ST_slow, IN(slow_most)
    expect 0, "what is logged is slowed"
    hypercall HC_vcpu_op, 1, 0
    expect 0, "vCPU 0 starts after set_role"

1:  cmpq $0, work(%rip)
    je 1b
    movl $SHARES, %ebp
2:  hypercall HC_steward_op, ST_slow, IN(slow_most)
    movl $IN(slowed), %edi
    call work_both
    hypercall HC_steward_op, ST_slow, IN(slow_not)
    movl $IN(free), %edi
    call work_both
    decl %ebp
    jnz 2b
    movl $IN(slowed), %edi
    call is_slower
    expect 1, "a slowed vCPU does less, and the steward's as much as ever"
    hypercall HC_steward_op, ST_slow, IN(slow_most)
    hypercall HC_steward_op, ST_log_dirty, IN(log_off)
    expect 0, "the log of what is slowed ends"
    movl $SHARES, %ebp
3:  movl $IN(freed), %edi
    call work_both
    decl %ebp
    jnz 3b
    movl $IN(freed), %edi
    call is_slower
    expect 0, "and with it that it is slowed"
    hypercall HC_steward_op, ST_slow, IN(slow_not)
    expect -EINVAL, "for good"
    hypercall HC_steward_op, ST_log_dirty, IN(log_on)
    expect 0, "another log starts"

    pass 1
    await 2
    hypercall HC_steward_op, ST_take_dirty, IN(take)
    expect 0, "the log is taken while a vCPU runs"
    movl take_nr_dirty(%rip), %eax
    expect 1, "one page was written"
    movq bitmap(%rip), %rax
    expect 0x20, "it is the one"
    movl take_nr(%rip), %eax
    expect 512, "it was one of these"
    hypercall HC_steward_op, ST_take_dirty, IN(take)
    movl take_nr_dirty(%rip), %eax
    expect 0, "what was taken is gone"
    hypercall HC_steward_op, ST_take_dirty, IN(take_own)
    movl take_own_nr_dirty(%rip), %eax
    expect 0, "the steward's own pages are not in it"
    pass 3
    await 4
    hypercall HC_steward_op, ST_take_dirty, IN(take)
    movl take_nr_dirty(%rip), %eax
    expect 2, "what is written again is there again, and what was removed"
    movq bitmap(%rip), %rax
    expect 0x60, "these are the ones"
    hypercall HC_steward_op, ST_slow, IN(slow_most)
    expect 0, "what is about to suspend is slowed"
    pass 5

1:  hypercall HC_steward_op, ST_wait, IN(forever)
    hypercall HC_steward_op, ST_suspended
    testq %rax, %rax
    jz 1b
    expect 1, "the steward hears of a suspend, the first"
    movl $AT(own), %edx
    movl (%rdx), %eax
    expect 0x0b5e55ed, "the steward's memory is as it was"
    hypercall HC_steward_op, ST_slow, IN(slow_most)
    expect 0, "what is suspended is slowed no more"
    hypercall HC_steward_op, ST_mark_mapped, IN(marks_other)
    expect -EAGAIN, "another is not this one, for mark_mapped"
    hypercall HC_steward_op, ST_mark_mapped, IN(marks)
    expect 0, "mark_mapped works"
    hypercall HC_steward_op, ST_get_context, IN(get_other)
    expect -EAGAIN, "... nor for a context"
    hypercall HC_steward_op, ST_get_context, IN(get)
    expect -ENOBUFS, "a context wants room"
    movl get_bytes(%rip), %eax
    subl $1000, %eax
    cmpl $(CONTEXT_BYTES - 1000), %eax
    setb %al
    movzbl %al, %eax
    expect 1, "how much it says"
    hypercall HC_steward_op, ST_get_context, IN(get)
    expect 0, "a context is had"
    movzwl CONTEXT, %eax
    expect 1, "it has a header"
    movl get_bytes(%rip), %eax
    movq %rax, BUFFER
    movq CONTEXT-8(%rax), %rax
    expect 0, "and an end"
    call grant_buffer
    hypercall HC_steward_op, ST_log_dirty, IN(log_off)
    expect 0, "the log ends"
    hypercall HC_steward_op, ST_take_dirty, IN(take)
    expect -EINVAL, "and is not to be taken any more"
    hypercall HC_steward_op, ST_notify

1:  hypercall HC_steward_op, ST_wait, IN(forever)
    hypercall HC_steward_op, ST_suspended
    testq %rax, %rax
    jnz 1b
    expect 0, "the steward hears of its end"
    pass 6
1:  hypercall HC_steward_op, ST_wait, IN(forever)
    jmp 1b

/* What may come from elsewhere, and what may not. */
receive:
    hypercall HC_steward_op, ST_set_role, IN(role_receive)
    expect 0, "set_role works to receive"
    hypercall HC_vcpu_op, 0, 0, IN(context)
    expect -EPERM, "no vCPU is initialised in what receives"
    hypercall HC_vcpu_op, 1, 0
    expect -EPERM, "no vCPU starts in what receives"
    hypercall HC_steward_op, ST_log_dirty, IN(log_on)
    expect -EBUSY, "there is no dirty log in what receives"
    hypercall HC_steward_op, ST_set_context, IN(get)
    expect -EINVAL, "a context that is set is of no suspend"
    hypercall HC_steward_op, ST_set_context, IN(set_huge)
    expect -E2BIG, "nor larger than any"
    hypercall HC_steward_op, ST_set_context, IN(set_none)
    expect -EINVAL, "nor empty"
    hypercall HC_steward_op, ST_set_context, IN(set)
    expect -EINVAL, "nor zeroes"
    call grant_buffer
    hypercall HC_steward_op, ST_notify
1:  hypercall HC_steward_op, ST_wait, IN(forever)
    movq BUFFER, %rax
    testq %rax, %rax
    jz 1b /* that was the port being bound */
    subl $8, %eax
    movl %eax, set_got_bytes(%rip)
    hypercall HC_steward_op, ST_set_context, IN(set_got)
    expect -EINVAL, "nor one without an end"
    addl $8, set_got_bytes(%rip)
    movw $2, CONTEXT + CPU_INSTANCE
    hypercall HC_steward_op, ST_set_context, IN(set_got)
    expect -EINVAL, "nor the steward's own"
    movw $0, CONTEXT + CPU_INSTANCE
    movw $3, CONTEXT + CPU_INSTANCE - 2
    hypercall HC_steward_op, ST_set_context, IN(set_got)
    expect -EINVAL, "nor of devices"
    movw $2, CONTEXT + CPU_INSTANCE - 2
    hypercall HC_steward_op, ST_set_context, IN(set_got)
    expect 0, "another domain's context is set"
    hypercall HC_steward_op, ST_set_context, IN(set_got)
    expect -EBUSY, "once"
    hypercall HC_steward_op, ST_wait, IN(short)
    movl woke(%rip), %eax
    expect 0, "and its vCPU stands still"
    call done
1:  hypercall HC_sched_op, 2, IN(poweroff)
    jmp 1b

grant_buffer: /* let dom0 map it; changes rax, rcx, rdx, rdi, rsi */
    hypercall HC_memory_op, 7, IN(map_table)
    expect 0, "the steward sees its grant table"
    movl $(GRANTS + FIRST_REF * 8), %edi
    movl $(BUFFER >> 12), %eax
    movl $BUFFER_PAGES, %ecx
1:  movl %eax, 4(%rdi)
    movl $1, (%rdi) /* permitted, to domain 0 */
    incl %eax
    addq $8, %rdi
    loop 1b
    ret

done:
    leaq text_done(%rip), %rsi
    call puts
    movl bad(%rip), %eax
    call puthex
    movb $'\n', %al
    outb %al, $0xe9
    ret

vcpu0:
    leaq stack0_top(%rip), %rsp
1:  incq work(%rip)
    cmpl $1, turn(%rip)
    jne 1b
    movl RAM + 0x6000, %eax
    movl $1, RAM + 0x5000
    pass 2
    await 3
    movl $2, RAM + 0x5008
    hypercall HC_memory_op, 1, IN(decrease)
    pass 4
    await 5
    hypercall HC_steward_op, ST_info, IN(info)
    expect -EPERM, "info is for nobody else"
    hypercall HC_vcpu_op, 2, 1
    expect -EPERM, "VCPUOP_down spares the steward"
    hypercall HC_vcpu_op, 11, 1
    expect -EPERM, "VCPUOP_send_nmi spares the steward"
    lgdt gdtr_copy(%rip)
    pushq $24
    movl $IN(narrow), %eax
    pushq %rax
    lretq
back:
    cltq
    expect -EPERM, "VCPUOP_down of 32-bit code spares the steward"
    hypercall HC_event_channel_op, 7, IN(bind_ipi)
    expect -EPERM, "EVTCHNOP_bind_ipi spares the steward"
    hypercall HC_event_channel_op, 3, IN(close)
    expect -EINVAL, "the doorbell cannot be closed"
    hypercall HC_event_channel_op, 4, IN(close)
    expect -EINVAL, "the doorbell cannot be rung from inside"
    hypercall HC_event_channel_op, 10, IN(reset)
    expect 0, "EVTCHNOP_reset is possible"
    hypercall HC_event_channel_op, 3, IN(close)
    expect -EINVAL, "the doorbell survives it"

    hypercall HC_grant_table_op, 6, IN(query), 1
    movl query_max(%rip), %eax
    incl %eax
    subl info+16(%rip), %eax
    expect 0, "one grant frame is hidden"
    movl info+16(%rip), %eax
    decl %eax
    movq %rax, map_idx(%rip)
    hypercall HC_memory_op, 7, IN(map)
    expect -EINVAL, "the hidden frame cannot be mapped"
    decq map_idx(%rip)
    hypercall HC_memory_op, 7, IN(map)
    expect 0, "the last visible frame can be mapped"

    movl $BASE, %edx
    movl (%rdx), %eax
    expect 0xffffffff, "a load from the steward's memory finds nothing"
    movl $AT(own), %edx
    movl $0, (%rdx)
    movl $-1, %eax
    lock xaddl %eax, (%rdx)
    movl %eax, %eax
    expect 0xffffffff, "nor does a locked instruction"
    hypercall HC_event_channel_op, 4, AT(close)
    expect -EFAULT, "Xen reads nothing there for it"
    hypercall HC_memory_op, 1, IN(take_away)
    expect 0, "Xen takes nothing away from there"
    hypercall HC_memory_op, 6, IN(take_away)
    expect 0, "and puts nothing there"
    hypercall HC_memory_op, 7, IN(map_there)
    expect -EPERM, "nor its own pages"

    movl $0xfee00300, %edx
    movl $0x000c4500, (%rdx) /* INIT, all but self */
    hypercall HC_sched_op, 5, IN(suspend)
    expect -EINVAL, "SCHEDOP_shutdown_code announces no suspend"

    hypercall HC_sched_op, 2, IN(suspend)
    movl $1, woke(%rip)
    await 6
    expect 1, "a resumed domain knows that it is the old one"
    call done
    cli
    hlt

    .code32
narrow:
    movl $HC_vcpu_op, %eax
    movl $2, %ebx
    movl $1, %ecx
    vmmcall
    ljmp $8, $IN(back)

    .text 1
text_ok: .asciz "ok "
text_bad: .asciz "BAD "
text_done: .asciz "probe: done "

    .text 2
    .balign 8
gdt: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
gdtr: .word 31
    .long AT(gdt), 0
gdtr_copy: .word 31
    .long IN(gdt), 0
own: .long 0x0b5e55ed, 0 /* the steward's, who never changes it */
bad: .long 0
turn: .long 0
woke: .long 0 /* vCPU 0, out of its suspend */
    .balign 8
work: .quad 0 /* that vCPU 0 did */
free: .quad 0, 0 /* vCPU 0's and the steward's, while it was not slowed, */
slowed: .quad 0, 0 /* while it was, */
freed: .quad 0, 0 /* and while it was no more */
info: .fill 56, 1, 0
role_bad: .long 7, 0
    .fill 32, 1, 0
role_run: .long 2, 0
    .fill 32, 1, 0x5a
role_receive: .long 3, 0
    .fill 32, 1, 0
log_on: .long 1, 0
log_off: .long 0, 0
log_bad: .long 2, 0
take: .quad RAM_GFN, IN(bitmap)
take_nr: .long 512
take_nr_dirty: .long 0
    .quad 0
take_odd: .quad RAM_GFN + 1, IN(bitmap)
    .long 512, 0
    .quad 0
take_own: .quad 0x80000, IN(bitmap)
    .long 512
take_own_nr_dirty: .long 0
    .quad 0
bitmap: .fill 64, 1, 0
slow_not: .long 0, 0
slow_most: .long 80, 0
slow_more: .long 81, 0
slow_pad: .long 80, 1
marks: .long 1, 0
marks_other: .long 2, 0
get: .quad CONTEXT
get_bytes: .long 0, 1
get_other: .quad CONTEXT
    .long CONTEXT_BYTES, 2
set_got: .quad CONTEXT
set_got_bytes: .long 0, 0
map_table: .word 0x7ff0, 0
    .long 1 /* XENMAPSPACE_grant_table */
    .quad 0, GRANTS >> 12
set: .quad RAM
    .long 64, 0
set_none: .quad RAM
    .long 0, 0
set_huge: .quad RAM
    .long 0x7fffffff, 0
platform: .quad AT(leaves), AT(msrs)
platform_nr_leaves: .long 0
platform_nr_msrs: .long 0
platform_tsc_mode: .long 0
platform_tsc_khz: .long 0
    .quad 0, 0, 0
query_none: .quad 0, 0, AT(runs)
    .long 16, 0
ranges: .quad 0
ranges_left: .quad 0xc1000
ranges_at: .quad AT(runs)
ranges_runs: .long 16, 0
runs: .fill 24 * 32, 1, 0
decrease: /* XENMEM_decrease_reservation */
    .quad IN(decrease_gfn), 1
    .long 0, 0
    .word 0x7ff0, 0, 0, 0
decrease_gfn: .quad RAM_GFN + 6
take_away: /* or put there */
    .quad IN(there_gfn), 1
    .long 0, 0
    .word 0x7ff0, 0, 0, 0
there_gfn: .quad (BASE >> 12)
map_there: .word 0x7ff0, 0
    .long 0 /* XENMAPSPACE_shared_info */
    .quad 0, BASE >> 12
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
poweroff: .long 0
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
    .quad 2, 0x80000011, IN(pml4), 0x20, 0x500
    .fill 256, 1, 0
    .balign 4096
pml4: .fill 4096, 1, 0
pdpt: .fill 4096, 1, 0
pd: .fill 16384, 1, 0
leaves: .fill 24 * 256, 1, 0
msrs: .fill 16 * 16, 1, 0
    .fill 2048, 1, 0
stack_top:
    .fill 2048, 1, 0
stack0_top:
end:
