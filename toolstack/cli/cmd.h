/* SPDX-License-Identifier: MIT */
/*
 * cmd.h - the commands of `freehold`
 *
 * Each gets its own argv, its name first, and returns 0, EXIT_USAGE or a
 * negative errno with *e filled; main() prints the error and turns it into
 * an exit code.  json and strict say that --json and --strict were given.
 */
#ifndef CMD_H
#define CMD_H

#include <stdbool.h>
#include <stdint.h>

struct err;

struct cmd_context {
    uint64_t start_us; /* when the program began, CLOCK_MONOTONIC */
    bool json, strict;
    bool dry; /* -N: only create knows how to */
};

typedef int cmd_function(struct cmd_context *x, int argc, char **argv,
                         struct err *e);

cmd_function cmd_create, cmd_run, cmd_list, cmd_info, cmd_destroy, cmd_shutdown,
    cmd_reboot, cmd_pause, cmd_unpause, cmd_suspend, cmd_resume, cmd_console,
    cmd_measure, cmd_check, cmd_help, cmd_complete, cmd_version, cmd_domid,
    cmd_domname, cmd_vm_list, cmd_uptime, cmd_vcpu_list, cmd_dmesg, cmd_top,
    cmd_mem_set, cmd_mem_max, cmd_vcpu_set, cmd_vcpu_pin, cmd_sysrq, cmd_reload,
    cmd_events, cmd_metrics, cmd_debug_keys, cmd_rename, cmd_block_attach,
    cmd_block_detach, cmd_block_list, cmd_block_resize, cmd_block_limits,
    cmd_network_attach, cmd_network_detach, cmd_network_list, cmd_network_rate,
    cmd_stats, cmd_serve_blk, cmd_serve_net, cmd_migrate, cmd_migrate_cancel,
    cmd_migrate_receive, cmd_resolve;

struct json_object;
struct vm_config;

/* Print an object on stdout, as people and programs can read it; takes it. */
void cmd_print_json(struct json_object *o);
/* On stderr, or as JSON on stdout. */
void cmd_print_error(const struct cmd_context *x, const struct err *e);
/* What has nothing to say has still an answer for programs. */
void cmd_print_done(void);

/*
 * Read a configuration file (NULL: none) and key=value arguments on top of it;
 * warnings go to stderr.  vmcfg_free(out) also after an error.  *text (may be
 * NULL) is all of it as one file, the caller's to free; NULL after an error.
 */
int cmd_load_config(const struct cmd_context *x, const char *path,
                    int nr_settings, char **settings, struct vm_config *out,
                    char **text, struct err *e);

#endif
