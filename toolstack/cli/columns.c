/* SPDX-License-Identifier: MIT */
/*
 * columns.c - rows of text as xl prints them, byte for byte
 */
#include "toolstack/cli/columns.h"

#include "common/checked.h"

/* Of nr vCPUs of a domain, how many are the guest's. */
uint32_t columns_vcpus(const struct hyp_info *d, uint32_t nr)
{
    return d->protected && nr > 0 ? nr - 1 : nr;
}

static const char *name_of(const struct target *t)
{
    return t->name[0] ? t->name : "(null)";
}

void columns_list_head(FILE *to, const struct list_options *o)
{
    fputs("Name                                        ID   Mem VCPUs\t"
          "State\tTime(s)",
          to);
    if (o->verbose)
        fputs("   UUID                            Reason-Code\t"
              "Security Label",
              to);
    if (o->label && !o->verbose)
        fputs("   Security Label", to);
    if (o->pool)
        fputs("         Cpupool", to);
    if (o->nodes)
        fputs(" NODE Affinity", to);
    fputc('\n', to);
}

static char reason_letter(const struct hyp_info *d)
{
    static const char letters[] = "-rscwS";

    if (!d->shutdown)
        return '-';
    return d->reason < sizeof(letters) - 1 ? letters[d->reason] : '?';
}

static void remark(FILE *to, const struct target *t, const struct list_extra *x)
{
    if (t->known && !t->has_domain)
        fputs(t->state.supervised ? "  between two domains"
                                  : "  no domain, no supervisor",
              to);
    else if (t->known && !t->state.supervised)
        fputs("  no supervisor", to);
    else if (x && x->transfer)
        fprintf(to, "  migration: %s", x->transfer);
    putc('\n', to);
}

static void list_options(FILE *to, const struct list_options *o,
                         const struct target *t, const struct list_extra *x)
{
    char uuid[VM_UUID_TEXT];

    vmcfg_uuid_text(t->domain.uuid, uuid);
    if (o->verbose)
        fprintf(to, " %s", uuid);
    if (o->verbose && t->domain.shutdown)
        fprintf(to, " %8x", t->domain.reason);
    else if (o->verbose)
        fprintf(to, " %8s", "-");
    if (o->verbose || o->label)
        fprintf(to, " %16s", "-");
    if (o->pool)
        fprintf(to, "%16s", x->pool);
    if (o->nodes) {
        fputc(' ', to);
        columns_set(to, x->nodes, x->nr_nodes);
    }
}

void columns_list(FILE *to, const struct list_options *o,
                  const struct target *t, const struct list_extra *x)
{
    const struct hyp_info *d = &t->domain;

    if (!t->has_domain) {
        fprintf(to, "%-40s %5s %5s %5s     %s  %8s", t->name, "-", "-", "-",
                "------", "-");
        remark(to, t, x);
        return;
    }
    fprintf(to, "%-40s %5d %5lu %5d     %c%c%c%c%c%c  %8.1f", name_of(t),
            d->domid, (unsigned long)(d->mem_pages * PAGE_BYTES / MIB_BYTES),
            columns_vcpus(d, d->nr_online), d->running ? 'r' : '-',
            d->blocked ? 'b' : '-', d->paused ? 'p' : '-',
            d->shutdown ? 's' : '-', reason_letter(d), d->dying ? 'd' : '-',
            (float)d->cpu_ns / 1e9);
    list_options(to, o, t, x);
    remark(to, t, x);
}

void columns_vm_head(FILE *to)
{
    fputs("UUID                                  ID    name\n", to);
}

void columns_vm(FILE *to, const struct target *t)
{
    char uuid[VM_UUID_TEXT];

    vmcfg_uuid_text(t->domain.uuid, uuid);
    fprintf(to, "%s  %d    %-30s\n", uuid, t->domain.domid, name_of(t));
}

