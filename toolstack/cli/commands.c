/* SPDX-License-Identifier: MIT */
/*
 * commands.c - every command: what it is called, takes, does and may answer
 */
#include "toolstack/cli/commands.h"

#include <errno.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"

#define CFG "FILE [key=value ...]"
#define OF_GUEST "6 9 13 21"

static const char save_later[] = "saving and restoring is not there yet; "
                                 "suspend keeps a guest in memory, migrate "
                                 "moves it",
                  file_only[] = "a guest's configuration is its file: change "
                                "it and make the guest anew",
                  host_only[] = "it is about the host, not about a guest: xl "
                                "does it as ever",
                  no_pci[] = "a device could write the guest's memory behind "
                             "its back: there is no passthrough",
                  no_qemu[] = "a protected guest has no device model",
                  no_frontend[] = "only disks, network and the console are "
                                  "meant for protected guests";

/* clang-format off */
static const struct command commands[] = {
    { "create", CMD_SERVED, "[-c] [-p] [-F] [-n|--dryrun] [-d] [-e] "
      "[-q|--quiet] [-V|--vncviewer] [-A|--vncviewer-autopass] "
      "[--ignore-global-affinity-masks] [-f|--defconfig] " CFG,
      "make a guest and its supervisor; -c: attach to its console, "
      "-p: do not start it yet, -F: stay in the foreground, -n: only print "
      "the checked configuration, -d: print it as well, -f: in front of FILE, "
      "-e, -q, --ignore-global-affinity-masks: no effect, -V, -A: refused, a "
      "guest has no screen", "4 5 6 9 15 23", cmd_create, false },
    { "run", CMD_SERVED, "[--stop-timeout SECONDS] NAME|FILE",
      "supervise a guest in the foreground, as a service does; takes over "
      "one that runs without a supervisor; --stop-timeout: when asked to "
      "end, destroy a guest that has not powered off by then",
      "4 5 6 9 15 23 75", cmd_run, false },
    { "reload", CMD_SERVED, "-a|--all|NAME|DOMID",
      "have a supervisor go on as the program that is installed now, under "
      "the running guest; -a: all of them", "9 13 21 23", cmd_reload, true },
    { "list", CMD_SERVED,
      "[-l|--long] [-v|--verbose] [-Z|--context] [-c|--cpupool] [-n|--numa] "
      "[NAME|DOMID]",
      "the domains of this host; -l: our guests' configurations as JSON, "
      "-v: with UUID and reason, -c: with pool, -n: with nodes", "6 9 21",
      cmd_list, false },
    { "vm-list", CMD_SERVED, "", "their UUIDs, numbers and names", "",
      cmd_vm_list, false },
    { "domid", CMD_SERVED, "NAME|DOMID", "the number of a domain", "21",
      cmd_domid, false },
    { "domname", CMD_SERVED, "DOMID|NAME", "the name of a domain", "21",
      cmd_domname, false },
    { "uptime", CMD_SERVED, "[-s] [NAME|DOMID ...]",
      "how long domains have been up; -s: with the time of the day", "21",
      cmd_uptime, false },
    { "vcpu-list", CMD_SERVED, "[NAME|DOMID ...]",
      "where vCPUs run, and where they may", "21", cmd_vcpu_list, false },
    { "top", CMD_SERVED, "[-b|--batch] [-d|--delay SECONDS] "
      "[-i|--iterations COUNT]",
      "who uses the CPUs and the memory; -b: one look, plain text", "6",
      cmd_top, false },
    { "dmesg", CMD_SERVED, "[-c|--clear]", "Xen's own log; -c: and empty it",
      "", cmd_dmesg, false },
    { "info", CMD_SERVED, "[KEY|NAME|DOMID]",
      "the host; or one value of it, as free_memory; or one guest: state, "
      "measurement, identity, times", "6 9 21", cmd_info, false },
    { "events", CMD_SERVED, "[-u|--until STATE] [-n|--count COUNT] "
      "[-t|--timeout SECONDS] [NAME ...]",
      "what happens to guests, a line each, after how they are now; -u: until "
      "they are in that state, -n: so many events, -t: fail after so long",
      "6 9", cmd_events, false },
    { "metrics", CMD_SERVED, "[-o|--output FILE]",
      "figures of the host and its guests as OpenMetrics text; -o: into a "
      "file, whole or not at all", "23", cmd_metrics, false },
    { "console", CMD_SERVED, "[-d] [-e KEY] [-t TYPE] [-n NUMBER] NAME",
      "attach to a guest's console, ^] detaches; -d: print what it said so "
      "far, -e: detach by that key, ^X or a character, -t: pv, -n: 0, a guest "
      "has one", "4 6 21", cmd_console, false },
    { "shutdown", CMD_SERVED,
      "[-w|--wait] [-T|--timeout SECONDS] [-F] -a|--all|NAME|DOMID",
      "ask a guest to power off; -w: wait for it, -T: no longer than that, and "
      "destroy it then, -a: all guests, -F: no "
      "effect, a PVH guest has no power button", OF_GUEST, cmd_shutdown,
      true },
    { "reboot", CMD_SERVED,
      "[-w|--wait] [-T|--timeout SECONDS] [-F] -a|--all|NAME|DOMID",
      "ask a guest to reboot; options as for shutdown", OF_GUEST,
      cmd_reboot, true },
    { "sysrq", CMD_SERVED, "NAME|DOMID KEY",
      "send a guest's kernel a SysRq", OF_GUEST, cmd_sysrq, true },
    { "mem-set", CMD_SERVED, "NAME|DOMID MEMORY",
      "ask a guest to keep this much memory, MiB or with b, k, m, g, t",
      OF_GUEST, cmd_mem_set, true },
    { "mem-max", CMD_SERVED, "NAME|DOMID MEMORY",
      "what mem-set may ask for at most", OF_GUEST, cmd_mem_max, true },
    { "vcpu-set", CMD_SERVED, "[-i|--ignore-host] NAME|DOMID COUNT",
      "ask a guest to use so many of its vCPUs; -i: also more than the host "
      "has CPUs", OF_GUEST, cmd_vcpu_set, true },
    { "vcpu-pin", CMD_SERVED, "[-f|--force] "
      "[--ignore-global-affinity-masks] NAME|DOMID VCPU|all HARD [SOFT]",
      "say where a vCPU may run, and where it runs best; -: as it is, -f, "
      "--ignore-global-affinity-masks: no effect",
      OF_GUEST, cmd_vcpu_pin, true },
    { "pause", CMD_SERVED, "NAME|DOMID", "stop a guest's vCPUs", OF_GUEST,
      cmd_pause, true },
    { "unpause", CMD_SERVED, "NAME|DOMID",
      "let them run; starts a guest made with -p", OF_GUEST, cmd_unpause,
      true },
    { "suspend", CMD_SERVED, "NAME|DOMID",
      "have a guest's kernel suspend; it stays in memory", OF_GUEST,
      cmd_suspend, true },
    { "resume", CMD_SERVED, "NAME|DOMID",
      "let a suspended guest go on as if nothing had been", OF_GUEST,
      cmd_resume, true },
    { "destroy", CMD_SERVED, "[-f|--force] NAME|DOMID",
      "remove a guest and every trace of it at once; -f: also while it is "
      "between two hosts", "6 9 13 21", cmd_destroy, true },
    { "rename", CMD_SERVED, "NAME|DOMID NEW",
      "give a guest another name; its file and its service keep theirs",
      "6 9 13 15 21", cmd_rename, true },
    { "block-attach", CMD_SERVED, "[-l|--limits LIMITS] NAME|DOMID DISK ...",
      "give a guest one more disk, in the words of disk=; says which; -l: "
      "its limits, as block-limits has them", OF_GUEST " 15 23",
      cmd_block_attach, false },
    { "block-detach", CMD_SERVED, "[-f|--force] NAME|DOMID DEV ...",
      "take disks away when the guest lets go of them; -f: at once",
      OF_GUEST " 23", cmd_block_detach, true },
    { "block-list", CMD_SERVED, "NAME|DOMID ...", "the disks of guests",
      "6 9 21 23", cmd_block_list, false },
    { "block-resize", CMD_SERVED, "NAME|DOMID DEV",
      "look at the size of a disk's store again, and tell the guest",
      OF_GUEST " 23", cmd_block_resize, true },
    { "block-limits", CMD_SERVED, "NAME|DOMID DEV [iops=N] [bps=N]",
      "let a disk serve so many requests, so many bytes a second; 0: as many "
      "as it can; without either: tell what holds", OF_GUEST " 23",
      cmd_block_limits, false },
    { "network-attach", CMD_SERVED, "[-m|--any-mac] NAME|DOMID "
      "[key=value ...]",
      "give a guest one more card, in the words of vif=; says its number; -m: "
      "its guest may send from any address", OF_GUEST " 15 23",
      cmd_network_attach, false },
    { "network-detach", CMD_SERVED, "[-f|--force] NAME|DOMID DEVID|MAC ...",
      "take cards away when the guest lets go of them; -f: at once",
      OF_GUEST " 23", cmd_network_detach, true },
    { "network-list", CMD_SERVED, "NAME|DOMID ...", "the cards of guests",
      "6 9 21 23", cmd_network_list, false },
    { "network-rate", CMD_SERVED, "NAME|DOMID DEVID|MAC [RATE]",
      "let a guest send at most so much, as 100Mb/s; 0: as much as it can; "
      "without it: tell what holds", OF_GUEST " 23", cmd_network_rate, false },
    { "stats", CMD_SERVED, "[-w|--watch SECONDS] [-i|--iterations COUNT] "
      "[NAME|DOMID ...]",
      "what guests' disks and cards did; -w: what they do, every so many "
      "seconds, -i: so many times", "6 21", cmd_stats, false },
    { "serve-blk", CMD_SERVED, "[-t|--target TARGET] [DOMID DEVID]",
      "serve a disk of a guest that xl made, until it is detached; -t: this "
      "target instead of xl's; without a device: all whose script is "
      "block-freehold, as a service does", "6 15 23", cmd_serve_blk, true },
    { "serve-net", CMD_SERVED, "[-m|--any-mac] [DOMID DEVID]",
      "serve a network card of a guest that xl made, until it is detached; "
      "-m: its guest may send from any address; without a device: all that "
      "nobody else serves, as a service does", "6 13 15 23", cmd_serve_net, true },
    { "migrate", CMD_SERVED, "[--live|--non-live] [--check] "
      "[--max-downtime MS] [--bandwidth BYTES] [--timeout SECONDS] "
      "[--on-timeout abort|force] [--streams N] [-s COMMAND] "
      "[--tcp ADDRESS:PORT|--unix PATH] [-e] [-T] [--debug] [-C FILE] [-p] "
      "[-D] NAME|DOMID [HOST]",
      "move a guest to another host while it runs; --check: only say what is "
      "missing there, --non-live: suspend it first, --max-downtime: how long "
      "it may stand still, --bandwidth: a second, but for that time, "
      "--on-timeout: stay, or suspend it then, --streams: connections, -s: in "
      "place of ssh, -T: lines with their time, -e, --debug: no effect, -C, "
      "-p, -D: refused", "1 4 6 7 9 13 21 23", cmd_migrate, false },
    { "migrate-cancel", CMD_SERVED, "NAME|DOMID",
      "give up a guest's transfer, and wait until that is settled",
      "6 7 9 13 21", cmd_migrate_cancel, false },
    { "resolve", CMD_SERVED, "[--abort] [--destination-lost] [-s COMMAND] "
      "[--tcp ADDRESS:PORT|--unix PATH] NAME|DOMID [HOST]",
      "settle a transfer that was cut: the guest goes on there; --abort: "
      "here, unless it runs there already, --destination-lost: refused, "
      "nobody can prove it", "4 6 7 9 13 21 23", cmd_resolve, false },
    { "migrate-receive", CMD_SERVED, "[--tcp [ADDR:]PORT] [--unix PATH] "
      "[--name NAME]",
      "take a guest that another host sends, by stdin and stdout, as freehold "
      "migrate starts it there; --tcp, --unix: wait for it here, --name: call "
      "it so", "4 5 6 9 15 21 23 75", cmd_migrate_receive, false },
    { "measure", CMD_SERVED, CFG,
      "predict a guest's launch measurement", "5 6 23", cmd_measure, false },
    { "check", CMD_SERVED, "[FILE [key=value ...]]",
      "can this host run protected guests? with FILE: is it a good "
      "configuration?", "1 5 6 23", cmd_check, false },
    { "debug-keys", CMD_SERVED, "KEYS", "press keys at Xen's console", "",
      cmd_debug_keys, true },
    { "help", CMD_SERVED, "[COMMAND]",
      "every command, or one with its exit codes", "", cmd_help, false },
    { "complete", CMD_SERVED, "[WORD ...]",
      "what may stand in place of the last word; for the shell", "",
      cmd_complete, false },
    { "version", CMD_SERVED, "", "the version", "", cmd_version, false },

#define NOT(name, verdict, why) { name, verdict, "...", why, "4", NULL, false }
    NOT("save", CMD_LATER, save_later),
    NOT("restore", CMD_LATER, save_later),

    NOT("trigger", CMD_NEVER, "Xen lets nobody outside inject interrupts into "
        "a protected guest"),
    NOT("dump-core", CMD_NEVER, "nobody outside can read a protected guest's "
        "memory: let the guest dump itself (kdump)"),
    NOT("config-update", CMD_NEVER, file_only),
    NOT("pci-attach", CMD_NEVER, no_pci),
    NOT("pci-detach", CMD_NEVER, no_pci),
    NOT("pci-list", CMD_NEVER, no_pci),
    NOT("pci-assignable-add", CMD_NEVER, no_pci),
    NOT("pci-assignable-remove", CMD_NEVER, no_pci),
    NOT("pci-assignable-list", CMD_NEVER, no_pci),
    NOT("vncviewer", CMD_NEVER, no_qemu),
    NOT("cd-insert", CMD_NEVER, no_qemu),
    NOT("cd-eject", CMD_NEVER, no_qemu),
    NOT("button-press", CMD_NEVER, no_qemu),
    NOT("qemu-monitor-command", CMD_NEVER, no_qemu),
    NOT("channel-list", CMD_NEVER, no_qemu),
    NOT("usbctrl-attach", CMD_NEVER, no_qemu),
    NOT("usbctrl-detach", CMD_NEVER, no_qemu),
    NOT("usbdev-attach", CMD_NEVER, no_qemu),
    NOT("usbdev-detach", CMD_NEVER, no_qemu),
    NOT("usb-list", CMD_NEVER, no_qemu),
    NOT("vtpm-attach", CMD_NEVER, no_frontend),
    NOT("vtpm-list", CMD_NEVER, no_frontend),
    NOT("vtpm-detach", CMD_NEVER, no_frontend),
    NOT("vkb-attach", CMD_NEVER, no_frontend),
    NOT("vkb-list", CMD_NEVER, no_frontend),
    NOT("vkb-detach", CMD_NEVER, no_frontend),
    NOT("vdispl-attach", CMD_NEVER, no_frontend),
    NOT("vdispl-list", CMD_NEVER, no_frontend),
    NOT("vdispl-detach", CMD_NEVER, no_frontend),
    NOT("vsnd-attach", CMD_NEVER, no_frontend),
    NOT("vsnd-list", CMD_NEVER, no_frontend),
    NOT("vsnd-detach", CMD_NEVER, no_frontend),
    NOT("sharing", CMD_NEVER, "a protected guest shares no page with another"),
    NOT("remus", CMD_NEVER, "a copy kept on another host would be a second "
        "guest of one identity"),
    NOT("dt-overlay", CMD_NEVER, "it is for Arm"),
    NOT("sched-credit", CMD_NEVER, host_only),
    NOT("sched-credit2", CMD_NEVER, host_only),
    NOT("sched-rtds", CMD_NEVER, host_only),
    NOT("set-parameters", CMD_NEVER, host_only),
    NOT("claims", CMD_NEVER, host_only),
    NOT("cpupool-create", CMD_NEVER, host_only),
    NOT("cpupool-list", CMD_NEVER, host_only),
    NOT("cpupool-destroy", CMD_NEVER, host_only),
    NOT("cpupool-rename", CMD_NEVER, host_only),
    NOT("cpupool-cpu-add", CMD_NEVER, host_only),
    NOT("cpupool-cpu-remove", CMD_NEVER, host_only),
    NOT("cpupool-migrate", CMD_NEVER, host_only),
    NOT("cpupool-numa-split", CMD_NEVER, host_only),
    NOT("getenforce", CMD_NEVER, host_only),
    NOT("setenforce", CMD_NEVER, host_only),
    NOT("loadpolicy", CMD_NEVER, host_only),
    NOT("devd", CMD_NEVER, host_only),
    NOT("psr-hwinfo", CMD_NEVER, host_only),
    NOT("psr-cmt-attach", CMD_NEVER, host_only),
    NOT("psr-cmt-detach", CMD_NEVER, host_only),
    NOT("psr-cmt-show", CMD_NEVER, host_only),
    NOT("psr-cat-set", CMD_NEVER, host_only),
    NOT("psr-cat-show", CMD_NEVER, host_only),
    NOT("psr-mba-set", CMD_NEVER, host_only),
    NOT("psr-mba-show", CMD_NEVER, host_only),
#undef NOT
};
/* clang-format on */

