/* SPDX-License-Identifier: MIT */
/*
 * xsdaemon.h - which xenstore daemon serves this host
 */
#ifndef XSDAEMON_H
#define XSDAEMON_H

#include <stdint.h>

struct err;

/*
 * The program's name: "xenstored" or "oxenstored".
 *
 *   -ENOENT     none is there
 */
int xsdaemon_name(char *out, uint32_t out_bytes, struct err *e);

#endif