void columns_set(FILE *to, const struct hyp_cpus *set, uint32_t nr)
{
    uint32_t first, i = 0, nr_runs = 0;

    while (i < nr) {
        if (!(set->bits[i / 8] & (1u << (i % 8)))) {
            i++;
            continue;
        }
        first = i;
        while (i < nr && (set->bits[i / 8] & (1u << (i % 8))))
            i++;
        if (first == 0 && i == nr) {
            fputs("all", to);
            return;
        }
        fprintf(to, "%s%u", nr_runs++ ? "," : "", first);
        if (i - 1 > first)
            fprintf(to, "-%u", i - 1);
    }
    if (nr_runs == 0)
        fputs("none", to);
}

void columns_vcpu_head(FILE *to)
{
    fprintf(to, "%-32s %5s %5s %5s %5s %9s %s\n", "Name", "ID", "VCPU", "CPU",
            "State", "Time(s)", "Affinity (Hard / Soft)");
}

void columns_vcpu(FILE *to, const struct target *t, const struct hyp_vcpu *v,
                  uint32_t nr_cpus)
{
    fprintf(to, "%-32s %5u %5u", name_of(t), t->domain.domid, v->vcpu);
    if (v->online)
        fprintf(to, "%5u %3c%c- ", v->cpu, v->running ? 'r' : '-',
                v->blocked ? 'b' : '-');
    else
        fprintf(to, "%5c %3c%cp ", '-', '-', '-');
    fprintf(to, "%9.1f  ", (float)v->cpu_ns / 1e9);
    columns_set(to, &v->hard, nr_cpus);
    fputs(" / ", to);
    columns_set(to, &v->soft, nr_cpus);
    fputc('\n', to);
}

void columns_block_head(FILE *to)
{
    fprintf(to, "%-5s %-3s %-6s %-5s %-6s %-8s %-30s\n", "Vdev", "BE", "handle",
            "state", "evt-ch", "ring-ref", "BE-path");
}

/* What xl calls the handle is the guest's number. */
void columns_block(FILE *to, const struct columns_block *b)
{
    fprintf(to, "%-5u %-3d %-6u %-5d %-6d %-8d %-30s\n", b->devid, 0, b->domid,
            b->state, b->port, b->ring, b->backend);
}

void columns_network_head(FILE *to)
{
    fprintf(to, "%-3s %-2s %-17s %-6s %-5s %-6s %5s/%-5s %-30s\n", "Idx", "BE",
            "Mac Addr.", "handle", "state", "evt-ch", "tx-", "rx-ring-ref",
            "BE-path");
}

/* xl leaves no blank behind the address; its number is right in its column. */
void columns_network(FILE *to, const struct columns_network *n)
{
    fprintf(to, "%-3u %-2d %s%6u %5d %6d %5d/%-11d %-30s\n", n->devid, 0,
            n->mac, n->devid, n->state, n->port, n->tx_ring, n->rx_ring,
            n->backend);
}

static void print_days(FILE *to, uint64_t up_s)
{
    uint64_t days = up_s / 86400;

    if (days)
        fprintf(to, "%llu day%s, ", (unsigned long long)days,
                days > 1 ? "s" : "");
    fprintf(to, "%2u:%02u", (unsigned)(up_s / 3600 % 24),
            (unsigned)(up_s / 60 % 60));
}

void columns_uptime_head(FILE *to)
{
    fprintf(to, "%-33s %4s %s\n", "Name", "ID", "Uptime");
}

void columns_uptime(FILE *to, const struct target *t, uint64_t up_s)
{
    fprintf(to, "%-33s %4d ", name_of(t), t->domain.domid);
    print_days(to, up_s);
    fprintf(to, ":%02u\n", (unsigned)(up_s % 60));
}

void columns_uptime_short(FILE *to, const struct target *t, uint64_t up_s,
                          const char *now)
{
    fprintf(to, " %s up ", now);
    print_days(to, up_s);
    fprintf(to, ", %s (%d)\n", name_of(t), t->domain.domid);
}
