/* SPDX-License-Identifier: MIT */
/*
 * console.h - a guest's console: its ring, and who gets what it says
 *
 * Outlives the domain: a guest that reboots keeps its scrollback, its log and
 * whoever is attached.
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

/*
 * What a guest may say in a slice of time, about 1 MiB a second; more waits in
 * its ring until the slice is over.  The whole of a Linux boot log fits one.
 */
#define CONSOLE_SLICE_MS 64u
#define CONSOLE_SLICE_BYTES (64u << 10)

struct console;
struct err;
struct evt;
struct gnt;

/*
 * Listen on socket_path and append to log_path; recall: the scrollback begins
 * with what the log has, for a guest that ran before us.  Errors after this
 * are logged, never returned.
 */
int console_open(uv_loop_t *loop, const char *name, const char *socket_path,
                 const char *log_path, bool recall, struct console **out,
                 struct err *e);

/*
 * Let every reader hear the end, for at most two seconds.  The memory goes
 * when the loop has closed the handles.
 */
void console_close(struct console *c); /* NULL: no-op */

/* Map grant 0 of a domain whose steward is ready; port is already bound. */
int console_attach(struct console *c, struct gnt *g, struct evt *v,
                   uint16_t domid, uint32_t local_port, struct err *e);
/* Take the ring's last bytes and drop the page; before destroy. */
void console_detach(struct console *c); /* not attached: no-op */

/*
 * Its guest has another name: go on in the log at that path, which the present
 * one becomes unless something lies there.
 */
void console_rename(struct console *c, const char *name, const char *log_path);

/* How many bytes the guest said since console_open(). */
uint64_t console_said(const struct console *c);

/* The guest rang: take what it wrote, as far as the slice's budget goes. */
void console_kick(struct console *c);

#endif
