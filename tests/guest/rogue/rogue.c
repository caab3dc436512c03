/* SPDX-License-Identifier: MIT */
/*
 * rogue.c - a guest that does to a backend what no frontend should
 *
 * It brings its own frontend, and says of each thing it did
 * `ROGUE NAME: ok|BAD what came`, at the end `ROGUE DONE`.  On its command
 * line:
 *
 *   rogue.do=NAME,...   rows or groups: good requests readonly rings keys
 *                       storms; without it `good`.  Those of a network card
 *                       begin with net-: net-good net-packets net-fatal
 *                       net-rings net-keys net-storms
 *   rogue.dev=DEVID     of the disk, 51712 (xvda) if not said; of the card, 0
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

#include "frames.h"
#include "store.h"

void rogue_main(const struct hvm_start_info *si);

static const struct group *const groups[] = {
    &good_group,      &request_group,  &readonly_group, &ring_group,
    &key_group,       &storm_group,    &net_good_group, &net_tx_group,
    &net_fatal_group, &net_ring_group, &net_key_group,  &net_storm_group,
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

/* What the rows are tried on: a disk or a network card. */
struct device {
    int is_net;
    struct front disk;
    struct nic card;
};

static struct bus *bus_of(struct device *d)
{
    return d->is_net ? &d->card.bus : &d->disk.bus;
}

static int dev_open(struct device *d, uint32_t devid)
{
    return d->is_net ? nic_open(&d->card, devid) : front_open(&d->disk, devid);
}

static uint32_t dev_connect(struct device *d)
{
    static const struct wiring plain;
    static const struct nic_wiring plain_card;

    return d->is_net ? nic_connect(&d->card, &plain_card)
                     : front_connect(&d->disk, &plain);
}

static int dev_restart(struct device *d, int is_spent)
{
    if (d->is_net)
        return is_spent ? nic_next(&d->card) : nic_restart(&d->card);
    return front_restart(&d->disk);
}

static int dev_serves(struct device *d, struct line *why)
{
    return d->is_net ? frame_serves(&d->card, why) : good_serves(&d->disk, why);
}

void say_state(const struct bus *b, uint32_t state, struct line *why)
{
    char text[160];

    if (state == BUS_NEVER) {
        line_add(why, "no move, state ");
        state = bus_state(b);
    } else {
        line_add(why, "state ");
    }
    line_number(why, state);
    if (!bus_error(b, text, sizeof(text)))
        return;
    line_add(why, ", error: ");
    line_add(why, text);
}

int has_reason(const struct bus *b)
{
    char text[160];

    return rogue_peer_is_linux || bus_error(b, text, sizeof(text)) > 0;
}

/* After a row: does the device serve, perhaps only once it is begun anew? */
static int look_after(struct device *d, uint32_t flags, struct line *why)
{
    int alone = (flags & ROW_ALONE) != 0;
    int is_spent = (flags & ROW_FATAL) && rogue_peer_is_linux;
    uint32_t state;

    if (!alone && dev_serves(d, why))
        return 1;
    if (!alone)
        line_add(why, "; ");
    if (dev_restart(d, is_spent) != 0) {
        line_add(why, "; does not wait for us again: ");
        say_state(bus_of(d), bus_state(bus_of(d)), why);
        return 0;
    }
    state = dev_connect(d);
    if (state == 4 && dev_serves(d, why))
        return alone;
    line_add(why, "; does not serve anew: ");
    say_state(bus_of(d), state, why);
    return 0;
}

static void run_row(struct device *d, const struct row *row)
{
    struct line why = { .len = 0 };
    int ok;

    if ((row->net != NULL) != d->is_net) {
        say(row->name, 0, "is a row of another kind of device");
        return;
    }
    if (row->flags & ROW_ALONE && dev_restart(d, 0) != 0) {
        say(row->name, 0, "cannot begin: the backend does not wait for us");
        return;
    }
    if (row->flags & ROW_LAST)
        say(row->name, 1, "begins");
    ok = row->net ? row->net(&d->card, row->arg, &why)
                  : row->run(&d->disk, row->arg, &why);
    if (!(row->flags & ROW_LAST))
        ok &= look_after(d, row->flags, &why);
    say(row->name, ok, why.text);
}

static int is_wanted(const char *list, const struct group *g,
                     const struct row *row)
{
    return text_lists(list, row->name) ||
           (text_lists(list, g->name) && !(row->flags & ROW_LOOSE));
}

void rogue_wait_for_go(const struct bus *b, const char *key)
{
    char text[4];

    while (store_read_in(b->dir, key, text, sizeof(text)) < 0)
        store_wait(xen_now_ns() + 60000 * XEN_MS);
}

static void run_rows(struct device *d, const char *list, int wait)
{
    uint32_t state = dev_connect(d);

    if (state != 4) {
        struct line why = { .len = 0 };

        say_state(bus_of(d), state, &why);
        say("connect", 0, why.text);
        return;
    }
    if (wait) {
        xen_print("ROGUE CONNECTED\n");
        rogue_wait_for_go(bus_of(d), "go");
    }
    for (uint32_t g = 0; g < GROUPS; g++)
        for (uint32_t i = 0; i < groups[g]->nr; i++)
            if (is_wanted(list, groups[g], &groups[g]->rows[i]))
                run_row(d, &groups[g]->rows[i]);
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

/* What of a card shows only at the end. */
static void say_remains(const struct nic *n)
{
    struct line l = { .len = 0 };

    line_number(&l, n->pad_leaks);
    line_add(&l, " answers with bytes of others");
    say("net-padding", n->pad_leaks == 0, l.text);
    l.len = 0;
    line_number(&l, n->held);
    line_add(&l, " grants in use when their answers had come");
    say("net-grants", n->held == 0, l.text);
}

void rogue_main(const struct hvm_start_info *si)
{
    static struct device d;
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
    list = list ? list : "good";
    d.is_net = memcmp(list, "net-", 4) == 0;
    if (dev_open(&d, dev        ? (uint32_t)text_number(&dev)
                     : d.is_net ? 0
                                : 51712) != 0) {
        say("open", 0, "no backend waits for us");
    } else {
        run_rows(&d, list, text_value(cmdline, "rogue.wait") != NULL);
        if (d.is_net)
            say_remains(&d.card);
        else
            say_padding(&d.disk);
    }
    xen_print("ROGUE DONE\n");
    if (text_value(cmdline, "rogue.end"))
        xen_shutdown(SHUTDOWN_poweroff);
    xen_idle();
}
