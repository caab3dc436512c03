/* SPDX-License-Identifier: MIT */
/*
 * xsdaemon.h - which xenstore daemon serves this host
 */
#ifndef XSDAEMON_H
#define XSDAEMON_H

#include <stdint.h>

struct err;

/*
 * The program's name, "xenstored" or "oxenstored", and its pid (may be NULL).
 *
 *   -ENOENT     none is there
 */
int xsdaemon_name(char *out, uint32_t out_bytes, int *pid, struct err *e);

#endif
