/* SPDX-License-Identifier: MIT */
/*
 * xtl.h - what Xen's libraries say, in our own log
 *
 * They print on stderr by default, also for what is no error to us: a grant
 * that a guest has not given yet, an answer of Xen that we put into words.
 */
#ifndef XTL_H
#define XTL_H

#include <xentoollog.h>

/* For the open() of any of Xen's libraries: their lines at debug level. */
xentoollog_logger *xtl_logger(void);

#endif
