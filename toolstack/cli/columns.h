/* SPDX-License-Identifier: MIT */
/*
 * columns.h - rows of text as xl prints them, byte for byte
 *
 * Scripts cut these columns, so what we add stands behind them.  A guest's
 * vCPUs are its own: the steward's is `freehold info`'s business.
 *
 * Source: Xen 4.20, tools/xl: xl_block.c, xl_info.c, xl_nic.c,
 * xl_vcpu.c, xl_utils.c.
 */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "toolstack/cli/target.h"
#include "toolstack/supervisor/hyp_sched.h"

struct list_options {
    bool verbose, label, pool, nodes;
};

struct list_extra { /* what the options want beyond the domain itself */
    const char *pool;
    const char *transfer; /* the state of one that it is in; NULL: none */
    const struct hyp_cpus *nodes;
    uint32_t nr_nodes;
};

uint32_t columns_vcpus(const struct hyp_info *d, uint32_t nr);

void columns_list_head(FILE *to, const struct list_options *o);
void columns_list(FILE *to, const struct list_options *o,
                  const struct target *t, const struct list_extra *x);

void columns_vm_head(FILE *to);
void columns_vm(FILE *to, const struct target *t);

void columns_vcpu_head(FILE *to);
void columns_vcpu(FILE *to, const struct target *t, const struct hyp_vcpu *v,
                  uint32_t nr_cpus);

/* A set of nr: `none`, `all`, or `0-2,5`. */
void columns_set(FILE *to, const struct hyp_cpus *set, uint32_t nr);

struct columns_block { /* numbers that are not known: -1 */
    uint16_t domid;
    uint32_t devid;
    int state, port, ring; /* as the guest wrote them */
    char backend[96];
};
void columns_block_head(FILE *to);
void columns_block(FILE *to, const struct columns_block *b);

struct columns_network { /* numbers that are not known: -1 */
    uint32_t devid;
    const char *mac;
    int state, port, tx_ring, rx_ring; /* as the guest wrote them */
    char backend[96];
};
void columns_network_head(FILE *to);
void columns_network(FILE *to, const struct columns_network *n);

void columns_uptime_head(FILE *to);
void columns_uptime(FILE *to, const struct target *t, uint64_t up_s);
/* The short form; now is the time of the day. */
void columns_uptime_short(FILE *to, const struct target *t, uint64_t up_s,
                          const char *now);

#endif
