/* SPDX-License-Identifier: MIT */
/*
 * posture.h - what keeps dom0 and its devices out of protected guests, in words
 */
#ifndef POSTURE_H
#define POSTURE_H

struct checklist;
struct hyp_posture;
struct json_object;

/*
 * A row for the boot option, and one for each condition: met; missing, which
 * fails, or where Xen was told "lab" is only noted; or not looked at by this
 * Xen.  What Xen misses and this program has no words for gets a row, too.
 */
void posture_check(struct checklist *l, const struct hyp_posture *p);

/*
 * {"mode", "lab", "lacks": [names of conditions]}, for `info`.  The caller's to
 * put; NULL: Xen says nothing of it.
 */
struct json_object *posture_object(void);

#endif
