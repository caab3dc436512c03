/* SPDX-License-Identifier: MIT */
/*
 * rogue.c - a guest that does to a block backend what no frontend should
 *
 * It brings its own frontend, and says of each thing it did
 * `ROGUE NAME: ok|BAD what came`, at the end `ROGUE DONE`.  On its command
 * line:
 *
 *   rogue.do=NAME,...   rows or groups: good requests readonly rings keys
 *                       storms; without it `good`
 *   rogue.dev=DEVID     of the disk, 51712 (xvda) if not said
 *   rogue.n=N           how often a storm does what it does
 *   rogue.peer=linux    see rogue.h
 *   rogue.wait=1        says ROGUE CONNECTED, and waits for the key `go` in
 *                       its device's directory
 *   rogue.end=poweroff  or it idles
 */
#include "rogue.h"

#include <xen/xen.h>

#include <xen/arch-x86/hvm/start_info.h>
#include <xen/sched.h>

#include "store.h"

void rogue_main(const struct hvm_start_info *si);

static const struct group *const groups[] = {
    &good_group, &request_group, &readonly_group,
    &ring_group, &key_group,     &storm_group,
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

uint32_t rogue_n;
int rogue_peer_is_linux;

static void say(const char *name, int ok, const char *why)
{
    struct line l = { .len = 0 };

    line_add(&l, "ROGUE ");
    line_add(&l, name);
    line_add(&l, ok ? ": ok " : ": BAD ");
    line_add(&l, why);
    line_add(&l, "\n");
    xen_print(l.text);
}

/* After a row: does the disk serve, perhaps only once it is begun anew? */
static int look_after(struct front *f, int alone, struct line *why)
{
    static const struct wiring plain;
    uint32_t state;

    if (!alone && good_serves(f, why))
        return 1;
    if (!alone)
        line_add(why, "; ");
    if (front_restart(f) != 0) {
        line_add(why, "; does not wait for us again: ");
        say_state(f, front_state(f), why);
        return 0;
    }
    state = front_connect(f, &plain);
    if (state == 4 && good_serves(f, why))
        return alone;
    line_add(why, "; does not serve anew: ");
    say_state(f, state, why);
    return 0;
}

static void run_row(struct front *f, const struct row *row)
{
    int alone = row->flags & ROW_ALONE, ok;
    struct line why = { .len = 0 };

    if (alone && front_restart(f) != 0) {
        say(row->name, 0, "cannot begin: the backend does not wait for us");
        return;
    }
    if (row->flags & ROW_LAST)
        say(row->name, 1, "begins");
    ok = row->run(f, row->arg, &why);
    if (!(row->flags & ROW_LAST))
        ok &= look_after(f, alone, &why);
    say(row->name, ok, why.text);
}

static int is_wanted(const char *list, const struct group *g,
                     const struct row *row)
{
    return text_lists(list, row->name) ||
           (text_lists(list, g->name) && !(row->flags & ROW_LOOSE));
}

static void wait_for_go(const struct front *f)
{
    char text[4];

    xen_print("ROGUE CONNECTED\n");
    while (store_read_in(f->dir, "go", text, sizeof(text)) < 0)
        store_wait(xen_now_ns() + 60000 * XEN_MS);
}

static void run_rows(struct front *f, const char *list, int wait)
{
    static const struct wiring plain;
    uint32_t state = front_connect(f, &plain);

    if (state != 4) {
        struct line why = { .len = 0 };

        say_state(f, state, &why);
        say("connect", 0, why.text);
        return;
    }
    if (wait)
        wait_for_go(f);
    for (uint32_t g = 0; g < GROUPS; g++)
        for (uint32_t i = 0; i < groups[g]->nr; i++)
            if (is_wanted(list, groups[g], &groups[g]->rows[i]))
                run_row(f, &groups[g]->rows[i]);
}

static void say_padding(const struct front *f)
{
    struct line l = { .len = 0 };

    line_add(&l, "zero ");
    line_number(&l, f->pad_zero);
    line_add(&l, " as we left it ");
    line_number(&l, f->pad_kept);
    line_add(&l, " neither ");
    line_number(&l, f->pad_leaks);
    say("padding", f->pad_leaks == 0, l.text);
}

void rogue_main(const struct hvm_start_info *si)
{
    static struct front f;
    const char *cmdline = "", *list, *dev, *n;

    if (xen_init() != 0)
        return;
    store_init();
    if (si->cmdline_paddr)
        cmdline = (const char *)(uint32_t)si->cmdline_paddr;
    list = text_value(cmdline, "rogue.do");
    dev = text_value(cmdline, "rogue.dev");
    rogue_peer_is_linux = text_value(cmdline, "rogue.peer") != NULL;
    n = text_value(cmdline, "rogue.n");
    if (n)
        rogue_n = (uint32_t)text_number(&n);
    xen_print("ROGUE READY\n");
    if (front_open(&f, dev ? (uint32_t)text_number(&dev) : 51712) != 0) {
        say("open", 0, "no backend waits for us");
    } else {
        run_rows(&f, list ? list : "good",
                 text_value(cmdline, "rogue.wait") != NULL);
        say_padding(&f);
    }
    xen_print("ROGUE DONE\n");
    if (text_value(cmdline, "rogue.end"))
        xen_shutdown(SHUTDOWN_poweroff);
    xen_idle();
}
