/* SPDX-License-Identifier: MIT */
/*
 * hostinfo.h - what `info` says of the host
 */
#ifndef HOSTINFO_H
#define HOSTINFO_H

struct err;
struct json_object;

/*
 * Every key of `xl info` and its value, in its order; numbers are numbers.
 * Behind them "posture" (posture.h), where Xen tells it.
 * *out is the caller's to put.
 */
int hostinfo_object(struct json_object **out, struct err *e);

#endif
