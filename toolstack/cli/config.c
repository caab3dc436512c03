/* SPDX-License-Identifier: MIT */
/*
 * config.c - a command's configuration: a file and settings on top of it
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/supervisor/cfg.h"
#include "toolstack/supervisor/cfgparse.h"
#include "toolstack/supervisor/vmcfg.h"

static void print_warning(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "freehold: warning: %s\n", text);
}

/* `key = "value"`, if the key is there; as it is to be read elsewhere. */
static void put_path(FILE *f, const struct cfg *cfg, const char *key,
                     const char *value)
{
    if (!value || !cfg_find(cfg, key))
        return;
    fprintf(f, "%s = \"", key);
    for (; *value; value++)
        fprintf(f, strchr("\\\"", *value) ? "\\%c" : "%c", *value);
    fprintf(f, "\"\n");
}

/*
 * The file's bytes, then each setting on a line of its own, then what was
 * read relative to the folder we are in.
 */
static int join(const char *file, size_t file_bytes, int nr_settings,
                char **settings, const struct cfg *cfg,
                const struct vm_config *c, char **out, struct err *e)
{
    size_t out_bytes;
    FILE *f = open_memstream(out, &out_bytes);
    bool good;

    if (!f)
        return fail(e, -ENOMEM, "configuration: no memory");
    fwrite(file, 1, file_bytes, f);
    for (int i = 0; i < nr_settings; i++)
        fprintf(f, "\n%s", settings[i]);
    fputc('\n', f);
    put_path(f, cfg, "kernel", c->kernel);
    put_path(f, cfg, "ramdisk", c->ramdisk);
    good = !ferror(f);
    good &= fclose(f) == 0;
    if (good)
        return 0;
    free(*out);
    *out = NULL;
    return fail(e, -ENOMEM, "configuration: no memory");
}

int cmd_load_config(const struct cmd_context *x, const char *path,
                    int nr_settings, char **settings, struct vm_config *out,
                    char **text, struct err *e)
{
    const struct vmcfg_options o = { print_warning, NULL, x->strict };
    struct cfg cfg = { 0 };
    char *file = NULL;
    size_t file_bytes = 0;
    int rc = 0;

    *out = (struct vm_config){ 0 };
    if (text)
        *text = NULL;
    if (path)
        rc = cfgparse_read(path, &file, &file_bytes, e);
    if (rc == 0 && path)
        rc = cfgparse_text(&cfg, path, file, file_bytes, e);
    if (rc == 0)
        rc = cfgparse_words(&cfg, nr_settings, settings, e);
    if (rc == 0)
        rc = vmcfg_load(&cfg, out, &o, e);
    if (rc == 0 && text)
        rc = join(file, file_bytes, nr_settings, settings, &cfg, out, text, e);
    free(file);
    cfg_free(&cfg);
    return rc;
}
