/* SPDX-License-Identifier: MIT */
/*
 * rule.h - when to stop copying a guest that runs, and suspend it
 *
 * How this works: behind each epoch it estimates how long the guest would
 * stand still if it were suspended now: what it has changed since, at the rate
 * at which bytes went last, and what suspending takes.  Within max_downtime:
 * pause.  If the pages to send do not get fewer, to 90 % of the fewest of the
 * two epochs before, the guest is slowed, 20 % at first and 10 % more each
 * time, up to 80 %.  When the time is over, on_timeout decides.  When no time
 * was said, and slowing it more cannot help either: a guest whose max_downtime
 * is a wish is suspended all the same, and if it is a limit the guest stays.
 *
 * What changed since is the steward's word, if it knows; else as many pages as
 * change in the time that the last epoch took, going by how many the one
 * before it left behind.
 *
 * Nothing here is trusted for more than timing.  No I/O, no clock of its own.
 */
#ifndef MIGRATE_RULE_H
#define MIGRATE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#define RULE_DOWNTIME_MS 300u /* when nobody says another */
#define RULE_SUSPEND_MS 150u  /* to suspend a guest, as long as none was */
#define RULE_SLOW_FIRST 20u
#define RULE_SLOW_STEP 10u
#define RULE_SLOW_MAX 80u
#define RULE_VAIN_EPOCHS 5u /* at RULE_SLOW_MAX, that gain not even 10 % */

enum rule_verdict {
    RULE_ROUND, /* another epoch */
    RULE_PAUSE, /* suspend, and the last one */
    RULE_LATE,  /* the time is over, and the guest stays */
    RULE_VAIN,  /* it would never be over, and the guest stays */
};

struct rule { /* zero it, then set the first four */
    uint32_t max_downtime_ms;
    bool strict;         /* it is a limit, not a wish */
    uint64_t timeout_ms; /* of all of the precopy; 0: none */
    bool force;          /* when that is over: pause; else give up */

    uint64_t begun_ms;    /* the precopy */
    uint64_t epoch_ms;    /* the epoch that is sent began then */
    uint64_t before_ms;   /* how long the one before it took */
    uint32_t nr_epochs;   /* that are over */
    uint64_t pages[2];    /* of the last, and of the one before */
    uint64_t bytes_per_s; /* of the last that had enough to tell */
    uint64_t left_pages;  /* that have to be sent, as far as it is known */
    uint64_t downtime_ms; /* if it were suspended now */
    uint32_t slowed;      /* per cent */
    uint64_t best_ms;     /* the least downtime_ms at RULE_SLOW_MAX; 0: none */
    uint32_t nr_vain;     /* epochs behind that */
};

struct rule_epoch { /* one that has its EPOCH_ACK */
    uint64_t pages, bytes;
    uint64_t dirty_pages; /* since; UINT64_MAX: not known */
};

void rule_begin(struct rule *r, uint64_t now_ms); /* the precopy, an epoch */
void rule_epoch(struct rule *r, uint64_t now_ms); /* the next one */
enum rule_verdict rule_judge(struct rule *r, const struct rule_epoch *ep,
                             uint64_t now_ms);
/* In the middle of an epoch: is all its time over? */
bool rule_late(const struct rule *r, uint64_t now_ms);

#endif
