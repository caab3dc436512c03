/* SPDX-License-Identifier: MIT */
/*
 * dump.h - a checked configuration as JSON
 *
 * The shape is that of `xl -N create` (libxl_domain_config): same names, same
 * words, and what has its default is left out, so that what reads xl's reads
 * ours.  What xl has no name for is below "freehold".
 *
 * Source: Xen 4.20, tools/libs/light/libxl_types.idl.
 */
#ifndef DUMP_H
#define DUMP_H

struct json_object;
struct vm_config;

struct json_object *dump_config(const struct vm_config *c);

#endif
