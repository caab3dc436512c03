/* SPDX-License-Identifier: MIT */
/*
 * tapfence.c - what comes out of a tap is from one MAC address
 */
#include "toolstack/supervisor/tapfence.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/supervisor/netlink.h"

#define SOURCE_OFF 6 /* in a frame */
#define INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define PRIORITY 1u
#define HANDLE 1u

#define INSN(c, d, s, o, i)                                                    \
    (struct bpf_insn)                                                          \
    {                                                                          \
        .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)    \
    }

/* A load is in the host's byte order; a frame without a source ends there. */
static int load_program(const uint8_t mac[ETH_ALEN])
{
    const int32_t first =
        (int32_t)((uint32_t)mac[0] << 24 | mac[1] << 16 | mac[2] << 8 | mac[3]);
    const int32_t rest = mac[4] << 8 | mac[5];
    const struct bpf_insn code[] = {
        INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0),
        INSN(BPF_LD | BPF_ABS | BPF_W, 0, 0, 0, SOURCE_OFF),
        INSN(BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_0, 0, 4, first),
        INSN(BPF_LD | BPF_ABS | BPF_H, 0, 0, 0, SOURCE_OFF + 4),
        INSN(BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_0, 0, 2, rest),
        INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, TC_ACT_UNSPEC),
        INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
        INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, TC_ACT_SHOT),
        INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    union bpf_attr a;

    memset(&a, 0, sizeof(a));
    a.prog_type = BPF_PROG_TYPE_SCHED_CLS;
    a.insns = (uintptr_t)code;
    a.insn_cnt = ARRAY_SIZE(code);
    a.license = (uintptr_t)"MIT";
    return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
}

static int add_hook(struct nl *n, const struct nl_link *tap, struct err *e)
{
    struct nlmsghdr *m = nl_begin_tc(n, RTM_NEWQDISC, tap->index);
    struct tcmsg *t = mnl_nlmsg_get_payload(m);

    m->nlmsg_flags |= NLM_F_CREATE; /* or it is there already */
    t->tcm_parent = TC_H_CLSACT;
    t->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    mnl_attr_put_strz(m, TCA_KIND, "clsact");
    return nl_ask(n, tap->name, "look at what comes out of it", e);
}

static int add_program(struct nl *n, const struct nl_link *tap, int program,
                       struct err *e)
{
    struct nlmsghdr *m = nl_begin_tc(n, RTM_NEWTFILTER, tap->index);
    struct tcmsg *t = mnl_nlmsg_get_payload(m);
    struct nlattr *options;

    m->nlmsg_flags |= NLM_F_CREATE; /* or replaces what has this handle */
    t->tcm_parent = INGRESS;
    t->tcm_handle = HANDLE;
    t->tcm_info = TC_H_MAKE(PRIORITY << 16, htons(ETH_P_ALL));
    mnl_attr_put_strz(m, TCA_KIND, "bpf");
    options = mnl_attr_nest_start(m, TCA_OPTIONS);
    mnl_attr_put_u32(m, TCA_BPF_FD, (uint32_t)program);
    mnl_attr_put_strz(m, TCA_BPF_NAME, "freehold");
    mnl_attr_put_u32(m, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
    mnl_attr_nest_end(m, options);
    return nl_ask(n, tap->name, "let one address alone out of it", e);
}

int tapfence_set(struct nl *n, const struct nl_link *tap,
                 const uint8_t mac[ETH_ALEN], struct err *e)
{
    int program = load_program(mac);
    int rc;

    if (program < 0)
        return fail(e, -errno,
                    "%s: let one address alone out of it: load a program: %s",
                    tap->name, strerror(errno));
    rc = add_hook(n, tap, e);
    if (rc == 0)
        rc = add_program(n, tap, program, e);
    close(program); /* the tap keeps it */
    return rc;
}
