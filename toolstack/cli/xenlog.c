/* SPDX-License-Identifier: MIT */
/*
 * xenlog.c - `freehold dmesg`: what Xen itself logged
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/supervisor/hyp_sched.h"

static int copy_log(struct hyp *h, bool clear, FILE *to, struct err *e)
{
    char part[16384];
    uint32_t index = 0;
    int nr;

    while ((nr = hyp_read_log(h, part, sizeof(part), clear, &index, e)) > 0)
        fwrite(part, 1, nr, to);
    return nr;
}

static void print_lines(char *text)
{
    struct json_object *array = json_object_new_array();
    char *left = NULL;

    for (char *line = strtok_r(text, "\n", &left); line;
         line = strtok_r(NULL, "\n", &left))
        json_object_array_add(array, json_object_new_string(line));
    cmd_print_json(array);
}

static const struct option long_options[] = {
    { "clear", no_argument, NULL, 'c' },
    { NULL, 0, NULL, 0 },
};

int cmd_dmesg(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    size_t text_bytes;
    char *text = NULL;
    FILE *to = stdout;
    bool clear = false;
    struct hyp *h;
    int option, rc;

    optind = 0;
    while ((option = getopt_long(argc, argv, "c", long_options, NULL)) != -1) {
        if (option != 'c')
            return EXIT_USAGE;
        clear = true;
    }
    if (optind != argc)
        return EXIT_USAGE;
    rc = hyp_open(&h, e);
    if (rc < 0)
        return rc;
    if (x->json)
        to = open_memstream(&text, &text_bytes);
    rc = to ? copy_log(h, clear, to, e) : fail(e, -ENOMEM, "dmesg: no memory");
    if (x->json && to) {
        fclose(to);
        if (rc == 0)
            print_lines(text);
        free(text);
    }
    hyp_close(h);
    return rc;
}