const struct command *command_at(uint32_t i)
{
    return i < ARRAY_SIZE(commands) ? &commands[i] : NULL;
}

static const struct command *find_beginning(const char *word, bool served)
{
    const struct command *found = NULL;

    for (uint32_t i = 0; i < ARRAY_SIZE(commands); i++) {
        const struct command *c = &commands[i];

        if ((c->verdict == CMD_SERVED) != served ||
            strncmp(c->name, word, strlen(word)))
            continue;
        if (strcmp(c->name, word) == 0)
            return c;
        if (found)
            return NULL;
        found = c;
    }
    return found;
}

const struct command *command_find(const char *word)
{
    const struct command *c;

    for (uint32_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (strcmp(commands[i].name, word) == 0)
            return &commands[i];
    c = find_beginning(word, true);
    return c ? c : find_beginning(word, false);
}

const char *command_word(const char **at, char word[COMMAND_WORD_MAX])
{
    static const char between[] = "[]| ";
    const char *s = *at + strspn(*at, between);
    size_t len = strcspn(s, between);

    if (len == 0 || len >= COMMAND_WORD_MAX)
        return NULL;
    memcpy(word, s, len);
    word[len] = 0;
    *at = s + len;
    return word;
}

const char *cmd_verdict_name(enum cmd_verdict v)
{
    static const char *const name[] = {
        [CMD_SERVED] = "served",
        [CMD_LATER] = "later",
        [CMD_NEVER] = "never",
    };

    _Static_assert(ARRAY_SIZE(name) == CMD_VERDICTS, "cmd_verdict_name");
    return name[v];
}

int command_refuse(const struct command *c, struct err *e)
{
    return fail(e, -EOPNOTSUPP, "%s: %s: %s", c->name,
                c->verdict == CMD_LATER ? "not yet" : "not served", c->text);
}
